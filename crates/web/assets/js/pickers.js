/**
 * Lists of devices to choose from.
 *
 * @module
 */

import { devicesOf } from "./capture.js";
import { make } from "./ui.js";

/** The choice of no device at all. */
export const NONE = "none";

/**
 * Lists the devices of a kind; what was chosen stays chosen.
 *
 * @param {HTMLSelectElement} select
 * @param {"videoinput" | "audioinput" | "audiooutput"} kind
 * @param {object} words
 * @param {string} words.noun for devices without a label
 * @param {string} [words.none] offers to use none of them
 * @param {string} [chosen]
 */
export async function fillPicker(select, kind, { noun, none }, chosen = select.value) {
  const devices = await devicesOf(kind);
  const named = devices.map(({ id, label }, index) =>
    make("option", { value: id }, label || `${noun} ${index + 1}`),
  );
  // Before access was granted devices have no ids; the remembered one must not be forgotten over that.
  const isUnknown = devices.length === 0 && chosen && chosen !== NONE;
  if (isUnknown) named.push(make("option", { value: chosen }, "Last used"));
  const any = devices.some(({ id }) => id === "default")
    ? []
    : [make("option", { value: "" }, "System default")];
  const without = none ? [make("option", { value: NONE }, none)] : [];
  select.replaceChildren(...any, ...named, ...without);
  select.value = chosen;
  if (select.selectedIndex < 0) select.selectedIndex = 0;
}
