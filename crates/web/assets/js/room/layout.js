/**
 * Where the tiles of a call go. Pure: who is there and how large the stage is in, rectangles out.
 *
 * @module
 */

/**
 * @typedef {{x: number, y: number, width: number, height: number}} Rect
 * @typedef {"grid" | "main" | "strip" | "corner"} Role
 *
 * @typedef {object} Scene
 * @property {string[]} others tiles of other people, the most important first
 * @property {string[]} screens shared screens, the newest first
 * @property {string | null} self the own tile
 * @property {string | null} pinned a tile that takes the stage because somebody wants it so
 * @property {string | null} speaker who takes the stage in the speaker layout
 * @property {"grid" | "speaker"} mode
 *
 * @typedef {object} Arrangement
 * @property {Map<string, Rect & {role: Role}>} places of the tiles that are shown
 * @property {(Rect & {role: Role}) | null} more where "+3" goes when not everybody is shown
 * @property {string[]} hidden tiles without a place
 */

/** Between tiles, and around them. */
export const GAP = 8;

const RATIO = 16 / 9;
/** On a tall stage tiles may grow into the free height, up to this ratio. */
const TALLEST = { one: 3 / 4, many: 1 };
/** Narrower tiles show nobody; whoever has no room for one is counted in "+3". */
const NARROWEST = { wide: 176, tall: 128 };
/** And no more than so many: videos beyond it have no slot in which they could come. */
const MOST_TILES = 25;
/** Widths of tiles in the strip: down to `least` if then all fit; below the stage at least three stand side by side. */
const STRIP = { share: 0.18, min: 152, max: 288, least: 128, ratioOfNarrow: 4 / 3 };
const CORNER = { share: 0.2, min: 112, max: 272, margin: 12 };

const clamp = (value, { min, max }) => Math.min(max, Math.max(min, value));
const isTall = ({ width, height }) => height > width;

/**
 * The columns with which `count` tiles are largest: of 16:9, but on a stage that is taller than wide they
 * may grow into the free height. Phones are held upright: a face in a square says more than a black bar.
 *
 * @param {number} count
 * @param {{width: number, height: number}} area
 * @returns {{columns: number, rows: number, width: number, height: number}} size of one tile
 */
export function bestGrid(count, area) {
  let best = { columns: 1, rows: Math.max(1, count), width: 0, height: 0 };
  for (let columns = 1; columns <= count; columns += 1) {
    const rows = Math.ceil(count / columns);
    const size = sizeIn(cellOf(area, columns, rows), count, isTall(area));
    if (size.width * size.height > best.width * best.height + 1) best = { columns, rows, ...size };
  }
  return best;
}

function sizeIn(cell, count, mayGrow) {
  const width = Math.max(0, Math.min(cell.width, cell.height * RATIO));
  if (!mayGrow) return { width, height: width / RATIO };
  const tallest = width / (count === 1 ? TALLEST.one : TALLEST.many);
  return { width, height: Math.max(width / RATIO, Math.min(cell.height, tallest)) };
}

const cellOf = ({ width, height }, columns, rows) => ({
  width: (width - GAP * (columns - 1)) / columns,
  height: (height - GAP * (rows - 1)) / rows,
});

/**
 * Rectangles of `count` tiles, row by row, the last row centred.
 *
 * @param {number} count
 * @param {Rect} area
 * @returns {Rect[]}
 */
export function gridRects(count, area) {
  const { columns, rows, width, height } = bestGrid(count, area);
  const top = area.y + (area.height - (rows * height + (rows - 1) * GAP)) / 2;
  return Array.from({ length: count }, (_, index) => {
    const row = Math.floor(index / columns);
    const inRow = Math.min(columns, count - row * columns);
    const left = area.x + (area.width - (inRow * width + (inRow - 1) * GAP)) / 2;
    return {
      x: left + (index - row * columns) * (width + GAP),
      y: top + row * (height + GAP),
      width,
      height,
    };
  });
}

/**
 * How many tiles of a useful size fit.
 *
 * @param {{width: number, height: number}} area
 * @returns {number} at least 1
 */
export function capacityOf(area) {
  const narrowest = isTall(area) ? NARROWEST.tall : NARROWEST.wide;
  let count = 1;
  while (count < MOST_TILES && bestGrid(count + 1, area).width >= narrowest) count += 1;
  return count;
}

/**
 * Divides the stage into a large place and a strip, at the side or below, whichever leaves more for the
 * large one.
 *
 * @param {Rect} area
 * @param {number} count tiles that want to be in the strip
 * @returns {{main: Rect, strip: Rect[]}} `strip` may have fewer places than wanted
 */
export function splitForStrip(area, count) {
  if (count === 0) return { main: area, strip: [] };
  const beside = tileBeside(area, count);
  const below = tileBelow(area, count);
  const besideMain = { ...area, width: Math.max(0, area.width - beside.width - GAP) };
  const belowMain = { ...area, height: Math.max(0, area.height - below.height - GAP) };
  if (widest(besideMain) >= widest(belowMain)) {
    const x = area.x + area.width - beside.width;
    const strip = spread(count, area.y, area.height, beside.height).map((y) => ({ x, y, ...beside }));
    return { main: besideMain, strip };
  }
  const y = area.y + area.height - below.height;
  const strip = spread(count, area.x, area.width, below.width).map((x) => ({ x, y, ...below }));
  return { main: belowMain, strip };
}

function tileBeside(area, count) {
  const wanted = clamp(area.width * STRIP.share, STRIP);
  const width = shrunk(wanted, share(area.height, count) * RATIO);
  return { width, height: width / RATIO };
}

function tileBelow(area, count) {
  const usual = clamp(Math.min(area.height * STRIP.share * RATIO, area.width / 5), STRIP);
  const wanted = shrunk(usual, share(area.width, count));
  const third = Math.max(0, (area.width - 2 * GAP) / 3);
  const width = Math.min(wanted, third);
  return { width, height: width / (third < wanted ? STRIP.ratioOfNarrow : RATIO) };
}

/** What one of `count` things gets of a length. */
const share = (length, count) => (length + GAP) / count - GAP;
const shrunk = (wanted, all) => (all >= STRIP.least ? Math.min(wanted, all) : wanted);

/** Where up to `count` things of this size begin, in the middle of a length. */
function spread(count, start, length, size) {
  const places = Math.floor((length + GAP) / (size + GAP));
  const shown = Math.min(count, Math.max(1, places));
  const first = start + (length - (shown * (size + GAP) - GAP)) / 2;
  return Array.from({ length: shown }, (_, index) => first + index * (size + GAP));
}

/** How wide a 16:9 picture can be in `area`. */
const widest = (area) => Math.min(area.width, area.height * RATIO);

/**
 * The own tile, small at the lower right.
 *
 * @param {Rect} area
 * @param {number} lift pixels to stay above the lower edge
 * @returns {Rect}
 */
function cornerOf(area, lift) {
  const width = clamp(area.width * CORNER.share, CORNER);
  const height = width / RATIO;
  return {
    x: area.x + area.width - width - CORNER.margin,
    y: area.y + area.height - height - CORNER.margin - lift,
    width,
    height,
  };
}

/**
 * Gives every tile of a call its place.
 *
 * @param {Scene} scene
 * @param {Rect} area
 * @param {{lift?: number}} [options] `lift` keeps the own tile clear of what covers the lower edge
 * @returns {Arrangement}
 */
export function arrange(scene, area, { lift = 0 } = {}) {
  const main = mainOf(scene);
  return main === null ? arrangeGrid(scene, area, lift) : arrangeStage(scene, main, area, lift);
}

/**
 * Whether one picture has the stage for itself, apart from the own one in the corner.
 *
 * @param {Scene} scene
 * @returns {boolean}
 */
export function isSingle(scene) {
  const { others, screens, self } = scene;
  const main = mainOf(scene);
  if (main === null) return others.length + (self === null || others.length > 0 ? 0 : 1) <= 1;
  return [...screens, ...others].every((tile) => tile === main);
}

/** Pins win, then screens, then whoever speaks in the speaker layout. */
function mainOf({ others, screens, self, pinned, speaker, mode }) {
  const all = [...screens, ...others, ...(self ? [self] : [])];
  if (pinned !== null && all.includes(pinned)) return pinned;
  if (screens.length > 0) return screens[0];
  if (mode !== "speaker" || others.length === 0) return null;
  return speaker !== null && others.includes(speaker) ? speaker : others[0];
}

function arrangeGrid({ others, self }, area, lift) {
  const isCornered = self !== null && others.length > 0 && others.length <= 2;
  const wanted = self === null || isCornered ? others : [...others, self];
  const capacity = capacityOf(area);
  const shown = fit(wanted, self, capacity);
  const rects = gridRects(shown.tiles.length + (shown.hidden.length > 0 ? 1 : 0), area);
  const places = new Map(shown.tiles.map((tile, index) => [tile, { ...rects[index], role: "grid" }]));
  if (isCornered) places.set(self, { ...cornerOf(area, lift), role: "corner" });
  const more = shown.hidden.length > 0 ? { ...rects.at(-1), role: "grid" } : null;
  return { places, more, hidden: shown.hidden };
}

function arrangeStage({ others, screens, self }, main, area, lift) {
  const rest = [...screens, ...others].filter((tile) => tile !== main);
  const isCornered = self !== null && self !== main && rest.length === 0;
  const wanted = self === null || self === main || isCornered ? rest : [...rest, self];
  const split = splitForStrip(area, wanted.length);
  const shown = fit(wanted, self, split.strip.length);
  // A screen may have any shape and takes all there is; faces keep theirs.
  const large = screens.includes(main) ? split.main : gridRects(1, split.main)[0];
  const places = new Map([[main, { ...large, role: "main" }]]);
  shown.tiles.forEach((tile, index) => places.set(tile, { ...split.strip[index], role: "strip" }));
  if (isCornered) places.set(self, { ...cornerOf(area, lift), role: "corner" });
  const more = shown.hidden.length > 0 ? { ...split.strip.at(-1), role: "strip" } : null;
  return { places, more, hidden: shown.hidden };
}

/** The first ones that fit; the own tile stays among them, and "+3" takes the last place. */
function fit(tiles, self, capacity) {
  if (tiles.length <= capacity) return { tiles, hidden: [] };
  const keepsSelf = self !== null && tiles.includes(self) && capacity > 2;
  const others = tiles.filter((tile) => !keepsSelf || tile !== self);
  const count = Math.max(0, capacity - 1 - (keepsSelf ? 1 : 0));
  return {
    tiles: [...others.slice(0, count), ...(keepsSelf ? [self] : [])],
    hidden: others.slice(count),
  };
}
