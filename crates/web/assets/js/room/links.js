/**
 * Links in what people write. Pure: the text in, its parts out; nobody's text becomes markup.
 *
 * @module
 */

const ADDRESS = /\bhttps?:\/\/[^\s<>"'\u2018\u2019\u201c\u201d]+/giu;
/** Belongs to the sentence around an address rather than to the address. */
const TRAILING = new Set(".,;:!?*_~\u3002\uff0c\u2026");
const OPENERS = { ")": "(", "]": "[", "}": "{" };

/**
 * @typedef {{text: string, href?: string}} Part
 */

/**
 * Splits a message into plain text and web addresses. Only `http` and `https` count, and an address with
 * a user name in it stays text: it is how people are lured to another host than they read.
 *
 * @param {string} text
 * @returns {Part[]}
 */
export function splitLinks(text) {
  const parts = [];
  let end = 0;
  for (const match of text.matchAll(ADDRESS)) {
    const address = trimmed(match[0]);
    const href = safe(address);
    if (!href) continue;
    if (match.index > end) parts.push({ text: text.slice(end, match.index) });
    parts.push({ text: address, href });
    end = match.index + address.length;
  }
  if (end < text.length) parts.push({ text: text.slice(end) });
  return parts;
}

/** Drops punctuation and brackets at the end, but keeps a bracket whose partner is inside. */
function trimmed(address) {
  const counts = {};
  for (const char of address) counts[char] = (counts[char] ?? 0) + 1;
  let end = address.length;
  for (; end > 0; end -= 1) {
    const last = address[end - 1];
    const opener = OPENERS[last];
    const isLoose = opener !== undefined && (counts[opener] ?? 0) < counts[last];
    if (!isLoose && !TRAILING.has(last)) break;
    counts[last] -= 1;
  }
  return address.slice(0, end);
}

function safe(address) {
  const url = URL.parse ? URL.parse(address) : tryParse(address);
  if (!url || !/^https?:$/.test(url.protocol)) return null;
  return url.username || url.password ? null : url.href;
}

function tryParse(address) {
  try {
    return new URL(address);
  } catch {
    return null;
  }
}
