/**
 * Opening camera and microphone before a call: one question to the visitor where possible, and what does
 * not open does not keep the other from opening.
 *
 * @module
 */

import { openStream } from "../capture.js";

const HEIGHT = 720;
const NONE = "none";

/**
 * @typedef {object} Opened
 * @property {MediaStreamTrack | null} camera
 * @property {MediaStreamTrack | null} microphone
 * @property {{camera?: Error, microphone?: Error}} errors
 */

/**
 * @param {{cameraId: string, microphoneId: string, camera: boolean, microphone: boolean}} wish
 * @param {(wish: object) => Promise<MediaStream>} [open] replaced in tests
 * @param {(kind: string) => Promise<boolean>} [isGranted] likewise
 * @returns {Promise<Opened>}
 */
export async function openDevices(wish, open = openStream, isGranted = hasPermission) {
  const opened = { camera: null, microphone: null, errors: {} };
  const wanted = ["camera", "microphone"].filter((kind) => wish[kind]);
  if (wanted.length === 0) return opened;
  try {
    take(opened, await open(request(wish, wanted)));
    for (const kind of wanted) if (!opened[kind]) opened.errors[kind] = missing(kind);
  } catch (error) {
    for (const kind of wanted) opened.errors[kind] = error;
    if (wanted.length > 1) await openSingly(opened, wish, wanted, open, isGranted);
  }
  return opened;
}

/** One of both failed, and the browser does not say which. A refusal is not asked about twice. */
async function openSingly(opened, wish, wanted, open, isGranted) {
  for (const kind of wanted) {
    if (opened.errors[kind].name === "NotAllowedError" && !(await isGranted(kind))) continue;
    try {
      take(opened, await open(request(wish, [kind])));
      delete opened.errors[kind];
    } catch (error) {
      opened.errors[kind] = error;
    }
  }
}

function take(opened, stream) {
  opened.camera ??= stream.getVideoTracks()[0] ?? null;
  opened.microphone ??= stream.getAudioTracks()[0] ?? null;
}

function request({ cameraId, microphoneId }, kinds) {
  return {
    source: "camera",
    cameraId: kinds.includes("camera") ? cameraId : NONE,
    microphoneId: kinds.includes("microphone") ? microphoneId : NONE,
    height: HEIGHT,
  };
}

const missing = (kind) => new DOMException(`there is no ${kind}`, "NotFoundError");

async function hasPermission(name) {
  try {
    return (await navigator.permissions.query({ name })).state === "granted";
  } catch {
    return false;
  }
}

/**
 * What to ask a camera for when it is switched on in a call.
 *
 * @param {string} deviceId empty for any
 * @returns {MediaTrackConstraints}
 */
export const cameraWish = (deviceId) => ({
  ...exact(deviceId),
  width: { ideal: (HEIGHT * 16) / 9 },
  height: { ideal: HEIGHT },
  frameRate: { ideal: 30 },
});

/**
 * @param {string} deviceId empty for any
 * @returns {MediaTrackConstraints | true}
 */
export const microphoneWish = (deviceId) => (deviceId ? exact(deviceId) : true);

const exact = (deviceId) => (deviceId ? { deviceId: { exact: deviceId } } : {});

/**
 * What joining will do, in one sentence.
 *
 * @param {{hasCamera: boolean, hasMicrophone: boolean}} on
 * @returns {string}
 */
export function promiseOf({ hasCamera, hasMicrophone }) {
  if (hasCamera && hasMicrophone) return "You join with camera and microphone on.";
  if (hasCamera) return "You join with the camera on and the microphone off.";
  if (hasMicrophone) return "You join with the microphone on, without a picture.";
  return "You join without camera and microphone, and still see and hear everybody.";
}
