/**
 * What happens, in words, for those who do not see it: one live region, several news at once as one text.
 *
 * @module
 */

import { sayNames } from "./names.js";

const GATHER_MS = 500;

/** Gathers who came and who went, and says it once. Pure but for its timer. */
export class Captions {
  #show;
  #timer = 0;
  #news = [];
  #came = [];
  #went = [];

  /** @param {(text: string) => void} show */
  constructor(show) {
    this.#show = show;
  }

  /** @param {string} sentence */
  say(sentence) {
    this.#news.push(sentence);
    this.#soon();
  }

  /** @param {string} name */
  came(name) {
    this.#came.push(name);
    this.#soon();
  }

  /** @param {string} name */
  went(name) {
    this.#went.push(name);
    this.#soon();
  }

  /** Says nothing more. */
  stop() {
    clearTimeout(this.#timer);
  }

  #soon() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.flush(), GATHER_MS);
  }

  /** Says at once what was gathered. */
  flush() {
    // After a lost connection everybody leaves and comes at once, which is no news.
    const came = this.#came.filter((name) => !this.#went.includes(name));
    const went = this.#went.filter((name) => !this.#came.includes(name));
    const people = [
      came.length > 0 ? `${sayNames(came)} joined.` : "",
      went.length > 0 ? `${sayNames(went)} left.` : "",
    ];
    const text = [...people, ...this.#news].filter(Boolean).join(" ");
    this.#came = [];
    this.#went = [];
    this.#news = [];
    if (text) this.#show(text);
  }
}
