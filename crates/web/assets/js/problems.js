/**
 * What to say when a WHIP or WHEP connection fails: one sentence of what happened, one of what to do, one
 * button. Pure: the page decides what the button's `act` does.
 *
 * @module
 */

import { UnreachableError } from "../../sdk/connection.js";
import { SignallingError } from "../../sdk/session.js";
import { retry, sentence } from "./device-problems.js";

/**
 * @typedef {object} Trouble
 * @property {string} what happened
 * @property {string} todo
 * @property {string} button
 * @property {"retry" | "token" | "codec" | "https" | "source"} act
 */

const list = (names) => new Intl.ListFormat("en", { type: "conjunction" }).format(names);

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
