/**
 * Plays what is heard: a hidden audio element for each audio slot, and for the sound of a direct call.
 *
 * @module
 */

import { clientError } from "./error.js";

/** All voices of one room. */
export class AudioOutput {
  /** @type {Map<string, HTMLAudioElement>} */
  #elements = new Map();
  #deviceId = "";
  #isBlocked = false;
  #onBlocked;

  /** @param {(isBlocked: boolean) => void} onBlocked */
  constructor(onBlocked) {
    this.#onBlocked = onBlocked;
  }

  get isBlocked() {
    return this.#isBlocked;
  }

  /**
   * Plays exactly these from now on, by any key.
   *
   * @param {Map<string, MediaStreamTrack>} tracks
   */
  play(tracks) {
    for (const [key, element] of [...this.#elements]) {
      if (element.srcObject?.getAudioTracks()[0] !== tracks.get(key)) this.#drop(key, element);
    }
    for (const [key, track] of tracks) if (!this.#elements.has(key)) this.#add(key, track);
    if (this.#elements.size === 0) this.#setBlocked(false);
  }

  /** Tries again what the browser refused. */
  async start() {
    await Promise.all([...this.#elements.values()].map((element) => this.#start(element)));
  }

  /** @param {string} deviceId `""` for the system's choice */
  async switchDevice(deviceId) {
    if (!("setSinkId" in HTMLMediaElement.prototype)) {
      throw clientError("unsupported", "This browser cannot choose where sound is played.");
    }
    const answers = [...this.#elements.values()].map((element) => element.setSinkId(deviceId));
    try {
      await Promise.all(answers);
    } catch (cause) {
      throw clientError("unsupported", "The browser refused this output.", { cause });
    }
    this.#deviceId = deviceId;
  }

  close() {
    this.play(new Map());
  }

  #add(key, track) {
    const element = new Audio();
    element.autoplay = true;
    element.srcObject = new MediaStream([track]);
    this.#elements.set(key, element);
    if (this.#deviceId) element.setSinkId?.(this.#deviceId).catch(() => {});
    this.#start(element);
  }

  #drop(key, element) {
    this.#elements.delete(key);
    element.pause();
    element.srcObject = null;
  }

  async #start(element) {
    try {
      await element.play();
      if ([...this.#elements.values()].every(({ paused }) => !paused)) this.#setBlocked(false);
    } catch (error) {
      // Anything else is an element that was dropped meanwhile.
      if (error.name === "NotAllowedError") this.#setBlocked(true);
    }
  }

  #setBlocked(isBlocked) {
    if (this.#isBlocked === isBlocked) return;
    this.#isBlocked = isBlocked;
    this.#onBlocked(isBlocked);
  }
}
