/**
 * The Plenum SDK: rooms, and WHIP and WHEP beside them. `plenum.d.ts` describes every name, `README.md` shows their use.
 *
 * @module
 */

export { Chat } from "./chat.js";
export { Connection, UnreachableError } from "./connection.js";
export { DirectCall } from "./direct.js";
export { Emitter } from "./emitter.js";
export { PlenumError } from "./error.js";
export { Room } from "./room.js";
export { SignallingError } from "./session.js";
export { checkSupport } from "./support.js";
export { Topic } from "./topic.js";
export { Player as WhepPlayer, playableCodecs } from "./whep.js";
export { Publisher as WhipPublisher, sendableCodecs } from "./whip.js";
