/**
 * Events with less ceremony than `EventTarget`, and the same events for those who like ceremony.
 *
 * @module
 */

/** An `EventTarget` whose events are `CustomEvent`s. */
export class Emitter extends EventTarget {
  /**
   * Calls `listener` with the detail of every event of this type.
   *
   * @template T
   * @param {string} type
   * @param {(detail: T) => void} listener
   * @returns {() => void} stops it
   */
  on(type, listener) {
    return this.#listen(type, listener, {});
  }

  /**
   * Calls `listener` the next time only.
   *
   * @template T
   * @param {string} type
   * @param {(detail: T) => void} listener
   * @returns {() => void} stops it
   */
  once(type, listener) {
    return this.#listen(type, listener, { once: true });
  }

  #listen(type, listener, options) {
    const adapter = ({ detail }) => listener(detail);
    this.addEventListener(type, adapter, options);
    return () => this.removeEventListener(type, adapter);
  }
}

/**
 * Fires an event. What a listener throws is reported by the browser and stops nobody else.
 *
 * @param {EventTarget} target
 * @param {string} type
 * @param {object} [detail]
 */
export function emit(target, type, detail = {}) {
  target.dispatchEvent(new CustomEvent(type, { detail }));
}
