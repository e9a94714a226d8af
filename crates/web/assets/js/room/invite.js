/**
 * Handing on the link to a call: the system's own sheet on a phone, the clipboard elsewhere.
 *
 * @module
 */

/**
 * The address to give away: of this page, without the token that only its owner may use.
 *
 * @param {URL | Location} location
 * @returns {string}
 */
export function linkOf({ origin, pathname }) {
  return origin + pathname;
}

/**
 * @param {string} link
 * @param {string} room
 * @returns {Promise<"shared" | "copied" | "failed">}
 */
export async function share(link, room) {
  const isTouch = matchMedia("(pointer: coarse)").matches;
  if (isTouch && navigator.share) {
    try {
      await navigator.share({ title: `Call in ${room}`, url: link });
      return "shared";
    } catch (error) {
      if (error.name === "AbortError") return "shared";
    }
  }
  try {
    await navigator.clipboard.writeText(link);
    return "copied";
  } catch {
    return copyBySelection(link) ? "copied" : "failed";
  }
}

/** Insecure pages have no clipboard; a selection can still be copied in most browsers. */
function copyBySelection(text) {
  const field = document.createElement("textarea");
  field.value = text;
  field.className = "visually-hidden";
  document.body.append(field);
  const focused = document.activeElement;
  field.select();
  const isCopied = document.execCommand?.("copy") ?? false;
  field.remove();
  focused?.focus?.();
  return isCopied;
}
