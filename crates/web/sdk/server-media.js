/**
 * Media to and from the server over sessions that come and go: makes one when it is needed, another when it is lost, and
 * tells each what is on, muted, pinned and wanted.
 *
 * @module
 */

import { Backoff } from "./backoff.js";
import { clientError, isTransient } from "./error.js";
import { MediaSession } from "./media.js";
import { Path } from "./path.js";

/**
 * @typedef {object} Parts
 * @property {(message: object) => boolean} say
 * @property {(message: object) => Promise<any>} ask
 * @property {() => boolean} isJoined
 * @property {import("./local.js").LocalMedia} local
 * @property {import("./slots.js").Slots} slots
 * @property {import("./topic.js").Topics} topics
 * @property {import("./view.js").View} view
 * @property {() => RTCConfiguration} configuration
 * @property {() => {sends: boolean, receives: boolean}} grants
 * @property {{simulcast: boolean, codec: string, slots: {video: number, audio: number, maxVideo: number}}} options
 * @property {() => void} onChange the path is up or down, or there are other slots
 * @property {(error: Error) => void} onError
 */

/** The server's side of a room's media. */
export class ServerMedia {
  /** @type {MediaSession | null} */
  session = null;
  #parts;
  #path = null;
  #round = 0;
  #isAnswered = false;
  #isTroubled = false;
  #isPaused = false;
  #wanted;
  #retry = 0;
  #backoff = new Backoff({ firstMs: 500, maxMs: 5_000 });
  /** What the server knows of our muting, by source; a number of questions that are under way. */
  #announced = new Map();
  #asking = new Map();

  /** @param {Parts} parts */
  constructor(parts) {
    this.#parts = parts;
    this.#wanted = { video: parts.options.slots.video, audio: parts.options.slots.audio };
  }

  /** Whether media should flow and do not. */
  get isTroubled() {
    return this.#isTroubled;
  }

  /** There is a membership; `isNew` when it is another one than before. */
  welcome(isNew) {
    if (isNew || !this.session || !this.#isAnswered) return this.#renew();
    this.#reconcile();
    this.#parts.view.resend();
    if (this.session.pc.signalingState !== "stable") this.#negotiate().catch(() => {});
    this.#path?.retry();
  }

  /** Makes sure of a session. */
  need() {
    if (!this.session && !this.#retry) this.#renew();
  }

  /** Ends the session: media go another way. */
  stop() {
    this.#round += 1;
    this.#drop();
    this.#setTroubled(false);
  }

  /** Looks at the path again, the network may be another. */
  hurry() {
    if (this.#retry) this.#renew();
    else this.#path?.retry();
  }

  /** Something local was switched, muted or replaced. */
  async update(local) {
    await this.session?.send(local.source, feedOf(local));
    this.#reconcile();
  }

  /** What the server says of one's own track: that of an admin counts, echoes do not. */
  hearOwn({ id, muted }) {
    const local = [...this.#parts.local.tracks.values()].find((track) => track.id === id);
    if (!local || !muted || local.muted) return;
    if (this.#announced.get(local.source) !== false || this.#asking.get(local.source)) return;
    this.#announced.set(local.source, true);
    if (local.source === "screen") this.#parts.local.stopScreen("admin");
    else this.#parts.local.setMuted(local.source, true, "admin");
  }

  /** The grants have changed: lines for what is allowed now. */
  async regrant() {
    const { session } = this;
    if (!session || !this.#isAnswered) return;
    const { sends, receives } = this.#parts.grants();
    const hasMore = [sends && session.allowSending(), receives && session.raiseSlots(this.#wanted)];
    if (!hasMore.includes(true)) return;
    for (const local of this.#parts.local.tracks.values()) await session.send(local.source, feedOf(local));
    await this.#negotiate();
  }

  /** At least so many slots, now and in later sessions. */
  async raiseSlots({ video = 0, audio = 0 }) {
    this.#wanted = { video: Math.max(video, this.#wanted.video), audio: Math.max(audio, this.#wanted.audio) };
    const { session } = this;
    if (!session || !this.#isAnswered || !this.#parts.grants().receives) return;
    if (session.raiseSlots(this.#wanted)) await this.#negotiate();
  }

  /** How many slots there should be. */
  get wanted() {
    return this.#wanted;
  }

  /** Sends nothing, because a direct call carries it all. */
  pause(isPaused) {
    this.#isPaused = isPaused;
    this.session?.pause(isPaused);
  }

  /** The server tells which layers anybody watches. */
  setLayers({ track, rids }) {
    const local = [...this.#parts.local.tracks.values()].find(({ id }) => id === track);
    if (local) this.session?.setLayers(local.source, rids);
  }

  async #renew() {
    const round = ++this.#round;
    this.#drop();
    const { grants, configuration, options, local, slots, topics, view } = this.#parts;
    const { sends, receives } = grants();
    const session = new MediaSession({
      configuration: configuration(),
      terms: { ...options, sends, slots: receives ? this.#wanted : { video: 0, audio: 0 } },
      exchange: (sdp, sources) => this.#exchange(sdp, sources),
      sendCandidate: ({ candidate, sdpMid }) => this.#parts.say({ type: "candidate", candidate, sdpMid }),
    });
    this.session = session;
    topics.bind(session.pc);
    session.pause(this.#isPaused);
    try {
      for (const track of local.tracks.values()) await session.send(track.source, feedOf(track));
      await session.negotiate();
    } catch (error) {
      if (round === this.#round) this.#failed(error);
      return;
    }
    if (round !== this.#round) return;
    this.#isAnswered = true;
    slots.load(session.slots());
    view.open();
    this.#reconcile();
    this.#watch(session);
    this.#parts.onChange();
  }

  #watch(session) {
    this.#path = new Path(session.pc, {
      canRestart: () => this.#parts.isJoined(),
      restart: () => session.negotiate({ restart: true }),
      onChange: (isUp) => {
        if (isUp) this.#backoff.reset();
        this.#setTroubled(!isUp);
      },
      onLost: (isEnded) => {
        // What the server ends it may mean: then `closed` follows. If not, another session is soon there.
        if (!isEnded)
          this.#parts.onError(clientError("no-media", "The server answers, but no media get through."));
        this.#again(0);
      },
    });
  }

  /** The first offer came to nothing. */
  #failed(error) {
    if (isTransient(error)) return this.#again(error.retryMs);
    this.#setTroubled(true);
    this.#parts.onError(error);
  }

  /** Another session later. Without a socket it is the next welcome that makes one. */
  #again(atLeastMs = 0) {
    this.#isAnswered = false;
    this.#setTroubled(true);
    clearTimeout(this.#retry);
    this.#retry = this.#parts.isJoined() ? setTimeout(() => this.#renew(), this.#backoff.next(atLeastMs)) : 0;
  }

  async #negotiate() {
    const { session } = this;
    await session.negotiate();
    if (session !== this.session) return;
    this.#parts.slots.load(session.slots());
    this.#parts.view.refresh();
    this.#reconcile();
    this.#parts.onChange();
  }

  async #exchange(sdp, sources) {
    const { ask, local } = this.#parts;
    const mids = Object.entries(sources);
    const tracks = Object.fromEntries(
      mids.map(([mid, source]) => [mid, { source, muted: local.get(source).muted }]),
    );
    const reply = await ask({ type: "offer", sdp, tracks });
    for (const [mid, source] of mids) {
      const track = local.get(source);
      const id = reply.tracks?.[mid] ?? null;
      // What a line said first counts; later offers of the same session change nothing of it.
      if (track.id !== id) this.#announced.set(source, tracks[mid].muted);
      track.id = id;
    }
    return reply;
  }

  /** Tells the server what it does not know yet. */
  #reconcile() {
    for (const local of this.#parts.local.tracks.values()) {
      const { source, id, muted } = local;
      if (!this.#isAnswered || id === null || this.#announced.get(source) === muted) continue;
      this.#announced.set(source, muted);
      this.#tell(source, { type: "mute", track: id, muted });
    }
  }

  async #tell(source, message) {
    this.#asking.set(source, (this.#asking.get(source) ?? 0) + 1);
    try {
      await this.#parts.ask(message);
    } catch (error) {
      this.#announced.delete(source);
      if (!isTransient(error)) this.#parts.onError(error);
    } finally {
      this.#asking.set(source, Math.max(0, (this.#asking.get(source) ?? 0) - 1));
    }
  }

  #drop() {
    clearTimeout(this.#retry);
    this.#retry = 0;
    this.#path?.close();
    this.#path = null;
    this.session?.close();
    this.session = null;
    this.#isAnswered = false;
    this.#announced.clear();
    this.#asking.clear();
    for (const local of this.#parts.local.tracks.values()) local.id = null;
    this.#parts.view.suspend();
    this.#parts.slots.clear();
    this.#parts.view.refresh();
  }

  #setTroubled(isTroubled) {
    if (this.#isTroubled === isTroubled) return;
    this.#isTroubled = isTroubled;
    this.#parts.onChange();
  }
}

/** What others get of a local track: while it is muted, nothing at all. */
const feedOf = (local) => (local.muted ? null : local.mediaStreamTrack);
