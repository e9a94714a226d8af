/**
 * What an address says to a page: room, query options, token. Pure.
 *
 * @module
 */

const NAME = /^[A-Za-z0-9_.-]{1,128}$/;

/**
 * Whether the server takes this as a room or identity.
 *
 * @param {string} name
 * @returns {boolean}
 */
export function isName(name) {
  return NAME.test(name) && name !== "." && name !== "..";
}

/**
 * The nearest acceptable room name to what somebody typed, possibly empty.
 *
 * @param {string} text
 * @returns {string}
 */
export function toName(text) {
  const name = text
    .normalize("NFKD")
    .trim()
    .replace(/\s+/g, "-")
    .replace(/[^A-Za-z0-9_.-]/g, "")
    .slice(0, 128);
  return isName(name) ? name : "";
}

/**
 * A flag like an HTML attribute: present is on, `0`, `false`, `no` and `off` are off.
 *
 * @param {URLSearchParams} query
 * @param {string} name
 * @param {boolean} otherwise when it is absent
 * @returns {boolean}
 */
export function flag(query, name, otherwise) {
  const value = query.get(name);
  return value === null ? otherwise : !/^(0|false|no|off)$/i.test(value);
}

/**
 * The room of `/publish/{room}` and `/watch/{room}`.
 *
 * @param {string} path
 * @returns {string} empty if the path has none
 */
export function roomOf(path) {
  try {
    const name = decodeURIComponent(path.split("/")[2] ?? "");
    return isName(name) ? name : "";
  } catch {
    return "";
  }
}

/**
 * The token in `#access_token=...`. A fragment never reaches servers or their logs.
 *
 * @param {string} hash
 * @returns {string} empty if there is none
 */
export function tokenOf(hash) {
  return new URLSearchParams(hash.replace(/^#/, "")).get("access_token") ?? "";
}
