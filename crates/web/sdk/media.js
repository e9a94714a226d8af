/**
 * One media session: the `RTCPeerConnection` to the server, its lines for sending, its slots for receiving, and the
 * exchange of offers. The path's health is `path.js`'s, who is in which slot is `slots.js`'s.
 *
 * @module
 */

import { slim } from "./codecs.js";
import { kindOf, SOURCES } from "./devices.js";
import { isTransient } from "./error.js";
import { withStereoOpus } from "./sdp.js";
import { simulcastEncodings } from "./whip.js";

/** A shared screen is one picture, as sharp as it comes. */
const SCREEN_ENCODING = { maxBitrate: 4_000_000 };

/**
 * @typedef {object} Terms
 * @property {boolean} sends whether there are lines for sending
 * @property {{video: number, audio: number}} slots
 * @property {boolean} simulcast
 * @property {string} codec
 */

/** Lives from its offer until it is closed; a lost one is followed by another. */
export class MediaSession {
  #exchange;
  #sendCandidate;
  #terms;
  /** @type {Map<string, RTCRtpTransceiver>} */
  #lines = new Map();
  /** @type {{kind: "audio" | "video", transceiver: RTCRtpTransceiver}[]} */
  #slots = [];
  #held = /** @type {RTCIceCandidate[] | null} */ ([]);
  #work = Promise.resolve();
  #parameters = new Map();
  #isPaused = false;
  /** Layers that somebody watches, by source; absent: all of them. */
  #layers = new Map();

  /**
   * @param {object} parts
   * @param {RTCConfiguration} parts.configuration
   * @param {Terms} parts.terms
   * @param {(sdp: string, mids: Record<string, string>) => Promise<{sdp: string}>} parts.exchange offer to answer;
   *   `mids` are the sources by their mids
   * @param {(candidate: RTCIceCandidate) => void} parts.sendCandidate
   */
  constructor({ configuration, terms, exchange, sendCandidate }) {
    this.#exchange = exchange;
    this.#sendCandidate = sendCandidate;
    this.#terms = { ...terms, slots: { video: 0, audio: 0 } };
    /** @type {RTCPeerConnection} */
    this.pc = new RTCPeerConnection({ ...configuration, bundlePolicy: "max-bundle" });
    this.pc.addEventListener("icecandidate", ({ candidate }) => this.#found(candidate));
    if (terms.sends) this.#addLines();
    this.#addSlots(terms.slots);
  }

  get isClosed() {
    return this.pc.signalingState === "closed";
  }

  get sends() {
    return this.#terms.sends;
  }

  /** How many slots there are, by kind. */
  get slotCount() {
    const count = (kind) => this.#slots.filter((slot) => slot.kind === kind).length;
    return { video: count("video"), audio: count("audio") };
  }

  /**
   * The slots that have been negotiated, in order.
   *
   * @returns {{mid: string, kind: "audio" | "video", receiver: RTCRtpReceiver}[]}
   */
  slots() {
    return this.#slots
      .filter(({ transceiver }) => transceiver.mid !== null)
      .map(({ kind, transceiver }) => ({ mid: transceiver.mid, kind, receiver: transceiver.receiver }));
  }

  /** The mid of the line for a source. */
  midOf(source) {
    return this.#lines.get(source)?.mid ?? null;
  }

  /**
   * Offers, for the first time or with what was added since. One exchange at a time.
   *
   * @param {{restart?: boolean}} [options] whether with new ICE credentials
   */
  negotiate({ restart = false } = {}) {
    const next = this.#work.then(() => this.#negotiate(restart));
    this.#work = next.catch(() => {});
    return next;
  }

  /**
   * Sends this on the line of a source from now on; `null` is nothing. No SDP.
   *
   * @param {string} source
   * @param {MediaStreamTrack | null} track
   */
  async send(source, track) {
    const sender = this.#lines.get(source)?.sender;
    if (!sender || this.isClosed || sender.track === track) return;
    await sender.replaceTrack(track);
    if (track && source === "screen") await this.#adjust(source);
  }

  /** Adds slots up to these numbers. The change is offered with {@link MediaSession#negotiate}. */
  raiseSlots({ video = 0, audio = 0 }) {
    const now = this.slotCount;
    const missing = { video: Math.max(0, video - now.video), audio: Math.max(0, audio - now.audio) };
    this.#addSlots(missing);
    return missing.video + missing.audio > 0;
  }

  /** Adds the lines for sending, once they are allowed. */
  allowSending() {
    if (this.#terms.sends) return false;
    this.#terms.sends = true;
    this.#addLines();
    return true;
  }

  /** Sends nothing at all, or what the tracks say. */
  pause(isPaused) {
    if (this.#isPaused === isPaused) return;
    this.#isPaused = isPaused;
    for (const source of this.#lines.keys()) this.#adjust(source);
  }

  /** Sends only the simulcast layers that somebody watches. */
  setLayers(source, rids) {
    this.#layers.set(source, rids);
    this.#adjust(source);
  }

  close() {
    this.pc.close();
  }

  #addLines() {
    const { codec, simulcast } = this.#terms;
    for (const source of SOURCES) {
      const kind = kindOf(source);
      const sendEncodings =
        source === "camera" && simulcast
          ? simulcastEncodings(codec)
          : source === "screen"
            ? [{ ...SCREEN_ENCODING }]
            : undefined;
      const transceiver = this.pc.addTransceiver(kind, {
        direction: "sendonly",
        ...(sendEncodings ? { sendEncodings } : {}),
      });
      slim(transceiver, kind, codec);
      this.#lines.set(source, transceiver);
    }
  }

  #addSlots({ video, audio }) {
    for (const [kind, count] of /** @type {const} */ ([
      ["audio", audio],
      ["video", video],
    ])) {
      for (let n = 0; n < count; n += 1) {
        const transceiver = this.pc.addTransceiver(kind, { direction: "recvonly" });
        slim(transceiver, kind);
        this.#slots.push({ kind, transceiver });
      }
    }
  }

  async #negotiate(restart) {
    const { pc } = this;
    const offer = await pc.createOffer({ iceRestart: restart });
    const sdp = withStereoOpus(offer.sdp);
    await pc.setLocalDescription({ type: "offer", sdp });
    let answer;
    try {
      answer = await this.#exchange(sdp, this.#mids());
    } catch (error) {
      // After a refusal things are as they were; after a lost message the next offer takes this one's place.
      if (!isTransient(error) && pc.currentRemoteDescription) {
        await pc.setLocalDescription({ type: "rollback" }).catch(() => {});
      }
      throw error;
    }
    if (this.isClosed) return;
    await pc.setRemoteDescription({ type: "answer", sdp: answer.sdp });
    for (const candidate of this.#held ?? []) this.#sendCandidate(candidate);
    this.#held = null;
  }

  #mids() {
    return Object.fromEntries([...this.#lines].map(([source, { mid }]) => [mid, source]));
  }

  /** Candidates wait for the answer: before it, there is no session that they could belong to. */
  #found(candidate) {
    // Firefox also gathers for RTCP, which is multiplexed; an empty candidate ends a generation.
    if (!candidate?.candidate || candidate.component === "rtcp") return;
    if (this.#held) this.#held.push(candidate);
    else this.#sendCandidate(candidate);
  }

  /** `setParameters` takes back only what `getParameters` gave last, so changes of one sender wait for each other. */
  #adjust(source) {
    const before = this.#parameters.get(source) ?? Promise.resolve();
    const next = before.then(() => this.#setParameters(source)).catch(() => {});
    this.#parameters.set(source, next);
    return next;
  }

  async #setParameters(source) {
    const { sender } = this.#lines.get(source);
    if (this.isClosed) return;
    const parameters = sender.getParameters();
    const layers = this.#layers.get(source);
    for (const encoding of parameters.encodings ?? []) {
      encoding.active = !this.#isPaused && (layers?.[encoding.rid ?? ""] ?? true);
    }
    if (source === "screen") {
      const isMoving = sender.track?.contentHint === "motion";
      parameters.degradationPreference = isMoving ? "maintain-framerate" : "maintain-resolution";
    }
    await sender.setParameters(parameters);
  }
}
