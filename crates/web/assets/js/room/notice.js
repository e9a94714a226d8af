/**
 * The page's one notice: what is wrong, what to do, one button. It is shown where the visitor is looking:
 * before, in or after a call.
 *
 * @module
 */

import { byId, dress, icon, make, showTrouble } from "../ui.js";

const close = make("button", { type: "button", class: "button round plain close" }, icon("close"));
const notice = make(
  "div",
  { id: "trouble", class: "notice", role: "alert", "data-testid": "error", hidden: true },
  icon("alert"),
  make("p", {}, make("strong", { class: "what" }), " ", make("span", { class: "todo" })),
  make("button", { type: "button", class: "button act" }),
  close,
);
let timer = 0;
let gone = () => {};
byId("notice-prejoin").append(notice);
dress(close, { name: "Close this notice" });
close.addEventListener("click", hideNotice);

/** Takes it away. */
export function hideNotice() {
  clearTimeout(timer);
  showTrouble(notice, null);
  leave();
}

/** Whatever was said is said no more. */
function leave() {
  const tell = gone;
  gone = () => {};
  tell();
}

/**
 * @param {"prejoin" | "call" | "ended"} place
 * @param {{what: string, todo: string, button?: string, act?: string}} trouble
 * @param {object} [options]
 * @param {(act: string) => void} [options.act] what its button does
 * @param {number} [options.forMs] goes by itself
 * @param {() => void} [options.onGone] it was closed, or something else is said instead
 */
export function showNotice(place, trouble, { act, forMs, onGone = () => {} } = {}) {
  clearTimeout(timer);
  leave();
  gone = onGone;
  const host = byId(`notice-${place}`);
  if (notice.parentElement !== host) host.append(notice);
  close.hidden = place !== "call";
  showTrouble(notice, { button: "", ...trouble }, (name) => {
    if (place === "call") hideNotice();
    act?.(name);
  });
  if (forMs) timer = setTimeout(hideNotice, forMs);
}
