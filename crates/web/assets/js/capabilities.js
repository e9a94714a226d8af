/**
 * What browser and devices can do, in words. Pure: the objects of the browser in, rows of text out.
 *
 * @module
 */

/** Codecs for resending and protecting packets are no way to see or hear somebody. */
const SERVICE = /^(rtx|red|ulpfec|flexfec-03|telephone-event|CN)$/i;
/** Heights of 16:9 pictures that people know. */
export const SIZES = [180, 360, 480, 720, 1080, 1440, 2160];

/**
 * Codec names without doubles and services, as the browser prefers them.
 *
 * @param {{codecs: {mimeType: string}[]} | null | undefined} capabilities of `RTCRtpSender` or `RTCRtpReceiver`
 * @returns {string[]}
 */
export function codecNames(capabilities) {
  const names = (capabilities?.codecs ?? []).map(({ mimeType }) => mimeType.split("/")[1] ?? "");
  return [...new Set(names)].filter((name) => name && !SERVICE.test(name));
}

/**
 * @param {{send: {audio: string[], video: string[]}, receive: {audio: string[], video: string[]}}} codecs
 * @param {Record<string, boolean>} features by what people call them
 * @param {{kind: string}[]} devices
 * @returns {[string, string][]}
 */
export function abilityRows(codecs, features, devices) {
  const count = (kind) => String(devices.filter((device) => device.kind === kind).length);
  const list = (names) => names.join(", ") || "none";
  return [
    ["sends video", list(codecs.send.video)],
    ["plays video", list(codecs.receive.video)],
    ["sends audio", list(codecs.send.audio)],
    ["plays audio", list(codecs.receive.audio)],
    ...Object.entries(features).map(([name, has]) => [name, has ? "yes" : "no"]),
    ["cameras", count("videoinput")],
    ["microphones", count("audioinput")],
    ["loudspeakers", count("audiooutput")],
  ];
}

/**
 * The sizes of {@link SIZES} that fit a camera.
 *
 * @param {{width?: {max?: number}, height?: {max?: number}}} capabilities of a video track
 * @returns {{width: number, height: number}[]}
 */
export function sizesOf({ width, height } = {}) {
  const most = { width: width?.max ?? 0, height: height?.max ?? 0 };
  return SIZES.map((rows) => ({ width: Math.round((rows * 16) / 9), height: rows })).filter(
    (size) => size.width <= most.width && size.height <= most.height,
  );
}

/**
 * What a track is set to, in one line.
 *
 * @param {MediaTrackSettings} settings
 * @returns {string}
 */
export function sayTrackSettings({ width, height, frameRate, sampleRate, channelCount, ...others }) {
  const parts = [
    width && height ? `${width} × ${height}` : "",
    frameRate ? `${Math.round(frameRate)} fps` : "",
    sampleRate ? `${sampleRate / 1_000} kHz` : "",
    channelCount ? (channelCount === 1 ? "mono" : `${channelCount} channels`) : "",
    others.echoCancellation ? "echo cancellation" : "",
    others.noiseSuppression ? "noise suppression" : "",
    others.autoGainControl ? "automatic gain" : "",
  ];
  return parts.filter(Boolean).join(", ");
}
