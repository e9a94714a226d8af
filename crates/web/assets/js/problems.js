/**
 * What to say when something is wrong: one sentence of what happened, one of what to do, one button.
 * Pure: the page decides what the button's `act` does.
 *
 * @module
 */

import { UnreachableError } from "./connection.js";
import { SignallingError } from "./session.js";

/**
 * @typedef {object} Trouble
 * @property {string} what happened
 * @property {string} todo
 * @property {string} button
 * @property {"retry" | "token" | "codec" | "https" | "source"} act
 */

const list = (names) => new Intl.ListFormat("en", { type: "conjunction" }).format(names);
const retry = (what, todo, button = "Try again") => ({ what, todo, button, act: "retry" });

/**
 * A failure of a {@link Connection}.
 *
 * @param {Error} error
 * @param {{verb: "publish" | "watch", hasToken?: boolean, playable?: string[], codec?: string}} context
 * @returns {Trouble}
 */
export function troubleOfConnection(error, { verb, hasToken = false, playable = [], codec = "" }) {
  if (error instanceof UnreachableError) {
    return retry(
      "The server answers, but no media gets through.",
      "A firewall may block UDP; another network may help.",
    );
  }
  if (!(error instanceof SignallingError)) {
    return retry(
      "The server cannot be reached.",
      "This page goes on trying; check your network meanwhile.",
      "Try now",
    );
  }
  const { status, problem } = error;
  const detail = sentence(problem.detail ?? problem.title);
  switch (status) {
    case 401:
      return {
        what: hasToken
          ? "Your access token is not valid, or no longer."
          : `This server wants an access token to ${verb}.`,
        todo: "Ask whoever runs it for a link or a token, and enter it here.",
        button: "Enter a token",
        act: "token",
      };
    case 403:
      return {
        what: `Your access token does not allow to ${verb} in this room.`,
        todo: "Ask for a token for this room, and enter it here.",
        button: "Enter another token",
        act: "token",
      };
    case 404:
      return retry("There is no such room.", "Check the address, or try again when it has been opened.");
    case 409:
      return retry("Nobody is live yet.", "This page starts by itself when somebody is.", "Look now");
    case 422:
      return verb === "watch" ? unplayable(problem, playable) : unsendable(detail, codec);
    case 503:
      return retry(
        detail || "The server is full or about to restart.",
        "This page goes on trying.",
        "Try now",
      );
    default:
      return status >= 500
        ? retry("The server has a problem.", "This page goes on trying.", "Try now")
        : retry(detail || `The server refused with status ${status}.`, "Reloading the page may help.");
  }
}

function unplayable({ published, offered }, playable) {
  const names = (value) =>
    Array.isArray(value) ? [...new Set(value.filter((v) => typeof v === "string"))] : [];
  const sent = names(published);
  const plays = names(offered).length > 0 ? names(offered) : playable;
  return retry(
    sent.length > 0
      ? `This browser cannot play ${list(sent)}.`
      : "This browser cannot play what is being sent.",
    plays.length > 0
      ? `It plays ${list(plays)}: use another browser, or ask the publisher for one of these.`
      : "Use another browser, or ask the publisher for another codec.",
  );
}

function unsendable(detail, codec) {
  return {
    what: detail || "The server cannot take this kind of media.",
    todo: codec ? `Choose another codec than ${codec}.` : "Choose a codec below.",
    button: "Choose a codec",
    act: "codec",
  };
}

function sentence(text) {
  if (typeof text !== "string" || !text.trim()) return "";
  const trimmed = text.trim().slice(0, 300);
  const capital = trimmed[0].toUpperCase() + trimmed.slice(1);
  return /[.!?]$/.test(capital) ? capital : `${capital}.`;
}

/**
 * A failure to get camera, microphone or screen.
 *
 * @param {Error} error as thrown by `getUserMedia` or `getDisplayMedia`
 * @param {{source: "camera" | "screen", agent?: string}} context
 * @returns {Trouble}
 */
export function troubleOfCapture(error, { source, agent = "" }) {
  const thing = source === "screen" ? "screen" : "camera or microphone";
  switch (error.name) {
    case "NotAllowedError":
    case "SecurityError":
      return source === "screen"
        ? retry(
            "No screen was shared.",
            "Choose a screen, a window or a tab in the browser's dialogue.",
            "Choose again",
          )
        : retry("The browser was not allowed to use camera and microphone.", howToAllow(agent));
    case "NotFoundError":
    case "OverconstrainedError":
      return {
        what: `No ${thing} was found.`,
        todo:
          source === "screen"
            ? "Publish the camera instead."
            : "Connect one and try again, or share your screen.",
        button: source === "screen" ? "Use the camera" : "Share the screen",
        act: "source",
      };
    case "NotReadableError":
    case "AbortError":
      return retry(`The ${thing} is in use by another program.`, "Close that program, then try again.");
    case "InvalidStateError":
      return retry(
        "The browser wants a click before it shares a screen.",
        "Press the button to choose what to share.",
        "Share the screen",
      );
    default:
      return retry(
        `The ${thing} could not be started.`,
        "Check that it works in another program, then try again.",
      );
  }
}

function howToAllow(agent) {
  if (/Firefox/.test(agent))
    return "Click the crossed-out camera in the address bar, remove the block, then try again.";
  if (/Chrom(e|ium)|Edg/.test(agent))
    return "Click the icon left of the address, allow camera and microphone, then try again.";
  if (/Safari/.test(agent))
    return "Open Safari's settings for this website, allow camera and microphone, then try again.";
  return "Allow camera and microphone for this site in the browser's settings, then try again.";
}

/**
 * A page on which browsers give neither camera nor screen.
 *
 * @param {URL | Location} location
 * @returns {Trouble & {href: string}}
 */
export function troubleOfInsecurePage({ host, port, pathname, search, hash }) {
  const href = `https://${host}${pathname}${search}${hash}`;
  const local = `http://localhost${port ? `:${port}` : ""}${pathname}`;
  return {
    what: "Browsers give the camera only to pages that came over HTTPS.",
    todo: `Open https://${host}${pathname}, or ${local} on the server's own machine.`,
    button: "Open over HTTPS",
    act: "https",
    href,
  };
}
