/**
 * Data channels by topic. A topic outlives the session that carries it: with a new one its channel is opened again, and
 * what was sent meanwhile follows.
 *
 * @module
 */

import { Emitter, emit } from "./emitter.js";
import { LARGEST, open, seal, sealFrom, weigh } from "./envelope.js";
import { clientError } from "./error.js";

const NAME = /^[A-Za-z0-9_.-]{1,64}$/;
/** Above this, `send` makes its caller wait. */
const HIGH = 256 * 1024;
/** Above this, a channel gets no more before it has drained: browsers close one that is overfilled. */
const FULL = 4 * 1024 * 1024;
/** What may wait while there is no channel. */
const WAITING = 4 * 1024 * 1024;

/** One topic. */
export class Topic extends Emitter {
  #mayPublish;
  #onClose;
  /** To the server. */
  #channel = null;
  /** To the other end of a direct call, when there is no server in between. */
  #direct = null;
  #me = "";
  /** @type {{payload: any, to: any, size: number, resolve: () => void, reject: (error: Error) => void}[]} */
  #queue = [];
  #queued = 0;
  #drain = null;
  #isClosed = false;
  #wasOpen = false;

  /** @private use `Room.topic` */
  constructor(name, { lossy = false, mayPublish, onClose }) {
    super();
    if (!NAME.test(name)) throw new TypeError("a topic has 1 to 64 characters of A-Z, a-z, 0-9, _ . -");
    this.name = name;
    this.lossy = lossy;
    this.#mayPublish = mayPublish;
    this.#onClose = onClose;
  }

  /** The name of its channels. */
  get label() {
    return this.lossy ? `lossy:${this.name}` : this.name;
  }

  get isOpen() {
    return this.#carrier() !== null;
  }

  /** Sends; see plenum.d.ts. */
  async send(payload, { to } = {}) {
    if (this.#isClosed) throw clientError("closed", `The topic ${this.name} is closed.`);
    if (!this.#mayPublish())
      throw clientError("forbidden", "You are not allowed to send messages in this room.");
    const size = weigh(seal(payload, to));
    if (size > LARGEST)
      throw clientError("too-large", `The message has ${size} bytes, ${LARGEST} are possible.`);
    const carrier = this.#carrier();
    if (carrier && this.#queue.length === 0 && (this.lossy || carrier.bufferedAmount < FULL)) {
      if (this.lossy && carrier.bufferedAmount > HIGH) return;
      this.#put(carrier, payload, to);
      if (!this.lossy && carrier.bufferedAmount > HIGH) await this.#drained(carrier);
      return;
    }
    if (this.lossy) return;
    if (this.#queued + size > WAITING) throw clientError("closed", "Too much waits to be sent already.");
    this.#queued += size;
    await new Promise((resolve, reject) => this.#queue.push({ payload, to, size, resolve, reject }));
  }

  /** No more messages in either direction. */
  close() {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#channel?.close();
    this.#direct?.close();
    for (const { reject } of this.#queue.splice(0))
      reject(clientError("closed", `The topic ${this.name} is closed.`));
    this.#onClose(this);
    this.#look();
  }

  /** Opens a channel on a new session. */
  bind(pc) {
    this.#channel = this.#open(pc);
    this.#look();
  }

  /** Opens a channel on a direct call; messages to the server go there when the server cannot be reached. */
  bindDirect(pc, me) {
    this.#me = me;
    this.#direct = pc && this.#open(pc);
    this.#look();
  }

  /** A message from either side. */
  take(data) {
    const message = open(data);
    if (message && !this.#isClosed) emit(this, "message", message);
  }

  #open(pc) {
    const channel = pc.createDataChannel(this.label, this.lossy ? { ordered: false, maxRetransmits: 0 } : {});
    channel.binaryType = "arraybuffer";
    channel.bufferedAmountLowThreshold = HIGH / 2;
    channel.addEventListener("open", () => this.#look());
    channel.addEventListener("close", () => this.#look());
    channel.addEventListener("bufferedamountlow", () => this.#flush());
    channel.addEventListener("message", ({ data }) => this.take(data));
    return channel;
  }

  #carrier() {
    if (this.#channel?.readyState === "open") return this.#channel;
    return this.#direct?.readyState === "open" ? this.#direct : null;
  }

  #put(carrier, payload, to) {
    carrier.send(carrier === this.#direct ? sealFrom(payload, this.#me) : seal(payload, to));
  }

  #look() {
    const isOpen = this.isOpen && !this.#isClosed;
    this.#flush();
    if (isOpen === this.#wasOpen) return;
    this.#wasOpen = isOpen;
    emit(this, isOpen ? "open" : "close");
  }

  /** However many wait, they wait for the same thing. */
  #drained(channel) {
    this.#drain ??= new Promise((resolve) => {
      const stop = new AbortController();
      const done = () => {
        stop.abort();
        this.#drain = null;
        resolve();
      };
      channel.addEventListener("bufferedamountlow", done, { signal: stop.signal });
      channel.addEventListener("close", done, { signal: stop.signal });
    });
    return this.#drain;
  }

  #flush() {
    const carrier = this.#carrier();
    while (carrier && this.#queue.length > 0 && carrier.bufferedAmount < FULL) {
      const { payload, to, size, resolve } = this.#queue.shift();
      this.#queued -= size;
      this.#put(carrier, payload, to);
      resolve();
    }
  }
}

/** All topics of a room. */
export class Topics {
  /** @type {Map<string, Topic>} */
  #byLabel = new Map();
  #pc = null;
  #direct = null;
  #me = "";
  #mayPublish;

  /** @param {() => boolean} mayPublish */
  constructor(mayPublish) {
    this.#mayPublish = mayPublish;
  }

  /** The topic of this name. */
  open(name, { lossy = false } = {}) {
    const label = lossy ? `lossy:${name}` : name;
    const known = this.#byLabel.get(label);
    if (known) return known;
    const onClose = () => this.#byLabel.delete(label);
    const topic = new Topic(name, { lossy, mayPublish: this.#mayPublish, onClose });
    this.#byLabel.set(label, topic);
    if (this.#pc) topic.bind(this.#pc);
    if (this.#direct) topic.bindDirect(this.#direct, this.#me);
    return topic;
  }

  /** A new session: before its first offer, so that the offer has a line for data. */
  bind(pc) {
    this.#pc = pc;
    for (const topic of this.#byLabel.values()) topic.bind(pc);
  }

  /** A direct call, or null when it is over. */
  bindDirect(pc, me) {
    this.#direct = pc;
    this.#me = me;
    for (const topic of this.#byLabel.values()) topic.bindDirect(pc, me);
    pc?.addEventListener("datachannel", ({ channel }) => {
      channel.binaryType = "arraybuffer";
      channel.addEventListener("message", ({ data }) => this.#byLabel.get(channel.label)?.take(data));
    });
  }

  close() {
    for (const topic of [...this.#byLabel.values()]) topic.close();
  }
}
