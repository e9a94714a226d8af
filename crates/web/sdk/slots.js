/**
 * Which track is in which slot. The server's message is the only truth: a slot that becomes idle gives no event at all
 * in a browser.
 *
 * @module
 */

/** The slots of the current media session. */
export class Slots {
  /** @type {Map<string, {mid: string, kind: "audio" | "video", track: object | null, trackId: string | null, mediaStreamTrack: MediaStreamTrack, receiver: RTCRtpReceiver}>} */
  byMid = new Map();
  #byTrack = new Map();
  #last = {};
  #find;

  /** @param {(id: string) => object | null} find a track by its id */
  constructor(find) {
    this.#find = find;
  }

  /** The slots of a session: all of them, those known before stay as they are. */
  load(lines) {
    const former = this.byMid;
    this.byMid = new Map();
    for (const { mid, kind, receiver } of lines) {
      const known = former.get(mid);
      this.byMid.set(mid, known?.receiver === receiver ? known : slot(mid, kind, receiver, this.#find));
    }
    this.apply(this.#last);
  }

  /** No session, no slots. */
  clear() {
    this.byMid = new Map();
    this.#byTrack = new Map();
    this.#last = {};
  }

  /** The server's message, complete; it may come before the slots themselves are known. */
  apply(assignment) {
    this.#last = assignment;
    this.#byTrack = new Map();
    for (const each of this.byMid.values()) {
      each.trackId = assignment[each.mid] ?? null;
      if (each.trackId !== null) this.#byTrack.set(each.trackId, each);
    }
  }

  /** The slot that carries a track, or null. */
  of(trackId) {
    return this.#byTrack.get(trackId) ?? null;
  }
}

function slot(mid, kind, receiver, find) {
  return {
    mid,
    kind,
    receiver,
    /** @type {string | null} */
    trackId: null,
    mediaStreamTrack: receiver.track,
    get track() {
      return this.trackId === null ? null : find(this.trackId);
    },
  };
}
