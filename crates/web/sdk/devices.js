/**
 * Opening cameras, microphones and screens for a room. Asks the browser, sends nothing.
 *
 * @module
 */

import { clientError } from "./error.js";

/** @typedef {"camera" | "microphone" | "screen" | "screen_audio"} Source */

/** In the order of their lines. */
export const SOURCES = /** @type {const} */ (["microphone", "camera", "screen", "screen_audio"]);

/**
 * @param {Source} source
 * @returns {"audio" | "video"}
 */
export function kindOf(source) {
  return source === "camera" || source === "screen" ? "video" : "audio";
}

const DEFAULTS = {
  camera: { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 30 } },
  microphone: { echoCancellation: true, noiseSuppression: true, autoGainControl: true },
};
const SCREEN = { frameRate: { ideal: 30, max: 30 } };

/**
 * Opens the camera or the microphone. A device that was asked for and is gone is replaced by any other.
 *
 * @param {"camera" | "microphone"} source
 * @param {true | MediaTrackConstraints} choice
 * @param {string} deviceId `""` for any
 * @returns {Promise<MediaStreamTrack>}
 * @throws {import("./error.js").PlenumError} `capture`
 */
export async function openDevice(source, choice, deviceId) {
  const wishes = { ...DEFAULTS[source], ...(choice === true ? {} : choice) };
  const exact = deviceId && !wishes.deviceId ? { ...wishes, deviceId: { exact: deviceId } } : wishes;
  const open = async (constraints) => {
    const stream = await mediaDevices(source).getUserMedia({ [kindOf(source)]: constraints });
    return stream.getTracks()[0];
  };
  try {
    try {
      return await open(exact);
    } catch (error) {
      if (error.name !== "OverconstrainedError" || exact === wishes) throw error;
      return await open(wishes);
    }
  } catch (error) {
    throw captureError(error, source);
  }
}

/**
 * Asks for a screen, window or tab.
 *
 * @param {{audio?: boolean, video?: MediaTrackConstraints}} options
 * @returns {Promise<MediaStream>}
 * @throws {import("./error.js").PlenumError} `capture`
 */
export async function openScreen({ audio = true, video = {} }) {
  try {
    return await mediaDevices("screen").getDisplayMedia({ video: { ...SCREEN, ...video }, audio });
  } catch (error) {
    throw captureError(error, "screen");
  }
}

/** Browsers hide devices from pages that did not come over a secure connection. */
function mediaDevices(source) {
  const devices = globalThis.navigator?.mediaDevices;
  if (devices) return devices;
  throw captureError(new DOMException("this page is not secure", "SecurityError"), source);
}

function captureError(cause, source) {
  if (cause.name === "PlenumError") return cause;
  return clientError(
    "capture",
    `The ${source.replace("_", " ")} did not open: ${cause.message || cause.name}`,
    {
      cause,
      source,
    },
  );
}
