/**
 * `getStats` reports as numbers per track and for the connection as a whole.
 *
 * @module
 */

/** Rates over less than this would jump about. */
const SHORTEST_MS = 500;

/**
 * @typedef {object} Line what a line of a peer connection stands for
 * @property {string} id of the track
 * @property {string} participant
 * @property {string} source
 */

/** Rates from one report to the next. */
export class Rates {
  #samples = new Map();

  /**
   * @param {any} entry of a report
   * @param {string} field
   * @returns {number} per second; 0 at first
   */
  of(entry, field) {
    const key = `${entry.id}/${field}`;
    const value = entry[field] ?? 0;
    const known = this.#samples.get(key);
    const ms = known ? entry.timestamp - known.timestamp : 0;
    if (known && ms < SHORTEST_MS) return known.rate;
    const rate = known ? Math.max(0, value - known.value) / (ms / 1_000) : 0;
    this.#samples.set(key, { value, timestamp: entry.timestamp, rate });
    return rate;
  }
}

/**
 * @param {Map<string, any>} report
 * @param {(entry: any) => Line | null} lineOf
 * @param {Rates} rates
 * @returns {{tracks: Map<string, object>, connection: object}}
 */
export function digest(report, lineOf, rates) {
  const entries = [...report.values()];
  const tracks = new Map();
  for (const entry of entries) {
    if (entry.type !== "inbound-rtp" && entry.type !== "outbound-rtp") continue;
    const line = lineOf(entry);
    if (!line) continue;
    const stats =
      entry.type === "inbound-rtp" ? received(entry, report, rates) : sent(entry, entries, report, rates);
    const known = tracks.get(line.id);
    tracks.set(line.id, known ? together(known, stats) : { ...line, ...stats });
  }
  for (const stats of tracks.values()) delete stats.id;
  return { tracks, connection: connectionOf(entries, report, rates) };
}

function received(entry, report, rates) {
  const lost = rates.of(entry, "packetsLost");
  const got = rates.of(entry, "packetsReceived");
  return {
    direction: "receive",
    kbps: kbps(rates.of(entry, "bytesReceived")),
    lossPercent: percent(lost, lost + got),
    codec: codecOf(entry, report),
    width: entry.frameWidth ?? 0,
    height: entry.frameHeight ?? 0,
    fps: Math.round(entry.framesPerSecond ?? rates.of(entry, "framesDecoded")),
    frames: entry.framesDecoded ?? 0,
    freezes: entry.freezeCount ?? 0,
    jitterMs: entry.jitter === undefined ? null : Math.round(entry.jitter * 1_000),
    layers: [],
  };
}

function sent(entry, entries, report, rates) {
  const remote = entries.find(({ type, localId }) => type === "remote-inbound-rtp" && localId === entry.id);
  const rate = kbps(rates.of(entry, "bytesSent"));
  const layer = {
    rid: entry.rid ?? "",
    active: entry.active ?? rate > 0,
    width: entry.frameWidth ?? 0,
    height: entry.frameHeight ?? 0,
    kbps: rate,
  };
  return {
    direction: "send",
    kbps: rate,
    lossPercent: remote?.fractionLost === undefined ? null : Math.round(remote.fractionLost * 1_000) / 10,
    codec: codecOf(entry, report),
    width: layer.width,
    height: layer.height,
    fps: Math.round(entry.framesPerSecond ?? 0),
    frames: entry.framesEncoded ?? 0,
    freezes: 0,
    jitterMs: remote?.jitter === undefined ? null : Math.round(remote.jitter * 1_000),
    layers: entry.rid ? [layer] : [],
  };
}

/** Two layers of one track. */
function together(a, b) {
  const best = b.width > a.width ? b : a;
  return {
    ...a,
    kbps: a.kbps + b.kbps,
    lossPercent: a.lossPercent === null ? b.lossPercent : Math.max(a.lossPercent, b.lossPercent ?? 0),
    codec: best.codec,
    width: best.width,
    height: best.height,
    fps: Math.max(a.fps, b.fps),
    frames: Math.max(a.frames, b.frames),
    layers: [...a.layers, ...b.layers].sort((x, y) => x.width - y.width),
  };
}

function connectionOf(entries, report, rates) {
  const transport = entries.find(({ type }) => type === "transport");
  const pair =
    report.get(transport?.selectedCandidatePairId) ??
    entries.find(
      ({ type, nominated, state }) => type === "candidate-pair" && nominated && state === "succeeded",
    );
  const inbound = entries.filter(({ type }) => type === "inbound-rtp");
  const lost = sum(inbound.map((entry) => rates.of(entry, "packetsLost")));
  const got = sum(inbound.map((entry) => rates.of(entry, "packetsReceived")));
  const reported = entries.filter(
    ({ type, fractionLost }) => type === "remote-inbound-rtp" && fractionLost !== undefined,
  );
  const up = reported.length > 0 ? 100 * Math.max(...reported.map(({ fractionLost }) => fractionLost)) : null;
  const down = percent(lost, lost + got);
  const seconds =
    pair?.currentRoundTripTime ??
    entries.find(({ roundTripTime }) => roundTripTime !== undefined)?.roundTripTime;
  return {
    rttMs: seconds === undefined ? null : Math.round(seconds * 1_000),
    lossPercent: up === null ? down : Math.round(Math.max(up, down ?? 0) * 10) / 10,
    sendKbps: pair ? kbps(rates.of(pair, "bytesSent")) : 0,
    receiveKbps: pair ? kbps(rates.of(pair, "bytesReceived")) : 0,
    availableKbps:
      pair?.availableOutgoingBitrate === undefined ? null : Math.round(pair.availableOutgoingBitrate / 1_000),
    transport: transportOf(report.get(pair?.localCandidateId)),
  };
}

function transportOf(candidate) {
  if (!candidate) return "";
  if (candidate.candidateType === "relay")
    return `relay ${candidate.relayProtocol ?? candidate.protocol ?? ""}`.trim();
  return candidate.protocol ?? "";
}

function codecOf(entry, report) {
  return (report.get(entry.codecId)?.mimeType ?? "").split("/")[1] ?? "";
}

const sum = (numbers) => numbers.reduce((total, number) => total + number, 0);
const kbps = (bytesPerSecond) => Math.round((bytesPerSecond * 8) / 1_000);
const percent = (part, whole) => (whole > 0 ? Math.round((1_000 * part) / whole) / 10 : null);
