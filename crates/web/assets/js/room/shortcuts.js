/**
 * Single-key shortcuts of a call, and talking while the space bar is held. {@link Keys} is pure: what a key
 * means depends on what was pressed before and where the focus is, and nothing else.
 *
 * @module
 */

/**
 * @typedef {"microphone" | "camera" | "screen" | "chat" | "layout" | "close" | "talk" | "hush"} Action
 *
 * @typedef {object} Key
 * @property {string} key as in `KeyboardEvent.key`
 * @property {boolean} [repeat]
 * @property {boolean} [hasModifier] Ctrl, Alt or Meta; those combinations are the browser's
 * @property {"typing" | "control" | "menu" | "elsewhere"} focus
 */

/** @type {Record<string, Action>} */
const ACTIONS = { m: "microphone", v: "camera", s: "screen", c: "chat", l: "layout" };

/** The shortcuts as people read them. */
export const SHORTCUTS = [
  ["M", "Microphone on or off"],
  ["V", "Camera on or off"],
  ["S", "Share your screen, or stop"],
  ["C", "Chat"],
  ["L", "Grid or speaker layout"],
  ["Space", "Hold to talk while muted"],
  ["Esc", "Close what is open"],
];

export class Keys {
  #isTalking = false;

  /**
   * @param {Key} key
   * @returns {Action | null} `null` leaves the key to the browser
   */
  press({ key, repeat = false, hasModifier = false, focus }) {
    if (hasModifier) return null;
    if (key === "Escape") return focus === "menu" ? null : "close";
    if (focus === "typing" || focus === "menu") return null;
    if (key === " ") return this.#hold(repeat, focus);
    if (repeat) return null;
    return ACTIONS[key.toLowerCase()] ?? null;
  }

  /** A held space bar repeats; a focused button keeps its own use of it. */
  #hold(repeat, focus) {
    if (focus === "control" || repeat || this.#isTalking) return null;
    this.#isTalking = true;
    return "talk";
  }

  /**
   * @param {{key: string}} key
   * @returns {Action | null}
   */
  release({ key }) {
    return key === " " ? this.lose() : null;
  }

  /**
   * The window lost the focus: nobody hears of the release any more.
   *
   * @returns {Action | null}
   */
  lose() {
    if (!this.#isTalking) return null;
    this.#isTalking = false;
    return "hush";
  }

  /** Whether the space bar is held to talk: then it must not scroll either. */
  get isTalking() {
    return this.#isTalking;
  }
}

const TYPING = "textarea, select, [contenteditable], input:not([type=checkbox], [type=radio], [type=button])";

/** @returns {Key["focus"]} */
function focusOf(target) {
  if (target?.closest?.("[role=menu], dialog")) return "menu";
  if (target?.closest?.(TYPING)) return "typing";
  return target?.closest?.("button, a, summary, input, [role=button]") ? "control" : "elsewhere";
}

/**
 * Listens on the page.
 *
 * @param {(action: Action) => void} run
 * @returns {() => void} stops listening
 */
export function wireKeys(run) {
  const keys = new Keys();
  const controller = new AbortController();
  const { signal } = controller;
  const obey = (action) => action && run(action);
  document.addEventListener(
    "keydown",
    (event) => {
      const action = keys.press({
        key: event.key,
        repeat: event.repeat,
        hasModifier: event.ctrlKey || event.altKey || event.metaKey,
        focus: focusOf(event.target),
      });
      if (action || (event.key === " " && keys.isTalking)) event.preventDefault();
      obey(action);
    },
    { signal },
  );
  document.addEventListener("keyup", (event) => obey(keys.release(event)), { signal });
  addEventListener("blur", () => obey(keys.lose()), { signal });
  return () => controller.abort();
}
