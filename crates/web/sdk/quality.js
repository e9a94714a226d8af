/**
 * How good a connection is, in one word that does not flicker. Pure.
 *
 * @module
 */

const STEPS = /** @type {const} */ (["good", "fair", "poor"]);
/** From these on it is no longer good, and poor. */
const LOSS_PERCENT = [3, 10];
const RTT_MS = [300, 700];
/** What can be sent, where a picture is to be sent; below these. */
const AVAILABLE_KBPS = [400, 150];
/** So many readings in a row make it worse, or better. */
const WORSE = 2;
const BETTER = 3;

/**
 * One reading.
 *
 * @param {{lossPercent?: number | null, rttMs?: number | null, availableKbps?: number | null}} numbers `availableKbps`
 *   only while a picture is sent
 * @returns {"good" | "fair" | "poor"}
 */
export function judge({ lossPercent, rttMs, availableKbps }) {
  const step = Math.max(
    LOSS_PERCENT.filter((limit) => (lossPercent ?? 0) >= limit).length,
    RTT_MS.filter((limit) => (rttMs ?? 0) >= limit).length,
    AVAILABLE_KBPS.filter((limit) => (availableKbps ?? Infinity) < limit).length,
  );
  return STEPS[step];
}

/** Readings over time. */
export class QualityGauge {
  /** @type {"good" | "fair" | "poor" | "lost"} */
  value = "good";
  #candidate = "good";
  #count = 0;

  /**
   * @param {Parameters<typeof judge>[0]} numbers
   * @returns {"good" | "fair" | "poor" | "lost"}
   */
  read(numbers) {
    const reading = judge(numbers);
    if (this.value === "lost") {
      this.value = reading;
      this.#count = 0;
      return reading;
    }
    this.#count = reading === this.#candidate ? this.#count + 1 : 1;
    this.#candidate = reading;
    const isWorse = STEPS.indexOf(reading) > STEPS.indexOf(this.value);
    if (this.#count >= (isWorse ? WORSE : BETTER)) this.value = reading;
    return this.value;
  }

  /** Nothing gets through. */
  lose() {
    this.value = "lost";
    this.#count = 0;
    return this.value;
  }
}
