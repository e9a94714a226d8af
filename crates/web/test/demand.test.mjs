// What is asked of the server, worked out from what is visible.
import assert from "node:assert/strict";
import test from "node:test";
import { largest, plan } from "../sdk/demand.js";

const slots = (...tracks) => tracks.map((trackId, index) => ({ mid: String(index), trackId }));
const wishes = (...entries) =>
  largest(
    entries.map(([track, width = 320, height = 180, priority = 0]) => ({ track, width, height, priority })),
  );
const planned = (state) =>
  plan({
    pinned: new Set(),
    pins: new Map(),
    direct: new Set(),
    adaptive: true,
    wishes: new Map(),
    ...state,
  });

test("of several elements of one track the largest counts", () => {
  const [wish] = wishes(["a", 100, 400], ["a", 300, 50, 7]).values();
  assert.deepEqual(wish, { track: "a", width: 300, height: 400, priority: 7 });
});

test("a slot is asked for what its elements need, rounded up, and for nothing when nobody looks", () => {
  const { demand, pins, missing } = planned({
    slots: slots("a", "b", null),
    wishes: wishes(["a", 310, 171, 2]),
  });
  assert.deepEqual(Object.fromEntries(demand), {
    0: { max_width: 320, max_height: 192, priority: 2 },
    1: { max_width: 0, max_height: 0, priority: 0 },
    2: { max_width: 0, max_height: 0, priority: 0 },
  });
  assert.equal(pins.size, 0);
  assert.equal(missing, 0);
});

test("what comes directly is not asked of the server", () => {
  const { demand, pins } = planned({
    slots: slots("a"),
    wishes: wishes(["a"], ["d"]),
    direct: new Set(["a", "d"]),
  });
  assert.deepEqual(demand.get("0"), { max_width: 0, max_height: 0, priority: 0 });
  assert.equal(pins.size, 0);
});

test("without adaptation nothing is asked", () => {
  assert.equal(planned({ slots: slots("a"), wishes: wishes(["a"]), adaptive: false }).demand.size, 0);
});

test("a visible track that no slot shows takes the slot of one that nobody looks at", () => {
  const { pins } = planned({ slots: slots("a", "x", "b"), wishes: wishes(["a"], ["b"], ["c"]) });
  assert.deepEqual([...pins], [["1", "c"]]);
});

test("a hidden track is not worth a pin, and what is no longer visible loses its own", () => {
  const state = { slots: slots("a", "b"), pins: new Map([["1", "b"]]) };
  assert.deepEqual([...planned({ ...state, wishes: wishes(["a"], ["b", 0, 0], ["c", 0, 0]) }).pins], []);
  assert.deepEqual([...planned({ ...state, wishes: wishes(["a"], ["b"]) }).pins], [["1", "b"]]);
});

test("a pin that the server has not followed yet is not given to another slot", () => {
  const { pins } = planned({ slots: slots("a", "x"), wishes: wishes(["c"]), pins: new Map([["1", "c"]]) });
  assert.deepEqual([...pins], [["1", "c"]]);
});

test("what the application pinned is kept where it is, and brought in when it is nowhere", () => {
  const inside = planned({ slots: slots("a", "b"), pinned: new Set(["b"]), wishes: wishes(["a"], ["b"]) });
  assert.deepEqual([...inside.pins], [["1", "b"]]);
  const outside = planned({ slots: slots("a", "b"), pinned: new Set(["c"]), wishes: wishes(["a"], ["b"]) });
  assert.deepEqual([...outside.pins.values()], ["c"]);
});

test("when not all fits, the important and the large come first, and more slots are wished for", () => {
  const { pins, missing } = planned({
    slots: slots("x", "y"),
    wishes: wishes(["small", 100, 100], ["large", 900, 900], ["first", 10, 10, 9], ["mid", 200, 200]),
  });
  assert.deepEqual(new Set(pins.values()), new Set(["first", "large"]));
  assert.equal(missing, 2);
});

test("no slot is pinned twice and no track pinned to two slots, whatever comes", () => {
  const seed = Number(process.env.PLENUM_SEED ?? Math.floor(Math.random() * 2 ** 31));
  let state = seed;
  const random = (below) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fff_ffff;
    return (state >>> 8) % below;
  };
  for (let round = 0; round < 2_000; round += 1) {
    const names = [..."abcdefgh"];
    const shown = names.filter(() => random(2) === 0);
    const line = slots(
      ...Array.from({ length: random(5) }, () =>
        random(3) ? (shown.splice(random(shown.length), 1)[0] ?? null) : null,
      ),
    );
    const pins = new Map(line.filter(() => random(3) === 0).map(({ mid }, index) => [mid, names[index]]));
    const pinned = new Set(names.filter(() => random(5) === 0));
    const seen = wishes(
      ...names.filter(() => random(2)).map((name) => [name, random(500), random(500), random(3)]),
    );
    const { pins: next, missing } = planned({ slots: line, pins, pinned, wishes: seen });
    const what = `PLENUM_SEED=${seed}, round ${round}`;
    assert.equal(new Set(next.values()).size, next.size, what);
    assert.ok(
      [...next.keys()].every((mid) => line.some((slot) => slot.mid === mid)),
      what,
    );
    assert.ok(next.size <= line.length && missing >= 0, what);
    // Following the plan leads to a state that needs nothing more.
    const taken = new Set(next.values());
    const after = line.map(({ mid, trackId }) => ({
      mid,
      trackId: next.get(mid) ?? (taken.has(trackId) ? null : trackId),
    }));
    assert.deepEqual(
      [...planned({ slots: after, pins: next, pinned, wishes: seen }).pins].sort(),
      [...next].sort(),
      what,
    );
  }
});
