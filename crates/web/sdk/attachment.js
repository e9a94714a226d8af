/**
 * One element that shows or plays one track, whatever brings it. Nothing stale is ever seen: what a slot showed before
 * is hidden until the first frame of what it shows now.
 *
 * @module
 */

/** After a switch inside a slot the former picture may still come for so long. */
const SETTLE_MS = 600;
const POLL_MS = 60;
/** For browsers that do not tell when a frame is shown. */
const GUESS_MS = 300;

/** @typedef {{track: MediaStreamTrack, receiver?: RTCRtpReceiver, isSwitch?: boolean}} Feed */

/** The binding of an element. */
export class Attachment {
  /** @type {"idle" | "waiting" | "live"} */
  state = "idle";
  #onState;
  #onDetach;
  #feed = null;
  #round = 0;

  /**
   * @param {HTMLMediaElement} element
   * @param {string} trackId
   * @param {object} parts
   * @param {string} [parts.source] for one's own tracks
   * @param {number} parts.priority
   * @param {boolean} parts.adaptive
   * @param {(state: string) => void} [parts.onState]
   * @param {(attachment: Attachment) => void} parts.onDetach
   */
  constructor(element, trackId, { source = "", priority, adaptive, onState, onDetach }) {
    this.element = element;
    this.trackId = trackId;
    this.source = source;
    this.priority = priority;
    this.adaptive = adaptive;
    this.#onState = onState;
    this.#onDetach = onDetach;
    this.element.setAttribute("data-plenum", "idle");
    queueMicrotask(() => this.#onState?.(this.state));
  }

  /** The `MediaStreamTrack` in the element. */
  get fed() {
    return this.#feed?.track ?? null;
  }

  detach() {
    this.#onDetach(this);
  }

  /** Empties the element and lets go of it. */
  release() {
    this.feed(null);
    this.element.removeAttribute("data-plenum");
    this.#onState = undefined;
  }

  /**
   * Shows this from now on; `null` is nothing.
   *
   * @param {Feed | null} feed
   */
  feed(feed) {
    if (this.#feed?.track === feed?.track && !feed?.isSwitch) return;
    this.#feed = feed;
    const round = ++this.#round;
    const { element } = this;
    if (!feed) {
      element.srcObject = null;
      if (element.style) element.style.visibility = "";
      return this.#enter("idle");
    }
    const isVideo = feed.track.kind === "video";
    if (isVideo && element.style) element.style.visibility = "hidden";
    element.srcObject = new MediaStream([feed.track]);
    if (isVideo) {
      // There is no sound in it, and nobody shall have to click for a picture.
      element.muted = true;
      element.playsInline = true;
    }
    element.autoplay = true;
    Promise.resolve(element.play?.()).catch(() => {});
    this.#enter("waiting");
    this.#settle(feed, round);
  }

  async #settle(feed, round) {
    if (feed.isSwitch && feed.receiver) await nextKeyframe(feed.receiver, () => round !== this.#round);
    if (round !== this.#round) return;
    if (feed.track.kind === "audio") return this.#enter("live");
    firstFrame(this.element, () => {
      if (round !== this.#round) return;
      if (this.element.style) this.element.style.visibility = "";
      this.#enter("live");
    });
  }

  #enter(state) {
    if (this.state === state) return;
    this.state = state;
    this.element.setAttribute("data-plenum", state);
    this.#onState?.(state);
  }
}

/** A switch begins with a keyframe; but the news of it may be slower than itself, so this does not wait for ever. */
async function nextKeyframe(receiver, isOver) {
  const before = await keyframes(receiver);
  if (before === null) return sleep(SETTLE_MS);
  for (let waited = 0; waited < SETTLE_MS && !isOver(); waited += POLL_MS) {
    await sleep(POLL_MS);
    if ((await keyframes(receiver)) > before) return;
  }
}

async function keyframes(receiver) {
  try {
    for (const stats of (await receiver.getStats()).values()) {
      if (stats.type === "inbound-rtp") return stats.keyFramesDecoded ?? null;
    }
  } catch {
    // The session is gone; the caller will notice.
  }
  return null;
}

function firstFrame(video, act) {
  if (video.requestVideoFrameCallback) return void video.requestVideoFrameCallback(act);
  const guess = () =>
    video.readyState >= 2 ? act() : video.addEventListener("loadeddata", act, { once: true });
  setTimeout(guess, GUESS_MS);
}

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
