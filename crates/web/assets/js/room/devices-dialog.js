/**
 * Changing devices in a call; and the keys, since this is where people look for settings.
 *
 * @module
 */

import { fillPicker } from "../pickers.js";
import { byId, fillRows } from "../ui.js";
import { recall, remember } from "./memory.js";
import { SHORTCUTS } from "./shortcuts.js";

const PICKERS = {
  "call-microphone": { kind: "audioinput", words: { noun: "Microphone" }, key: "microphoneId" },
  "call-camera": { kind: "videoinput", words: { noun: "Camera" }, key: "cameraId" },
  "call-speaker": { kind: "audiooutput", words: { noun: "Loudspeaker" }, key: "speakerId" },
};
const canChooseSpeaker = "setSinkId" in HTMLMediaElement.prototype;

/**
 * @param {import("../../../sdk/plenum.js").Room} room
 * @param {(error: Error, source: string) => void} onError
 */
export async function openDevicesDialog(room, onError) {
  const dialog = byId("devices-dialog");
  byId("call-speaker-field").hidden = !canChooseSpeaker;
  fillRows(byId("keys"), SHORTCUTS);
  await fill(room);
  for (const [id, { kind, key }] of Object.entries(PICKERS)) {
    byId(id).onchange = ({ target }) => {
      remember({ [key]: target.value });
      room
        .switchDevice(kind, target.value)
        .catch((error) => onError(error, kind === "videoinput" ? "camera" : "microphone"));
    };
  }
  const refill = () => fill(room);
  navigator.mediaDevices?.addEventListener("devicechange", refill);
  dialog.onclose = () => navigator.mediaDevices?.removeEventListener("devicechange", refill);
  dialog.showModal();
}

async function fill(room) {
  const remembered = recall();
  for (const [id, { kind, words, key }] of Object.entries(PICKERS)) {
    const source = { audioinput: "microphone", videoinput: "camera" }[kind];
    const used = (source && room.localTracks.get(source)?.deviceId) || remembered[key];
    await fillPicker(byId(id), kind, words, used === "none" ? "" : used);
  }
}

/** Voices come out where they came out last time. */
export function restoreSpeaker(room) {
  const { speakerId } = recall();
  if (speakerId && canChooseSpeaker) room.switchDevice("audiooutput", speakerId).catch(() => {});
}
