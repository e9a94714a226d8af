// Where tiles go: largest, inside, apart from each other, and nobody is lost.
import assert from "node:assert/strict";
import test from "node:test";
import {
  arrange,
  bestGrid,
  capacityOf,
  GAP,
  gridRects,
  isSingle,
  splitForStrip,
} from "../assets/js/room/layout.js";

const WIDE = { x: GAP, y: GAP, width: 1264, height: 624 };
const PHONE = { x: GAP, y: GAP, width: 344, height: 640 };
const AREAS = [
  WIDE,
  PHONE,
  { x: 0, y: 0, width: 2544, height: 1344 },
  { x: 0, y: 0, width: 752, height: 920 },
  { x: 0, y: 0, width: 720, height: 300 },
];
const ids = (count, prefix = "p") => Array.from({ length: count }, (_, index) => `${prefix}${index}`);
const scene = (others, more = {}) => ({
  others: ids(others),
  screens: [],
  self: "self",
  pinned: null,
  speaker: null,
  mode: "grid",
  ...more,
});

const isInside = (rect, area) =>
  rect.x >= area.x - 0.01 &&
  rect.y >= area.y - 0.01 &&
  rect.x + rect.width <= area.x + area.width + 0.01 &&
  rect.y + rect.height <= area.y + area.height + 0.01;
const overlap = (a, b) =>
  a.x < b.x + b.width - 0.01 &&
  b.x < a.x + a.width - 0.01 &&
  a.y < b.y + b.height - 0.01 &&
  b.y < a.y + a.height - 0.01;

test("no other number of columns makes 16:9 tiles larger", () => {
  for (const area of AREAS.filter(({ width, height }) => width >= height)) {
    for (let count = 1; count <= 25; count += 1) {
      const best = bestGrid(count, area);
      assert.ok(Math.abs(best.width / best.height - 16 / 9) < 0.001);
      for (let columns = 1; columns <= count; columns += 1) {
        const rows = Math.ceil(count / columns);
        const width = (area.width - GAP * (columns - 1)) / columns;
        const height = (area.height - GAP * (rows - 1)) / rows;
        assert.ok(Math.min(width, (height * 16) / 9) <= best.width + 1, `${count} tiles, ${columns} columns`);
      }
    }
  }
});

test("the columns people expect on a laptop", () => {
  const columns = [1, 2, 3, 4, 5, 9, 16, 20].map((count) => bestGrid(count, WIDE).columns);
  assert.deepEqual(columns, [1, 2, 2, 2, 3, 3, 4, 5]);
});

test("a tall stage is filled instead of left black", () => {
  const six = bestGrid(6, PHONE);
  assert.deepEqual([six.columns, six.rows], [2, 3]);
  assert.ok(six.height > six.width * 0.9, "faces get squares");
  const one = bestGrid(1, PHONE);
  assert.ok(one.height > one.width, "one face gets a portrait");
});

test("tiles of a grid stay inside and apart, and the last row is centred", () => {
  for (const area of AREAS) {
    for (let count = 1; count <= 25; count += 1) {
      const rects = gridRects(count, area);
      assert.equal(rects.length, count);
      for (const rect of rects) assert.ok(isInside(rect, area));
      rects.forEach((a, i) => rects.slice(i + 1).forEach((b) => assert.ok(!overlap(a, b))));
      const last = rects.filter(({ y }) => y === rects.at(-1).y);
      const [left, right] = [last[0].x - area.x, area.x + area.width - last.at(-1).x - last.at(-1).width];
      assert.ok(Math.abs(left - right) < 0.01, `${count} tiles`);
    }
  }
});

test("the own tile is in the corner with one or two others, and in the grid with more", () => {
  const role = (others) => arrange(scene(others), WIDE).places.get("self").role;
  assert.deepEqual([0, 1, 2, 3, 8].map(role), ["grid", "corner", "corner", "grid", "grid"]);
});

test("the own tile in the corner stays clear of a bar that lies over the stage", () => {
  const low = arrange(scene(1), WIDE).places.get("self");
  const high = arrange(scene(1), WIDE, { lift: 80 }).places.get("self");
  assert.equal(low.y - high.y, 80);
});

test("everybody is shown or counted, once", () => {
  for (const area of AREAS) {
    for (const others of [0, 1, 2, 3, 9, 20, 60, 200]) {
      for (const screens of [[], ["s0"], ["s0", "s1"]]) {
        for (const mode of ["grid", "speaker"]) {
          const given = scene(others, { screens, mode, speaker: "p1" });
          const { places, hidden, more } = arrange(given, area);
          const all = [...places.keys(), ...hidden].sort();
          assert.deepEqual(all, [...given.others, ...screens, "self"].sort());
          assert.equal(more !== null, hidden.length > 0);
          const rects = [...places.values(), ...(more ? [more] : [])];
          for (const rect of rects) assert.ok(isInside(rect, area), `${others} ${screens.length} ${mode}`);
          const fixed = rects.filter((rect) => rect.role !== "corner");
          fixed.forEach((a, i) => fixed.slice(i + 1).forEach((b) => assert.ok(!overlap(a, b))));
        }
      }
    }
  }
});

test("the most important are shown when not everybody fits, and oneself among them", () => {
  const { places, hidden } = arrange(scene(60), WIDE);
  const shown = 60 - hidden.length;
  assert.deepEqual(hidden, ids(60).slice(shown));
  assert.ok(places.has("self") && places.size === shown + 1);
  assert.ok(places.size + 1 <= capacityOf(WIDE));
});

test("who takes the stage: a pin, then a screen, then the speaker, then the first", () => {
  const main = (given) => [...arrange(given, WIDE).places].find(([, { role }]) => role === "main")?.[0];
  assert.equal(main(scene(4)), undefined);
  assert.equal(main(scene(4, { mode: "speaker" })), "p0");
  assert.equal(main(scene(4, { mode: "speaker", speaker: "p2" })), "p2");
  assert.equal(main(scene(4, { mode: "speaker", speaker: "p2", screens: ["s1", "s0"] })), "s1");
  assert.equal(main(scene(4, { mode: "speaker", screens: ["s1"], pinned: "p3" })), "p3");
  assert.equal(main(scene(4, { pinned: "self" })), "self");
  assert.equal(main(scene(4, { pinned: "gone" })), undefined);
  assert.equal(main(scene(4, { mode: "speaker", speaker: "gone" })), "p0");
});

test("the strip is where it leaves more of the stage", () => {
  const beside = splitForStrip(WIDE, 4);
  assert.ok(
    beside.strip.every(({ x }) => x === beside.strip[0].x),
    "at the side of a wide stage",
  );
  const below = splitForStrip(PHONE, 4);
  assert.ok(
    below.strip.every(({ y }) => y === below.strip[0].y),
    "below on a tall one",
  );
  assert.equal(below.strip.length, 3, "three faces on a phone");
});

test("a strip makes its tiles a little smaller if then all fit, but not too small to see", () => {
  const five = splitForStrip(WIDE, 5);
  assert.equal(five.strip.length, 5);
  assert.ok(five.strip[0].width < splitForStrip(WIDE, 3).strip[0].width);
  assert.ok(splitForStrip(WIDE, 20).strip.length < 20);
});

test("a stage that is nearly nothing still has places of no negative size", () => {
  for (const area of [
    { x: 8, y: 8, width: 1, height: 1 },
    { x: 8, y: 8, width: 40, height: 300 },
  ]) {
    for (const mode of ["grid", "speaker"]) {
      const { places } = arrange(scene(5, { mode }), area);
      for (const { width, height } of places.values()) assert.ok(width >= 0 && height >= 0);
    }
  }
});

test("one picture alone is told apart, so that the bar may lie over it", () => {
  assert.ok(isSingle(scene(0)));
  assert.ok(isSingle(scene(1)));
  assert.ok(isSingle(scene(1, { mode: "speaker" })));
  assert.ok(!isSingle(scene(2)));
  assert.ok(!isSingle(scene(1, { screens: ["s0"] })));
  assert.ok(!isSingle(scene(2, { pinned: "p0" })));
});
