/**
 * Whether a browser has what rooms need.
 *
 * @module
 */

/**
 * @returns {{ok: boolean, missing: string[]}} `missing` are names of interfaces, for a log or a sentence
 */
export function checkSupport(scope = globalThis) {
  const needed = {
    RTCPeerConnection: scope.RTCPeerConnection,
    "RTCPeerConnection.addTransceiver": scope.RTCPeerConnection?.prototype?.addTransceiver,
    "RTCRtpSender.replaceTrack": scope.RTCRtpSender?.prototype?.replaceTrack,
    WebSocket: scope.WebSocket,
    MediaStream: scope.MediaStream,
  };
  const missing = Object.keys(needed).filter((name) => !needed[name]);
  return { ok: missing.length === 0, missing };
}
