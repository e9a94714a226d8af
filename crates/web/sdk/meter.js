/**
 * Reads the statistics of a room's peer connections: on request, and by itself for the quality of one's connection.
 *
 * @module
 */

import { QualityGauge } from "./quality.js";
import { digest, Rates } from "./room-stats.js";

const EVERY_MS = 3_000;

/**
 * @typedef {object} Peer
 * @property {RTCPeerConnection} pc
 * @property {boolean} isDirect
 * @property {(entry: any) => {id: string, participant: string, source: string} | null} lineOf
 */

/** One room's statistics. */
export class Meter {
  #peers;
  #isLost;
  #onQuality;
  #gauge = new QualityGauge();
  #asked = new Map();
  #own = new Map();
  #timer = 0;

  /**
   * @param {object} parts
   * @param {() => Peer[]} parts.peers the one that matters first
   * @param {() => boolean} parts.isLost whether nothing gets through
   * @param {(quality: "good" | "fair" | "poor" | "lost") => void} parts.onQuality
   */
  constructor({ peers, isLost, onQuality }) {
    this.#peers = peers;
    this.#isLost = isLost;
    this.#onQuality = onQuality;
  }

  start() {
    this.#timer ||= setInterval(() => this.#look().catch(() => {}), EVERY_MS);
  }

  stop() {
    clearInterval(this.#timer);
    this.#timer = 0;
  }

  /** See `RoomStats` in plenum.d.ts. */
  async read() {
    return this.#readAll(this.#asked);
  }

  async #readAll(memory) {
    const tracks = new Map();
    let connection = null;
    for (const { pc, isDirect, lineOf } of this.#peers()) {
      if (!memory.has(pc)) memory.set(pc, new Rates());
      const read = digest(await pc.getStats(), lineOf, memory.get(pc));
      for (const [id, stats] of read.tracks) if (!tracks.has(id)) tracks.set(id, stats);
      connection ??= { ...read.connection, isDirect };
    }
    for (const pc of memory.keys()) if (pc.signalingState === "closed") memory.delete(pc);
    return { connection: { quality: this.#gauge.value, ...(connection ?? NOTHING) }, tracks };
  }

  async #look() {
    if (this.#isLost()) return this.#onQuality(this.#gauge.lose());
    const { connection, tracks } = await this.#readAll(this.#own);
    const isShowing = [...tracks.values()].some(
      ({ direction, width, kbps }) => direction === "send" && width > 0 && kbps > 0,
    );
    const { lossPercent, rttMs, availableKbps } = connection;
    this.#onQuality(
      this.#gauge.read({ lossPercent, rttMs, availableKbps: isShowing ? availableKbps : null }),
    );
  }
}

const NOTHING = {
  rttMs: null,
  lossPercent: null,
  sendKbps: 0,
  receiveKbps: 0,
  availableKbps: null,
  transport: "",
  isDirect: false,
};
