// Statistics per track, and the one word for a connection.
import assert from "node:assert/strict";
import test from "node:test";
import { judge, QualityGauge } from "../sdk/quality.js";
import { digest, Rates } from "../sdk/room-stats.js";

test("loss, delay and a narrow uplink make a connection worse, unknown numbers do not", () => {
  assert.equal(judge({}), "good");
  assert.equal(judge({ lossPercent: null, rttMs: null, availableKbps: null }), "good");
  assert.equal(judge({ lossPercent: 4, rttMs: 20 }), "fair");
  assert.equal(judge({ lossPercent: 0, rttMs: 900 }), "poor");
  assert.equal(judge({ availableKbps: 100 }), "poor");
});

test("one bad reading changes nothing, two do; it takes three good ones to come back", () => {
  const gauge = new QualityGauge();
  const good = { lossPercent: 0 };
  const bad = { lossPercent: 20 };
  const seen = [bad, good, bad, bad, good, good, bad, good, good, good].map((numbers) => gauge.read(numbers));
  assert.deepEqual(seen, ["good", "good", "good", "poor", "poor", "poor", "poor", "poor", "poor", "good"]);
});

test("what was lost is as good as its first reading", () => {
  const gauge = new QualityGauge();
  assert.equal(gauge.lose(), "lost");
  assert.equal(gauge.read({ lossPercent: 5 }), "fair");
});

const report = (...entries) => new Map(entries.map((entry) => [entry.id, entry]));
const inbound = (timestamp, more) => ({
  id: "in",
  type: "inbound-rtp",
  kind: "video",
  mid: "5",
  codecId: "c",
  timestamp,
  ...more,
});
const codec = { id: "c", type: "codec", mimeType: "video/VP8" };
const lineOf = ({ type }) =>
  type === "inbound-rtp"
    ? { id: "TR_1", participant: "bob", source: "camera" }
    : { id: "TR_2", participant: "ada", source: "camera" };

test("a received track has the rates of the last interval", () => {
  const rates = new Rates();
  digest(
    report(codec, inbound(1_000, { bytesReceived: 0, packetsReceived: 0, packetsLost: 0 })),
    lineOf,
    rates,
  );
  const { tracks, connection } = digest(
    report(
      codec,
      inbound(3_000, {
        bytesReceived: 250_000,
        packetsReceived: 190,
        packetsLost: 10,
        frameWidth: 640,
        frameHeight: 360,
        framesPerSecond: 29.7,
        framesDecoded: 60,
        freezeCount: 1,
        jitter: 0.012,
      }),
    ),
    lineOf,
    rates,
  );
  assert.deepEqual(tracks.get("TR_1"), {
    participant: "bob",
    source: "camera",
    direction: "receive",
    kbps: 1_000,
    lossPercent: 5,
    codec: "VP8",
    width: 640,
    height: 360,
    fps: 30,
    frames: 60,
    freezes: 1,
    jitterMs: 12,
    layers: [],
  });
  assert.equal(connection.lossPercent, 5);
});

test("a sent track adds up its layers and shows the largest", () => {
  const layer = (rid, frameWidth, bytesSent, timestamp) => ({
    id: rid,
    type: "outbound-rtp",
    kind: "video",
    mid: "1",
    rid,
    codecId: "c",
    timestamp,
    frameWidth,
    frameHeight: frameWidth / 2,
    bytesSent,
    active: true,
  });
  const remote = {
    id: "r",
    type: "remote-inbound-rtp",
    localId: "q",
    fractionLost: 0.02,
    jitter: 0.001,
    roundTripTime: 0.05,
  };
  const rates = new Rates();
  digest(report(codec, layer("q", 160, 0, 1_000), layer("f", 640, 0, 1_000)), lineOf, rates);
  const { tracks, connection } = digest(
    report(codec, remote, layer("q", 160, 12_500, 2_000), layer("f", 640, 125_000, 2_000)),
    lineOf,
    rates,
  );
  const { kbps, width, layers, lossPercent } = tracks.get("TR_2");
  assert.deepEqual([kbps, width, lossPercent], [1_100, 640, 2]);
  assert.deepEqual(
    layers.map(({ rid, kbps }) => [rid, kbps]),
    [
      ["q", 100],
      ["f", 1_000],
    ],
  );
  assert.equal(connection.rttMs, 50);
});

test("the way of the chosen candidate pair is said in a word", () => {
  const pair = {
    id: "p",
    type: "candidate-pair",
    localCandidateId: "l",
    currentRoundTripTime: 0.02,
    availableOutgoingBitrate: 2e6,
    timestamp: 1,
  };
  const transport = { id: "t", type: "transport", selectedCandidatePairId: "p" };
  const over = (local) =>
    digest(report(transport, pair, { id: "l", ...local }), lineOf, new Rates()).connection;
  assert.equal(over({ protocol: "tcp" }).transport, "tcp");
  const relayed = over({ candidateType: "relay", protocol: "udp", relayProtocol: "tls" });
  assert.deepEqual([relayed.transport, relayed.rttMs, relayed.availableKbps], ["relay tls", 20, 2_000]);
});

test("two readings shortly after each other agree", () => {
  const rates = new Rates();
  const at = (timestamp, bytesReceived) =>
    digest(report(inbound(timestamp, { bytesReceived })), lineOf, rates).tracks.get("TR_1").kbps;
  at(1_000, 0);
  assert.equal(at(2_000, 125_000), 1_000);
  assert.equal(at(2_100, 125_000), 1_000);
});
