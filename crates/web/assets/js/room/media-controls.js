/**
 * Microphone, camera and screen of a call, as buttons and keys work them: on, off, held to talk.
 *
 * @module
 */

import { cameraWish, microphoneWish } from "./local-media.js";
import { recall, remember } from "./memory.js";

export class MediaControls {
  #room;
  #onError;
  /** Muted again when the space bar is let go. */
  #isHeld = false;

  /**
   * @param {import("../../../sdk/plenum.js").Room} room
   * @param {(error: Error, source: "camera" | "microphone" | "screen") => void} onError
   */
  constructor(room, onError) {
    this.#room = room;
    this.#onError = onError;
  }

  /** Whether screens can be shared here; phones cannot. */
  static get canShare() {
    return Boolean(navigator.mediaDevices?.getDisplayMedia);
  }

  /**
   * @param {"camera" | "microphone" | "screen"} source
   * @returns {boolean} whether others get it
   */
  isOn(source) {
    const track = this.#room.localTracks.get(source);
    return Boolean(track) && !track.muted;
  }

  toggleMicrophone() {
    this.#isHeld = false;
    const isOn = !this.isOn("microphone");
    remember({ microphone: isOn });
    return this.#setMicrophone(isOn);
  }

  /** The device stays open while muted: it must be there at the first word. */
  #setMicrophone(isOn) {
    return this.#try("microphone", () => {
      const isOpen = this.#room.localTracks.get("microphone")?.isOn;
      if (isOpen) return this.#room.setMuted("microphone", !isOn);
      return isOn && this.#room.setMicrophone(microphoneWish(known(recall().microphoneId)));
    });
  }

  /** Off closes the device, and with it the light beside the lens. */
  toggleCamera() {
    const isOn = !this.isOn("camera");
    remember({ camera: isOn });
    return this.#try("camera", () => this.#room.setCamera(isOn && cameraWish(known(recall().cameraId))));
  }

  toggleScreen() {
    if (this.isOn("screen")) return this.#try("screen", () => this.#room.stopScreen());
    if (!MediaControls.canShare) return Promise.resolve();
    return this.#try("screen", () => this.#room.shareScreen());
  }

  /** Talks until {@link hush}, if muted. */
  talk() {
    if (this.isOn("microphone") || !this.#room.me.permissions.canPublish) return;
    this.#isHeld = true;
    this.#setMicrophone(true).then(() => {
      // Let go before the device was open.
      if (!this.#isHeld && this.isOn("microphone")) this.#setMicrophone(false);
    });
  }

  hush() {
    if (!this.#isHeld) return;
    this.#isHeld = false;
    this.#setMicrophone(false);
  }

  /** A failure that came another way than through these controls. */
  report(error, source) {
    this.#onError(error, source);
  }

  async #try(source, task) {
    try {
      await task();
    } catch (error) {
      this.#onError(error, source);
    }
  }
}

const known = (id) => (id === "none" ? "" : id);
