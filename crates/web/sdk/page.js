/**
 * What the page goes through, for those who must react: network, visibility, the end.
 *
 * @module
 */

/**
 * @param {object} acts
 * @param {() => void} acts.onBack the network is back, or people are: a good moment to try again
 * @param {() => void} acts.onLeave the page goes; only what is synchronous still happens
 * @returns {() => void} stops it
 */
export function watchPage({ onBack, onLeave }) {
  const scope = globalThis;
  if (!scope.addEventListener) return () => {};
  const stop = new AbortController();
  const listen = (target, type, act) => target?.addEventListener(type, act, { signal: stop.signal });
  listen(scope, "online", onBack);
  listen(scope, "pageshow", onBack);
  listen(scope, "pagehide", onLeave);
  listen(scope.document, "visibilitychange", () => scope.document.visibilityState === "visible" && onBack());
  listen(scope.navigator?.connection, "change", onBack);
  return () => stop.abort();
}
