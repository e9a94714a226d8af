/**
 * The stage: which tiles there are, and where. `layout.js` computes the places, `tile.js` draws.
 *
 * @module
 */

import { make, setText } from "../ui.js";
import { oncePerFrame } from "./frames.js";
import { arrange, GAP, isSingle } from "./layout.js";
import { sayNames } from "./names.js";
import { byImportance, keepPlaces } from "./order.js";
import { setRect, Tile } from "./tile.js";

const SELF = "self";
/** From this width on a single picture may fill the stage, the bar lying over it. */
const WIDE = 1_000;
/** Lower windows have no height to give away. */
const LOW = 480;

/**
 * @param {string} identity
 * @param {string} source
 * @returns {string}
 */
export const tileId = (identity, source) => `${identity}/${source}`;

export class Stage {
  /** @type {Map<string, Tile>} */
  tiles = new Map();
  /** @type {string | null} */
  pinned = null;
  /** @type {"grid" | "speaker"} */
  mode = "grid";
  #room;
  #element;
  #barHeight;
  #onMenu;
  #onDrawn;
  #more;
  #spokeAt = new Map();
  #order = [];
  #screens = [];
  #frames = oncePerFrame(() => this.drawNow());
  #observer = new ResizeObserver(() => this.draw());

  /**
   * @param {object} parts
   * @param {import("../../../sdk/plenum.js").Room} parts.room
   * @param {HTMLElement} parts.element
   * @param {() => number} parts.barHeight
   * @param {(tile: Tile, button: HTMLElement) => void} parts.onMenu
   * @param {() => void} parts.onMore somebody wants to see who is not shown
   * @param {() => void} parts.onDrawn
   */
  constructor({ room, element, barHeight, onMenu, onMore, onDrawn }) {
    this.#room = room;
    this.#element = element;
    this.#barHeight = barHeight;
    this.#onMenu = onMenu;
    this.#onDrawn = onDrawn;
    const count = make("strong");
    const names = make("span");
    this.#more = make(
      "button",
      { type: "button", class: "call-tile more-people", "data-testid": "more-people", onclick: onMore },
      count,
      names,
    );
    this.#more.hidden = true;
    element.replaceChildren(this.#more);
    this.#observer.observe(element);
  }

  /** Draws soon; as often as it is called, once per frame. */
  draw() {
    this.#frames.ask();
  }

  /** @param {readonly import("../../../sdk/plenum.js").Participant[]} speakers */
  noteSpeakers(speakers) {
    for (const { identity } of speakers) this.#spokeAt.set(identity, Date.now());
    this.draw();
  }

  /** @param {string} id of a tile; the pinned one is let go */
  togglePin(id) {
    this.pinned = this.pinned === id ? null : id;
    this.draw();
  }

  /** The tile that matters most now: on the stage alone, or of who spoke last. */
  get main() {
    const large = [...this.tiles.values()].find(
      ({ element }) => !element.hidden && element.dataset.role === "main",
    );
    const speaker = this.#room.activeSpeaker;
    return large ?? (speaker && this.tiles.get(tileId(speaker.identity, "camera"))) ?? this.#firstRemote();
  }

  #firstRemote() {
    return [...this.tiles.values()].find(({ element, isSelf }) => !element.hidden && !isSelf) ?? null;
  }

  /** The end of this stage. */
  close() {
    this.#frames.stop();
    this.#observer.disconnect();
    for (const tile of this.tiles.values()) tile.remove();
    this.tiles.clear();
    this.#element.replaceChildren();
  }

  drawNow() {
    const people = [...this.#room.participants.values()].filter(({ isLocal }) => !isLocal);
    const shares = this.#findScreens(people);
    this.#keepTiles(people, shares);
    const scene = this.#sceneOf(people, shares);
    const { width, height } = this.#element.getBoundingClientRect();
    if (width === 0 || height === 0) return;
    const isOver = innerHeight < LOW || (width >= WIDE && isSingle(scene));
    const bar = this.#barHeight();
    const area = {
      x: GAP,
      y: GAP,
      width: width - 2 * GAP,
      height: height - 2 * GAP - (isOver ? 0 : bar - GAP),
    };
    const drawn = this.#settle(scene, area, isOver ? bar : 0);
    this.#element.dataset.bar = isOver ? "over" : "below";
    for (const [id, tile] of this.tiles) {
      const place = drawn.places.get(id);
      this.#dress(tile, id, Boolean(place));
      tile.place(place);
    }
    this.#drawMore(drawn);
    this.#onDrawn();
  }

  /** Arranges by importance, then lets those who are shown stay where they were. */
  #settle(scene, area, lift) {
    const first = arrange(scene, area, { lift });
    const shown = scene.others.filter((id) => first.places.has(id));
    const kept = keepPlaces(this.#order, shown);
    this.#order = kept;
    const others = [...kept, ...scene.others.filter((id) => !first.places.has(id))];
    return arrange({ ...scene, others }, area, { lift });
  }

  #sceneOf(people, shares) {
    const others = byImportance(
      people.map((person) => ({
        id: tileId(person.identity, "camera"),
        hasVideo: isSent(person.tracks.get("camera")),
        spokeAt: this.#spokeAt.get(person.identity) ?? 0,
        joinedAt: person.joinedAt.getTime(),
      })),
    );
    const speaker = this.#room.activeSpeaker;
    return {
      others,
      screens: shares.map(({ id }) => id),
      self: SELF,
      pinned: this.pinned,
      speaker: speaker ? tileId(speaker.identity, "camera") : null,
      mode: this.mode,
    };
  }

  /** Shared screens, the newest first. */
  #findScreens(people) {
    const now = people
      .filter(({ tracks }) => isSent(tracks.get("screen")))
      .map(({ identity }) => ({ id: tileId(identity, "screen"), identity }));
    const ids = now.map(({ id }) => id);
    const fresh = ids.filter((id) => !this.#screens.includes(id));
    this.#screens = [...fresh, ...this.#screens.filter((id) => ids.includes(id))];
    return this.#screens.map((id) => now.find((share) => share.id === id));
  }

  #keepTiles(people, shares) {
    const wanted = new Map([[SELF, { identity: this.#room.me.identity, source: "camera", isSelf: true }]]);
    for (const { identity } of people) {
      wanted.set(tileId(identity, "camera"), { identity, source: "camera", isSelf: false });
    }
    for (const { id, identity } of shares) wanted.set(id, { identity, source: "screen", isSelf: false });
    for (const [id, tile] of this.tiles) {
      if (wanted.get(id)?.identity === tile.identity) continue;
      tile.remove();
      this.tiles.delete(id);
      if (this.pinned === id) this.pinned = null;
    }
    for (const [id, about] of wanted) if (!this.tiles.has(id)) this.#add(id, about);
  }

  #add(id, about) {
    const tile = new Tile({
      ...about,
      onPin: () => this.togglePin(id),
      onMenu: (button) => this.#onMenu(tile, button),
    });
    this.tiles.set(id, tile);
    this.#element.insertBefore(tile.element, this.#more);
  }

  #dress(tile, id, isShown) {
    const room = this.#room;
    const person = tile.isSelf ? room.me : room.participants.get(tile.identity);
    if (!person) return;
    const picture = tile.isSelf ? room.localTracks.get("camera") : person.tracks.get(tile.source);
    const voice = tile.isSelf ? room.localTracks.get("microphone") : person.tracks.get("microphone");
    const hasVideo = isShown && isSent(picture);
    tile.draw({
      name: person.name || person.identity,
      hasVideo,
      hasVoice: tile.source === "camera" && !(person.kind === "whip" && !voice),
      isMuted: !isSent(voice),
      isSpeaking: tile.source === "camera" && person.isSpeaking,
      isPinned: this.pinned === id,
      note: tile.source === "camera" ? this.#noteOf(tile, person) : "",
      quality: tile.isSelf ? room.quality : person.quality,
    });
    tile.attach(room, hasVideo ? picture : null);
  }

  #noteOf({ isSelf }, { isDirect }) {
    if (isSelf) return isSent(this.#room.localTracks.get("screen")) ? "sharing your screen" : "";
    return isDirect ? "direct" : "";
  }

  #drawMore({ more, hidden }) {
    this.#more.hidden = !more;
    if (!more) return;
    this.#more.dataset.role = more.role;
    setRect(this.#more, more);
    const names = hidden.map((id) => this.#nameOf(id));
    const [count, list] = this.#more.children;
    setText(count, `+${hidden.length}`);
    setText(list, sayNames(names, 3));
    this.#more.title = `${sayNames(names, 12)}. Show everybody.`;
  }

  #nameOf(id) {
    const identity = this.tiles.get(id)?.identity ?? "";
    return this.#room.participants.get(identity)?.name || identity;
  }
}

/** @returns {boolean} whether something comes of this track; local ones that are off count as muted */
const isSent = (track) => Boolean(track) && !track.muted;
