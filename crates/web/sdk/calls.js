/**
 * The direct calls of a room: who may ring, when nobody is asked, and when media go through the server after all.
 *
 * @module
 */

import { DirectCall } from "./direct.js";
import { clientError } from "./error.js";

/** How long the one who waits to be called waits, before it settles for the server. */
const PATIENCE_MS = 6_000;

/**
 * What the mode wants, of who is here. Pure.
 *
 * @param {object} state
 * @param {"sfu" | "direct" | "auto"} state.mode
 * @param {string} state.me
 * @param {readonly {identity: string, id: string, kind: string}[]} state.others
 * @param {ReadonlySet<string>} state.failed ids of participants with whom it did not come about
 * @returns {{partner: string | null, calls: boolean, needsServer: boolean}} `calls`: it is this side that rings
 */
export function wishOf({ mode, me, others, failed }) {
  const [other] = others;
  const isPair = others.length === 1 && other.kind === "room" && !failed.has(other.id);
  if (mode === "sfu" || !isPair) {
    return { partner: null, calls: false, needsServer: mode !== "direct" || others.length > 0 };
  }
  return { partner: other.identity, calls: me < other.identity, needsServer: mode === "auto" };
}

/**
 * @typedef {object} Parts
 * @property {import("./roster.js").Roster} roster
 * @property {() => RTCConfiguration} configuration
 * @property {(to: string, payload: object) => Promise<any>} signal
 * @property {(source: string) => {track: MediaStreamTrack | null, muted: boolean}} local
 * @property {(type: string, detail: object) => void} tell
 * @property {(pc: RTCPeerConnection | null) => void} onPeer
 * @property {() => void} onChange what goes which way may be another now
 */

/** At most one call at a time. */
export class Calls {
  /** @type {"sfu" | "direct" | "auto"} */
  mode;
  /** @type {DirectCall | null} */
  current = null;
  #parts;
  #failed = new Set();
  #timer = 0;
  #partner = "";
  #times;

  /**
   * @param {"sfu" | "direct" | "auto"} mode
   * @param {Parts} parts
   * @param {object} [times] of calls, see `direct.js`
   */
  constructor(mode, parts, times) {
    this.mode = mode;
    this.#parts = parts;
    this.#times = times;
  }

  /** What comes directly of a track. */
  feedOf(track) {
    const { current } = this;
    return current?.participant.identity === track.participant.identity
      ? current.trackOf(track.source)
      : null;
  }

  /** Whether media of the server are needed. */
  get needsServer() {
    return this.#wish().needsServer;
  }

  /** Whether the direct call carries everything there is: two are in the room, and connected. */
  get carriesAll() {
    return this.current?.state === "connected" && this.#parts.roster.participants.size === 1;
  }

  /** Somebody came, went, or the mode was changed. */
  consider() {
    const { current } = this;
    if (
      current &&
      this.#parts.roster.participants.get(current.participant.identity) !== current.participant
    ) {
      current.lose("left");
    }
    const { partner, calls } = this.#wish();
    if (partner === null && this.current?.isAutomatic) this.current.end("third");
    if (partner !== this.#partner) {
      clearTimeout(this.#timer);
      this.#partner = partner ?? "";
      if (partner !== null && !this.current) {
        if (calls) this.#ring(partner, true);
        else this.#timer = setTimeout(() => this.#giveUp(partner), PATIENCE_MS);
      }
    }
    this.#parts.onChange();
  }

  /** Rings because the application says so. */
  async call(identity) {
    const participant = this.#parts.roster.participants.get(identity);
    if (!participant || participant.kind !== "room")
      throw clientError("direct", `${identity} cannot be called.`);
    if (this.current) throw clientError("direct", "There is a call already.");
    return this.#ring(identity, false).connected;
  }

  /** A signal; whether it was one of a call. */
  hear(from, payload) {
    if (payload?.kind !== "direct" || typeof payload.call !== "string") return false;
    if (payload.type === "call") this.#rung(from, payload);
    else if (this.current?.id === payload.call && this.current.participant.identity === from) {
      this.current.hear(payload);
    }
    return true;
  }

  /** One's own tracks have changed. */
  refresh() {
    this.current?.refresh();
  }

  close() {
    clearTimeout(this.#timer);
    this.current?.end("left");
  }

  #wish() {
    const { roster } = this.#parts;
    const others = [...roster.participants.values()];
    return wishOf({ mode: this.mode, me: roster.me.identity, others, failed: this.#failed });
  }

  #ring(identity, isAutomatic) {
    const id = crypto.randomUUID?.() ?? String(Math.random()).slice(2);
    const call = this.#make(identity, { id, isAutomatic, isIncoming: false });
    call.start();
    return call;
  }

  #rung(from, { call: id, automatic = false }) {
    const { roster, signal, tell } = this.#parts;
    const refuse = (reason) => {
      signal(from, { kind: "direct", call: id, type: "end", reason }).catch(() => {});
    };
    if (!roster.participants.has(from)) return refuse("left");
    if (this.current) return refuse("busy");
    const isWanted = this.#wish().partner === from;
    if (automatic && !isWanted) return refuse("declined");
    clearTimeout(this.#timer);
    const call = this.#make(from, { id, isAutomatic: automatic, isIncoming: true });
    if (automatic) call.accept().catch(() => {});
    else tell("direct-call", { call });
  }

  #make(identity, { id, isAutomatic, isIncoming }) {
    const { roster, configuration, signal, local, onPeer } = this.#parts;
    const terms = {
      id,
      isAutomatic,
      isIncoming,
      participant: roster.participants.get(identity),
      configuration: configuration(),
      signal: (payload) => signal(identity, payload),
      local,
      onState: (call) => this.#look(call),
      onSources: (_, sources) => roster.announcePrivately(identity, sources),
      onPeer: (_, pc) => onPeer(pc),
    };
    this.current = new DirectCall(terms, this.#times);
    return this.current;
  }

  #look(call) {
    const { roster, tell, onPeer, onChange } = this.#parts;
    const { identity, id } = call.participant;
    const isOver = call.state === "ended";
    if (isOver && this.current === call) {
      this.current = null;
      onPeer(null);
      if (!["third", "left"].includes(call.reason)) this.#failed.add(id);
    }
    roster.setDirect(identity, call.state === "connected");
    if (isOver) roster.announcePrivately(identity, {});
    tell("direct-state", { call });
    if (isOver) this.#partner = this.#wish().partner === null ? "" : this.#partner;
    onChange();
  }

  #giveUp(identity) {
    const participant = this.#parts.roster.participants.get(identity);
    if (this.current || !participant) return;
    this.#failed.add(participant.id);
    this.consider();
  }
}
