/**
 * Who is here and what they publish, as the server tells it. Objects live as long as what they stand for, over lost
 * sockets and new sessions, too: a welcome is compared with what was known, and only differences are events.
 *
 * @module
 */

import { kindOf } from "./devices.js";

const NOTHING = {
  canPublish: false,
  canSubscribe: false,
  canPublishData: false,
  admin: false,
  hidden: false,
};

/** Somebody. */
class Participant {
  id = "";
  identity = "";
  name = "";
  /** @type {"room" | "whip"} */
  kind = "room";
  metadata = "";
  permissions = NOTHING;
  joinedAt = new Date(0);
  isLocal = false;
  isSpeaking = false;
  /** @type {"good" | "fair" | "poor" | "lost"} */
  quality = "good";
  isDirect = false;
  /** @type {Map<string, RemoteTrack>} */
  tracks = new Map();

  take({ id, identity, name, kind = "room", metadata = "", permissions = NOTHING, joined_at: joinedAt }) {
    Object.assign(this, { id, identity, name: name || identity, kind, metadata, permissions });
    if (joinedAt) this.joinedAt = new Date(joinedAt);
  }
}

/** What somebody else sends. */
class RemoteTrack {
  isLocal = false;
  muted = false;
  /** Announced by the other browser, not by the server. */
  isPrivate = false;
  #reception;

  constructor(reception, { id, kind, source }, participant) {
    this.#reception = reception;
    this.id = id;
    this.kind = kind;
    this.source = source;
    this.participant = participant;
  }

  get slot() {
    return this.#reception.slotOf(this.id)?.mid ?? null;
  }

  get isDirect() {
    return this.#reception.directOf(this) !== null;
  }

  get mediaStreamTrack() {
    return this.#reception.directOf(this) ?? this.#reception.slotOf(this.id)?.mediaStreamTrack ?? null;
  }
}

/**
 * @typedef {object} Reception where tracks come in
 * @property {(trackId: string) => {mid: string, mediaStreamTrack: MediaStreamTrack} | null} slotOf
 * @property {(track: RemoteTrack) => MediaStreamTrack | null} directOf
 */

/** All of them. */
export class Roster {
  me = new Participant();
  /** @type {Map<string, Participant>} */
  participants = new Map();
  /** @type {Map<string, RemoteTrack>} */
  tracks = new Map();
  /** @type {Participant[]} */
  speakers = [];
  /** @type {Participant | null} */
  activeSpeaker = null;
  info = { name: "", locked: false, lobby: false, metadata: "" };
  /** @type {{identity: string, name: string}[]} */
  waiting = [];
  #tell;
  #onOwnTrack;
  #reception;

  /**
   * @param {object} parts
   * @param {(type: string, detail: object) => void} parts.tell fires an event of the room
   * @param {(track: {id: string, muted: boolean}) => void} parts.onOwnTrack what the server says of one's own
   * @param {Reception} parts.reception
   */
  constructor({ tell, onOwnTrack, reception }) {
    this.#tell = tell;
    this.#onOwnTrack = onOwnTrack;
    this.#reception = reception;
    this.me.isLocal = true;
  }

  /** Somebody by identity, oneself included. */
  find(identity) {
    return identity === this.me.identity ? this.me : (this.participants.get(identity) ?? null);
  }

  /** Takes a message if it is one of these; whether it was. */
  hear(message) {
    const act = this.#acts[message.type];
    act?.(message);
    return act !== undefined;
  }

  /** The whole state, at the first welcome and at each one after. */
  welcome({ participant, room, participants, tracks, resumed }) {
    this.me.take(participant);
    // Who waited is in; admins are told anew who still does.
    if (!resumed) this.waiting = [];
    const isNew = JSON.stringify(room) !== JSON.stringify(this.info);
    this.info = room;
    const here = new Set(participants.map(({ identity }) => identity));
    const published = new Set(tracks.map(({ id }) => id));
    // After a fresh join ids mean something else: a track that goes by the same id may be another one.
    for (const track of [...this.tracks.values()]) {
      if (!track.isPrivate && (!resumed || !published.has(track.id))) this.#unpublish(track.id);
    }
    for (const identity of [...this.participants.keys()])
      if (!here.has(identity)) this.#leave(identity, "left");
    for (const each of participants) this.#join(each);
    for (const each of tracks) this.#publish(each);
    this.#speak([]);
    if (isNew) this.#tell("room-updated", { room });
  }

  /** What a direct call's other end says that it sends, for what the server has not announced. */
  announcePrivately(identity, sources) {
    const participant = this.participants.get(identity);
    if (!participant) return;
    for (const [source, { muted }] of Object.entries(sources)) {
      const known = participant.tracks.get(source);
      if (known && !known.isPrivate) continue;
      const id = `direct:${identity}:${source}`;
      this.#publish({ id, participant: identity, kind: kindOf(source), source, muted }, true);
    }
    for (const track of [...participant.tracks.values()]) {
      if (track.isPrivate && !(track.source in sources)) this.#unpublish(track.id);
    }
  }

  /** Marks a participant as reached browser to browser, or not. */
  setDirect(identity, isDirect) {
    const participant = this.participants.get(identity);
    if (!participant || participant.isDirect === isDirect) return;
    participant.isDirect = isDirect;
    if (!isDirect) this.announcePrivately(identity, {});
    for (const track of participant.tracks.values()) this.#tell("track-updated", { track });
  }

  /** One's own connection, as measured, or somebody's, as told. */
  setQuality(participant, quality) {
    if (!participant || participant.quality === quality) return;
    participant.quality = quality;
    this.#tell("quality", { participant, quality });
  }

  #acts = {
    participant_joined: ({ participant }) => this.#join(participant),
    participant_updated: ({ participant }) => this.#join(participant),
    participant_left: ({ participant, reason = "left" }) => this.#leave(participant, reason),
    track_published: ({ track }) => this.#publish(track),
    track_updated: ({ track }) => this.#publish(track),
    track_unpublished: ({ track }) => this.#unpublish(track),
    speakers: ({ speakers }) => this.#speak(speakers),
    quality: ({ participant, quality }) => {
      const found = this.find(participant);
      if (found && !found.isLocal) this.setQuality(found, quality);
    },
    lobby: ({ waiting }) => {
      this.waiting = waiting;
      this.#tell("lobby", { waiting });
    },
    room_updated: ({ room }) => {
      this.info = room;
      this.#tell("room-updated", { room });
    },
  };

  #join(view) {
    const known = this.find(view.identity);
    if (!known) {
      const participant = new Participant();
      participant.take(view);
      this.participants.set(view.identity, participant);
      this.#tell("participant-joined", { participant });
      return;
    }
    const before = JSON.stringify([known.id, known.name, known.metadata, known.permissions]);
    known.take(view);
    const after = JSON.stringify([known.id, known.name, known.metadata, known.permissions]);
    if (before !== after) this.#tell("participant-updated", { participant: known });
  }

  #leave(identity, reason) {
    const participant = this.participants.get(identity);
    if (!participant) return;
    for (const track of [...participant.tracks.values()]) this.#unpublish(track.id);
    this.participants.delete(identity);
    if (this.speakers.includes(participant)) this.#speak(this.speakers.map((p) => p.identity));
    if (this.activeSpeaker === participant) {
      this.activeSpeaker = null;
      this.#tell("active-speaker", { participant: null });
    }
    this.#tell("participant-left", { participant, reason });
  }

  #publish(view, isPrivate = false) {
    if (view.participant === this.me.identity) return this.#onOwnTrack(view);
    const participant = this.participants.get(view.participant);
    if (!participant) return;
    const known = this.tracks.get(view.id);
    if (known) {
      if (known.muted === view.muted) return;
      known.muted = view.muted;
      this.#tell("track-updated", { track: known });
      return;
    }
    const former = participant.tracks.get(view.source);
    if (former?.isPrivate) this.#unpublish(former.id);
    const track = new RemoteTrack(this.#reception, view, participant);
    track.muted = Boolean(view.muted);
    track.isPrivate = isPrivate;
    this.tracks.set(track.id, track);
    participant.tracks.set(track.source, track);
    this.#tell("track-published", { track });
  }

  #unpublish(id) {
    const track = this.tracks.get(id);
    if (!track) return this.#onOwnTrack({ id, muted: true });
    this.tracks.delete(id);
    if (track.participant.tracks.get(track.source) === track) track.participant.tracks.delete(track.source);
    this.#tell("track-unpublished", { track });
  }

  #speak(identities) {
    const speakers = identities.map((identity) => this.find(identity)).filter(Boolean);
    if (speakers.length === 0 && this.speakers.length === 0) return;
    for (const participant of this.speakers) participant.isSpeaking = false;
    for (const participant of speakers) participant.isSpeaking = true;
    this.speakers = speakers;
    this.#tell("speakers", { speakers });
    const loudest = speakers.find((participant) => !participant.isLocal);
    if (loudest && loudest !== this.activeSpeaker) {
      this.activeSpeaker = loudest;
      this.#tell("active-speaker", { participant: loudest });
    }
  }
}
