/**
 * A WHIP publisher (RFC 9725) for browsers: camera, microphone or screen to a server.
 *
 * ```js
 * const publisher = new Publisher("/whip/demo", { stream, codec: "VP9" });
 * publisher.addEventListener("state", ({ detail }) => console.log(detail.state));
 * publisher.start();
 * ```
 *
 * @module
 */

import { Connection } from "./connection.js";

const REPAIR = /^video\/(rtx|red|ulpfec|flexfec-03)$/i;

/** Simulcast layers, lowest first, as Chromium names them. */
const LAYERS = [
  { rid: "q", scaleResolutionDownBy: 4, maxBitrate: 200_000 },
  { rid: "h", scaleResolutionDownBy: 2, maxBitrate: 700_000 },
  { rid: "f", scaleResolutionDownBy: 1, maxBitrate: 2_500_000 },
];

/**
 * Which of the codecs that Plenum forwards this browser can send.
 *
 * @returns {string[]} some of `VP8`, `VP9`, `H264`, `AV1`
 */
export function sendableCodecs() {
  const codecs = globalThis.RTCRtpSender?.getCapabilities?.("video")?.codecs ?? [];
  const names = new Set(codecs.map(({ mimeType }) => mimeType.slice("video/".length).toUpperCase()));
  return ["VP8", "VP9", "H264", "AV1"].filter((name) => names.has(name));
}

/**
 * The capabilities to offer when only `codec` shall be sent, the most widely played profile first.
 *
 * @param {RTCRtpCodec[]} codecs
 * @param {string} codec for instance `VP9`
 * @returns {RTCRtpCodec[]} empty if the browser does not have it
 */
export function onlyCodec(codecs, codec) {
  const wanted = codecs.filter(({ mimeType }) => mimeType.toLowerCase() === `video/${codec.toLowerCase()}`);
  if (wanted.length === 0) return [];
  const rank = ({ sdpFmtpLine = "" }) =>
    (/profile-level-id=42e0/i.test(sdpFmtpLine) ? 0 : 2) + (/packetization-mode=1/.test(sdpFmtpLine) ? 0 : 1);
  if (/^h264$/i.test(codec)) wanted.sort((a, b) => rank(a) - rank(b));
  return [...wanted, ...codecs.filter(({ mimeType }) => REPAIR.test(mimeType))];
}

/**
 * The encodings of a simulcast sender. VP9 and AV1 only send several streams when each says that it has
 * one spatial layer.
 *
 * @param {string} [codec]
 * @returns {RTCRtpEncodingParameters[]}
 */
export function simulcastEncodings(codec) {
  const single = /^(vp9|av1)$/i.test(codec ?? "") ? { scalabilityMode: "L1T1" } : {};
  return LAYERS.map((layer) => ({ ...layer, ...single }));
}

/** Publishes a `MediaStream`. See {@link Connection} for states and events. */
export class Publisher extends Connection {
  #stream;
  #codec;
  #isSimulcast;
  /** @type {Map<string, RTCRtpSender>} */
  #senders = new Map();

  /**
   * @param {string | URL} endpoint
   * @param {object} options
   * @param {MediaStream} options.stream at most one track of each kind is sent
   * @param {string} [options.codec] video codec; the browser's choice if absent
   * @param {boolean} [options.simulcast]
   * @param {string} [options.token]
   * @param {RTCIceServer[]} [options.iceServers]
   * @param {AbortSignal} [options.signal]
   */
  constructor(endpoint, { stream, codec, simulcast = false, ...options }) {
    super(endpoint, options);
    this.#stream = stream;
    this.#codec = codec;
    this.#isSimulcast = simulcast;
  }

  /**
   * Sends other tracks from now on. Where the session has a line for the kind this is instant, otherwise
   * a new session is started.
   *
   * @param {MediaStream} stream
   */
  async replaceStream(stream) {
    this.#stream = stream;
    const tracks = new Map(stream.getTracks().map((track) => [track.kind, track]));
    if ([...tracks.keys()].some((kind) => !this.#senders.has(kind))) return this.renew();
    await Promise.all(
      [...this.#senders].map(([kind, sender]) => sender.replaceTrack(tracks.get(kind) ?? null)),
    );
  }

  /** @override */
  prepare(pc) {
    this.#senders.clear();
    for (const track of this.#stream.getTracks()) {
      if (this.#senders.has(track.kind)) continue;
      const isVideo = track.kind === "video";
      const transceiver = pc.addTransceiver(track, {
        direction: "sendonly",
        streams: [this.#stream],
        ...(isVideo && this.#isSimulcast ? { sendEncodings: simulcastEncodings(this.#codec) } : {}),
      });
      this.#senders.set(track.kind, transceiver.sender);
      if (isVideo && this.#codec) preferCodec(transceiver, this.#codec);
    }
  }
}

function preferCodec(transceiver, codec) {
  const codecs = onlyCodec(RTCRtpSender.getCapabilities("video")?.codecs ?? [], codec);
  if (codecs.length > 0) transceiver.setCodecPreferences?.(codecs);
}
