/**
 * One tile: a picture or initials, a name, and what there is to say about them. It draws what it is told;
 * who is where is the stage's.
 *
 * @module
 */

import { icon, make, setText } from "../ui.js";
import { hueOf, initialsOf } from "./names.js";

/**
 * @typedef {object} Look
 * @property {string} name
 * @property {boolean} hasVideo whether a picture is sent
 * @property {boolean} isMuted whether the microphone is off
 * @property {boolean} hasVoice a screen has none to be muted
 * @property {boolean} isSpeaking
 * @property {boolean} isPinned
 * @property {string} note a quiet word more, or none
 * @property {"good" | "fair" | "poor" | "lost"} quality
 */

/** What is said about a connection; a good one is not worth a word, and a small tile has room for one. */
const QUALITY = { good: "", fair: "Weak", poor: "Poor", lost: "Lost" };

export class Tile {
  #attached = null;
  #detach = () => {};

  /**
   * @param {object} about
   * @param {string} about.identity
   * @param {"camera" | "screen"} about.source
   * @param {boolean} about.isSelf
   * @param {() => void} about.onPin
   * @param {(button: HTMLElement) => void} about.onMenu
   */
  constructor({ identity, source, isSelf, onPin, onMenu }) {
    this.identity = identity;
    this.source = source;
    this.isSelf = isSelf;
    this.video = make("video", { playsinline: true, autoplay: true, tabindex: "-1" });
    // Voices have elements of their own; a tile that sounded, too, would double them.
    this.video.muted = true;
    this.initials = make("span", { class: "initials" });
    this.name = make("bdi", { class: "call-name" });
    this.marks = {
      muted: mark("mic-off", "Microphone off"),
      speaking: mark("speaking", "Speaking"),
      pinned: mark("pin", "Pinned"),
    };
    this.word = make(
      "span",
      { class: "word", hidden: true },
      make("span"),
      make("span", { class: "rest" }, " connection"),
    );
    this.note = make("span", { class: "word calm", hidden: true });
    this.menu = make(
      "button",
      { type: "button", class: "button round tile-menu", "aria-haspopup": "menu", "aria-expanded": "false" },
      icon("more"),
    );
    const plate = make("p", { class: "plate" }, ...Object.values(this.marks), this.name);
    const words = make("p", { class: "words" }, this.word, this.note);
    this.element = make(
      "div",
      {
        class: `call-tile ${source}${isSelf ? " self" : ""}`,
        role: "group",
        "data-participant": identity,
        "data-source": source,
      },
      this.video,
      make("div", { class: "face", "aria-hidden": "true" }, this.initials),
      plate,
      words,
      this.menu,
    );
    this.element.style.setProperty("--hue", String(hueOf(identity)));
    this.element.addEventListener("dblclick", (event) => !event.target.closest("button") && onPin());
    this.menu.addEventListener("click", () => onMenu(this.menu));
  }

  /** @param {Look} look */
  draw({ name, hasVideo, hasVoice, isMuted, isSpeaking, isPinned, note, quality }) {
    const { element } = this;
    const shown = this.isSelf ? `${name} (you)` : this.source === "screen" ? `${name}'s screen` : name;
    setText(this.name, shown);
    setText(this.initials, initialsOf(name));
    element.setAttribute(
      "aria-label",
      [shown, hasVoice && isMuted ? "microphone off" : ""].filter(Boolean).join(", "),
    );
    element.dataset.testid = this.isSelf ? "self-tile" : hasVideo ? "tile" : "person";
    element.classList.toggle("speaking", isSpeaking);
    element.classList.toggle("quiet", !hasVideo);
    element.classList.toggle("lost", quality === "lost");
    this.marks.muted.hidden = !(hasVoice && isMuted);
    this.marks.speaking.hidden = !isSpeaking || isMuted;
    this.marks.pinned.hidden = !isPinned;
    this.word.hidden = !QUALITY[quality];
    setText(this.word.firstElementChild, QUALITY[quality]);
    this.note.hidden = !note;
    setText(this.note, note);
    const options = `Options for ${shown}`;
    if (this.menu.title !== options) {
      this.menu.title = options;
      this.menu.setAttribute("aria-label", options);
    }
  }

  /**
   * Shows a track, or nothing.
   *
   * @param {import("../../../sdk/plenum.js").Room} room
   * @param {object | null} track of the room
   */
  attach(room, track) {
    if (this.#attached === track) return;
    this.#detach();
    this.#attached = track;
    this.element.dataset.picture = "idle";
    if (!track) {
      this.#detach = () => {};
      return;
    }
    const attachment = room.attach(track, this.video, {
      onState: (state) => {
        this.element.dataset.picture = state;
      },
    });
    this.#detach = () => attachment.detach();
  }

  /** @param {import("./layout.js").Rect & {role: string} | undefined} place nowhere: the tile is not shown */
  place(place) {
    const { element } = this;
    element.hidden = !place;
    if (!place) return;
    element.dataset.role = place.role;
    setRect(element, place);
  }

  /** Takes it off the stage. */
  remove() {
    this.attach(null, null);
    this.element.remove();
  }
}

/**
 * @param {HTMLElement} element
 * @param {import("./layout.js").Rect} rect
 */
export function setRect(element, { x, y, width, height }) {
  const style = element.style;
  style.setProperty("transform", `translate(${Math.round(x)}px, ${Math.round(y)}px)`);
  style.setProperty("width", `${Math.round(width)}px`);
  style.setProperty("height", `${Math.round(height)}px`);
}

function mark(name, text) {
  const element = make(
    "span",
    { class: `mark ${name}`, role: "img", "aria-label": text, title: text },
    icon(name),
  );
  element.hidden = true;
  return element;
}
