/**
 * What a room is made of, wired together: signalling, people, media, view, sound, data, direct calls. `room.js` is its
 * face; here is who tells whom.
 *
 * @module
 */

import { AudioOutput } from "./audio.js";
import { Calls } from "./calls.js";
import { Chat } from "./chat.js";
import { PlenumError, serverError } from "./error.js";
import { LocalMedia } from "./local.js";
import { Meter } from "./meter.js";
import { helloOf, publishAtStart } from "./options.js";
import { watchPage } from "./page.js";
import { Roster } from "./roster.js";
import { ServerMedia } from "./server-media.js";
import { Signalling } from "./signalling.js";
import { Slots } from "./slots.js";
import { Topics } from "./topic.js";
import { View } from "./view.js";

/** Changes of these may change who is called, and what goes which way. */
const OF_PEOPLE = new Set(["participant-joined", "participant-left"]);
const OF_TRACKS = new Set(["track-published", "track-updated", "track-unpublished"]);

/** The inside of one room. */
export class Core {
  /** @type {"idle" | "connecting" | "lobby" | "connected" | "reconnecting" | "closed"} */
  state = "idle";
  #signalling;
  #stage = "connecting";
  #options;
  #emit;
  #iceServers = [];
  #stopWatching = () => {};
  #outcome = null;
  #keepTracks = false;

  /**
   * @param {string | URL | Location} server
   * @param {string} room
   * @param {ReturnType<typeof import("./options.js").complete>} options
   * @param {(type: string, detail: object) => void} emit
   */
  constructor(server, room, options, emit) {
    this.#options = options;
    this.#emit = emit;
    const tell = (type, detail) => this.#tell(type, detail);
    const findTrack = (id) => this.roster.tracks.get(id) ?? null;
    const ask = (message) => this.#signalling.ask(message);
    const say = (message) => this.#signalling.say(message);
    const configuration = () => ({
      iceServers: [...options.iceServers, ...this.#iceServers],
      ...(options.iceTransportPolicy ? { iceTransportPolicy: options.iceTransportPolicy } : {}),
    });
    const directFeed = (track) => this.calls.feedOf(track);

    this.slots = new Slots(findTrack);
    this.roster = new Roster({
      tell,
      onOwnTrack: (track) => this.media.hearOwn(track),
      reception: { slotOf: (id) => this.slots.of(id), directOf: directFeed },
    });
    const { me } = this.roster;
    this.local = new LocalMedia({
      onChange: (track, by) => this.#onLocal(track, by),
      mayPublish: () => !me.identity || me.permissions.canPublish,
    });
    this.topics = new Topics(() => !me.identity || me.permissions.canPublishData);
    this.chat = new Chat(this.topics.open("chat"), (identity) =>
      identity === null ? me : this.roster.find(identity),
    );
    this.audio = new AudioOutput((blocked) => emit("audio-blocked", { blocked }));
    this.view = new View({
      slots: this.slots,
      findTrack,
      localFeed: (source) => this.local.get(source).mediaStreamTrack,
      directFeed,
      say,
      ask,
      wantSlots: (missing) => this.#wantSlots(missing),
      adaptive: options.adaptive,
    });
    this.media = new ServerMedia({
      say,
      ask,
      isJoined: () => this.#signalling.isJoined,
      local: this.local,
      slots: this.slots,
      topics: this.topics,
      view: this.view,
      configuration,
      grants: () => ({ sends: me.permissions.canPublish, receives: me.permissions.canSubscribe }),
      options,
      onChange: () => this.#onSlots(),
      // Nobody misses a path that nothing goes over.
      onError: (error) => (error.slug === "no-media" && this.calls.carriesAll) || this.#trouble(error),
    });
    this.calls = new Calls(options.mode, {
      roster: this.roster,
      configuration,
      signal: (to, payload) => ask({ type: "signal", to, payload }),
      local: (source) => ({
        track: this.local.get(source).mediaStreamTrack,
        muted: this.local.get(source).muted,
      }),
      tell: emit,
      onPeer: (pc) => this.topics.bindDirect(pc, me.identity),
      onChange: () => this.#route(),
    });
    this.meter = new Meter({
      peers: () => this.#peers(),
      isLost: () => this.state !== "connected",
      onQuality: (quality) => this.roster.setQuality(me, quality),
    });
    this.#signalling = new Signalling({
      server,
      room,
      hasFreshTokens: Boolean(options.getToken),
      hello: () => helloOf(options, me),
      onWelcome: (welcome) => this.#welcome(welcome),
      onMessage: (message) => this.#hear(message),
      onState: (stage) => {
        this.#stage = stage;
        this.#settle();
      },
      onEnd: (end) => this.#end(end),
      onTrouble: (error) => this.#outcome === null && this.#trouble(error),
    });
  }

  /** Resolves once admitted. */
  join() {
    if (this.state !== "idle") return Promise.reject(new TypeError("a room is joined once"));
    const { signal } = this.#options;
    if (signal?.aborted) return Promise.reject(signal.reason);
    return new Promise((resolve, reject) => {
      this.#outcome = { resolve, reject };
      signal?.addEventListener("abort", () => this.#abort(signal.reason), { once: true });
      this.#stopWatching = watchPage({ onBack: () => this.hurry(), onLeave: () => this.leave() });
      this.#signalling.start();
    });
  }

  ask(message) {
    return this.#signalling.ask(message);
  }

  leave(keepTracks = false) {
    this.#keepTracks = keepTracks;
    if (this.state === "idle") return this.#end({ reason: "left", error: null });
    this.calls.close();
    this.#signalling.leave();
  }

  attach(track, element, options) {
    const attachment = this.view.attach(track, element, options);
    this.#refresh();
    return attachment;
  }

  detach(what) {
    this.view.detach(what);
    this.#refresh();
  }

  /** Tries at once what would be tried later. */
  hurry() {
    this.#signalling.hurry();
    this.media.hurry();
  }

  setMode(mode) {
    this.calls.mode = mode;
    if (this.#signalling.isJoined) this.calls.consider();
  }

  #abort(reason) {
    this.#outcome?.reject(reason);
    this.#outcome = null;
    this.leave();
  }

  #welcome(welcome) {
    this.#iceServers = welcome.ice_servers ?? [];
    this.slots.apply(welcome.slots ?? {});
    this.roster.welcome(welcome);
    if (!welcome.resumed) this.chat.remember(welcome.chat ?? []);
    const isFirst = this.#outcome !== null;
    if (this.calls.needsServer) this.media.welcome(!welcome.resumed);
    this.calls.consider();
    if (!isFirst) return;
    this.#outcome.resolve();
    this.#outcome = null;
    this.meter.start();
    // Listeners that are attached right after the join hear of what is published now.
    const set = (source, choice) => this.local.set(source, choice);
    setTimeout(() => {
      if (this.state !== "closed")
        publishAtStart(this.#options, { set, onError: (error) => this.#trouble(error) });
    });
  }

  #hear(message) {
    if (this.roster.hear(message)) {
      if (message.type === "participant_updated" && message.participant.identity === this.roster.me.identity)
        this.#regrant();
      return;
    }
    switch (message.type) {
      case "slots":
        this.slots.apply(message.slots);
        return this.#onSlots();
      case "layers":
        return this.media.setLayers(message);
      case "signal":
        if (!this.calls.hear(message.from, message.payload)) {
          this.#emit("signal", { from: message.from, payload: message.payload });
        }
        return;
      case "unmute_requested": {
        const track = [...this.local.tracks.values()].find(({ id }) => id !== null && id === message.track);
        return this.#emit("unmute-requested", { from: message.from ?? "", track: track ?? null });
      }
      case "data_dropped":
        return this.#emit("data-dropped", {
          topic: message.topic,
          to: message.to,
          messages: message.messages,
        });
      case "error":
        return this.#trouble(serverError(message));
    }
  }

  /** An event of the roster, and what follows from it. */
  #tell(type, detail) {
    this.#emit(type, detail);
    if (type === "track-unpublished") this.view.forget(detail.track.id);
    if (OF_TRACKS.has(type)) this.#refresh();
    if (OF_PEOPLE.has(type) && this.#signalling.isJoined) this.calls.consider();
  }

  #onLocal(track, by) {
    this.media.update(track).catch(() => {});
    this.calls.refresh();
    this.view.refresh();
    this.#emit("local-track-updated", { track, by });
  }

  #onSlots() {
    this.#settle();
    this.#refresh();
    this.#emit("slots", { slots: this.slots.byMid });
  }

  /** Which way media go now. */
  #route() {
    if (this.#signalling.isJoined) {
      if (this.calls.needsServer) this.media.need();
      else this.media.stop();
    }
    this.media.pause(this.calls.carriesAll);
    this.#settle();
    this.#refresh();
  }

  #refresh() {
    this.view.refresh();
    if (this.#options.playAudio) this.audio.play(this.#voices());
  }

  /** What is to be heard: slots, and the sound of a direct call instead of what its slots bring. */
  #voices() {
    const voices = new Map();
    for (const { mid, kind, track, mediaStreamTrack } of this.slots.byMid.values()) {
      const isElsewhere = track && (track.isDirect || this.view.hasElementFor(track.id));
      if (kind === "audio" && !isElsewhere) voices.set(mid, mediaStreamTrack);
    }
    for (const track of this.calls.current?.participant.tracks.values() ?? []) {
      const direct = track.kind === "audio" ? this.calls.feedOf(track) : null;
      if (direct && !this.view.hasElementFor(track.id)) voices.set(`direct:${track.source}`, direct);
    }
    return voices;
  }

  #wantSlots(missing) {
    const { maxVideo } = this.#options.slots;
    const video = Math.min(maxVideo, this.media.wanted.video + missing);
    if (video > this.media.wanted.video)
      this.media.raiseSlots({ video }).catch((error) => this.#trouble(error));
  }

  /** What an admin took is switched off here, too; what was given gets lines. */
  #regrant() {
    if (!this.roster.me.permissions.canPublish) {
      for (const { source, isOn } of this.local.tracks.values()) if (isOn) this.local.drop(source, "admin");
    }
    this.media.regrant().catch((error) => this.#trouble(error));
  }

  #peers() {
    const peers = [];
    const { current } = this.calls;
    if (current?.state === "connected") {
      const { tracks } = current.participant;
      const lineOf = (entry) => {
        const source = current.sourceOf(entry.mid);
        if (!source) return null;
        return entry.type === "outbound-rtp" ? this.#ownLine(source) : lineOfTrack(tracks.get(source));
      };
      peers.push({ pc: current.pc, isDirect: true, lineOf });
    }
    const { session } = this.media;
    if (session && !session.isClosed)
      peers.push({ pc: session.pc, isDirect: false, lineOf: (entry) => this.#lineOf(entry) });
    return peers;
  }

  #lineOf(entry) {
    if (entry.type === "outbound-rtp") {
      const local = [...this.local.tracks.values()].find(
        ({ source }) => this.media.session.midOf(source) === entry.mid,
      );
      return local ? this.#ownLine(local.source) : null;
    }
    const slot =
      this.slots.byMid.get(entry.mid) ??
      [...this.slots.byMid.values()].find(
        ({ mediaStreamTrack }) => mediaStreamTrack.id === entry.trackIdentifier,
      );
    return lineOfTrack(slot?.track);
  }

  #ownLine(source) {
    const { id, isOn } = this.local.get(source);
    return isOn ? { id: id ?? source, participant: this.roster.me.identity, source } : null;
  }

  #settle() {
    if (this.state === "closed") return;
    const isTroubled = this.#stage === "connected" && this.media.isTroubled && !this.calls.carriesAll;
    this.#enter(isTroubled ? "reconnecting" : this.#stage);
  }

  #enter(state) {
    const previous = this.state;
    if (state === previous) return;
    this.state = state;
    this.#emit("state", { state, previous });
  }

  #trouble(error) {
    if (this.state !== "closed") this.#emit("error", { error });
  }

  #end({ reason, error }) {
    if (this.state === "closed") return;
    this.#enter("closed");
    this.#stopWatching();
    this.meter.stop();
    this.calls.close();
    this.media.stop();
    this.view.close();
    this.audio.close();
    this.topics.close();
    this.local.close(this.#keepTracks);
    const outcome = this.#outcome;
    this.#outcome = null;
    outcome?.reject(error ?? refusal(reason));
    this.#emit("closed", { reason, error });
  }
}

function lineOfTrack(track) {
  return track ? { id: track.id, participant: track.participant.identity, source: track.source } : null;
}

function refusal(reason) {
  const detail = reason === "rejected" ? "You were not let in." : `The room was closed: ${reason}.`;
  return new PlenumError({ type: "urn:plenum:client:closed", title: "Not joined", detail, reason });
}
