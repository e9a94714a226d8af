/**
 * `getStats` reports as the few numbers that people look at. {@link summarize} is pure.
 *
 * @module
 */

/**
 * @typedef {object} Summary
 * @property {string} codec video codec, or audio when there is no video
 * @property {number} width
 * @property {number} height
 * @property {number} fps
 * @property {number} kbps both directions of media, audio and video
 * @property {number | null} lossPercent
 * @property {number | null} jitterBufferMs
 * @property {number | null} rttMs
 * @property {number} reportedAt when the other side last reported what it receives, 0 if never
 * @property {number} frames decoded or encoded so far
 * @property {number} bytes of media so far
 * @property {number} audioBytes of audio so far
 */

/** Reads one peer connection again and again. */
export class Gauge {
  #pc = null;
  #previous = null;

  /**
   * @param {RTCPeerConnection | null} pc
   * @returns {Promise<Summary | null>}
   */
  async read(pc) {
    if (!pc || pc.signalingState === "closed") return null;
    const report = await pc.getStats();
    if (pc !== this.#pc) this.#previous = null;
    this.#pc = pc;
    const { summary, sample } = summarize(report, this.#previous);
    this.#previous = sample;
    return summary;
  }
}

const sum = (entries, field) => entries.reduce((total, entry) => total + (entry[field] ?? 0), 0);

/**
 * @param {Map<string, any>} report
 * @param {object | null} previous the `sample` of the call before
 * @returns {{summary: Summary, sample: object}}
 */
export function summarize(report, previous) {
  const entries = [...report.values()];
  const media = entries.filter(({ type }) => type === "inbound-rtp" || type === "outbound-rtp");
  const video = media.filter(({ kind }) => kind === "video");
  const audio = media.filter(({ kind }) => kind === "audio");
  const best = video.toSorted((a, b) => (b.frameWidth ?? 0) - (a.frameWidth ?? 0))[0];
  const sample = sampleOf(entries, media, video, audio);
  const seconds = previous ? (sample.time - previous.time) / 1_000 : 0;
  const rate = (field) => (seconds > 0 ? Math.max(0, sample[field] - previous[field]) / seconds : 0);
  const frames = rate("frames");
  return {
    sample,
    summary: {
      codec: codecOf(report, best ?? audio[0]),
      width: best?.frameWidth ?? 0,
      height: best?.frameHeight ?? 0,
      fps: Math.round(best?.framesPerSecond ?? frames),
      kbps: Math.round((rate("bytes") * 8) / 1_000),
      lossPercent: lossOf(sample, previous, entries),
      jitterBufferMs: bufferOf(sample, previous),
      rttMs: rttOf(entries),
      reportedAt: Math.max(
        0,
        ...entries.filter(({ type }) => type === "remote-inbound-rtp").map(({ timestamp = 0 }) => timestamp),
      ),
      frames: sample.frames,
      bytes: sample.bytes,
      audioBytes: sample.audioBytes,
    },
  };
}

function sampleOf(entries, media, video, audio) {
  const bytesOf = (list) => sum(list, "bytesReceived") + sum(list, "bytesSent");
  return {
    time: Math.max(0, ...media.map(({ timestamp }) => timestamp)),
    bytes: bytesOf(media),
    audioBytes: bytesOf(audio),
    frames: sum(video, "framesDecoded") + Math.max(0, ...video.map(({ framesEncoded = 0 }) => framesEncoded)),
    received: sum(media, "packetsReceived"),
    lost: sum(media, "packetsLost"),
    bufferDelay: sum(video, "jitterBufferDelay"),
    bufferCount: sum(video, "jitterBufferEmittedCount"),
  };
}

/** The receiver's own count, or what the other side reports about our sending. */
function lossOf(sample, previous, entries) {
  if (sample.received > 0) {
    const lost = Math.max(0, sample.lost - (previous?.lost ?? 0));
    const received = sample.received - (previous?.received ?? 0);
    return received + lost > 0 ? (100 * lost) / (received + lost) : null;
  }
  const reported = entries.filter(({ type }) => type === "remote-inbound-rtp");
  const worst = Math.max(...reported.map(({ fractionLost }) => fractionLost ?? 0));
  return reported.length > 0 ? 100 * worst : null;
}

function bufferOf(sample, previous) {
  const count = sample.bufferCount - (previous?.bufferCount ?? 0);
  const delay = sample.bufferDelay - (previous?.bufferDelay ?? 0);
  return count > 0 ? Math.round((1_000 * delay) / count) : null;
}

function rttOf(entries) {
  const pair = entries.find(
    ({ type, nominated, state }) => type === "candidate-pair" && nominated && state === "succeeded",
  );
  const seconds =
    pair?.currentRoundTripTime ??
    entries.find(({ type, roundTripTime }) => type === "remote-inbound-rtp" && roundTripTime)?.roundTripTime;
  return seconds === undefined ? null : Math.round(seconds * 10_000) / 10;
}

function codecOf(report, entry) {
  const { mimeType = "", sdpFmtpLine = "" } = report.get(entry?.codecId) ?? {};
  const name = mimeType.split("/")[1] ?? "";
  const profile = /profile-level-id=(\w{4})/.exec(sdpFmtpLine)?.[1];
  return profile ? `${name} (${profile})` : name;
}
