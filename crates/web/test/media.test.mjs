// Codecs, layers, loudness and statistics.
import assert from "node:assert/strict";
import test from "node:test";
import { loudness } from "../assets/js/capture.js";
import { summarize } from "../assets/js/stats.js";
import { sayCount, sayDuration } from "../assets/js/ui.js";
import { onlyCodec, simulcastEncodings } from "../sdk/whip.js";

const codec = (name, sdpFmtpLine) => ({ mimeType: `video/${name}`, clockRate: 90_000, sdpFmtpLine });

test("one codec is offered with repair and nothing else, constrained baseline first for H264", () => {
  const high = codec("H264", "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=64001f");
  const mode0 = codec("H264", "packetization-mode=0;profile-level-id=42e01f");
  const best = codec("H264", "packetization-mode=1;profile-level-id=42e01f");
  const all = [codec("VP8"), codec("rtx"), high, mode0, best, codec("AV1"), codec("red")];
  assert.deepEqual(onlyCodec(all, "h264"), [best, mode0, high, codec("rtx"), codec("red")]);
  assert.deepEqual(onlyCodec(all, "VP9"), []);
});

test("simulcast goes from small to large, and VP9 and AV1 say that each stream has one layer", () => {
  assert.deepEqual(
    simulcastEncodings("VP8").map(({ rid, scaleResolutionDownBy }) => [rid, scaleResolutionDownBy]),
    [
      ["q", 4],
      ["h", 2],
      ["f", 1],
    ],
  );
  assert.ok(simulcastEncodings("vp9").every(({ scalabilityMode }) => scalabilityMode === "L1T1"));
  assert.ok(simulcastEncodings().every((encoding) => !("scalabilityMode" in encoding)));
});

test("loudness runs from silence to full scale", () => {
  assert.equal(loudness(new Float32Array(64)), 0);
  assert.equal(loudness(new Float32Array(64).fill(1)), 1);
  const half = loudness(new Float32Array(64).fill(0.031_6));
  assert.ok(half > 0.45 && half < 0.55, String(half));
  assert.equal(loudness(new Float32Array(0)), 0);
});

const report = (...entries) => new Map(entries.map((entry) => [entry.id, entry]));
const inbound = (timestamp, more) => ({
  id: "v",
  type: "inbound-rtp",
  kind: "video",
  codecId: "c",
  timestamp,
  frameWidth: 640,
  frameHeight: 360,
  framesPerSecond: 30,
  ...more,
});

test("a viewer's numbers are those of the last interval", () => {
  const codecs = { id: "c", type: "codec", mimeType: "video/H264", sdpFmtpLine: "profile-level-id=42e01f" };
  const pair = {
    id: "p",
    type: "candidate-pair",
    nominated: true,
    state: "succeeded",
    currentRoundTripTime: 0.012_34,
  };
  const first = summarize(
    report(
      inbound(1_000, {
        bytesReceived: 1_000,
        packetsReceived: 100,
        packetsLost: 5,
        framesDecoded: 30,
        jitterBufferDelay: 1,
        jitterBufferEmittedCount: 20,
      }),
      codecs,
      pair,
    ),
    null,
  );
  const { summary } = summarize(
    report(
      inbound(2_000, {
        bytesReceived: 126_000,
        packetsReceived: 190,
        packetsLost: 15,
        framesDecoded: 60,
        jitterBufferDelay: 2.5,
        jitterBufferEmittedCount: 50,
      }),
      codecs,
      pair,
    ),
    first.sample,
  );
  assert.deepEqual(summary, {
    codec: "H264 (42e0)",
    width: 640,
    height: 360,
    fps: 30,
    kbps: 1_000,
    lossPercent: 10,
    jitterBufferMs: 50,
    rttMs: 12.3,
    reportedAt: 0,
    frames: 60,
    bytes: 126_000,
    audioBytes: 0,
  });
});

test("a publisher's numbers add up its layers, show the largest, and take loss from the other side", () => {
  const layer = (id, frameWidth, bytesSent) => ({
    id,
    type: "outbound-rtp",
    kind: "video",
    timestamp: 1_000,
    frameWidth,
    frameHeight: frameWidth / 2,
    framesPerSecond: 25,
    bytesSent,
    framesEncoded: 10,
  });
  const remote = {
    id: "r",
    type: "remote-inbound-rtp",
    kind: "video",
    timestamp: 900,
    fractionLost: 0.02,
    roundTripTime: 0.05,
  };
  const { summary } = summarize(report(layer("q", 160, 10), layer("f", 640, 100), remote), null);
  assert.equal(summary.width, 640);
  assert.equal(summary.bytes, 110);
  assert.equal(summary.lossPercent, 2);
  assert.equal(summary.rttMs, 50);
  assert.equal(summary.reportedAt, 900);
});

test("an empty report is zeros and unknowns", () => {
  const { summary } = summarize(new Map(), null);
  assert.equal(summary.fps, 0);
  assert.equal(summary.lossPercent, null);
  assert.equal(summary.codec, "");
});

test("durations and counts read like speech", () => {
  assert.deepEqual([-5, 4_200, 300_000, 7_800_000, 3 * 86_400_000].map(sayDuration), [
    "0 s",
    "4 s",
    "5 min",
    "2 h 10 min",
    "3 d",
  ]);
  assert.deepEqual(
    [0, 1, 1_840].map((count) => sayCount(count, "viewer")),
    ["0 viewers", "1 viewer", "1,840 viewers"],
  );
});
