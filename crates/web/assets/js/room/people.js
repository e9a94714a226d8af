/**
 * The list of people: who is here, who waits in front of the door, inviting and locking.
 *
 * @module
 */

import { byId, dress, icon, make, setText } from "../ui.js";
import { toggleMenu } from "./menu.js";
import { moderationItems } from "./moderation.js";
import { hueOf, initialsOf } from "./names.js";
import { tileId } from "./stage.js";

export class PeoplePanel {
  #room;
  #onPin;
  #isPinned;
  #onError;
  /** By identity: kept between draws, so that the focus stays where it is. */
  #rows = new Map();

  /**
   * @param {object} parts
   * @param {import("../../../sdk/plenum.js").Room} parts.room
   * @param {(id: string) => void} parts.onPin
   * @param {(id: string) => boolean} parts.isPinned
   * @param {(error: Error) => void} parts.onError
   */
  constructor({ room, onPin, isPinned, onError }) {
    this.#room = room;
    this.#onPin = onPin;
    this.#isPinned = isPinned;
    this.#onError = onError;
    dress(byId("people-close"), { name: "Close the list", shortcut: "Esc" });
    byId("lock").onclick = () => (room.info.locked ? room.unlock() : room.lock()).catch(onError);
  }

  draw() {
    const room = this.#room;
    const people = [
      room.me,
      ...[...room.participants.values()].filter(({ isLocal }) => !isLocal).sort(byName),
    ];
    setText(byId("people-heading"), `People (${people.length})`);
    this.#drawRows(people);
    this.#drawKnocking();
    const isAdmin = room.me.permissions.admin;
    byId("lock").hidden = !isAdmin;
    setText(byId("lock").querySelector(".label"), room.info.locked ? "Unlock the room" : "Lock the room");
    dress(byId("lock"), {
      icon: room.info.locked ? "unlock" : "lock",
      name: room.info.locked
        ? "Unlock the room: others may join again"
        : "Lock the room: nobody else may join",
      pressed: room.info.locked,
    });
  }

  close() {
    byId("people-list").replaceChildren();
    byId("knocking-list").replaceChildren();
    this.#rows.clear();
  }

  #drawRows(people) {
    const list = byId("people-list");
    const here = new Set(people.map(({ identity }) => identity));
    for (const [identity, row] of this.#rows) {
      if (here.has(identity)) continue;
      row.item.remove();
      this.#rows.delete(identity);
    }
    people.forEach((person, index) => {
      const row = this.#rows.get(person.identity) ?? this.#addRow(person.identity);
      this.#drawRow(row, person);
      if (list.children[index] !== row.item) list.insertBefore(row.item, list.children[index] ?? null);
    });
  }

  #addRow(identity) {
    const initials = make("span", { class: "initials", "aria-hidden": "true" });
    const name = make("bdi", { class: "call-name" });
    const note = make("span", { class: "muted small" });
    const speaking = sign("speaking", "Speaking");
    const camera = sign("camera-off", "Camera off");
    const voice = sign("mic-off", "Microphone off");
    const menu = make(
      "button",
      { type: "button", class: "button round plain", "aria-haspopup": "menu", "aria-expanded": "false" },
      icon("more"),
    );
    const item = make(
      "li",
      { "data-participant": identity },
      initials,
      make("span", { class: "who" }, name, note),
      speaking,
      camera,
      voice,
      menu,
    );
    item.style.setProperty("--hue", String(hueOf(identity)));
    menu.addEventListener("click", () => this.#openMenu(identity, menu));
    const row = { item, initials, name, note, speaking, camera, voice, menu };
    this.#rows.set(identity, row);
    return row;
  }

  #drawRow({ initials, name, note, speaking, camera, voice, menu }, person) {
    const isMe = person.isLocal;
    const tracks = isMe ? this.#room.localTracks : person.tracks;
    const shown = person.name || person.identity;
    setText(initials, initialsOf(shown));
    setText(name, isMe ? `${shown} (you)` : shown);
    const notes = [
      person.permissions.admin ? "Moderator" : "",
      person.kind === "whip" ? "Stream" : "",
      person.isDirect ? "Direct" : "",
      person.quality === "lost" ? "Connection lost" : "",
    ];
    setText(note, notes.filter(Boolean).join(", "));
    const isOn = (track) => Boolean(track) && !track.muted;
    speaking.hidden = !person.isSpeaking;
    camera.hidden = isOn(tracks.get("camera"));
    voice.hidden = isOn(tracks.get("microphone"));
    menu.classList.toggle("nobody", isMe);
    dress(menu, { name: `Options for ${shown}` });
  }

  #openMenu(identity, button) {
    const person = this.#room.participants.get(identity);
    if (!person) return;
    const id = tileId(identity, "camera");
    const pin = {
      label: this.#isPinned(id) ? "Unpin" : "Pin to the stage",
      icon: "pin",
      run: () => this.#onPin(id),
    };
    toggleMenu(
      button,
      [pin, ...moderationItems(this.#room, person, this.#onError)],
      `Options for ${person.name}`,
    );
  }

  #drawKnocking() {
    const room = this.#room;
    const { waiting } = room;
    const isShown = waiting.length > 0 && room.me.permissions.admin;
    byId("knocking").hidden = !isShown;
    const list = byId("knocking-list");
    const keys = isShown ? waiting.map(({ identity, name }) => `${identity} ${name}`).join("\n") : "";
    if (list.dataset.keys === keys) return;
    list.dataset.keys = keys;
    list.replaceChildren(...(isShown ? waiting.map((person) => this.#knocker(person)) : []));
  }

  #knocker({ identity, name }) {
    const act = (label, kind, task) =>
      make(
        "button",
        { type: "button", class: `button ${kind}`, onclick: () => task().catch(this.#onError) },
        label,
        make("span", { class: "visually-hidden" }, ` ${name || identity}`),
      );
    return make(
      "li",
      { "data-participant": identity },
      make("span", { class: "who" }, make("bdi", { class: "call-name" }, name || identity)),
      act("Let in", "primary", () => this.#room.admit(identity)),
      act("Refuse", "", () => this.#room.reject(identity)),
    );
  }
}

function byName(a, b) {
  return (a.name || a.identity).localeCompare(b.name || b.identity) || (a.identity < b.identity ? -1 : 1);
}

function sign(name, text) {
  return make("span", { class: `mark ${name}`, role: "img", "aria-label": text, title: text }, icon(name));
}
