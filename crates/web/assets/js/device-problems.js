/**
 * What to say when camera, microphone or screen do not open: one sentence of what happened, one of what to
 * do, one button. Pure, and without anything of connections, so that every page can use it.
 *
 * @module
 */

/** @typedef {import("./problems.js").Trouble} Trouble */

/**
 * @param {string} what
 * @param {string} todo
 * @param {string} [button]
 * @returns {Trouble}
 */
export const retry = (what, todo, button = "Try again") => ({ what, todo, button, act: "retry" });

/**
 * Somebody else's words as one sentence; empty if they are none.
 *
 * @param {unknown} text
 * @returns {string}
 */
export function sentence(text) {
  if (typeof text !== "string" || !text.trim()) return "";
  const trimmed = text.trim().slice(0, 300);
  const capital = trimmed[0].toUpperCase() + trimmed.slice(1);
  return /[.!?]$/.test(capital) ? capital : `${capital}.`;
}

/**
 * A failure to get camera, microphone or screen.
 *
 * @param {Error} error as thrown by `getUserMedia` or `getDisplayMedia`
 * @param {{source: "camera" | "screen", thing?: string, agent?: string}} context `thing` says which device it
 *   was, where that is known
 * @returns {Trouble}
 */
export function troubleOfCapture(error, { source, thing, agent = "" }) {
  const device = source === "screen" ? "screen" : (thing ?? "camera or microphone");
  switch (error.name) {
    case "NotAllowedError":
    case "SecurityError":
      return source === "screen"
        ? retry(
            "No screen was shared.",
            "Choose a screen, a window or a tab in the browser's dialogue.",
            "Choose again",
          )
        : retry(
            `The browser was not allowed to use ${thing ? `the ${thing}` : "camera and microphone"}.`,
            howToAllow(agent),
          );
    case "NotFoundError":
    case "OverconstrainedError":
      return {
        what: `No ${device} was found.`,
        todo:
          source === "screen"
            ? "Publish the camera instead."
            : "Connect one and try again, or share your screen.",
        button: source === "screen" ? "Use the camera" : "Share the screen",
        act: "source",
      };
    case "NotReadableError":
    case "AbortError":
      return retry(`The ${device} is in use by another program.`, "Close that program, then try again.");
    case "InvalidStateError":
      return retry(
        "The browser wants a click before it shares a screen.",
        "Press the button to choose what to share.",
        "Share the screen",
      );
    default:
      return retry(
        `The ${device} could not be started.`,
        "Check that it works in another program, then try again.",
      );
  }
}

function howToAllow(agent) {
  if (/Firefox/.test(agent))
    return "Click the crossed-out camera in the address bar, remove the block, then try again.";
  if (/Chrom(e|ium)|Edg/.test(agent))
    return "Click the icon left of the address, allow camera and microphone, then try again.";
  if (/Safari/.test(agent))
    return "Open Safari's settings for this website, allow camera and microphone, then try again.";
  return "Allow camera and microphone for this site in the browser's settings, then try again.";
}

/**
 * A page on which browsers give neither camera nor screen.
 *
 * @param {URL | Location} location
 * @returns {Trouble & {href: string}}
 */
export function troubleOfInsecurePage({ host, port, pathname, search, hash }) {
  const href = `https://${host}${pathname}${search}${hash}`;
  const local = `http://localhost${port ? `:${port}` : ""}${pathname}`;
  return {
    what: "Browsers give the camera only to pages that came over HTTPS.",
    todo: `Open https://${host}${pathname}, or ${local} on the server's own machine.`,
    button: "Open over HTTPS",
    act: "https",
    href,
  };
}
