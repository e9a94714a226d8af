/**
 * One WebSocket of the room protocol: requests with ids and their replies, and everything else as it comes. It
 * lives once; `signalling.js` has the next one.
 *
 * @module
 */

import { clientError, serverError } from "./error.js";

const REQUEST_TIMEOUT_MS = 10_000;
/** The close code of a server that refuses a join, after the `error` that says why. */
const NORMAL = 1_000;

/**
 * The address of a room's WebSocket.
 *
 * @param {string | URL | Location} server
 * @param {string} room
 * @returns {string}
 */
export function connectUrl(server, room) {
  const base = new URL(String(server?.href ?? server), globalThis.location?.href);
  const url = /\/connect$/.test(base.pathname)
    ? base
    : new URL(`/v1/rooms/${encodeURIComponent(room)}/connect`, base);
  url.protocol = url.protocol.replace(/^http/, "ws");
  url.hash = "";
  if (url !== base) url.search = "";
  return url.href;
}

/** A socket with requests. */
export class Wire {
  #socket;
  #onMessage;
  #onEnd;
  #pending = new Map();
  #nextId = 1;
  #isOver = false;

  /**
   * @param {string} url
   * @param {object} parts
   * @param {() => void} parts.onOpen
   * @param {(message: Record<string, any>) => void} parts.onMessage all but replies to requests
   * @param {() => void} parts.onEnd once, whoever ended it
   */
  constructor(url, { onOpen, onMessage, onEnd }) {
    this.#onMessage = onMessage;
    this.#onEnd = onEnd;
    const socket = new WebSocket(url);
    this.#socket = socket;
    socket.addEventListener("open", () => this.#isOver || onOpen());
    socket.addEventListener("message", ({ data }) => this.#isOver || this.#take(data));
    socket.addEventListener("close", () => this.end());
    socket.addEventListener("error", () => this.end());
  }

  /** Sends without waiting for anything. Whether it could be sent. */
  say(message) {
    if (this.#isOver || this.#socket.readyState !== 1) return false;
    this.#socket.send(JSON.stringify(message));
    return true;
  }

  /**
   * Sends, and resolves with the reply of the same id.
   *
   * @param {Record<string, any>} message
   * @returns {Promise<Record<string, any>>} rejected with a `PlenumError` when refused
   */
  ask(message, timeoutMs = REQUEST_TIMEOUT_MS) {
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      if (!this.say({ ...message, id }))
        return reject(clientError("closed", "There is no connection to the server."));
      const timer = setTimeout(() => {
        this.#pending.delete(id);
        reject(clientError("timeout", `No answer to ${message.type}.`));
      }, timeoutMs);
      this.#pending.set(id, { resolve, reject, timer });
    });
  }

  /** Closes at once: what still comes is not heard, and nobody waits for a closing handshake. */
  end() {
    if (this.#isOver) return;
    this.#isOver = true;
    try {
      this.#socket.close(NORMAL);
    } catch {
      // It may never have been open.
    }
    for (const { reject, timer } of this.#pending.values()) {
      clearTimeout(timer);
      reject(clientError("closed", "The connection to the server was lost."));
    }
    this.#pending.clear();
    this.#onEnd();
  }

  #take(data) {
    const message = parse(data);
    if (!message) return;
    const waiting = this.#pending.get(message.id);
    if (!waiting) return this.#onMessage(message);
    this.#pending.delete(message.id);
    clearTimeout(waiting.timer);
    if (message.type === "error") waiting.reject(serverError(message));
    else waiting.resolve(message);
  }
}

function parse(data) {
  try {
    const message = JSON.parse(data);
    return message !== null && typeof message === "object" ? message : null;
  } catch {
    return null;
  }
}
