/**
 * What a visitor need not choose again: name, devices, what was on, the layout. Nothing here leaves the
 * browser.
 *
 * @module
 */

const KEY = "plenum.room";

/**
 * @typedef {object} Memory
 * @property {string} name
 * @property {string} cameraId
 * @property {string} microphoneId
 * @property {string} speakerId
 * @property {boolean} camera whether it was on at the last join
 * @property {boolean} microphone likewise
 * @property {"grid" | "speaker"} layout
 */

const TYPES = {
  name: "string",
  cameraId: "string",
  microphoneId: "string",
  speakerId: "string",
  camera: "boolean",
  microphone: "boolean",
};

/**
 * What was remembered; what is missing or not of its type has its usual value.
 *
 * @param {Pick<Storage, "getItem">} [storage]
 * @returns {Memory}
 */
export function recall(storage = storageOfPage()) {
  const usual = { name: "", cameraId: "", microphoneId: "", speakerId: "", camera: true, microphone: true };
  const found = read(storage);
  const known = Object.entries(TYPES).filter(([key, type]) => typeof found[key] === type);
  const layout = found.layout === "speaker" ? "speaker" : "grid";
  return { ...usual, ...Object.fromEntries(known.map(([key]) => [key, found[key]])), layout };
}

/**
 * Keeps a change.
 *
 * @param {Partial<Memory>} change
 * @param {Pick<Storage, "getItem" | "setItem">} [storage]
 */
export function remember(change, storage = storageOfPage()) {
  try {
    storage.setItem(KEY, JSON.stringify({ ...recall(storage), ...change }));
  } catch {
    // Private windows may forbid it; then nothing is remembered.
  }
}

function read(storage) {
  try {
    return JSON.parse(storage.getItem(KEY)) ?? {};
  } catch {
    return {};
  }
}

/** Reading `localStorage` throws where the browser blocks it. */
function storageOfPage() {
  try {
    return localStorage;
  } catch {
    return { getItem: () => null, setItem: () => {} };
  }
}
