/**
 * The `Link` header (RFC 8288) as far as WHIP and WHEP use it: ICE servers and extensions.
 * Pure text work: no DOM, no network.
 *
 * @module
 */

/**
 * @typedef {object} Link
 * @property {string} target what stands between `<` and `>`, not resolved
 * @property {string[]} rels relation types, lower case
 * @property {Record<string, string>} parameters the others by lower-case name; the first of a name wins
 */

const PARAMETER = /^\s*;\s*([!#$%&'*+.^_`|~\w-]+)\s*(?:=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;,"]*)))?/;

/**
 * Parses one or more `Link` header values joined by commas, as `Headers.get` joins them. Quoted values
 * may hold commas, semicolons and escaped quotes. What cannot be parsed ends the list; it never throws.
 *
 * @param {string | null | undefined} header
 * @returns {Link[]}
 */
export function parseLinks(header) {
  const links = [];
  let rest = header ?? "";
  for (;;) {
    const target = /^[\s,]*<([^>]*)>/.exec(rest);
    if (!target) return links;
    rest = rest.slice(target[0].length);
    const parameters = {};
    for (let match; (match = PARAMETER.exec(rest)); rest = rest.slice(match[0].length)) {
      const value = match[2] === undefined ? (match[3] ?? "") : match[2].replace(/\\(.)/g, "$1");
      parameters[match[1].toLowerCase()] ??= value;
    }
    const { rel = "", ...others } = parameters;
    links.push({
      target: target[1],
      rels: rel.toLowerCase().split(/\s+/).filter(Boolean),
      parameters: others,
    });
  }
}

/**
 * The ICE servers of a 201 (RFC 9725, section 4.6), ready for `RTCConfiguration.iceServers`. A TURN
 * server without credentials would make the browser refuse the whole configuration: it is left out.
 *
 * @param {string | null | undefined} header
 * @returns {RTCIceServer[]}
 */
export function iceServersFrom(header) {
  return parseLinks(header)
    .filter((link) => link.rels.includes("ice-server") && /^(stun|turn)s?:/i.test(link.target))
    .map(({ target, parameters: { username, credential } }) =>
      username === undefined || credential === undefined
        ? { urls: [target] }
        : { urls: [target], username, credential },
    )
    .filter((server) => /^stun/i.test(server.urls[0]) || server.username !== undefined);
}
