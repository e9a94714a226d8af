// Who comes first, and that people do not jump about.
import assert from "node:assert/strict";
import test from "node:test";
import { byImportance, keepPlaces } from "../assets/js/room/order.js";

const someone = (id, more = {}) => ({ id, hasVideo: true, spokeAt: 0, joinedAt: 0, ...more });

test("a picture comes before initials, a speaker before the silent, the older before the newer", () => {
  const people = [
    someone("initials", { hasVideo: false, spokeAt: 9 }),
    someone("newer", { joinedAt: 2 }),
    someone("older", { joinedAt: 1 }),
    someone("speaker", { spokeAt: 5, joinedAt: 3 }),
  ];
  assert.deepEqual(byImportance(people), ["speaker", "older", "newer", "initials"]);
  assert.deepEqual(byImportance(people.toReversed()), ["speaker", "older", "newer", "initials"]);
});

test("who stays keeps the place, whatever the new order is", () => {
  assert.deepEqual(keepPlaces(["a", "b", "c"], ["c", "a", "b"]), ["a", "b", "c"]);
});

test("a newcomer takes the place of the one it displaces", () => {
  assert.deepEqual(keepPlaces(["a", "b", "c"], ["x", "a", "c"]), ["a", "x", "c"]);
});

test("where somebody left, the others move up; who comes stands at the end", () => {
  assert.deepEqual(keepPlaces(["a", "b", "c"], ["a", "c"]), ["a", "c"]);
  assert.deepEqual(keepPlaces(["a", "b"], ["z", "a", "b"]), ["a", "b", "z"]);
  assert.deepEqual(keepPlaces([], ["a", "b"]), ["a", "b"]);
});
