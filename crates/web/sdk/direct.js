/**
 * One call browser to browser. The server relays signalling and nothing else; one side offers, the other answers, and
 * since all lines are there from the start nothing is negotiated twice.
 *
 * @module
 */

import { kindOf, SOURCES } from "./devices.js";
import { Emitter, emit } from "./emitter.js";
import { clientError } from "./error.js";
import { withStereoOpus } from "./sdp.js";

const TIMES = {
  /** From the moment both want it until media can flow. */
  connectMs: 5_000,
  /** How long it may ring. */
  ringMs: 45_000,
  /** A path that was lost may come back by itself for so long. */
  graceMs: 4_000,
};
const HIGH = 256 * 1024;

/**
 * @typedef {object} Parts
 * @property {string} id
 * @property {any} participant
 * @property {boolean} isIncoming
 * @property {boolean} isAutomatic nobody is asked on either side
 * @property {RTCConfiguration} configuration
 * @property {(payload: Record<string, any>) => Promise<any>} signal to the other side
 * @property {(source: string) => {track: MediaStreamTrack | null, muted: boolean}} local
 * @property {(call: DirectCall) => void} onState
 * @property {(call: DirectCall, sources: Record<string, {muted: boolean}>) => void} onSources
 * @property {(call: DirectCall, pc: RTCPeerConnection) => void} onPeer before the offer: to add data channels
 */

/** See plenum.d.ts. */
export class DirectCall extends Emitter {
  /** @type {"ringing" | "connecting" | "connected" | "ended"} */
  state = "ringing";
  reason = "";
  /** @type {RTCPeerConnection | null} */
  pc = null;
  #parts;
  #times;
  #timer = 0;
  #channel = null;
  /** @type {Map<string, RTCRtpTransceiver>} */
  #lines = new Map();
  #candidates = [];
  #hasRemote = false;
  #outcome;

  /**
   * @private use `Room.callDirect`
   * @param {Parts} parts
   */
  constructor(parts, times = {}) {
    super();
    this.#parts = parts;
    this.#times = { ...TIMES, ...times };
    this.#outcome = settled();
    this.#outcome.promise.catch(() => {});
    this.#arm(parts.isAutomatic ? this.#times.connectMs : this.#times.ringMs, "timeout");
  }

  get id() {
    return this.#parts.id;
  }

  get participant() {
    return this.#parts.participant;
  }

  get isIncoming() {
    return this.#parts.isIncoming;
  }

  get isAutomatic() {
    return this.#parts.isAutomatic;
  }

  /** Resolves when media flow; rejected when the call ends before. */
  get connected() {
    return this.#outcome.promise;
  }

  /** Calls. */
  start() {
    this.#send({ type: "call", automatic: this.isAutomatic });
  }

  accept() {
    if (!this.isIncoming) return Promise.reject(new TypeError("only an incoming call can be accepted"));
    if (this.state === "ringing") {
      this.#enter("connecting");
      this.#arm(this.#times.connectMs, "timeout");
      this.#send({ type: "accept" });
    }
    return this.connected;
  }

  decline(reason = "declined") {
    if (this.state === "ringing") this.end(reason);
  }

  end(reason = "ended") {
    if (this.state === "ended") return;
    this.#send({ type: "end", reason });
    this.#close(reason);
  }

  async send(data) {
    const channel = this.#channel;
    if (channel?.readyState !== "open") throw clientError("closed", "The call is not connected.");
    channel.send(data);
    if (channel.bufferedAmount <= HIGH) return;
    await new Promise((resolve) => {
      channel.addEventListener("bufferedamountlow", resolve, { once: true });
      channel.addEventListener("close", resolve, { once: true });
    });
  }

  /** What comes in of a source. */
  trackOf(source) {
    return this.state === "connected" ? (this.#lines.get(source)?.receiver.track ?? null) : null;
  }

  /** The source of a line, by its mid. */
  sourceOf(mid) {
    return [...this.#lines].find(([, transceiver]) => transceiver.mid === mid)?.[0] ?? null;
  }

  /** One's own tracks have changed. */
  refresh() {
    if (!this.pc || this.state === "ended") return;
    for (const [source, { sender }] of this.#lines) {
      const { track, muted } = this.#parts.local(source);
      const sent = muted ? null : track;
      if (sender.track !== sent) sender.replaceTrack(sent).catch(() => {});
    }
    this.#send({ type: "tracks", tracks: this.#sources() });
  }

  /** The other side has gone without a word. */
  lose(reason) {
    this.#close(reason);
  }

  /** A signal of the other side. */
  async hear(message) {
    try {
      switch (message.type) {
        case "accept":
          if (!this.isIncoming && this.state === "ringing") await this.#offer();
          break;
        case "offer":
          if (this.isIncoming && this.state === "connecting" && !this.pc) await this.#answer(message);
          break;
        case "answer":
          if (this.pc?.signalingState === "have-local-offer") await this.#take(message);
          break;
        case "candidate":
          await this.#candidate(message.candidate);
          break;
        case "tracks":
          this.#parts.onSources(this, message.tracks ?? {});
          break;
        case "end":
          this.#close(String(message.reason ?? "ended"));
          break;
      }
    } catch {
      this.end("failed");
    }
  }

  async #offer() {
    this.#enter("connecting");
    this.#arm(this.#times.connectMs, "timeout");
    const pc = this.#open();
    // All codecs: with preferences Firefox leaves feedback lines of those it dropped, which Chromium does not parse.
    for (const source of SOURCES) {
      this.#lines.set(source, pc.addTransceiver(kindOf(source), { direction: "sendrecv" }));
    }
    await this.#fill();
    await pc.setLocalDescription({ type: "offer", sdp: withStereoOpus((await pc.createOffer()).sdp) });
    this.#send({ type: "offer", sdp: pc.localDescription.sdp, tracks: this.#sources() });
  }

  async #answer({ sdp, tracks = {} }) {
    const pc = this.#open();
    await pc.setRemoteDescription({ type: "offer", sdp });
    // The lines of the offer are the sources, in their order.
    pc.getTransceivers().forEach((transceiver, index) => {
      if (!SOURCES[index]) return;
      transceiver.direction = "sendrecv";
      this.#lines.set(SOURCES[index], transceiver);
    });
    await this.#fill();
    await pc.setLocalDescription({ type: "answer", sdp: withStereoOpus((await pc.createAnswer()).sdp) });
    this.#send({ type: "answer", sdp: pc.localDescription.sdp, tracks: this.#sources() });
    this.#parts.onSources(this, tracks);
    await this.#addHeld();
  }

  async #take({ sdp, tracks = {} }) {
    await this.pc.setRemoteDescription({ type: "answer", sdp });
    this.#parts.onSources(this, tracks);
    await this.#addHeld();
  }

  #open() {
    const pc = new RTCPeerConnection({ ...this.#parts.configuration, bundlePolicy: "max-bundle" });
    this.pc = pc;
    pc.addEventListener("icecandidate", ({ candidate }) => {
      if (candidate?.candidate) this.#send({ type: "candidate", candidate: candidate.toJSON() });
    });
    pc.addEventListener("connectionstatechange", () => this.#look());
    this.#channel = pc.createDataChannel("direct", { negotiated: true, id: 0 });
    this.#channel.binaryType = "arraybuffer";
    this.#channel.bufferedAmountLowThreshold = HIGH / 2;
    this.#channel.addEventListener("message", ({ data }) => emit(this, "message", { data }));
    this.#parts.onPeer(this, pc);
    return pc;
  }

  #look() {
    switch (this.pc.connectionState) {
      case "connected":
        clearTimeout(this.#timer);
        this.#enter("connected");
        this.#outcome.resolve(this);
        break;
      case "disconnected":
        this.#arm(this.#times.graceMs, "failed");
        break;
      case "failed":
        this.end("failed");
        break;
    }
  }

  async #fill() {
    for (const [source, { sender }] of this.#lines) {
      const { track, muted } = this.#parts.local(source);
      if (track && !muted) await sender.replaceTrack(track);
    }
  }

  #sources() {
    const all = SOURCES.map((source) => [source, this.#parts.local(source)]);
    return Object.fromEntries(
      all.filter(([, { track }]) => track).map(([source, { muted }]) => [source, { muted }]),
    );
  }

  async #candidate(candidate) {
    if (!this.#hasRemote) return void this.#candidates.push(candidate);
    // One that cannot be used costs nothing: others will do.
    await this.pc.addIceCandidate(candidate).catch(() => {});
  }

  async #addHeld() {
    this.#hasRemote = true;
    for (const candidate of this.#candidates.splice(0)) await this.#candidate(candidate);
  }

  #send(message) {
    this.#parts.signal({ kind: "direct", call: this.id, ...message }).catch(() => {});
  }

  #close(reason) {
    if (this.state === "ended") return;
    clearTimeout(this.#timer);
    this.reason = reason;
    this.pc?.close();
    this.#outcome.reject(clientError("direct", `The call ended before it was connected: ${reason}.`));
    this.#enter("ended");
  }

  #enter(state) {
    if (this.state === state) return;
    this.state = state;
    this.#parts.onState(this);
    emit(this, "state", { state, reason: this.reason });
  }

  #arm(ms, reason) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.end(reason), ms);
  }
}

function settled() {
  let resolve, reject;
  const promise = new Promise((yes, no) => ([resolve, reject] = [yes, no]));
  return { promise, resolve, reject };
}
