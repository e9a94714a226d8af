/**
 * A room, as an application sees it. Everything is documented in `plenum.d.ts`; the work is done behind, in `core.js`.
 *
 * @module
 */

import { Core } from "./core.js";
import { Emitter, emit } from "./emitter.js";
import { checkMode, complete } from "./options.js";

const DEVICES = /** @type {const} */ ({ audioinput: "microphone", videoinput: "camera" });

const idOf = (track) => (typeof track === "string" ? track : track.id);

/** See plenum.d.ts. */
export class Room extends Emitter {
  #core;

  /** Joins, and resolves once admitted. */
  static async join(server, name, options) {
    return new Room(server, name, options).join();
  }

  constructor(server, name, options) {
    super();
    this.name = name;
    for (const [type, listener] of Object.entries(options?.on ?? {})) this.on(type, listener);
    this.#core = new Core(server, name, complete(options), (type, detail) => emit(this, type, detail));
  }

  async join() {
    await this.#core.join();
    return this;
  }

  async leave({ keepTracks = false } = {}) {
    this.#core.leave(keepTracks);
  }

  get state() {
    return this.#core.state;
  }

  get info() {
    return this.#core.roster.info;
  }

  get me() {
    return this.#core.roster.me;
  }

  get participants() {
    return this.#core.roster.participants;
  }

  get tracks() {
    return this.#core.roster.tracks;
  }

  get localTracks() {
    return this.#core.local.tracks;
  }

  get slots() {
    return this.#core.slots.byMid;
  }

  get speakers() {
    return this.#core.roster.speakers;
  }

  get activeSpeaker() {
    return this.#core.roster.activeSpeaker;
  }

  get waiting() {
    return this.#core.roster.waiting;
  }

  get quality() {
    return this.me.quality;
  }

  get chat() {
    return this.#core.chat;
  }

  get directCall() {
    return this.#core.calls.current;
  }

  get mode() {
    return this.#core.calls.mode;
  }

  set mode(mode) {
    this.#core.setMode(checkMode(mode));
  }

  // Local media

  setMicrophone(choice) {
    return this.#core.local.set("microphone", choice);
  }

  setCamera(choice) {
    return this.#core.local.set("camera", choice);
  }

  shareScreen(options) {
    return this.#core.local.share(options);
  }

  async stopScreen() {
    this.#core.local.stopScreen();
  }

  async setMuted(source, muted) {
    this.#core.local.setMuted(source, muted);
  }

  async switchDevice(kind, deviceId) {
    if (kind === "audiooutput") return this.#core.audio.switchDevice(deviceId);
    if (!DEVICES[kind]) throw new TypeError(`there is no kind of device ${kind}`);
    return this.#core.local.switchDevice(DEVICES[kind], deviceId);
  }

  // Remote media

  attach(track, element, options) {
    return this.#core.attach(track, element, options);
  }

  detach(what) {
    this.#core.detach(what);
  }

  pin(track) {
    return this.#core.view.pin(idOf(track));
  }

  unpin(track) {
    return this.#core.view.unpin(idOf(track));
  }

  get pinned() {
    return this.#core.view.pinned;
  }

  setDemand(track, demand) {
    this.#core.view.setDemand(idOf(track), demand);
  }

  addSlots({ video = 0, audio = 0 }) {
    const { wanted } = this.#core.media;
    return this.#core.media.raiseSlots({ video: wanted.video + video, audio: wanted.audio + audio });
  }

  startAudio() {
    return this.#core.audio.start();
  }

  get isAudioBlocked() {
    return this.#core.audio.isBlocked;
  }

  // Data

  topic(name, options) {
    return this.#core.topics.open(name, options);
  }

  signal(to, payload) {
    return this.#ask({ type: "signal", to, payload });
  }

  callDirect(identity) {
    return this.#core.calls.call(identity);
  }

  // Moderation

  kick(participant) {
    return this.#ask({ type: "kick", participant });
  }

  ban(participant) {
    return this.#ask({ type: "ban", participant });
  }

  lock() {
    return this.#ask({ type: "lock" });
  }

  unlock() {
    return this.#ask({ type: "unlock" });
  }

  admit(participant) {
    return this.#ask({ type: "admit", participant });
  }

  reject(participant) {
    return this.#ask({ type: "reject", participant });
  }

  muteParticipant(participant, track) {
    return this.#ask({ type: "mute_participant", participant, track });
  }

  requestUnmute(participant, track) {
    return this.#ask({ type: "request_unmute", participant, track });
  }

  updateMetadata({ name, metadata }) {
    return this.#ask({ type: "update_metadata", name, metadata });
  }

  stats() {
    return this.#core.meter.read();
  }

  retryNow() {
    this.#core.hurry();
  }

  async #ask(message) {
    await this.#core.ask(message);
  }
}
