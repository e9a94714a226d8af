/**
 * The talk of a room: topic `chat`, with what was said before.
 *
 * @module
 */

import { Emitter, emit } from "./emitter.js";

const LONGEST = 500;
/** The same words of the same person within this are one message, seen from two sides. */
const SAME_MS = 10_000;

/** See plenum.d.ts. */
export class Chat extends Emitter {
  /** @type {readonly object[]} */
  history = [];
  #topic;
  #find;
  #now;

  /**
   * @private
   * @param {import("./topic.js").Topic} topic
   * @param {(identity: string) => {identity: string, name: string, isLocal: boolean} | null} find
   * @param {() => number} [now]
   */
  constructor(topic, find, now = Date.now) {
    super();
    this.#topic = topic;
    this.#find = find;
    this.#now = now;
    topic.on("message", ({ from, payload, binary }) => {
      if (!binary) this.#add(this.#message(from, payload, this.#now(), false));
    });
  }

  async send(payload, { to } = {}) {
    await this.#topic.send(payload, { to });
    return this.#add(this.#message(null, payload, this.#now(), to !== undefined));
  }

  /** What the server remembers, and what only this side does: private lines, and those the server has forgotten. */
  remember(entries) {
    const told = entries.map(({ from, name, payload, at }) => ({
      ...this.#message(from, payload, Date.parse(at), false),
      name,
    }));
    const own = this.history.filter((line) => !told.some((other) => isSame(line, other)));
    this.history = [...told, ...own].sort((a, b) => a.at - b.at).slice(-LONGEST);
    if (this.history.length > 0) emit(this, "history", { history: this.history });
  }

  #message(from, payload, at, isPrivate) {
    const sender = from === null ? null : this.#find(from);
    const me = this.#find(null);
    const isLocal = from === null || from === me.identity;
    const { identity, name } = isLocal ? me : (sender ?? { identity: from, name: from });
    return { from: identity, name, payload, at: new Date(at), isLocal, isPrivate };
  }

  #add(message) {
    this.history = [...this.history, message].slice(-LONGEST);
    emit(this, "message", { message });
    return message;
  }
}

function isSame(a, b) {
  return (
    a.from === b.from &&
    Math.abs(a.at - b.at) < SAME_MS &&
    JSON.stringify(a.payload) === JSON.stringify(b.payload)
  );
}
