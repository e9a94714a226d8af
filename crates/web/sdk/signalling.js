/**
 * Membership of a room over sockets that come and go: joins, resumes when a socket is lost, joins anew when that is
 * refused, follows `reconnect`, and knows which ends are final. Media go on meanwhile; they are not its business.
 *
 * @module
 */

import { Backoff, pause } from "./backoff.js";
import { clientError, isTransient, serverError } from "./error.js";
import { connectUrl, Wire } from "./wire.js";

/** When things are tried, and given up. */
export const TIMES = {
  /** Until a socket is open and the server has said something. */
  openMs: 6_000,
  /** How long the first join is tried when nobody answers. */
  firstMs: 12_000,
  /** How long coming back is tried. */
  patienceMs: 300_000,
  /** How often a silent socket is asked whether it still leads somewhere. */
  probeMs: 15_000,
  probeTimeoutMs: 5_000,
  backoff: { firstMs: 250, factor: 2, maxMs: 3_000, jitter: 0.4 },
};
/** Ends after which the same person may come back without being asked. */
const PASSING = new Set(["shutdown", "too_slow"]);
/** Reasons that a lost session may meet for a moment: its own ghost fills the room. */
const GHOSTLY = new Set(["room-full"]);
/** A token may expire while one is inside; so often a new one is asked for. */
const FRESH_TOKENS = 2;

/**
 * @typedef {object} Parts
 * @property {string | URL | Location} server
 * @property {string} room
 * @property {() => Promise<Record<string, any>>} hello the fields of `join`, asked for each time
 * @property {boolean} [hasFreshTokens] whether `hello` has another token each time
 * @property {(welcome: Record<string, any>) => void} onWelcome
 * @property {(message: Record<string, any>) => void} onMessage everything else that is no reply
 * @property {(state: "connecting" | "lobby" | "connected" | "reconnecting") => void} onState
 * @property {(end: {reason: string, error: Error | null}) => void} onEnd once, for good
 * @property {(error: Error) => void} [onTrouble] a try has failed; another will follow
 */

/** A membership. */
export class Signalling {
  #parts;
  #times;
  #url;
  #home;
  /** @type {Wire | null} */
  #wire = null;
  #isJoined = false;
  #wasJoined = false;
  #isOver = false;
  #resume = "";
  #wake = null;
  #move = null;
  #probe = 0;

  /**
   * @param {Parts} parts
   * @param {Partial<typeof TIMES>} [times]
   */
  constructor(parts, times = {}) {
    this.#parts = parts;
    this.#times = { ...TIMES, ...times };
    this.#home = connectUrl(parts.server, parts.room);
    this.#url = this.#home;
  }

  /** Whether requests get through. */
  get isJoined() {
    return this.#isJoined;
  }

  /** Joins, and stays until {@link Signalling#leave} or a final end. */
  start() {
    this.#run();
  }

  /** Sends if connected, without waiting for anything. */
  say(message) {
    return this.#isJoined && this.#wire.say(message);
  }

  /** A request and its reply. */
  ask(message) {
    if (this.#isJoined) return this.#wire.ask(message);
    return Promise.reject(clientError("closed", "There is no connection to the server."));
  }

  /** Says goodbye, for good. */
  leave(reason = "left", error = null) {
    this.#wire?.say({ type: "leave" });
    this.#finish(reason, error);
  }

  /** Tries at once what would be tried later, and asks a silent socket whether it still leads somewhere. */
  hurry() {
    this.#wake?.();
    if (this.#isJoined) this.#check();
  }

  async #run() {
    const backoff = new Backoff(this.#times.backoff);
    let since = Date.now();
    let refusals = 0;
    let told = "";
    this.#parts.onState("connecting");
    while (!this.#isOver) {
      const { joined, error, reason, moved } = await this.#attend();
      if (this.#isOver) return;
      if (joined) {
        since = Date.now();
        refusals = 0;
        told = "";
        backoff.reset();
      }
      if (reason && !PASSING.has(reason)) return this.#finish(reason, error);
      if (this.#wasJoined) this.#parts.onState("reconnecting");
      if (error && error.status > 0) {
        // A resume token that is not taken is no longer worth anything; the same person joins anew at once.
        if (this.#resume) {
          this.#resume = "";
          continue;
        }
        if (!this.#isWorthAnother(error, ++refusals)) return this.#finish("error", error);
      }
      // The same again is no news.
      if (error && told !== error.type) this.#parts.onTrouble?.(error);
      told = error?.type ?? told;
      const patience = this.#wasJoined ? this.#times.patienceMs : this.#times.firstMs;
      if (Date.now() - since > patience) return this.#finish("unreachable", error ?? unreachable());
      if (!joined && refusals === 0) this.#url = this.#home;
      if (!moved) await this.#pause(backoff.next(error?.retryMs ?? 0));
    }
  }

  #isWorthAnother(error, refusals) {
    if (isTransient(error)) return true;
    if (!this.#wasJoined) return false;
    if (error.status === 401) return Boolean(this.#parts.hasFreshTokens) && refusals <= FRESH_TOKENS;
    return GHOSTLY.has(error.slug);
  }

  /** One socket from its opening to its end. */
  async #attend() {
    let hello;
    try {
      hello = await this.#parts.hello();
    } catch (error) {
      if (!this.#wasJoined) return { reason: "error", error };
      return { error };
    }
    if (this.#isOver) return {};
    return new Promise((resolve) => {
      const end = { joined: false, error: null, reason: "", moved: false };
      const timer = setTimeout(() => {
        end.error = unreachable();
        wire.end();
      }, this.#times.openMs);
      let wire = null;
      try {
        wire = new Wire(this.#url, {
          onOpen: () => {
            const resume = this.#resume ? { resume: this.#resume } : {};
            wire.say({ type: "join", ...hello, ...resume, protocol: 1 });
          },
          onMessage: (message) => {
            clearTimeout(timer);
            this.#hear(message, end, wire);
          },
          onEnd: () => {
            clearTimeout(timer);
            this.#lose(end);
            resolve(end);
          },
        });
        this.#wire = wire;
      } catch (error) {
        clearTimeout(timer);
        resolve({ reason: "error", error });
      }
    });
  }

  #hear(message, end, wire) {
    switch (message.type) {
      case "welcome":
        end.joined = true;
        this.#isJoined = true;
        this.#wasJoined = true;
        this.#resume = message.resume ?? "";
        this.#probe = setInterval(() => this.#check(), this.#times.probeMs);
        this.#parts.onWelcome(message);
        this.#parts.onState("connected");
        return;
      case "closed":
        end.reason = message.reason ?? "left";
        wire.end();
        return;
      case "reconnect":
        this.#followTo(message, end, wire);
        return;
      case "error":
        if (!this.#isJoined) {
          end.error = serverError(message);
          wire.end();
          return;
        }
        break;
      case "lobby":
        if (!this.#isJoined) this.#parts.onState("lobby");
        break;
    }
    this.#parts.onMessage(message);
  }

  /** The server asks to go elsewhere, or to come again: everybody a little later than the one before. */
  #followTo({ url, after_ms: afterMs = 0 }, end, wire) {
    clearTimeout(this.#move);
    this.#move = setTimeout(
      () => {
        if (url) this.#url = connectUrl(new URL(url, this.#url), this.#parts.room);
        end.moved = true;
        wire.end();
      },
      Math.min(afterMs, 60_000) * (1 + 0.2 * Math.random()),
    );
  }

  #lose(end) {
    clearInterval(this.#probe);
    clearTimeout(this.#move);
    this.#isJoined = false;
    this.#wire = null;
    if (!end.error && !end.joined && !end.reason) end.error = unreachable();
  }

  /** A change of nothing: its reply shows that the socket still leads to the server. */
  async #check() {
    const wire = this.#wire;
    try {
      await wire?.ask({ type: "update_metadata" }, this.#times.probeTimeoutMs);
    } catch (error) {
      if (error.slug === "timeout" && wire === this.#wire) wire.end();
    }
  }

  async #pause(ms) {
    const nap = new AbortController();
    this.#wake = () => nap.abort();
    await pause(ms, nap.signal).catch(() => {});
    this.#wake = null;
  }

  #finish(reason, error) {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#wake?.();
    this.#wire?.end();
    this.#parts.onEnd({ reason, error });
  }
}

const unreachable = () => clientError("unreachable", "The server does not answer.");
