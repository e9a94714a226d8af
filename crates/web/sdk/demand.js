/**
 * What to ask of the server, worked out from what is on the page: how large each slot's picture need be, and what must
 * be pinned because it is visible and no slot shows it. Pure.
 *
 * @module
 */

/** Sizes are rounded up to this, so that a window being resized is not a storm of messages. */
const STEP = 32;

/**
 * @typedef {object} Wish one attached, visible element, or several of one track
 * @property {string} track
 * @property {number} width device pixels; 0 when hidden
 * @property {number} height
 * @property {number} priority
 *
 * @typedef {object} Plan
 * @property {Map<string, {max_width: number, max_height: number, priority: number}>} demand by mid
 * @property {Map<string, string>} pins track by mid; every other slot is free
 * @property {number} missing how many more video slots would be used
 */

/**
 * The largest of all elements that show one track, by track.
 *
 * @param {Iterable<Wish>} wishes
 * @returns {Map<string, Wish>}
 */
export function largest(wishes) {
  const byTrack = new Map();
  for (const wish of wishes) {
    const known = byTrack.get(wish.track);
    byTrack.set(wish.track, {
      track: wish.track,
      width: Math.max(known?.width ?? 0, wish.width),
      height: Math.max(known?.height ?? 0, wish.height),
      priority: Math.max(known?.priority ?? 0, wish.priority),
    });
  }
  return byTrack;
}

/**
 * @param {object} state
 * @param {readonly {mid: string, trackId: string | null}[]} state.slots for video, in order
 * @param {Map<string, Wish>} state.wishes by track; only tracks that are published and not muted
 * @param {ReadonlySet<string>} state.pinned by the application
 * @param {ReadonlyMap<string, string>} state.pins as they are on the server, track by mid
 * @param {ReadonlySet<string>} state.direct tracks that come another way
 * @param {boolean} state.adaptive
 * @returns {Plan}
 */
export function plan({ slots, wishes, pinned, pins, direct, adaptive }) {
  const visible = [...wishes.values()].filter(
    ({ track, width, height }) => width > 0 && height > 0 && !direct.has(track),
  );
  visible.sort((a, b) => b.priority - a.priority || b.width * b.height - a.width * a.height);
  const wanted = [
    ...new Set([...pinned].filter((track) => !direct.has(track)).concat(visible.map(({ track }) => track))),
  ];
  return {
    demand: adaptive ? demandOf(slots, wishes, direct) : new Map(),
    pins: pinsOf(slots, wanted, pinned, pins),
    missing: Math.max(0, wanted.length - slots.length),
  };
}

function demandOf(slots, wishes, direct) {
  const demand = new Map();
  for (const { mid, trackId } of slots) {
    const wish = trackId !== null && !direct.has(trackId) ? wishes.get(trackId) : undefined;
    demand.set(mid, {
      max_width: roundUp(wish?.width ?? 0),
      max_height: roundUp(wish?.height ?? 0),
      priority: wish?.priority ?? 0,
    });
  }
  return demand;
}

const roundUp = (pixels) => Math.min(Math.ceil(pixels / STEP) * STEP, 16_384);

/**
 * Pins as few as possible: what the application pinned, what is wanted and would not be shown, and of what was pinned
 * before the part that is still wanted when not all that is wanted fits by itself.
 */
function pinsOf(slots, wanted, pinned, pins) {
  const next = new Map();
  const among = new Set(wanted.slice(0, slots.length));
  const isPlaced = new Set();
  // What is pinned to one slot and still shown by another is on its way.
  const moving = new Set(pins.values());
  const shown = new Map(
    slots.map(({ mid, trackId }) => [mid, pins.get(mid) ?? (moving.has(trackId) ? null : trackId)]),
  );
  for (const [mid, track] of shown) if (among.has(track)) isPlaced.add(track);
  for (const [mid, track] of pins) if (among.has(track) && shown.has(mid)) next.set(mid, track);
  for (const track of pinned) {
    const at = [...shown].find(([, shownTrack]) => shownTrack === track);
    if (among.has(track) && at) next.set(at[0], track);
  }
  const free = slots.filter(({ mid }) => !next.has(mid) && !among.has(shown.get(mid))).map(({ mid }) => mid);
  for (const track of among) if (!isPlaced.has(track) && free.length > 0) next.set(free.shift(), track);
  return next;
}
