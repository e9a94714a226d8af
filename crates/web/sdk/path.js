/**
 * Watches over the way of media: when it is lost, asks for an ICE restart, and when that does not help, for another
 * session. It decides when, `room` and `media` do.
 *
 * @module
 */

import { Backoff } from "./backoff.js";

const TIMES = {
  /** From the answer until media can flow. */
  connectMs: 12_000,
  /** A lost path often comes back by itself. */
  graceMs: 1_500,
  /** How long one restart may take. */
  restartMs: 5_000,
};
const RESTARTS = 3;

/** The keeper of one session's path. */
export class Path {
  #pc;
  #parts;
  #times;
  #timer = 0;
  #restarts = 0;
  #isUp = false;
  #isOver = false;
  #backoff = new Backoff({ firstMs: 500, maxMs: 3_000 });
  #listen = () => this.#look();

  /**
   * @param {RTCPeerConnection} pc
   * @param {object} parts
   * @param {(isUp: boolean) => void} parts.onChange whether media can flow
   * @param {() => Promise<void>} parts.restart offers new ICE credentials; rejected when there was no answer
   * @param {() => boolean} parts.canRestart whether there is a socket to ask through
   * @param {(isEnded: boolean) => void} parts.onLost another session is needed, because nothing helped or because the
   *   server has ended this one
   */
  constructor(pc, parts, times = {}) {
    this.#pc = pc;
    this.#parts = parts;
    this.#times = { ...TIMES, ...times };
    pc.addEventListener("connectionstatechange", this.#listen);
    this.#watchTransport();
    this.#arm(this.#times.connectMs, () => this.#giveUp());
    this.#look();
  }

  get isUp() {
    return this.#isUp;
  }

  /** Looks again, for instance because there is a socket again or the network has changed. */
  retry() {
    if (this.#isOver || this.#isUp || this.#pc.connectionState === "connecting") return;
    if (this.#pc.connectionState !== "new") this.#mend();
  }

  close() {
    this.#isOver = true;
    clearTimeout(this.#timer);
    this.#pc.removeEventListener("connectionstatechange", this.#listen);
  }

  #look() {
    if (this.#isOver) return;
    switch (this.#pc.connectionState) {
      case "connected":
        clearTimeout(this.#timer);
        this.#restarts = 0;
        this.#backoff.reset();
        this.#set(true);
        break;
      case "disconnected":
        this.#arm(this.#times.graceMs, () => {
          this.#set(false);
          this.#mend();
        });
        break;
      case "failed":
        this.#set(false);
        this.#mend();
        break;
      case "closed":
        this.#giveUp();
        break;
    }
  }

  /** Restarts ICE; without a socket that waits for {@link Path#retry}. */
  async #mend() {
    if (!this.#parts.canRestart()) return;
    if (this.#restarts >= RESTARTS) return this.#giveUp();
    this.#restarts += 1;
    this.#arm(this.#times.restartMs, () => this.#mend());
    try {
      await this.#parts.restart();
    } catch {
      if (!this.#isOver && !this.#isUp) this.#arm(this.#backoff.next(), () => this.#mend());
    }
  }

  #giveUp(isEnded = false) {
    if (this.#isOver) return;
    this.#set(false);
    this.close();
    this.#parts.onLost(isEnded);
  }

  #set(isUp) {
    if (this.#isUp === isUp) return;
    this.#isUp = isUp;
    this.#parts.onChange(isUp);
  }

  #arm(ms, act) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(act, ms);
  }

  /** When the server closes the DTLS association it has ended the session: no restart can help. */
  #watchTransport() {
    const ends = [...this.#pc.getSenders(), ...this.#pc.getReceivers()];
    const transport = this.#pc.sctp?.transport ?? ends.map((end) => end.transport).find(Boolean);
    transport?.addEventListener("statechange", () => {
      if (transport.state === "closed" && this.#pc.signalingState !== "closed") this.#giveUp(true);
    });
  }
}
