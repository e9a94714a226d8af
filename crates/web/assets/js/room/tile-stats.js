/**
 * The numbers of a tile, and the server's own sentence about why the picture is as large as it is.
 * {@link rowsOf} is pure.
 *
 * @module
 */

import { dress, fillRows, icon, make } from "../ui.js";

const POLL_MS = 1_000;

const known = (value, unit, digits = 0) =>
  value === null || value === undefined ? null : `${value.toFixed(digits)} ${unit}`;
const rate = (kbps) => (kbps >= 1_000 ? known(kbps / 1_000, "Mbit/s", 2) : known(kbps, "kbit/s"));

/**
 * @param {object} numbers
 * @param {import("../../../sdk/plenum.js").TrackStats | undefined} numbers.video
 * @param {import("../../../sdk/plenum.js").TrackStats | undefined} numbers.audio
 * @param {import("../../../sdk/plenum.js").ConnectionStats} numbers.connection
 * @param {{width: number, height: number}} [numbers.tile] in pixels of the screen: what is asked for
 * @param {string} [numbers.reason]
 * @returns {[string, string | null][]}
 */
export function rowsOf({ video, audio, connection, tile, reason = "" }) {
  const layers = (video?.layers ?? []).filter(({ active }) => active);
  return [
    ["picture", video && video.width > 0 ? `${video.width} × ${video.height}` : null],
    ["tile", tile && tile.width > 0 ? `${tile.width} × ${tile.height}` : null],
    ["frames", video ? known(video.fps, "fps") : null],
    ["video", video ? rate(video.kbps) : null],
    ["codec", video?.codec ?? null],
    ["layers", layers.length > 1 ? layers.map(({ height }) => `${height}p`).join(", ") : null],
    ["freezes", video?.direction === "receive" ? String(video.freezes) : null],
    ["sound", audio ? rate(audio.kbps) : null],
    ["loss", known(video?.lossPercent ?? audio?.lossPercent ?? null, "%", 1)],
    ["jitter", known(video?.jitterMs ?? audio?.jitterMs ?? null, "ms", 1)],
    ["round trip", known(connection.rttMs, "ms", 1)],
    ["way", connection.isDirect ? `direct, ${connection.transport}` : connection.transport],
    ["why", reason || null],
  ];
}

/** A card of numbers for each tile that somebody asked about. */
export class TileStats {
  #room;
  #host;
  #cards = new Map();
  #timer = 0;
  #reasonOf;

  /**
   * @param {import("../../../sdk/plenum.js").Room} room
   * @param {HTMLElement} host where the cards go
   * @param {(track: object) => Promise<string>} reasonOf why the server sends what it sends
   */
  constructor(room, host, reasonOf) {
    this.#room = room;
    this.#host = host;
    this.#reasonOf = reasonOf;
  }

  /** @param {import("./tile.js").Tile} tile */
  isShown(tile) {
    return this.#cards.has(tile);
  }

  /** @param {import("./tile.js").Tile} tile */
  toggle(tile) {
    if (this.isShown(tile)) this.#remove(tile);
    else this.#add(tile);
    this.#refresh();
  }

  close() {
    clearTimeout(this.#timer);
    this.#cards.clear();
    this.#host.replaceChildren();
  }

  #add(tile) {
    const rows = make("dl");
    const button = make("button", { type: "button", class: "button round plain" }, icon("close"));
    button.addEventListener("click", () => this.toggle(tile));
    dress(button, { name: "Close the statistics" });
    const heading = make("h2", {}, make("bdi", {}, tile.name.textContent));
    const card = make("section", { class: "stats-card", "data-testid": "stats" }, heading, rows, button);
    this.#cards.set(tile, { card, rows });
    this.#host.append(card);
  }

  #remove(tile) {
    this.#cards.get(tile)?.card.remove();
    this.#cards.delete(tile);
  }

  async #refresh() {
    clearTimeout(this.#timer);
    for (const tile of this.#cards.keys()) if (!tile.element.isConnected) this.#remove(tile);
    if (this.#cards.size === 0) return;
    const stats = await this.#room.stats().catch(() => null);
    if (stats) await Promise.all([...this.#cards.keys()].map((tile) => this.#draw(tile, stats)));
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#refresh(), POLL_MS);
  }

  async #draw(tile, { connection, tracks }) {
    const find = (source) =>
      [...tracks.values()].find((track) => track.participant === tile.identity && track.source === source);
    const isScreen = tile.source === "screen";
    const track = this.#room.participants.get(tile.identity)?.tracks.get(tile.source);
    const rows = rowsOf({
      video: find(tile.source),
      audio: find(isScreen ? "screen_audio" : "microphone"),
      connection,
      tile: pixelsOf(tile.video),
      reason: track ? await this.#reasonOf(track) : "",
    });
    const card = this.#cards.get(tile);
    if (card) fillRows(card.rows, rows);
  }
}

function pixelsOf(element) {
  const { width, height } = element.getBoundingClientRect();
  return { width: Math.round(width * devicePixelRatio), height: Math.round(height * devicePixelRatio) };
}

/**
 * Asks the server's API for its reasons. Where it does not tell (no such route, no permission) it is not
 * asked again.
 *
 * @param {import("../../../sdk/plenum.js").Room} room
 * @param {string} token
 * @returns {(track: {slot: string | null}) => Promise<string>}
 */
export function reasonsFrom(room, token) {
  let isSilent = false;
  return async ({ slot }) => {
    if (isSilent || slot === null) return "";
    const parts = [room.name, room.me.identity].map(encodeURIComponent);
    const url = `/v1/rooms/${parts[0]}/participants/${parts[1]}/subscriptions`;
    try {
      const headers = token ? { Authorization: `Bearer ${token}` } : {};
      const response = await fetch(url, { headers, cache: "no-store", signal: AbortSignal.timeout(2_000) });
      isSilent = [401, 403, 404, 405].includes(response.status);
      const { subscriptions } = response.ok ? await response.json() : {};
      const found = Array.isArray(subscriptions) ? subscriptions.find((entry) => entry.slot === slot) : null;
      return typeof found?.reason === "string" ? found.reason.slice(0, 200) : "";
    } catch {
      return "";
    }
  };
}
