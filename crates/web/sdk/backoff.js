/**
 * How long to wait before trying again: exponential with jitter, so that a thousand clients of a
 * restarted server do not come back in the same instant, and never sooner than the server asked.
 *
 * @module
 */

/** Delays that grow with every failure in a row. */
export class Backoff {
  #failures = 0;
  #options;

  /**
   * @param {{firstMs?: number, factor?: number, maxMs?: number, jitter?: number, random?: () => number}} [options]
   *   `jitter` is the share of the delay that chance decides, 0 to 1
   */
  constructor(options = {}) {
    this.#options = {
      firstMs: 500,
      factor: 1.8,
      maxMs: 10_000,
      jitter: 0.5,
      random: Math.random,
      ...options,
    };
  }

  /**
   * The next delay in milliseconds.
   *
   * @param {number} [atLeastMs] what the server asked for; chance only ever adds to it
   * @returns {number}
   */
  next(atLeastMs = 0) {
    const { firstMs, factor, maxMs, jitter, random } = this.#options;
    const full = Math.min(maxMs, firstMs * factor ** this.#failures);
    this.#failures += 1;
    return Math.round(Math.max(full * (1 - jitter * random()), atLeastMs * (1 + 0.2 * jitter * random())));
  }

  /** Forgets the failures. */
  reset() {
    this.#failures = 0;
  }
}

/**
 * `Retry-After` (RFC 9110, section 10.2.3) in milliseconds: seconds or a date. 0 if absent or senseless,
 * at most ten minutes.
 *
 * @param {string | null | undefined} header
 * @param {number} [nowMs]
 * @returns {number}
 */
export function retryAfterMs(header, nowMs = Date.now()) {
  const text = (header ?? "").trim();
  if (!text) return 0;
  const ms = /^\d+$/.test(text) ? Number(text) * 1_000 : Date.parse(text) - nowMs;
  return ms > 0 ? Math.min(ms, 600_000) : 0;
}

/**
 * Resolves after `ms`, or as soon as the browser says that the network is back.
 *
 * @param {number} ms
 * @param {AbortSignal} signal
 * @returns {Promise<void>} rejected with the signal's reason when aborted
 */
export function pause(ms, signal) {
  return new Promise((resolve, reject) => {
    const finish = (settle) => () => {
      clearTimeout(timer);
      globalThis.removeEventListener?.("online", wake);
      signal.removeEventListener("abort", cancel);
      settle(signal.reason);
    };
    const wake = finish(() => resolve());
    const cancel = finish(reject);
    const timer = setTimeout(wake, ms);
    if (signal.aborted) return cancel();
    globalThis.addEventListener?.("online", wake);
    signal.addEventListener("abort", cancel);
  });
}
