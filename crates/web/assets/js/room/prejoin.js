/**
 * The check before a call: name, picture, level, devices, and what will happen. The opened devices are
 * handed to the call; nothing is connected here.
 *
 * @module
 */

import { LevelMeter } from "../capture.js";
import { troubleOfInsecurePage } from "../device-problems.js";
import { fillPicker, NONE } from "../pickers.js";
import { byId, dress, setText } from "../ui.js";
import { openDevices, promiseOf } from "./local-media.js";
import { recall, remember } from "./memory.js";
import { initialsOf } from "./names.js";
import { troubleOfDevice } from "./problems.js";

/** Joining waits so long for a question of the browser that is still open. */
const PATIENCE_MS = 1_500;
const KINDS = ["camera", "microphone"];

/**
 * @typedef {object} Choice
 * @property {string} name
 * @property {string} token
 * @property {MediaStreamTrack | null} camera
 * @property {MediaStreamTrack | null} microphone
 */

export class Prejoin {
  /** @type {Record<"camera" | "microphone", MediaStreamTrack | null>} */
  #tracks = { camera: null, microphone: null };
  /** What the visitor wants on; it stays wanted when it does not open. */
  #wish = { camera: true, microphone: true };
  /** @type {{camera?: Error, microphone?: Error}} */
  #errors = {};
  #opening = Promise.resolve();
  /** Counts openings: a question that was answered late must not win over a newer one. */
  #turns = { camera: 0, microphone: 0 };
  #meter = new LevelMeter();
  /** Whether it is what the visitor looks at. */
  #isActive = false;
  /** Whether devices may be opened: also for a call that was joined before they were. */
  #isClosed = false;
  #hasSaid = false;
  #shownLevel = 0;
  #notice;
  #onLate;

  /**
   * @param {object} parts
   * @param {(trouble: object | null, act?: (act: string) => void) => void} parts.notice
   * @param {(choice: Choice) => void} parts.onJoin
   * @param {(kind: "camera" | "microphone", track: MediaStreamTrack) => void} parts.onLate a device that opened
   *   only after the call was joined
   */
  constructor({ notice, onJoin, onLate }) {
    this.#notice = notice;
    this.#onLate = onLate;
    const before = recall();
    this.#wish = { camera: before.camera, microphone: before.microphone };
    byId("preview-mic").addEventListener("click", () => this.#toggle("microphone"));
    byId("preview-camera").addEventListener("click", () => this.#toggle("camera"));
    for (const kind of KINDS) byId(kind).addEventListener("change", () => this.#choose(kind));
    byId("name").addEventListener("input", () => this.#drawInitials());
    byId("door").addEventListener("submit", async (event) => {
      event.preventDefault();
      onJoin(await this.#finish());
    });
    for (const event of ["pointerdown", "keydown"])
      document.addEventListener(event, () => this.#meter.wake());
    navigator.mediaDevices?.addEventListener?.("devicechange", () => this.#isActive && this.#fill());
  }

  /** Starts, or starts over after a call. */
  async open() {
    this.#isActive = true;
    this.#isClosed = false;
    this.#hasSaid = false;
    this.setBusy(false);
    this.#draw();
    this.#drawLevel();
    this.#opening = this.#begin();
    await this.#opening;
  }

  /** Part of opening from the first moment on: whoever joins at once joins with camera and microphone all the same. */
  async #begin() {
    const { cameraId, microphoneId } = recall();
    await this.#fill({ cameraId, microphoneId });
    if (this.#isClosed) return;
    if (navigator.mediaDevices) await this.#openNow(this.#wanted(KINDS), KINDS);
    else if (this.#isActive) this.#sayInsecure();
  }

  /** @param {boolean} isBusy while joining */
  setBusy(isBusy) {
    byId("join").disabled = isBusy;
    setText(byId("join"), isBusy ? "Joining" : "Join");
  }

  /** Gives the devices back: another page wants them, or nobody does. */
  close() {
    this.#isActive = false;
    this.#isClosed = true;
    for (const kind of KINDS) this.#drop(kind);
    this.#draw();
  }

  #isOn(kind) {
    return this.#wish[kind] && !this.#errors[kind] && Boolean(navigator.mediaDevices);
  }

  #sayInsecure() {
    const trouble = troubleOfInsecurePage(location);
    this.#say(trouble, () => location.assign(trouble.href));
    this.#draw();
  }

  /** What was chosen, remembered; from here on the tracks belong to the call. */
  async #finish() {
    this.setBusy(true);
    await Promise.race([this.#opening, new Promise((resolve) => setTimeout(resolve, PATIENCE_MS))]);
    const name = byId("name").value.trim();
    remember({ name, ...this.#wish });
    const choice = { name, token: byId("token").value.trim(), ...this.#tracks };
    this.#isActive = false;
    this.#tracks = { camera: null, microphone: null };
    this.#meter.listen(null);
    return choice;
  }

  #reopen(kinds) {
    this.#opening = this.#openNow(this.#wanted(kinds), kinds);
    return this.#opening;
  }

  #wanted(kinds) {
    return Object.fromEntries(KINDS.map((kind) => [kind, kinds.includes(kind) && this.#wish[kind]]));
  }

  async #openNow(wanted, kinds) {
    for (const kind of kinds) this.#drop(kind);
    const turns = { ...this.#turns };
    this.#draw({ isOpening: kinds.some((kind) => wanted[kind]) });
    const ids = { cameraId: byId("camera").value, microphoneId: byId("microphone").value };
    const opened = await openDevices({ ...ids, ...wanted });
    for (const kind of kinds) {
      if (turns[kind] === this.#turns[kind]) this.#take(kind, opened[kind], opened.errors[kind]);
      else opened[kind]?.stop();
    }
    this.#sayTrouble();
    this.#draw();
    if (this.#isActive) await this.#fill();
  }

  #take(kind, track, error) {
    if (error) this.#errors[kind] = error;
    if (!track) return;
    if (!this.#isActive) return this.#onLate(kind, track);
    this.#tracks[kind] = track;
    track.addEventListener("ended", () => this.#tracks[kind] === track && this.#lose(kind));
  }

  #lose(kind) {
    this.#drop(kind);
    this.#errors[kind] = new DOMException("it was disconnected", "NotFoundError");
    this.#say({ what: `The ${kind} was disconnected.`, todo: "Connect it again, or choose another one." });
    this.#draw();
  }

  #sayTrouble() {
    if (!this.#isActive) return;
    const errors = this.#errors;
    const failed = KINDS.filter((kind) => errors[kind]);
    if (failed.length === 0) return this.#say(null);
    // Both failed for the same reason: then it is one sentence about both.
    const isBoth = failed.length === 2 && errors.camera.name === errors.microphone.name;
    const source = isBoth ? "camera or microphone" : failed[0];
    const trouble = troubleOfDevice(errors[failed[0]], { source, agent: navigator.userAgent });
    this.#say({ ...trouble, button: "Try again" }, () => this.#reopen(failed));
  }

  /** Takes back only what was said here: the notice may speak of something else. */
  #say(trouble, act) {
    if (trouble || this.#hasSaid) this.#notice(trouble, act);
    this.#hasSaid = Boolean(trouble);
  }

  /** Closes a device, and forgets what became of it. */
  #drop(kind) {
    this.#turns[kind] += 1;
    this.#tracks[kind]?.stop();
    this.#tracks[kind] = null;
    delete this.#errors[kind];
  }

  #toggle(kind) {
    this.#wish[kind] = !this.#isOn(kind);
    if (this.#wish[kind] && byId(kind).value === NONE) byId(kind).selectedIndex = 0;
    this.#reopen([kind]);
  }

  #choose(kind) {
    remember({ [`${kind}Id`]: byId(kind).value });
    this.#wish[kind] = byId(kind).value !== NONE;
    this.#reopen([kind]);
  }

  async #fill({ cameraId, microphoneId } = {}) {
    const ids = { camera: cameraId, microphone: microphoneId };
    const words = {
      camera: { noun: "Camera", none: "No camera" },
      microphone: { noun: "Microphone", none: "No microphone" },
    };
    await fillPicker(byId("camera"), "videoinput", words.camera, ids.camera);
    await fillPicker(byId("microphone"), "audioinput", words.microphone, ids.microphone);
    for (const kind of KINDS) {
      const settings = this.#tracks[kind]?.getSettings?.();
      if (settings?.deviceId && byId(kind).value === "") byId(kind).value = settings.deviceId;
      if (byId(kind).selectedIndex < 0) byId(kind).selectedIndex = 0;
    }
  }

  #draw({ isOpening = false } = {}) {
    const { camera, microphone } = this.#tracks;
    const preview = byId("preview");
    if ((preview.srcObject?.getVideoTracks()[0] ?? null) !== camera) {
      preview.srcObject = camera ? new MediaStream([camera]) : null;
    }
    byId("glass").classList.toggle("dark", !camera);
    this.#meter.listen(microphone ? new MediaStream([microphone]) : null);
    byId("level").classList.toggle("off", !microphone);
    setText(byId("preview-note"), noteOf({ isOpening, camera, microphone }));
    setText(byId("promise"), promiseOf({ hasCamera: Boolean(camera), hasMicrophone: Boolean(microphone) }));
    const canOpen = Boolean(navigator.mediaDevices);
    dressToggle("preview-mic", "microphone", "mic", this.#isOn("microphone"), canOpen);
    dressToggle("preview-camera", "camera", "camera", this.#isOn("camera"), canOpen);
    this.#drawInitials();
  }

  #drawInitials() {
    const name = byId("name").value.trim();
    setText(byId("preview-initials"), name ? initialsOf(name) : "");
  }

  #drawLevel() {
    if (!this.#isActive) return;
    // Falls slower than it rises, so that short sounds are seen.
    this.#shownLevel = Math.max(this.#meter.read(), this.#shownLevel - 0.02);
    byId("level").style.setProperty("--share", this.#shownLevel.toFixed(3));
    byId("level").setAttribute("aria-valuenow", String(Math.round(this.#shownLevel * 100)));
    setText(
      byId("level-hint"),
      this.#meter.isAsleep ? "Click anywhere, then speak: the bar shows your voice." : "",
    );
    requestAnimationFrame(() => this.#drawLevel());
  }
}

function noteOf({ isOpening, camera, microphone }) {
  if (isOpening) return "Allow camera and microphone when the browser asks.";
  if (camera) return "";
  return microphone ? "Camera is off" : "Camera and microphone are off";
}

function dressToggle(id, noun, iconName, isOn, canOpen) {
  dress(byId(id), {
    icon: isOn ? iconName : `${iconName}-off`,
    name: isOn ? `Turn the ${noun} off` : `Turn the ${noun} on`,
    pressed: isOn,
  });
  byId(id).disabled = !canOpen;
}
