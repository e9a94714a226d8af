/**
 * What one sends: four tracks, on or off, muted or not, each from a device or from the caller. Who gets them, and how,
 * is decided by whoever listens to `onChange`.
 *
 * @module
 */

import { clientError } from "./error.js";
import { kindOf, openDevice, openScreen, SOURCES } from "./devices.js";

/** One of them. */
export class LocalTrack {
  isLocal = true;
  /** @type {string | null} */
  id = null;
  /** @type {MediaStreamTrack | null} */
  mediaStreamTrack = null;
  isMutedByWish = false;
  /** The device that was chosen by its id. */
  wantedDeviceId = "";
  /** @type {MediaTrackConstraints | true} */
  choice = true;
  /** Counts changes: what a slow dialogue brings must not win over a newer wish. */
  version = 0;

  constructor(source) {
    this.source = source;
    this.kind = kindOf(source);
  }

  /** Whether a device is open for it. */
  get isOn() {
    return this.mediaStreamTrack !== null;
  }

  /** The device that is open, else the one that was chosen. */
  get deviceId() {
    return this.mediaStreamTrack?.getSettings?.().deviceId ?? this.wantedDeviceId;
  }

  /** Whether others get nothing. */
  get muted() {
    return !this.isOn || this.isMutedByWish;
  }
}

/** All four. */
export class LocalMedia {
  /** @type {Map<string, LocalTrack>} */
  tracks = new Map(SOURCES.map((source) => [source, new LocalTrack(source)]));
  #onChange;
  #mayPublish;

  /**
   * @param {object} parts
   * @param {(track: LocalTrack, by: "me" | "admin" | "device") => void} parts.onChange
   * @param {() => boolean} parts.mayPublish
   */
  constructor({ onChange, mayPublish }) {
    this.#onChange = onChange;
    this.#mayPublish = mayPublish;
  }

  /**
   * @param {string} source
   * @returns {LocalTrack}
   */
  get(source) {
    const track = this.tracks.get(source);
    if (!track) throw new TypeError(`there is no source ${source}`);
    return track;
  }

  /**
   * Switches camera or microphone.
   *
   * @param {"camera" | "microphone"} source
   * @param {boolean | MediaTrackConstraints | MediaStreamTrack} choice
   */
  async set(source, choice) {
    const local = this.get(source);
    if (choice === false) return this.#put(local, null);
    this.#checkGrant();
    if (isTrack(choice)) {
      local.isMutedByWish = false;
      return this.#put(local, choice);
    }
    const isSame = choice === true || JSON.stringify(choice) === JSON.stringify(local.choice);
    if (!isSame) {
      local.choice = choice;
      if (choice.deviceId || choice.facingMode) local.wantedDeviceId = "";
    }
    local.isMutedByWish = false;
    if (local.isOn && isSame) return this.#tell(local, "me");
    return this.#open(local);
  }

  /**
   * Shares a screen, and its sound if there is any.
   *
   * @param {object} options see `ScreenOptions` in plenum.d.ts
   */
  async share({ stream, contentHint = "detail", ...wish } = {}) {
    this.#checkGrant();
    const local = this.get("screen");
    const version = ++local.version;
    const got = stream ?? (await openScreen(wish));
    if (version !== local.version) {
      for (const track of got.getTracks()) track.stop();
      throw clientError("capture", "Something else was shared meanwhile.", { source: "screen" });
    }
    const [video] = got.getVideoTracks();
    const [audio] = got.getAudioTracks();
    if (!video) throw clientError("capture", "The stream has no picture.", { source: "screen" });
    video.contentHint = contentHint;
    if (audio) audio.contentHint = "music";
    local.isMutedByWish = false;
    this.get("screen_audio").isMutedByWish = false;
    this.#put(this.get("screen_audio"), audio ?? null);
    return this.#put(local, video);
  }

  /** Stops sharing. */
  stopScreen(by = "me") {
    this.#put(this.get("screen"), null, by);
    this.#put(this.get("screen_audio"), null, by);
  }

  /** Switches something off that the caller did not ask to. */
  drop(source, by) {
    this.#put(this.get(source), null, by);
  }

  /** Mutes or unmutes what is on; the device stays open. */
  setMuted(source, muted, by = "me") {
    const local = this.get(source);
    if (local.isMutedByWish === muted) return;
    if (!muted) this.#checkGrant();
    local.isMutedByWish = muted;
    this.#tell(local, by);
  }

  /** Changes the device, now where one is on. What else was asked of a device stays, as far as it names none. */
  async switchDevice(source, deviceId) {
    const local = this.get(source);
    const { wantedDeviceId, choice } = local;
    const { deviceId: _device, facingMode: _facing, ...rest } = choice === true ? {} : choice;
    Object.assign(local, { wantedDeviceId: deviceId, choice: choice === true ? true : rest });
    if (!local.isOn) return;
    try {
      await this.#open(local);
    } catch (error) {
      Object.assign(local, { wantedDeviceId, choice });
      throw error;
    }
  }

  /** Lets go of everything; `keep` leaves the tracks running for the caller. */
  close(keep = false) {
    for (const local of this.tracks.values()) {
      local.version += 1;
      if (!keep) local.mediaStreamTrack?.stop();
      local.mediaStreamTrack = null;
      local.id = null;
    }
  }

  async #open(local) {
    const version = ++local.version;
    const track = await openDevice(local.source, local.choice, local.wantedDeviceId);
    if (version !== local.version) {
      track.stop();
      return local;
    }
    return this.#put(local, track);
  }

  #put(local, track, by = "me") {
    local.version += 1;
    const previous = local.mediaStreamTrack;
    if (previous === track) return local;
    local.mediaStreamTrack = track;
    if (track) {
      track.addEventListener("ended", () => this.#lose(local, track));
    }
    this.#tell(local, by);
    previous?.stop();
    return local;
  }

  /** A device was unplugged, or the browser's own "stop sharing" pressed. */
  #lose(local, track) {
    if (local.mediaStreamTrack !== track) return;
    if (local.source === "screen") this.stopScreen("device");
    else this.#put(local, null, "device");
  }

  #tell(local, by) {
    if (local.mediaStreamTrack) local.mediaStreamTrack.enabled = !local.isMutedByWish;
    this.#onChange(local, by);
    return local;
  }

  #checkGrant() {
    if (this.#mayPublish()) return;
    throw clientError("forbidden", "You are not allowed to publish in this room.");
  }
}

const isTrack = (value) =>
  typeof value === "object" && typeof value?.stop === "function" && "readyState" in value;
