/**
 * What to say when a room refuses or ends, and when its media fail: one sentence of what happened, one of
 * what to do, one button. Pure: the page decides what the button's `act` does.
 *
 * @module
 */

import { sentence, troubleOfCapture } from "../device-problems.js";

/**
 * @typedef {object} Trouble
 * @property {string} what happened
 * @property {string} todo
 * @property {string} button
 * @property {"again" | "token" | "lobby" | "device" | "here" | "dismiss" | "https"} act
 * @property {string} [icon]
 */

const trouble = (what, todo, button, act, icon = "alert") => ({ what, todo, button, act, icon });
const again = (what, todo, button = "Try again", icon = "alert") =>
  trouble(what, todo, button, "again", icon);
const home = (what, todo, icon = "alert") => trouble(what, todo, "Back to the start", "lobby", icon);

/**
 * A room that is over, or that one did not get into.
 *
 * @param {{reason?: string, error?: {slug?: string, status?: number, detail?: string} | null}} end
 * @param {{hasToken?: boolean, room?: string}} [context]
 * @returns {Trouble}
 */
export function troubleOfEnd({ reason, error = null }, { hasToken = false, room = "" } = {}) {
  if (reason && reason !== "error" && reason !== "unreachable") return troubleOfReason(reason);
  if (reason === "unreachable" || !error) return unreachable();
  return troubleOfRefusal(error, { hasToken, room });
}

function troubleOfReason(reason) {
  switch (reason) {
    case "left":
      return again("You left the call.", "The link brings you back at any time.", "Join again", "leave");
    case "replaced":
      return again(
        "You joined this call somewhere else.",
        "It goes on there; you can bring it back to this page.",
        "Use it here",
        "people",
      );
    case "kicked":
      return again(
        "A moderator removed you from the call.",
        "You may ask to come back.",
        "Join again",
        "leave",
      );
    case "banned":
      return home("A moderator removed you and closed the door.", "Ask whoever runs the call.", "lock");
    case "rejected":
      return again(
        "You were not let in.",
        "Ask whoever runs the call, then knock again.",
        "Knock again",
        "lock",
      );
    case "room_closed":
      return home("The call was ended for everybody.", "A new one can be started in the same room.", "leave");
    case "shutdown":
      return again(
        "The server is restarting.",
        "Join again in a minute; the link stays the same.",
        "Join again",
      );
    case "too_slow":
      return again(
        "Your connection could not keep up with the call.",
        "Try another network, or join without camera.",
        "Join again",
      );
    default:
      return again(
        "The call ended because of an error.",
        "Joining again usually helps; if not, reload the page.",
        "Join again",
      );
  }
}

function troubleOfRefusal({ slug = "", status = 0, detail = "" }, { hasToken, room }) {
  switch (slug) {
    case "room-full":
      return again("The room is full.", "Wait until somebody leaves, then try again.", "Try again", "people");
    case "room-locked":
      return again("The room is locked.", "Ask somebody inside to unlock it.", "Try again", "lock");
    case "banned":
      return troubleOfReason("banned");
    case "not-admitted":
      return troubleOfReason("rejected");
    case "room-not-found":
      return home("There is no such room.", "Check the address, or start a room of your own.");
    case "unsupported":
      return unsupported(detail);
    case "draining":
    case "overloaded":
      return again(
        slug === "draining" ? "The server is about to restart." : "The server is full.",
        "Try again in a minute; the link stays the same.",
      );
    case "unreachable":
    case "timeout":
      return unreachable();
    default:
      return troubleOfStatus(status, detail, { hasToken, room });
  }
}

function troubleOfStatus(status, detail, { hasToken, room }) {
  if (status === 401) {
    return trouble(
      hasToken ? "Your invitation is not valid, or no longer." : "This server wants an access token to join.",
      "Ask whoever invited you for a new link, or enter a token.",
      "Enter a token",
      "token",
      "lock",
    );
  }
  if (status === 403) {
    return trouble(
      `Your invitation does not open ${room ? `the room ${room}` : "this room"}.`,
      "Ask for a link to this room, or enter another token.",
      "Enter another token",
      "token",
      "lock",
    );
  }
  if (status >= 500) return again("The server has a problem.", "Try again in a minute.");
  return again(
    sentence(detail) || "The call could not be joined.",
    "Trying again may help; else reload the page.",
  );
}

function unreachable() {
  return again("The server cannot be reached.", "Check your network, then try again.");
}

/**
 * A browser that cannot take part.
 *
 * @param {string} missing what it lacks, as people say it; may be empty
 * @returns {Trouble}
 */
export function unsupported(missing) {
  const lack = missing ? `: it lacks ${missing.replace(/[.\s]+$/, "")}` : "";
  return home(
    `This browser cannot take part in calls${lack}.`,
    "Use a current Chrome, Edge, Firefox or Safari.",
  );
}

/**
 * A camera, microphone or screen that did not open. `null` where nothing went wrong: a screen dialogue that
 * was closed.
 *
 * @param {Error & {slug?: string, cause?: Error, source?: string, detail?: string}} error of the browser or the SDK
 * @param {{source: string, agent?: string}} context `source` as people say it: `camera`, `microphone`,
 *   `camera or microphone`, `screen`
 * @returns {Trouble | null}
 */
export function troubleOfDevice(error, { source, agent = "" }) {
  if (error.slug === "forbidden") {
    return trouble(
      `You are not allowed to use your ${source} in this room.`,
      "Ask a moderator for it.",
      "OK",
      "dismiss",
      "lock",
    );
  }
  const cause = error.cause ?? error;
  if (source === "screen" && cause.name === "NotAllowedError") return null;
  const context = { source: source === "screen" ? "screen" : "camera", thing: source, agent };
  const { what, todo } = troubleOfCapture(cause, context);
  const isGone = source !== "screen" && ["NotFoundError", "OverconstrainedError"].includes(cause.name);
  return isGone
    ? trouble(`No ${source} was found.`, "Connect one, or choose another one.", "Choose a device", "device")
    : trouble(what, todo, "Try again", "device");
}
