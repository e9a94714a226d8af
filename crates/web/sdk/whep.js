/**
 * A WHEP player (draft-ietf-wish-whep) for browsers: a server's stream in a `MediaStream`.
 *
 * ```js
 * const player = new Player("/whep/demo");
 * player.addEventListener("stream", ({ detail }) => (video.srcObject = detail.stream));
 * player.start();
 * ```
 *
 * While nobody publishes the state is `waiting` and the server is asked again when it says so. Once
 * `live`, the session outlives its publisher: frames may stop and go on without any event.
 *
 * @module
 */

import { Connection } from "./connection.js";
import { withStereoOpus } from "./sdp.js";

/**
 * Which of the codecs that Plenum forwards this browser can play.
 *
 * @returns {string[]} some of `VP8`, `VP9`, `H264`, `AV1`
 */
export function playableCodecs() {
  const codecs = globalThis.RTCRtpReceiver?.getCapabilities?.("video")?.codecs ?? [];
  const names = new Set(codecs.map(({ mimeType }) => mimeType.slice("video/".length).toUpperCase()));
  return ["VP8", "VP9", "H264", "AV1"].filter((name) => names.has(name));
}

/**
 * Plays one stream. See {@link Connection} for states.
 *
 * @fires Player#stream - `CustomEvent` whose `detail.stream` is new with every session
 */
export class Player extends Connection {
  /** @override */
  prepare(pc) {
    // A stream of our own: how browsers group remote tracks by msid differs, the tracks do not.
    const stream = new MediaStream();
    for (const kind of ["video", "audio"]) {
      stream.addTrack(pc.addTransceiver(kind, { direction: "recvonly" }).receiver.track);
    }
    pc.addEventListener("track", () => this.#announce(stream), { once: true });
  }

  /** @override */
  refineOffer(sdp) {
    return withStereoOpus(sdp);
  }

  /** @override A stream of another codec may start any time, so 422 is worth waiting, too. */
  isWorthWaiting(error) {
    return error.status === 409 || error.status === 422;
  }

  #announce(stream) {
    this.dispatchEvent(new CustomEvent("stream", { detail: { stream } }));
  }
}
