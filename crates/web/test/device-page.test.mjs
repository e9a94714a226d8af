// What browser and devices can do, and the numbers of a tile, in words.
import assert from "node:assert/strict";
import test from "node:test";
import { abilityRows, codecNames, sayTrackSettings, sizesOf } from "../assets/js/capabilities.js";
import { rowsOf } from "../assets/js/room/tile-stats.js";

test("codecs are named once, without what only repairs and protects", () => {
  const codecs = ["video/VP8", "video/rtx", "video/VP8", "video/red", "video/ulpfec", "video/H264"];
  assert.deepEqual(codecNames({ codecs: codecs.map((mimeType) => ({ mimeType })) }), ["VP8", "H264"]);
  assert.deepEqual(codecNames(null), []);
});

test("a browser without something says so", () => {
  const none = { audio: [], video: [] };
  const rows = Object.fromEntries(
    abilityRows({ send: none, receive: none }, { "screen sharing": false }, []),
  );
  assert.equal(rows["sends video"], "none");
  assert.equal(rows["screen sharing"], "no");
  assert.equal(rows.cameras, "0");
});

test("only sizes that the camera has are offered", () => {
  const heights = (capabilities) => sizesOf(capabilities).map(({ height }) => height);
  assert.deepEqual(heights({ width: { max: 1280 }, height: { max: 720 } }), [180, 360, 480, 720]);
  assert.deepEqual(heights({}), []);
  assert.deepEqual(heights(undefined), []);
});

test("settings are one line, without what is unknown", () => {
  assert.equal(sayTrackSettings({ width: 640, height: 360, frameRate: 29.97 }), "640 × 360, 30 fps");
  assert.equal(
    sayTrackSettings({ sampleRate: 48_000, channelCount: 1, echoCancellation: true }),
    "48 kHz, mono, echo cancellation",
  );
  assert.equal(sayTrackSettings({}), "");
});

const connection = { rttMs: null, transport: "udp", isDirect: false };
const video = {
  direction: "receive",
  kbps: 1_500,
  lossPercent: 0.5,
  codec: "VP8",
  width: 640,
  height: 360,
  fps: 30,
  freezes: 0,
  jitterMs: 2,
  layers: [],
};

test("a tile's numbers leave out what is unknown, and say why where the server does", () => {
  const rows = Object.fromEntries(
    rowsOf({
      video,
      audio: undefined,
      connection,
      tile: { width: 0, height: 0 },
      reason: "The tile is small.",
    }),
  );
  assert.equal(rows.picture, "640 × 360");
  assert.equal(rows.video, "1.50 Mbit/s");
  assert.equal(rows["round trip"], null);
  assert.equal(rows.sound, null);
  assert.equal(rows.tile, null);
  assert.equal(rows.why, "The tile is small.");
  assert.equal(rows.way, "udp");
});

test("a tile without a picture has numbers, too", () => {
  const rows = Object.fromEntries(rowsOf({ video: undefined, audio: { ...video, kbps: 32 }, connection }));
  assert.equal(rows.picture, null);
  assert.equal(rows.sound, "32 kbit/s");
  assert.equal(rows.loss, "0.5 %");
});
