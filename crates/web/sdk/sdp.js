/**
 * The few things WHIP and WHEP clients do with SDP text: ICE fragments for trickle and restart
 * (RFC 8840, RFC 9725 section 4.3) and stereo Opus. Pure text work.
 *
 * @module
 */

/**
 * @typedef {object} IceCredentials
 * @property {string} ufrag
 * @property {string} pwd
 */

const linesOf = (sdp) => sdp.split(/\r\n|\r|\n/).filter(Boolean);
const join = (lines) => `${lines.join("\r\n")}\r\n`;
const valueOf = (lines, attribute) =>
  lines.find((line) => line.startsWith(`a=${attribute}:`))?.slice(attribute.length + 3);

/**
 * The first ICE credentials of a description or fragment; with BUNDLE they are the transport's.
 *
 * @param {string} sdp
 * @returns {IceCredentials | null}
 */
export function iceCredentialsOf(sdp) {
  const lines = linesOf(sdp);
  const ufrag = valueOf(lines, "ice-ufrag");
  const pwd = valueOf(lines, "ice-pwd");
  return ufrag && pwd ? { ufrag, pwd } : null;
}

/**
 * The body of a PATCH with `application/trickle-ice-sdpfrag`: credentials and candidates of the
 * bundled transport, which is described by the first m-line of the offer.
 *
 * @param {string} offer the local description the candidates belong to
 * @param {string[]} candidates as in `RTCIceCandidate.candidate`; empty ones are skipped
 * @param {boolean} [isComplete] whether no more will follow
 * @returns {string}
 */
export function iceFragment(offer, candidates, isComplete = false) {
  const lines = linesOf(offer);
  const credentials = iceCredentialsOf(offer);
  const fragment = [
    lines.find((line) => line.startsWith("a=group:BUNDLE")),
    lines.find((line) => line.startsWith("m=")),
    `a=mid:${valueOf(lines, "mid") ?? "0"}`,
    credentials && `a=ice-ufrag:${credentials.ufrag}`,
    credentials && `a=ice-pwd:${credentials.pwd}`,
    ...candidates.filter(Boolean).map((candidate) => `a=${candidate.replace(/^a=/, "")}`),
    isComplete && "a=end-of-candidates",
  ];
  return join(fragment.filter(Boolean));
}

/**
 * The answer after an ICE restart: the old one with the credentials and candidates of the fragment
 * that the server returned. The candidates go to the first m-line, the bundled transport.
 *
 * @param {string} answer the remote description so far
 * @param {string} fragment the body of the 200
 * @returns {string}
 * @throws {SyntaxError} if the fragment has no credentials
 */
export function restartedAnswer(answer, fragment) {
  const credentials = iceCredentialsOf(fragment);
  if (!credentials) throw new SyntaxError("the restart fragment has no ICE credentials");
  const candidates = linesOf(fragment).filter((line) => /^a=(candidate:|end-of-candidates)/.test(line));
  const kept = linesOf(answer)
    .filter((line) => !/^a=(candidate:|end-of-candidates|remote-candidates:)/.test(line))
    .map((line) => {
      if (line.startsWith("a=ice-ufrag:")) return `a=ice-ufrag:${credentials.ufrag}`;
      if (line.startsWith("a=ice-pwd:")) return `a=ice-pwd:${credentials.pwd}`;
      return line;
    });
  const first = kept.findIndex((line) => line.startsWith("m="));
  const second = kept.findIndex((line, index) => index > first && line.startsWith("m="));
  kept.splice(second < 0 ? kept.length : second, 0, ...candidates);
  return join(kept);
}

/**
 * Asks for stereo Opus on all lines. Without `stereo=1` in its own description Chromium decodes to mono.
 *
 * @param {string} sdp
 * @returns {string}
 */
export function withStereoOpus(sdp) {
  const opus = /^a=rtpmap:(\d+) opus\/48000\/2/im.exec(sdp)?.[1];
  if (!opus) return sdp;
  return sdp.replace(new RegExp(`^(a=fmtp:${opus} )(.*)$`, "gm"), (line, start, parameters) =>
    /(^|;)\s*stereo=/.test(parameters) ? line : `${start}${parameters.trimEnd()};stereo=1`,
  );
}
