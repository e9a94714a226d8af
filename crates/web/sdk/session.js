/**
 * The HTTP side of one WHIP or WHEP session (RFC 9725; draft-ietf-wish-whep): POST the offer, PATCH
 * candidates and restarts, DELETE. Knows nothing of `RTCPeerConnection`; see `connection.js` for that.
 *
 * @module
 */

import { retryAfterMs } from "./backoff.js";
import { iceServersFrom, parseLinks } from "./link.js";

const POST_TIMEOUT_MS = 10_000;
const PATCH_TIMEOUT_MS = 5_000;

/**
 * A refusal by the server, with its problem document (RFC 9457) if it sent one.
 */
export class SignallingError extends Error {
  /**
   * @param {number} status
   * @param {Record<string, unknown>} [problem]
   * @param {number} [retryMs] from `Retry-After`
   */
  constructor(status, problem = {}, retryMs = 0) {
    super(`the server answered ${status}`);
    this.name = "SignallingError";
    /** HTTP status. */
    this.status = status;
    /** Members of the problem document, or an empty object. */
    this.problem = problem;
    /** How long the server asks to wait, in milliseconds; 0 if it does not say. */
    this.retryMs = retryMs;
  }

  /** Whether the same request may succeed later without anyone changing anything. */
  get isTransient() {
    return this.status === 409 || this.status === 425 || this.status === 429 || this.status >= 500;
  }
}

/** A session that the server has accepted. */
export class Session {
  #token;
  #etag;
  #isEnded = false;
  #takesCandidates = true;

  /** @private use {@link Session.create} */
  constructor({ url, answer, etag, links, token }) {
    /** The session's URL: whoever knows it may end the session. */
    this.url = url;
    /** The server's SDP answer. */
    this.answer = answer;
    /** ICE servers that the server offers. */
    this.iceServers = iceServersFrom(links);
    /** All links of the 201, to find extensions by their `rels`. */
    this.links = parseLinks(links);
    this.#etag = etag;
    this.#token = token;
  }

  /**
   * Sends the offer. If `signal` aborts meanwhile, the session is ended as soon as it is known, so that
   * nothing is left behind on the server.
   *
   * @param {string | URL} endpoint
   * @param {string} offer SDP; it need not hold candidates
   * @param {{token?: string, signal?: AbortSignal}} [options]
   * @returns {Promise<Session>}
   * @throws {SignallingError} when the server refuses
   * @throws {TypeError} when it cannot be reached or breaks the protocol
   */
  static async create(endpoint, offer, { token, signal } = {}) {
    const response = await fetch(endpoint, {
      method: "POST",
      headers: { "Content-Type": "application/sdp", Accept: "application/sdp", ...bearer(token) },
      body: offer,
      cache: "no-store",
      signal: AbortSignal.timeout(POST_TIMEOUT_MS),
    });
    if (response.status !== 201) throw await refusal(response);
    const location = response.headers.get("Location");
    if (!location) throw new TypeError("the server's 201 has no Location");
    const session = new Session({
      // After a redirect, relative to where the answer came from.
      url: new URL(location, response.url || endpoint).href,
      answer: await response.text(),
      etag: response.headers.get("ETag"),
      links: response.headers.get("Link"),
      token,
    });
    if (signal?.aborted) {
      session.end();
      throw signal.reason;
    }
    return session;
  }

  /**
   * Sends more candidates. Losing them is no error: the server answers with its own, and learns ours
   * from the checks that they receive.
   *
   * @param {string} fragment from `iceFragment`
   */
  async trickle(fragment) {
    if (!this.#takesCandidates || this.#isEnded) return;
    try {
      const response = await this.#patch(fragment, this.#etag);
      // A server without trickle says so once (RFC 9725, section 4.3.1).
      this.#takesCandidates = ![405, 415, 422, 501].includes(response.status);
    } catch {
      // The next ones, or a restart, may get through.
    }
  }

  /**
   * Restarts ICE (RFC 9725, section 4.3.3).
   *
   * @param {string} fragment with the new credentials
   * @returns {Promise<string>} the server's fragment
   * @throws {SignallingError} when the server refuses: the session as it was is not affected
   */
  async restart(fragment) {
    const response = await this.#patch(fragment, "*");
    if (response.status !== 200) throw await refusal(response);
    this.#etag = response.headers.get("ETag") ?? this.#etag;
    return response.text();
  }

  /**
   * Whether the server still knows this session. Silence counts as yes: it proves nothing.
   *
   * @returns {Promise<boolean>}
   */
  async isKnown() {
    try {
      const response = await fetch(this.url, {
        headers: bearer(this.#token),
        cache: "no-store",
        signal: AbortSignal.timeout(PATCH_TIMEOUT_MS),
      });
      return response.status !== 404 && response.status !== 410;
    } catch {
      return true;
    }
  }

  /**
   * Ends the session. Survives the page; never throws.
   */
  async end() {
    if (this.#isEnded) return;
    this.#isEnded = true;
    try {
      await fetch(this.url, { method: "DELETE", headers: bearer(this.#token), keepalive: true });
    } catch {
      // The server notices by itself when our consent ends.
    }
  }

  #patch(fragment, etag) {
    return fetch(this.url, {
      method: "PATCH",
      headers: {
        "Content-Type": "application/trickle-ice-sdpfrag",
        ...(etag ? { "If-Match": etag } : {}),
        ...bearer(this.#token),
      },
      body: fragment,
      signal: AbortSignal.timeout(PATCH_TIMEOUT_MS),
    });
  }
}

function bearer(token) {
  return token ? { Authorization: `Bearer ${token}` } : {};
}

async function refusal(response) {
  let problem;
  try {
    const parsed = await response.json();
    problem = parsed !== null && typeof parsed === "object" ? parsed : {};
  } catch {
    problem = {};
  }
  return new SignallingError(response.status, problem, retryAfterMs(response.headers.get("Retry-After")));
}
