/**
 * The control bar: what its buttons say, and when it steps back.
 *
 * @module
 */

import { byId, dress, setText } from "../ui.js";
import { isMenuOpen } from "./menu.js";

/** The bar hides after so long without a move on the stage. */
const STILL_MS = 3_000;

/**
 * @typedef {object} BarState
 * @property {boolean} isMicOn
 * @property {boolean} isCameraOn
 * @property {boolean} isSharing
 * @property {boolean} canPublish
 * @property {boolean} canShare whether this browser can share screens
 * @property {"chat" | "people" | null} panel which one is open
 * @property {number} unread
 * @property {number} people everybody in the call
 * @property {number} waiting in front of the door
 * @property {"grid" | "speaker"} mode
 * @property {"hidden" | "off" | "calling" | "on"} direct
 */

/** @param {BarState} state */
export function drawBar(state) {
  drawMedia(state);
  drawPanels(state);
  const isGrid = state.mode === "grid";
  // The icon shows what a press would bring.
  dress(byId("layout"), {
    icon: isGrid ? "speaker-view" : "grid",
    name: isGrid ? "Speaker layout" : "Grid layout",
    shortcut: "L",
  });
  dress(byId("more"), { name: "More" });
  dress(byId("leave"), { name: "Leave the call" });
  drawDirect(state.direct);
}

function drawMedia({ isMicOn, isCameraOn, isSharing, canPublish, canShare }) {
  const forbidden = canPublish ? "" : " (you may only watch and listen)";
  dress(byId("mic"), {
    icon: isMicOn ? "mic" : "mic-off",
    name: (isMicOn ? "Mute microphone" : "Unmute microphone") + forbidden,
    shortcut: "M",
    pressed: isMicOn,
  });
  dress(byId("cam"), {
    icon: isCameraOn ? "camera" : "camera-off",
    name: (isCameraOn ? "Stop camera" : "Start camera") + forbidden,
    shortcut: "V",
    pressed: isCameraOn,
  });
  dress(byId("screen"), {
    icon: "screen",
    name: isSharing ? "Stop sharing your screen" : "Share your screen",
    shortcut: "S",
    pressed: isSharing,
  });
  for (const id of ["mic", "cam", "screen"]) byId(id).disabled = !canPublish;
  byId("screen").hidden = !canShare;
}

function drawPanels({ panel, unread, people, waiting }) {
  drawToggle("chat", {
    name: "Chat",
    shortcut: "C",
    isOpen: panel === "chat",
    count: unread,
    noun: "unread",
  });
  drawToggle("people", {
    name: `People, ${people} in the call`,
    isOpen: panel === "people",
    count: waiting,
    noun: "waiting to be let in",
  });
}

function drawToggle(id, { name, shortcut, isOpen, count, noun }) {
  const button = byId(`${id}-toggle`);
  const badge = button.querySelector(".count");
  badge.hidden = count === 0;
  setText(badge, count > 99 ? "99+" : String(count));
  dress(button, { name: count > 0 ? `${name}, ${count} ${noun}` : name, shortcut });
  button.setAttribute("aria-expanded", String(isOpen));
}

/** The switch is there only when there are exactly two people to connect. */
function drawDirect(direct) {
  const button = byId("direct-call");
  button.hidden = direct === "hidden";
  button.setAttribute("aria-checked", String(direct === "on" || direct === "calling"));
  button.dataset.state = direct;
  button.title = {
    hidden: "",
    off: "Send picture and sound straight to the other browser, which then sees your network address",
    calling: "Trying to reach the other browser",
    on: "Picture and sound go straight from browser to browser",
  }[direct];
}

/** The label of the direct switch for the menu of narrow windows. */
export const DIRECT_LABEL = "Direct call";

/**
 * Hides the bar when nothing moves on the stage; never while it is in use or something is open.
 *
 * @param {HTMLElement} call the element that gets the class `still`
 * @param {HTMLElement} bar
 * @param {() => boolean} isBusy anything else that keeps it
 * @returns {() => void} stops
 */
export function hideWhenStill(call, bar, isBusy) {
  const controller = new AbortController();
  let timer = 0;
  const wake = () => {
    call.classList.remove("still");
    clearTimeout(timer);
    timer = setTimeout(rest, STILL_MS);
  };
  const rest = () => {
    const isUsed = bar.matches(":hover") || bar.querySelector(":focus-visible") !== null;
    if (isUsed || isMenuOpen() || isBusy()) timer = setTimeout(rest, STILL_MS);
    else call.classList.add("still");
  };
  // A tap brings back what was hidden; it must not press what the finger could not see.
  let isBlind = false;
  const look = ({ pointerType, target }) => {
    isBlind = pointerType === "touch" && call.classList.contains("still") && bar.contains(target);
  };
  const swallow = (event) => {
    if (!isBlind) return;
    isBlind = false;
    event.preventDefault();
    event.stopImmediatePropagation();
  };
  const { signal } = controller;
  document.addEventListener("pointerdown", look, { signal, capture: true });
  bar.addEventListener("click", swallow, { signal, capture: true });
  for (const event of ["pointermove", "pointerdown", "keydown", "focusin", "touchstart"]) {
    document.addEventListener(event, wake, { signal, passive: true });
  }
  wake();
  return () => {
    clearTimeout(timer);
    controller.abort();
    call.classList.remove("still");
  };
}
