/**
 * One media connection that keeps itself alive: what WHIP and WHEP clients share. It sends the offer at
 * once and trickles candidates, restarts ICE when only ICE failed, starts a new session with back-off
 * when that does not help, and tells its state in events. `whip.js` and `whep.js` say what is in it.
 *
 * @module
 */

import { Backoff, pause } from "./backoff.js";
import { iceFragment, restartedAnswer } from "./sdp.js";
import { Session, SignallingError } from "./session.js";

/** From the answer until media can flow; UDP blocked ends here. */
const CONNECT_TIMEOUT_MS = 12_000;
/** A lost path often comes back by itself; only then ask the server. */
const GRACE_MS = 800;
/** How long restarts are tried before a new session is. */
const RESTART_WINDOW_MS = 15_000;
const RESTART_TIMEOUT_MS = 6_000;
/** Candidates found within this time travel in one PATCH. */
const TRICKLE_BATCH_MS = 40;

/** The server answered, but no media can reach it. */
export class UnreachableError extends Error {
  constructor() {
    super("no connection for media");
    this.name = "UnreachableError";
  }
}

/**
 * @typedef {"idle" | "connecting" | "live" | "reconnecting" | "waiting" | "failed"} ConnectionState
 *   `waiting`: the server has nothing for us yet (409, or 422 for a player) and is asked again by and by
 */

/**
 * @fires Connection#state - `CustomEvent` whose `detail` is `{state, error, retryMs}`
 */
export class Connection extends EventTarget {
  /** @type {ConnectionState} */
  #state = "idle";
  /** @type {AbortController | null} */
  #life = null;
  /** @type {RTCPeerConnection | null} */
  #pc = null;
  /** @type {Session | null} */
  #session = null;
  #endpoint;
  #token;
  #iceServers;
  #signal;
  #answer = "";
  #renew = null;

  /**
   * @param {string | URL} endpoint the WHIP or WHEP endpoint
   * @param {object} [options]
   * @param {string} [options.token] sent as bearer
   * @param {RTCIceServer[]} [options.iceServers] besides those the server announces
   * @param {AbortSignal} [options.signal] ends the connection like {@link Connection#stop}
   */
  constructor(endpoint, { token, iceServers = [], signal } = {}) {
    super();
    this.#endpoint = endpoint;
    this.#token = token;
    this.#iceServers = iceServers;
    this.#signal = signal;
    signal?.addEventListener("abort", () => this.stop());
  }

  /** @returns {ConnectionState} */
  get state() {
    return this.#state;
  }

  /** The current peer connection, for statistics; another one after a new session. */
  get pc() {
    return this.#pc;
  }

  /** Connects, and stays connected until {@link Connection#stop} or an error that waiting cannot cure. */
  start() {
    if (this.#life || this.#signal?.aborted) return;
    this.#life = new AbortController();
    this.#run(this.#life);
  }

  /** Ends the session on the server and goes idle. Safe to call in `pagehide`. */
  stop() {
    this.#life?.abort(new DOMException("stopped", "AbortError"));
    this.#life = null;
    this.#hangUp();
    this.#enter("idle");
  }

  /** Starts a new session at once, for instance because there is another kind of track to send. */
  renew() {
    this.#renew?.();
  }

  /**
   * Asks the server whether it still knows the session, and starts a new one if not. A restarted server
   * is noticed this way long before ICE gives up; call it when media has stopped.
   */
  async check() {
    const session = this.#session;
    if (!session || this.#state !== "live") return;
    if (!(await session.isKnown()) && session === this.#session) this.renew();
  }

  /**
   * Adds transceivers to a new peer connection.
   *
   * @abstract
   * @param {RTCPeerConnection} _pc
   */
  prepare(_pc) {
    throw new Error("prepare is the subclass's");
  }

  /**
   * A last word on the offer before it is sent and set.
   *
   * @param {string} sdp
   * @returns {string}
   */
  refineOffer(sdp) {
    return sdp;
  }

  /**
   * Whether this refusal passes by itself; the state is `waiting` meanwhile.
   *
   * @param {SignallingError} error
   * @returns {boolean}
   */
  isWorthWaiting(error) {
    return error.status === 409;
  }

  async #run(life) {
    const { signal } = life;
    const backoff = new Backoff();
    const patience = new Backoff({ firstMs: 2_000, factor: 1 });
    let first = true;
    while (!signal.aborted) {
      let delayMs;
      try {
        if (this.#state !== "waiting") this.#enter(first ? "connecting" : "reconnecting");
        await this.#connect(signal);
        backoff.reset();
        this.#enter("live");
        await this.#remain(signal);
        // The path was good a moment ago: ask again soon, but not all viewers in the same instant.
        delayMs = Math.random() * 300;
      } catch (error) {
        if (signal.aborted) return;
        const wait = error instanceof SignallingError && this.isWorthWaiting(error);
        if (error instanceof SignallingError && !wait && !error.isTransient) {
          this.#hangUp();
          this.#life = null;
          this.#enter("failed", error);
          return;
        }
        delayMs = wait
          ? patience.next(error.retryMs)
          : backoff.next(error instanceof SignallingError ? error.retryMs : 0);
        this.#enter(wait ? "waiting" : "reconnecting", error, delayMs);
      }
      first = false;
      this.#hangUp();
      try {
        await pause(delayMs, signal);
      } catch {
        return;
      }
    }
  }

  /** Resolves when media can flow. */
  async #connect(signal) {
    const pc = new RTCPeerConnection({ iceServers: this.#iceServers, bundlePolicy: "max-bundle" });
    this.#pc = pc;
    this.prepare(pc);
    const offer = await pc.createOffer();
    const sdp = this.refineOffer(offer.sdp);
    signal.throwIfAborted();
    const session = await Session.create(this.#endpoint, sdp, { token: this.#token, signal });
    this.#session = session;
    // Gathering starts with the local description, so the server's ICE servers still count (section 4.6).
    if (session.iceServers.length > 0) {
      pc.setConfiguration({
        ...pc.getConfiguration(),
        iceServers: [...this.#iceServers, ...session.iceServers],
      });
    }
    this.#trickle(pc, session);
    await pc.setLocalDescription({ type: "offer", sdp });
    signal.throwIfAborted();
    this.#answer = session.answer;
    await pc.setRemoteDescription({ type: "answer", sdp: session.answer });
    if (!(await becomes(pc, ["connected"], CONNECT_TIMEOUT_MS, signal))) throw new UnreachableError();
  }

  #trickle(pc, session) {
    let batch = [];
    let timer = 0;
    const flush = (isComplete) => {
      clearTimeout(timer);
      timer = 0;
      const candidates = batch.splice(0);
      if (pc.signalingState !== "closed") {
        session.trickle(iceFragment(pc.localDescription.sdp, candidates, isComplete));
      }
    };
    pc.addEventListener("icecandidate", ({ candidate }) => {
      if (!candidate) return flush(true);
      // Firefox also gathers for RTCP, which is multiplexed; an empty candidate ends a generation.
      if (!candidate.candidate || candidate.component === "rtcp") return;
      batch.push(candidate.candidate);
      timer ||= setTimeout(flush, TRICKLE_BATCH_MS, false);
    });
  }

  /** Resolves when this session is beyond repair. */
  async #remain(signal) {
    const pc = this.#pc;
    const renewed = new Promise((resolve) => (this.#renew = () => resolve("renew")));
    const closed = transportClosed(pc);
    for (;;) {
      const event = await Promise.race([
        becomes(pc, ["disconnected", "failed", "closed"], Infinity, signal),
        closed.then(() => "closed"),
        renewed,
      ]);
      if (event === "renew") break;
      if (event !== "closed" && pc.connectionState === "disconnected") {
        const settled = await Promise.race([
          becomes(pc, ["connected", "failed"], GRACE_MS, signal),
          closed,
          renewed,
        ]);
        if (settled && pc.connectionState === "connected") continue;
      }
      this.#enter("reconnecting");
      const isGone = event === "closed" || pc.connectionState === "closed";
      if (isGone || !(await this.#restartIce(pc, signal))) break;
      this.#enter("live");
    }
    this.#renew = null;
  }

  /** Whether media flows again. */
  async #restartIce(pc, signal) {
    const backoff = new Backoff({ firstMs: 400, maxMs: 3_000 });
    const deadline = performance.now() + RESTART_WINDOW_MS;
    while (performance.now() < deadline) {
      try {
        const offer = await pc.createOffer({ iceRestart: true });
        const sdp = this.refineOffer(offer.sdp);
        const fragment = await this.#session.restart(iceFragment(sdp, []));
        this.#answer = restartedAnswer(this.#answer, fragment);
        await pc.setLocalDescription({ type: "offer", sdp });
        await pc.setRemoteDescription({ type: "answer", sdp: this.#answer });
        return await becomes(pc, ["connected"], RESTART_TIMEOUT_MS, signal);
      } catch (error) {
        signal.throwIfAborted();
        const isUnreached = error instanceof TypeError || error.name === "TimeoutError";
        if (!isUnreached && !(error instanceof SignallingError && error.isTransient)) return false;
        if (pc.connectionState === "connected") return true;
      }
      await pause(backoff.next(), signal);
    }
    return false;
  }

  #hangUp() {
    this.#pc?.close();
    this.#session?.end();
    this.#session = null;
  }

  #enter(state, error = null, retryMs = 0) {
    if (state === this.#state && !error) return;
    this.#state = state;
    this.dispatchEvent(new CustomEvent("state", { detail: { state, error, retryMs } }));
  }
}

/**
 * Waits until the connection is in one of `states`.
 *
 * @returns {Promise<boolean>} false if it does not get there within `ms`, or fails on the way
 */
function becomes(pc, states, ms, signal) {
  return new Promise((resolve, reject) => {
    let timer = 0;
    const settle = (run) => {
      clearTimeout(timer);
      pc.removeEventListener("connectionstatechange", look);
      signal.removeEventListener("abort", cancel);
      run();
    };
    const look = (event) => {
      if (states.includes(pc.connectionState)) settle(() => resolve(true));
      // Before anything happens, "failed" is only where a restart sets out from.
      else if (event && ["failed", "closed"].includes(pc.connectionState)) settle(() => resolve(false));
    };
    const cancel = () => settle(() => reject(signal.reason));
    if (signal.aborted) return reject(signal.reason);
    pc.addEventListener("connectionstatechange", look);
    signal.addEventListener("abort", cancel);
    if (Number.isFinite(ms)) timer = setTimeout(() => settle(() => resolve(false)), ms);
    look();
  });
}

/** Resolves when the server closes the DTLS association: it is gone, no restart can help. */
function transportClosed(pc) {
  const transport = [...pc.getReceivers(), ...pc.getSenders()].map((end) => end.transport).find(Boolean);
  return new Promise((resolve) => {
    transport?.addEventListener("statechange", () => {
      if (transport.state === "closed" && pc.signalingState !== "closed") resolve();
    });
  });
}
