/**
 * Picture-in-picture of whoever matters most now, in an element of its own that follows the talk.
 *
 * @module
 */

export class PictureInPicture {
  #room;
  #video;
  #choose;
  #track = null;
  #attachment = null;
  #controller = new AbortController();

  /**
   * @param {object} parts
   * @param {import("../../../sdk/plenum.js").Room} parts.room
   * @param {HTMLVideoElement} parts.video
   * @param {() => object | null} parts.choose the track to show
   */
  constructor({ room, video, choose }) {
    this.#room = room;
    this.#video = video;
    this.#choose = choose;
    video.addEventListener("leavepictureinpicture", () => this.#show(null), {
      signal: this.#controller.signal,
    });
  }

  static get isSupported() {
    return Boolean(document.pictureInPictureEnabled);
  }

  get isOn() {
    return document.pictureInPictureElement === this.#video;
  }

  /** Somebody else may matter more now. */
  follow() {
    if (this.isOn) this.#show(this.#choose() ?? this.#track);
  }

  /** @returns {Promise<boolean>} false where there is nobody to show, or the browser refused */
  async toggle() {
    if (this.isOn) {
      await document.exitPictureInPicture();
      return true;
    }
    this.#show(this.#choose());
    if (!this.#track) return false;
    try {
      await ready(this.#video);
      await this.#video.requestPictureInPicture();
      return true;
    } catch {
      this.#show(null);
      return false;
    }
  }

  close() {
    this.#controller.abort();
    if (this.isOn) document.exitPictureInPicture().catch(() => {});
    this.#show(null);
  }

  #show(track) {
    if (this.#track === track) return;
    this.#attachment?.detach();
    this.#track = track;
    // Its size on the page says nothing about the window it is seen in.
    this.#attachment = track ? this.#room.attach(track, this.#video, { adaptive: false }) : null;
  }
}

/** The browser refuses a picture whose size it does not know yet. */
function ready(video) {
  if (video.readyState >= HTMLMediaElement.HAVE_METADATA) return Promise.resolve();
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error("no picture came")), 3_000);
    video.addEventListener("loadedmetadata", () => (clearTimeout(timer), resolve()), { once: true });
  });
}
