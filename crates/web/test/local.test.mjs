// Cameras and microphones: what is asked of the browser, and what becomes of it.
import assert from "node:assert/strict";
import test from "node:test";
import { LocalMedia } from "../sdk/local.js";
import { FakeStream, FakeTrack, furnish, settle } from "./fakes.mjs";

furnish();

/** A browser with devices; `asked` is what it was asked for. */
function scene(t, open = (kind, { deviceId }) => new FakeTrack(kind, deviceId?.exact ?? "default")) {
  const asked = [];
  const mediaDevices = {
    getUserMedia: async (constraints) => {
      asked.push(constraints);
      const [[kind, wishes]] = Object.entries(constraints);
      return new FakeStream([await open(kind, wishes)]);
    },
  };
  Object.defineProperty(globalThis, "navigator", { value: { mediaDevices }, configurable: true });
  const changes = [];
  const local = new LocalMedia({
    onChange: ({ source, isOn, muted }, by) => changes.push([source, isOn, muted, by]),
    mayPublish: () => true,
  });
  t.after(() => local.close());
  return { local, asked, changes };
}

test("a camera is asked for in a sensible size, and with what the caller wants besides", async (t) => {
  const { local, asked, changes } = scene(t);
  const camera = await local.set("camera", true);
  assert.equal(asked[0].video.height.ideal, 720);
  assert.deepEqual([camera.isOn, camera.deviceId], [true, "default"]);
  await local.set("camera", { facingMode: "environment" });
  assert.equal(asked[1].video.facingMode, "environment");
  assert.equal(asked[1].video.deviceId, undefined);
  assert.deepEqual(changes, [
    ["camera", true, false, "me"],
    ["camera", true, false, "me"],
  ]);
});

test("on twice opens once, and unmutes", async (t) => {
  const { local, asked, changes } = scene(t);
  await local.set("microphone", true);
  local.setMuted("microphone", true);
  await local.set("microphone", true);
  assert.equal(asked.length, 1);
  assert.deepEqual(
    changes.map(([, , muted]) => muted),
    [false, true, false],
  );
});

test("a switched device replaces the former one, which is stopped, and stays chosen", async (t) => {
  const { local, asked } = scene(t);
  const former = (await local.set("camera", { deviceId: "first" })).mediaStreamTrack;
  local.setMuted("camera", true);
  await local.switchDevice("camera", "second");
  const camera = local.get("camera");
  assert.deepEqual(asked[1].video.deviceId, { exact: "second" });
  assert.deepEqual(
    [former.readyState, camera.deviceId, camera.muted, camera.mediaStreamTrack.enabled],
    ["ended", "second", true, false],
  );
  await local.set("camera", false);
  await local.set("camera", true);
  assert.deepEqual(asked[2].video.deviceId, { exact: "second" });
});

test("a chosen device that is gone is replaced by any other, a switch to it is refused and changes nothing", async (t) => {
  const { local } = scene(t, (kind, { deviceId }) => {
    if (deviceId?.exact === "gone") throw new DOMException("gone", "OverconstrainedError");
    if (deviceId?.exact === "busy") throw new DOMException("busy", "NotReadableError");
    return new FakeTrack(kind, "other");
  });
  await local.switchDevice("camera", "gone");
  const camera = await local.set("camera", true);
  assert.equal(camera.deviceId, "other");
  const track = camera.mediaStreamTrack;
  await assert.rejects(local.switchDevice("camera", "busy"), { slug: "capture", source: "camera" });
  assert.equal(camera.mediaStreamTrack, track);
  assert.equal(camera.wantedDeviceId, "gone");
});

test("a dialogue that is answered after the camera was switched off again opens nothing", async (t) => {
  let answer;
  const late = new FakeTrack("video");
  const { local, changes } = scene(t, () => new Promise((resolve) => (answer = resolve)));
  const opening = local.set("camera", true);
  await settle();
  await local.set("camera", false);
  answer(late);
  await opening;
  assert.equal(late.readyState, "ended");
  assert.equal(local.get("camera").isOn, false);
  assert.deepEqual(changes, []);
});

test("a refusal says what could not be opened, and why", async (t) => {
  const { local } = scene(t, () => {
    throw new DOMException("Permission denied", "NotAllowedError");
  });
  await assert.rejects(local.set("microphone", true), (error) => {
    assert.deepEqual(
      [error.slug, error.source, error.cause.name],
      ["capture", "microphone", "NotAllowedError"],
    );
    return true;
  });
  Object.defineProperty(globalThis, "navigator", { value: {}, configurable: true });
  await assert.rejects(local.set("camera", true), (error) => error.cause.name === "SecurityError");
});

test("an unplugged device is off", async (t) => {
  const { local, changes } = scene(t);
  (await local.set("camera", true)).mediaStreamTrack.end();
  assert.deepEqual(changes.at(-1), ["camera", false, true, "device"]);
});
