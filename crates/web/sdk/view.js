/**
 * What the page shows: attached elements, fed from slots and direct calls, and what that asks of the server.
 *
 * @module
 */

import { Attachment } from "./attachment.js";
import { clientError } from "./error.js";
import { largest, plan } from "./demand.js";
import { Visibility } from "./visibility.js";

/** Changes of size come in dozens; what follows from them goes out once. */
const DEBOUNCE_MS = 200;
/** News of slots change what is shown at once, and demand nearly so. */
const SOON_MS = 30;

/**
 * @typedef {object} Parts
 * @property {import("./slots.js").Slots} slots
 * @property {(id: string) => any} findTrack a remote track by id
 * @property {(source: string) => MediaStreamTrack | null} localFeed
 * @property {(track: any) => MediaStreamTrack | null} directFeed
 * @property {(message: Record<string, any>) => boolean} say
 * @property {(message: Record<string, any>) => Promise<any>} ask
 * @property {(missing: number) => void} wantSlots
 * @property {boolean} adaptive
 */

/** One's own tracks are known by their source: their ids come and go with sessions. */
const keyOf = (track) =>
  typeof track === "string" ? track : track.isLocal ? `local:${track.source}` : track.id;

/** The view of one room. */
export class View {
  /** @type {Map<HTMLMediaElement, Attachment>} */
  #attachments = new Map();
  #overrides = new Map();
  /** Tracks pinned by the application. */
  pinned = new Set();
  /** What the server has been told, by mid. */
  #demand = new Map();
  #pins = new Map();
  #parts;
  #visibility;
  #timer = 0;
  #dueAt = 0;
  #carried = new Map();
  #isOpen = false;

  /** @param {Parts} parts */
  constructor(parts) {
    this.#parts = parts;
    this.#visibility = new Visibility(() => this.#schedule(DEBOUNCE_MS));
  }

  attach(track, element, options = {}) {
    this.detach(element);
    const known = typeof track === "string" ? this.#parts.findTrack(track) : track;
    const attachment = new Attachment(element, keyOf(track), {
      source: known?.isLocal ? known.source : "",
      priority: options.priority ?? (known?.source === "screen" ? 1 : 0),
      adaptive: options.adaptive ?? this.#parts.adaptive,
      onState: options.onState,
      onDetach: () => this.detach(element),
    });
    this.#attachments.set(element, attachment);
    this.#visibility.add(element);
    this.#feed(attachment, false);
    this.#schedule(SOON_MS);
    return attachment;
  }

  detach(what) {
    const isElement = typeof what === "object" && "srcObject" in what;
    for (const [element, attachment] of this.#attachments) {
      if (isElement ? element !== what : attachment.trackId !== keyOf(what)) continue;
      this.#attachments.delete(element);
      this.#visibility.remove(element);
      attachment.release();
      this.#schedule(DEBOUNCE_MS);
    }
  }

  /** A track is no longer published: its id may mean another one some day. */
  forget(trackId) {
    this.detach(trackId);
    this.pinned.delete(trackId);
    this.#overrides.delete(trackId);
  }

  /** Whether an element of the application plays this track. */
  hasElementFor(trackId) {
    return [...this.#attachments.values()].some((attachment) => attachment.trackId === trackId);
  }

  setDemand(trackId, demand) {
    if (demand) this.#overrides.set(trackId, demand);
    else this.#overrides.delete(trackId);
    this.#schedule(SOON_MS);
  }

  async pin(trackId) {
    this.pinned.add(trackId);
    await this.#sync(true);
  }

  async unpin(trackId) {
    this.pinned.delete(trackId);
    await this.#sync(true);
  }

  /** Slots, tracks, mutes or direct calls have changed. */
  refresh() {
    for (const attachment of this.#attachments.values())
      this.#feed(attachment, this.#isSwitch(attachment.trackId));
    this.#carried = new Map([...this.#parts.slots.byMid.values()].map(({ mid, trackId }) => [mid, trackId]));
    this.#schedule(SOON_MS);
  }

  /** Another media session: the server knows nothing of what was said to the former. */
  open() {
    this.#demand = new Map();
    this.#pins = new Map();
    this.#isOpen = true;
    this.refresh();
  }

  /** The same session, but what was said last may have been lost. */
  resend() {
    if (this.#isOpen) this.open();
  }

  suspend() {
    this.#isOpen = false;
    this.#carried = new Map();
  }

  close() {
    clearTimeout(this.#timer);
    this.#isOpen = false;
    for (const element of [...this.#attachments.keys()]) this.detach(element);
    clearTimeout(this.#timer);
    this.#visibility.close();
  }

  /** Whether the slot of a track carried another one until now, whose last frames may still be under way. */
  #isSwitch(trackId) {
    const slot = this.#parts.slots.of(trackId);
    if (!slot) return false;
    const former = this.#carried.get(slot.mid);
    return former !== undefined && former !== null && former !== trackId;
  }

  #feed(attachment, isSwitch) {
    if (attachment.source) {
      const track = this.#parts.localFeed(attachment.source);
      return attachment.feed(track && { track });
    }
    const track = this.#parts.findTrack(attachment.trackId);
    if (!track || track.muted) return attachment.feed(null);
    const direct = this.#parts.directFeed(track);
    if (direct) return attachment.feed({ track: direct });
    const slot = this.#parts.slots.of(track.id);
    if (!slot) return attachment.feed(null);
    attachment.feed({ track: slot.mediaStreamTrack, receiver: slot.receiver, isSwitch });
  }

  #schedule(ms) {
    const dueAt = Date.now() + ms;
    if (this.#timer && this.#dueAt <= dueAt) return;
    clearTimeout(this.#timer);
    this.#dueAt = dueAt;
    this.#timer = setTimeout(() => {
      this.#timer = 0;
      this.#sync(false).catch(() => {});
    }, ms);
  }

  #wishes() {
    const { findTrack } = this.#parts;
    const wishes = [];
    for (const { element, trackId, source, priority, adaptive } of this.#attachments.values()) {
      const track = source ? null : findTrack(trackId);
      if (!track || track.kind !== "video" || track.muted || this.#overrides.has(trackId)) continue;
      const size = adaptive ? this.#visibility.sizeOf(element) : { width: 16_384, height: 16_384 };
      wishes.push({ track: trackId, priority, ...size });
    }
    for (const [track, { maxWidth, maxHeight, priority = 0 }] of this.#overrides) {
      if (findTrack(track)) wishes.push({ track, width: maxWidth, height: maxHeight, priority });
    }
    return largest(wishes);
  }

  async #sync(isAsked) {
    if (!this.#isOpen) return;
    const { slots, findTrack, directFeed, adaptive, wantSlots } = this.#parts;
    const wishes = this.#wishes();
    const isDirect = (id) => Boolean(findTrack(id) && directFeed(findTrack(id)));
    const shown = [...slots.byMid.values()].filter(({ kind }) => kind === "video");
    const next = plan({
      slots: shown,
      wishes,
      pinned: new Set([...this.pinned].filter((id) => findTrack(id) && !findTrack(id).muted)),
      pins: this.#pins,
      direct: new Set(
        [...wishes.keys(), ...shown.map(({ trackId }) => trackId).filter(Boolean)].filter(isDirect),
      ),
      adaptive: adaptive || this.#overrides.size > 0,
    });
    this.#sendDemand(next.demand);
    if (next.missing > 0) wantSlots(next.missing);
    const answers = this.#sendPins(next.pins);
    if (!isAsked) return void answers.map((answer) => answer.catch(() => {}));
    await Promise.all(answers);
  }

  #sendDemand(demand) {
    for (const [mid, asked] of demand) {
      const text = JSON.stringify(asked);
      if (this.#demand.get(mid) === text) continue;
      if (this.#parts.say({ type: "demand", slot: mid, ...asked })) this.#demand.set(mid, text);
    }
  }

  #sendPins(pins) {
    const answers = [];
    const tell = (mid, track) => {
      const answer = this.#parts.ask({ type: "pin", slot: mid, track });
      // What was not taken is tried again with the next change.
      answers.push(answer.catch((error) => this.#forget(mid, track, error)));
    };
    for (const mid of [...this.#pins.keys()].filter((mid) => !pins.has(mid))) {
      this.#pins.delete(mid);
      tell(mid, null);
    }
    for (const [mid, track] of pins) {
      if (this.#pins.get(mid) === track) continue;
      this.#pins.set(mid, track);
      tell(mid, track);
    }
    return answers;
  }

  #forget(mid, track, error) {
    if (track !== null && this.#pins.get(mid) === track) this.#pins.delete(mid);
    throw error.slug ? error : clientError("closed", String(error));
  }
}
