/**
 * Who is shown first when not everybody fits, without people jumping about. Pure.
 *
 * @module
 */

/**
 * @typedef {object} Someone
 * @property {string} id
 * @property {boolean} hasVideo
 * @property {number} spokeAt when it was last heard, 0 for never
 * @property {number} joinedAt
 */

/**
 * The most important first: a picture before initials, then who spoke last, then who came first.
 *
 * @param {Someone[]} people
 * @returns {string[]}
 */
export function byImportance(people) {
  return [...people]
    .sort(
      (a, b) =>
        Number(b.hasVideo) - Number(a.hasVideo) ||
        b.spokeAt - a.spokeAt ||
        a.joinedAt - b.joinedAt ||
        (a.id < b.id ? -1 : 1),
    )
    .map(({ id }) => id);
}

/**
 * Puts those who are shown into the places they had: a newcomer takes the place of the one it displaces,
 * and where somebody left, the others move up.
 *
 * @param {string[]} before as they were shown
 * @param {string[]} now who is shown now, in any order
 * @returns {string[]}
 */
export function keepPlaces(before, now) {
  const wanted = new Set(now);
  const fresh = now.filter((id) => !before.includes(id));
  const kept = [];
  for (const id of before) {
    if (wanted.has(id)) kept.push(id);
    else if (fresh.length > 0) kept.push(fresh.shift());
  }
  return [...kept, ...fresh];
}
