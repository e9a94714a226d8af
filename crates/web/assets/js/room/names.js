/**
 * What stands for a person without a picture: initials and a tint. Pure.
 *
 * @module
 */

const segmenter = new Intl.Segmenter("en", { granularity: "grapheme" });
const firstOf = (word) => segmenter.segment(word)[Symbol.iterator]().next().value?.segment ?? "";

/**
 * One or two letters of a name, of its first and its last word.
 *
 * @param {string} name
 * @returns {string} `?` for a name without any
 */
export function initialsOf(name) {
  const words = name.split(/[\s_.-]+/u).filter((word) => /[\p{L}\p{N}\p{Extended_Pictographic}]/u.test(word));
  const letters = words.map((word) => firstOf(word.replace(/^[^\p{L}\p{N}\p{Extended_Pictographic}]+/u, "")));
  const [first = "?", ...others] = letters;
  const last = others.at(-1) ?? "";
  return (first + last).toLocaleUpperCase();
}

/**
 * A hue in degrees that is the same for the same identity everywhere.
 *
 * @param {string} identity
 * @returns {number}
 */
export function hueOf(identity) {
  let hash = 2166136261;
  for (const char of identity) hash = Math.imul(hash ^ char.codePointAt(0), 16777619) >>> 0;
  return (hash % 24) * 15;
}

const RIGHT_TO_LEFT = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]/u;
/** Keeps a right-to-left name from turning the words around it, where no `<bdi>` can. */
const isolate = (name) => (RIGHT_TO_LEFT.test(name) ? `\u2068${name}\u2069` : name);

/**
 * A list as people say it, shortened when it is long: `Ada, Bo and 3 more`.
 *
 * @param {string[]} names
 * @param {number} [most]
 * @returns {string}
 */
export function sayNames(names, most = 3) {
  const isLong = names.length > most;
  const shown = names.slice(0, isLong ? most - 1 : most).map(isolate);
  if (isLong) shown.push(`${names.length - most + 1} more`);
  return new Intl.ListFormat("en", { type: "conjunction" }).format(shown);
}
