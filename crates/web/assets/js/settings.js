/**
 * The publisher's form: what to send, remembered between visits, and overruled by the address.
 *
 * @module
 */

import { flag, tokenOf } from "./options.js";
import { fillPicker } from "./pickers.js";
import { byId, make } from "./ui.js";
import { sendableCodecs } from "../../sdk/whip.js";

const query = new URLSearchParams(location.search);
const settings = byId("settings");

/**
 * Switches between camera and screen.
 *
 * @param {"camera" | "screen"} value
 */
export function setSource(value) {
  settings.querySelector(`input[value="${value}"]`).checked = true;
}

/** @returns {"camera" | "screen"} */
export const source = () => settings.elements.source.value;
/** @returns {import("./capture.js").Wish} */
export const wish = () => ({
  source: source(),
  cameraId: byId("camera").value,
  microphoneId: byId("microphone").value,
  height: Number(byId("height").value),
});

/** Keeps devices, size and name for the next visit. */
export function remember() {
  try {
    const { cameraId, microphoneId, height } = wish();
    localStorage.setItem(
      "plenum.publish",
      JSON.stringify({ cameraId, microphoneId, height, name: byId("name").value }),
    );
  } catch {
    // Private windows may forbid it; then nothing is remembered.
  }
}

function remembered() {
  try {
    return JSON.parse(localStorage.getItem("plenum.publish")) ?? {};
  } catch {
    return {};
  }
}

/** Fills in what the address says, else what was remembered. */
export function fillForm() {
  const before = remembered();
  for (const codec of sendableCodecs()) byId("codec").append(make("option", { value: codec }, codec));
  byId("codec").value =
    sendableCodecs().find((codec) => codec === (query.get("codec") ?? "").toUpperCase()) ?? "";
  byId("height").value = query.get("height") ?? before.height ?? "720";
  if (!byId("height").value) byId("height").value = "720";
  byId("name").value = query.get("name") ?? before.name ?? "";
  byId("simulcast").checked = flag(query, "simulcast", false);
  byId("token").value = tokenOf(location.hash);
  byId("token-row").hidden = !byId("token").value;
  setSource(query.get("source") === "screen" ? "screen" : "camera");
  settings.querySelector('input[value="screen"]').disabled = !navigator.mediaDevices?.getDisplayMedia;
  const microphoneId = flag(query, "audio", true) ? before.microphoneId : "none";
  return fillDevices({ cameraId: before.cameraId, microphoneId });
}

/** Lists the devices anew; what was chosen stays chosen. */
export async function fillDevices(chosen = {}) {
  await fillPicker(byId("camera"), "videoinput", { noun: "Camera", none: "No camera" }, chosen.cameraId);
  const words = { noun: "Microphone", none: "No microphone" };
  await fillPicker(byId("microphone"), "audioinput", words, chosen.microphoneId);
  byId("camera-field").hidden = source() === "screen";
}
