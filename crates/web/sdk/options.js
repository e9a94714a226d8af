/**
 * What `Room.join` was given, complete and checked.
 *
 * @module
 */

import { SOURCES } from "./devices.js";

const MODES = ["sfu", "direct", "auto"];
const SLOTS = { video: 9, audio: 3, maxVideo: 25 };

/**
 * @param {object} options as in `JoinOptions` of plenum.d.ts
 */
export function complete(options = {}) {
  const mode = checkMode(options.mode ?? "sfu");
  const slots = { ...SLOTS, ...options.slots };
  for (const [name, count] of Object.entries(slots)) {
    if (!Number.isInteger(count) || count < 0 || count > 48)
      throw new RangeError(`slots.${name} is to be 0 to 48`);
  }
  slots.maxVideo = Math.max(slots.maxVideo, slots.video);
  return {
    simulcast: true,
    codec: "",
    adaptive: true,
    playAudio: true,
    iceServers: [],
    publish: {},
    ...options,
    mode,
    slots,
  };
}

/** @returns {"sfu" | "direct" | "auto"} */
export function checkMode(mode) {
  if (!MODES.includes(mode)) throw new TypeError(`mode is to be one of ${MODES.join(", ")}`);
  return mode;
}

/**
 * The fields of `join`: who one was is who one stays, also after the server has forgotten.
 *
 * @param {object} options
 * @param {{identity: string, name: string, metadata: string}} me as the server said last; empty at first
 */
export async function helloOf({ getToken, token, name, identity, metadata }, me) {
  const current = getToken ? await getToken() : token;
  const fields = {
    token: current || undefined,
    name: me.identity ? me.name : name,
    identity: me.identity || identity || undefined,
    metadata: me.identity ? me.metadata || undefined : metadata,
  };
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

/** Opens what is to be on from the start; what does not open is told, and stops nothing. */
export function publishAtStart({ publish }, { set, onError }) {
  for (const source of SOURCES) {
    const choice = publish[source];
    if (choice) set(source, choice).catch(onError);
  }
}
