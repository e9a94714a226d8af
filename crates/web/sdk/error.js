/**
 * One kind of error for everything that a room can refuse or fail at.
 *
 * @module
 */

/** A refusal by the server, or a failure on this side; `type` tells which. */
export class PlenumError extends Error {
  /**
   * @param {{type?: string, title?: string, detail?: string, status?: number, reason?: string, source?: string}} problem
   * @param {ErrorOptions} [options]
   */
  constructor({ type = "about:blank", title = "", detail = "", status = 0, reason, source } = {}, options) {
    super(detail || title || type, options);
    this.name = "PlenumError";
    this.type = type;
    this.title = title;
    this.detail = detail;
    this.status = status;
    if (reason) this.reason = reason;
    if (source) this.source = source;
  }

  /** The last part of `type`. */
  get slug() {
    return this.type.slice(this.type.lastIndexOf(":") + 1);
  }
}

const TITLES = {
  capture: "The device could not be opened",
  closed: "Not connected",
  direct: "The direct call did not come about",
  forbidden: "Not allowed",
  "no-media": "No media get through",
  timeout: "The server did not answer in time",
  "too-large": "Too large",
  unreachable: "The server cannot be reached",
  unsupported: "This browser cannot do that",
};

/**
 * An error of the SDK itself.
 *
 * @param {keyof typeof TITLES} slug
 * @param {string} detail
 * @param {{cause?: unknown, reason?: string, source?: string}} [more]
 * @returns {PlenumError}
 */
export function clientError(slug, detail, { cause, ...more } = {}) {
  const problem = { type: `urn:plenum:client:${slug}`, title: TITLES[slug], detail, ...more };
  return new PlenumError(problem, cause === undefined ? undefined : { cause });
}

/**
 * The server's `error` message. What HTTP calls `type` is `problem` there.
 *
 * @param {Record<string, any>} message
 * @returns {PlenumError}
 */
export function serverError({ problem, title, detail, status, retry_after: retryAfterS = 0 }) {
  const error = new PlenumError({ type: problem, title, detail, status });
  error.retryMs = 1_000 * retryAfterS;
  return error;
}

/**
 * Whether the same request may succeed by itself in a while.
 *
 * @param {unknown} error
 * @returns {boolean}
 */
export function isTransient(error) {
  if (!(error instanceof PlenumError)) return true;
  return (
    error.status === 429 || error.status >= 500 || ["unreachable", "timeout", "closed"].includes(error.slug)
  );
}
