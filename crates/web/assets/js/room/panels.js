/**
 * Chat and people beside the stage, or as a sheet over it on a phone: one at a time.
 *
 * @module
 */

import { byId } from "../ui.js";

const NAMES = ["chat", "people"];

export class Panels {
  /** @type {"chat" | "people" | null} */
  open = null;
  #call;
  #onChange;
  #controller = new AbortController();

  /**
   * @param {HTMLElement} call gets `data-panel`
   * @param {(open: "chat" | "people" | null) => void} onChange
   */
  constructor(call, onChange) {
    this.#call = call;
    this.#onChange = onChange;
    const { signal } = this.#controller;
    for (const name of NAMES) {
      byId(`${name}-toggle`).addEventListener("click", () => this.toggle(name), { signal });
      byId(`${name}-close`).addEventListener("click", () => this.show(null), { signal });
    }
    // A closed chat stays a live region; whoever reaches into it by other ways than Tab opens it.
    byId("chat").addEventListener("focusin", () => this.open !== "chat" && this.show("chat"), { signal });
    this.#draw();
  }

  /** @param {"chat" | "people"} name */
  toggle(name) {
    this.show(this.open === name ? null : name);
  }

  /** @param {"chat" | "people" | null} name */
  show(name) {
    if (this.open === name) return;
    const before = this.open;
    this.open = name;
    const hadFocus = before !== null && byId(before).contains(document.activeElement);
    this.#draw();
    if (name !== null) this.#focus(name);
    else if (hadFocus) byId(`${before}-toggle`).focus();
    this.#onChange(name);
  }

  /** The end of the call. */
  close() {
    this.#controller.abort();
    this.open = null;
    this.#draw();
  }

  #draw() {
    this.#call.dataset.panel = this.open ?? "none";
    byId("people").hidden = this.open !== "people";
    const isChatOpen = this.open === "chat";
    byId("chat").classList.toggle("closed", !isChatOpen);
    for (const element of byId("chat").querySelectorAll("button, textarea, a")) {
      element.tabIndex = isChatOpen ? 0 : -1;
    }
  }

  #focus(name) {
    const panel = byId(name);
    if (panel.contains(document.activeElement)) return;
    // On a phone a focused field would bring up the keyboard over what was to be read.
    const isTouch = matchMedia("(pointer: coarse)").matches;
    const target = name === "chat" && !isTouch ? byId("chat-input") : byId(`${name}-close`);
    target.focus({ preventScroll: true });
  }
}
