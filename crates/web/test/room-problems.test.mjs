// However a call ends, fails or does not begin, a person is told what happened, what to do, and gets one button.
import assert from "node:assert/strict";
import test from "node:test";
import { openDevices, promiseOf } from "../assets/js/room/local-media.js";
import { troubleOfDevice, troubleOfEnd, unsupported } from "../assets/js/room/problems.js";

const isWhole = ({ what, todo, button, act }) =>
  [what, todo].every((text) => /^\p{Lu}.*[.!?]$/u.test(text)) && button.length > 1 && act.length > 2;

test("every reason to close has a whole answer of its own", () => {
  const reasons = [
    "left",
    "replaced",
    "kicked",
    "banned",
    "rejected",
    "room_closed",
    "shutdown",
    "protocol",
    "too_slow",
    "unreachable",
  ];
  const said = reasons.map((reason) => troubleOfEnd({ reason }));
  said.forEach((trouble, index) => assert.ok(isWhole(trouble), reasons[index]));
  assert.equal(new Set(said.map(({ what }) => what)).size, reasons.length);
  assert.ok(isWhole(troubleOfEnd({ reason: "something new" })));
});

test("every refusal has a whole answer, and so has what is none", () => {
  const errors = [
    { slug: "room-full", status: 409 },
    { slug: "room-locked", status: 403 },
    { slug: "banned", status: 403 },
    { slug: "not-admitted", status: 403 },
    { slug: "room-not-found", status: 404 },
    { slug: "unauthorized", status: 401 },
    { slug: "forbidden", status: 403 },
    { slug: "draining", status: 503 },
    { slug: "overloaded", status: 503 },
    { slug: "internal", status: 500 },
    { slug: "unreachable", status: 0 },
    { slug: "timeout", status: 0 },
    { slug: "unsupported", status: 0, detail: "WebRTC" },
    { slug: "malformed-request", status: 400, detail: "no such thing" },
    { slug: "new", status: 418 },
    new TypeError("x"),
  ];
  for (const error of errors) {
    for (const reason of [undefined, "error"]) {
      assert.ok(isWhole(troubleOfEnd({ reason, error })), error.slug ?? error.name);
    }
  }
  assert.ok(isWhole(troubleOfEnd({})));
});

test("a full room, a locked one and a bad token are told apart", () => {
  const say = (slug, status) => troubleOfEnd({ error: { slug, status } });
  assert.match(say("room-full", 409).what, /full/);
  assert.match(say("room-locked", 403).what, /locked/);
  assert.equal(say("unauthorized", 401).act, "token");
  assert.match(troubleOfEnd({ error: { status: 401 } }, { hasToken: true }).what, /not valid/);
  assert.match(troubleOfEnd({ error: { status: 403 } }, { room: "demo" }).what, /the room demo/);
});

test("whoever was replaced or left may come back with one press, whoever was banned not", () => {
  assert.equal(troubleOfEnd({ reason: "replaced" }).act, "again");
  assert.equal(troubleOfEnd({ reason: "left" }).act, "again");
  assert.equal(troubleOfEnd({ reason: "banned" }).act, "lobby");
});

test("a browser that lacks something hears what", () => {
  assert.ok(isWhole(unsupported("")));
  assert.match(unsupported("WebRTC").what, /lacks WebRTC\./);
});

const NAMES = [
  "NotAllowedError",
  "NotFoundError",
  "NotReadableError",
  "OverconstrainedError",
  "AbortError",
  "TypeError",
];

test("every device that does not open has a whole answer that names it", () => {
  for (const source of ["camera", "microphone"]) {
    for (const name of NAMES) {
      for (const error of [{ name }, { slug: "capture", cause: { name } }]) {
        const trouble = troubleOfDevice(error, { source });
        assert.ok(isWhole(trouble), `${source} ${name}`);
        assert.match(trouble.what, new RegExp(source));
      }
    }
  }
});

test("a closed screen dialogue is no trouble, a forbidden device is no fault of the device", () => {
  assert.equal(troubleOfDevice({ name: "NotAllowedError" }, { source: "screen" }), null);
  assert.ok(isWhole(troubleOfDevice({ name: "NotReadableError" }, { source: "screen" })));
  assert.match(troubleOfDevice({ slug: "forbidden" }, { source: "camera" }).what, /not allowed/);
});

const track = (kind) => ({ kind });
const streamOf = (...kinds) => ({
  getVideoTracks: () => kinds.filter((kind) => kind === "video").map(track),
  getAudioTracks: () => kinds.filter((kind) => kind === "audio").map(track),
});
const failure = (name) => Object.assign(new Error(name), { name });
const BOTH = { cameraId: "c", microphoneId: "m", camera: true, microphone: true };
const never = () => Promise.reject(new Error("was not to be asked"));

test("both devices are asked for with one question", async () => {
  const asked = [];
  const opened = await openDevices(
    BOTH,
    async (wish) => (asked.push(wish), streamOf("audio", "video")),
    never,
  );
  assert.ok(opened.camera && opened.microphone);
  assert.deepEqual(opened.errors, {});
  assert.deepEqual(
    asked.map(({ cameraId, microphoneId }) => [cameraId, microphoneId]),
    [["c", "m"]],
  );
});

test("a camera in use does not keep the microphone from opening", async () => {
  const open = async ({ cameraId }) => {
    if (cameraId !== "none") throw failure("NotReadableError");
    return streamOf("audio");
  };
  const { camera, microphone, errors } = await openDevices(BOTH, open, never);
  assert.ok(!camera && microphone);
  assert.deepEqual(Object.keys(errors), ["camera"]);
});

test("a refusal is not asked about again, but what is allowed already opens", async () => {
  const asked = [];
  const open = async (wish) => {
    asked.push(wish);
    if (wish.cameraId !== "none") throw failure("NotAllowedError");
    return streamOf("audio");
  };
  const { microphone, errors } = await openDevices(BOTH, open, async (kind) => kind === "microphone");
  assert.ok(microphone);
  assert.equal(errors.camera.name, "NotAllowedError");
  assert.equal(asked.length, 2);
  await openDevices(BOTH, open, async () => false);
  assert.equal(asked.length, 3);
});

test("a machine without a camera says so and has its microphone", async () => {
  const { microphone, errors } = await openDevices(BOTH, async () => streamOf("audio"), never);
  assert.ok(microphone);
  assert.equal(errors.camera.name, "NotFoundError");
  assert.equal(errors.microphone, undefined);
});

test("nothing is asked for when nothing is wanted", async () => {
  const opened = await openDevices({ ...BOTH, camera: false, microphone: false }, never, never);
  assert.deepEqual(opened, { camera: null, microphone: null, errors: {} });
});

test("what joining will do is one sentence, different for each choice", () => {
  const said = [true, false].flatMap((hasCamera) =>
    [true, false].map((hasMicrophone) => promiseOf({ hasCamera, hasMicrophone })),
  );
  assert.equal(new Set(said).size, 4);
  for (const text of said) assert.match(text, /^You join .*\.$/);
});
