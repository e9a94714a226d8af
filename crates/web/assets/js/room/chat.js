/**
 * The chat panel: what was said, and saying something. Text nodes only; links are made by `links.js`.
 *
 * @module
 */

import { byId, dress, make } from "../ui.js";
import { splitLinks } from "./links.js";

/** Messages of one person within this time stand under one name. */
const GROUP_MS = 5 * 60_000;
/** So near to the end counts as reading the newest. */
const NEAR_PX = 80;
/** As many as the SDK keeps. */
const MOST = 500;

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });

export class ChatPanel {
  #room;
  #last = null;
  #onMessage;
  #onError;
  #stops = [];

  /**
   * @param {object} parts
   * @param {import("../../../sdk/plenum.js").Room} parts.room
   * @param {(message: object) => void} parts.onMessage somebody else said something
   * @param {(error: Error) => void} parts.onError
   */
  constructor({ room, onMessage, onError }) {
    this.#room = room;
    this.#onMessage = onMessage;
    this.#onError = onError;
    dress(byId("chat-send"), { name: "Send" });
    dress(byId("chat-close"), { name: "Close the chat", shortcut: "Esc" });
    this.#drawHistory();
    this.#stops = [
      room.chat.on("message", ({ message }) => this.#take(message)),
      room.chat.on("history", () => this.#drawHistory()),
    ];
    byId("chat-form").onsubmit = (event) => {
      event.preventDefault();
      this.#send();
    };
    byId("chat-input").onkeydown = (event) => {
      // While a word is composed, Enter belongs to the input method.
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      this.#send();
    };
  }

  /** @param {boolean} canSend */
  allow(canSend) {
    const input = byId("chat-input");
    input.disabled = byId("chat-send").disabled = !canSend;
    input.placeholder = canSend ? "Message" : "You may read, but not write here";
  }

  /** Shows the newest message. */
  scrollToEnd() {
    const scroll = byId("chat-scroll");
    scroll.scrollTop = scroll.scrollHeight;
  }

  close() {
    for (const stop of this.#stops) stop();
    byId("chat-log").replaceChildren();
    byId("chat-input").value = "";
  }

  #drawHistory() {
    this.#last = null;
    byId("chat-log").replaceChildren();
    for (const message of this.#room.chat.history) this.#append(message);
    this.scrollToEnd();
  }

  #take(message) {
    const scroll = byId("chat-scroll");
    const isNear = scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight < NEAR_PX;
    this.#append(message);
    if (isNear || message.isLocal) this.scrollToEnd();
    if (!message.isLocal) this.#onMessage(message);
  }

  #append(message) {
    const text = textOf(message.payload);
    if (!text) return;
    const log = byId("chat-log");
    byId("chat-empty").hidden = true;
    const body = make("p", { class: "said", dir: "auto" }, ...splitLinks(text).map(partOf));
    if (this.#continues(message)) {
      log.lastElementChild.append(body);
    } else {
      log.append(
        make(
          "li",
          { class: message.isLocal ? "mine" : false, "data-from": message.from },
          make(
            "p",
            { class: "by" },
            make("bdi", {}, message.isLocal ? "You" : message.name || message.from),
            make("time", { datetime: message.at.toISOString() }, clock.format(message.at)),
          ),
          body,
        ),
      );
    }
    this.#last = message;
    while (log.childElementCount > MOST) log.firstElementChild.remove();
  }

  #continues({ from, at, isPrivate }) {
    const last = this.#last;
    return last?.from === from && last.isPrivate === isPrivate && at.getTime() - last.at.getTime() < GROUP_MS;
  }

  async #send() {
    const input = byId("chat-input");
    const text = input.value.trim();
    if (!text || input.disabled) return;
    input.value = "";
    try {
      await this.#room.chat.send(text);
    } catch (error) {
      // What was written is worth more than an empty field.
      if (!input.value) input.value = text;
      this.#onError(error);
    }
  }
}

/** Other clients may send objects; what has no text is not for people. */
function textOf(payload) {
  const text = typeof payload === "string" ? payload : payload?.text;
  return typeof text === "string" ? text.slice(0, 4_000) : "";
}

function partOf({ text, href }) {
  if (!href) return text;
  return make("a", { href, target: "_blank", rel: "noopener noreferrer nofollow" }, make("bdi", {}, text));
}
