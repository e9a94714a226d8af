/**
 * Which codecs a room's lines offer: what the server forwards, and no more, since an offer of 28 lines with everything a
 * browser knows is 127 kB. Pure, apart from reading what the browser can.
 *
 * @module
 */

const VIDEO = ["VP8", "VP9", "H264", "AV1"];
const NAME = /^(audio|video)\//i;

/**
 * The capabilities worth offering, in the browser's order, `first` before the others.
 *
 * @param {readonly RTCRtpCodec[]} codecs of one kind
 * @param {string} [first] for instance `VP9`
 * @returns {RTCRtpCodec[]}
 */
export function worthOffering(codecs, first = "") {
  const kept = codecs.filter(isWorthOffering);
  const rank = ({ mimeType }) => (nameOf(mimeType) === first.toUpperCase() ? 0 : 1);
  return kept.toSorted ? kept.toSorted((a, b) => rank(a) - rank(b)) : kept.sort((a, b) => rank(a) - rank(b));
}

function isWorthOffering({ mimeType, sdpFmtpLine = "" }) {
  const name = nameOf(mimeType);
  if (/^audio\//i.test(mimeType)) return name === "OPUS";
  if (name === "RTX") return true;
  if (!VIDEO.includes(name)) return false;
  // Profiles with other colours than 4:2:0 in 8 bits, and H264 without fragments, are nobody's first choice.
  if (name === "H264")
    return /packetization-mode=1/.test(sdpFmtpLine) && !/profile-level-id=f4/i.test(sdpFmtpLine);
  return !/profile(-id)?=[1-9]/.test(sdpFmtpLine);
}

const nameOf = (mimeType) => mimeType.replace(NAME, "").toUpperCase();

/**
 * Makes a transceiver offer only that. Browsers without `setCodecPreferences` offer everything, which works, too.
 *
 * @param {RTCRtpTransceiver} transceiver
 * @param {"audio" | "video"} kind
 * @param {string} [first]
 */
export function slim(transceiver, kind, first) {
  const sends = transceiver.direction === "sendonly";
  const source = sends ? globalThis.RTCRtpSender : globalThis.RTCRtpReceiver;
  const codecs = worthOffering(source?.getCapabilities?.(kind)?.codecs ?? [], first);
  if (codecs.length === 0) return;
  try {
    transceiver.setCodecPreferences?.(codecs);
  } catch {
    // A browser that does not take its own capabilities back keeps its defaults.
  }
}
