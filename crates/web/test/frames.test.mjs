// Drawing is asked for by many, and done once.
import assert from "node:assert/strict";
import test from "node:test";
import { oncePerFrame } from "../assets/js/room/frames.js";

const frames = [];
globalThis.requestAnimationFrame = (run) => frames.push(run);
globalThis.cancelAnimationFrame = (id) => delete frames[id - 1];
const nextFrame = () => frames.splice(0).forEach((run) => run());

test("asked ten times, it draws once, and again when asked again", () => {
  let drawn = 0;
  const { ask } = oncePerFrame(() => (drawn += 1));
  for (let i = 0; i < 10; i += 1) ask();
  assert.equal(drawn, 0);
  nextFrame();
  assert.equal(drawn, 1);
  ask();
  nextFrame();
  assert.equal(drawn, 2);
  nextFrame();
  assert.equal(drawn, 2);
});

test("a page without frames is drawn, too", async () => {
  const drawn = new Promise((resolve) => oncePerFrame(resolve).ask());
  await drawn;
  nextFrame();
});

test("what was stopped is not drawn any more", () => {
  let drawn = 0;
  const { ask, stop } = oncePerFrame(() => (drawn += 1));
  ask();
  stop();
  nextFrame();
  assert.equal(drawn, 0);
});
