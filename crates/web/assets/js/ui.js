/**
 * Small things that every page needs: elements, notices, copying, polling. No page's own logic.
 *
 * @module
 */

const ICONS = "/assets/icons.svg";
const SVG = "http://www.w3.org/2000/svg";

/**
 * The element with this id.
 *
 * @param {string} id
 * @returns {any}
 */
export const byId = (id) => document.getElementById(id);

/**
 * Makes an element. Strings become text nodes, so no text can ever be markup.
 *
 * @param {string} tag
 * @param {Record<string, string | boolean | EventListener>} [attributes] `onclick` and the like are listeners
 * @param {...(Node | string)} children
 * @returns {HTMLElement}
 */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false) element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

/**
 * An icon of the sprite; it says nothing to screen readers, its button does.
 *
 * @param {string} name
 * @returns {SVGElement}
 */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `${ICONS}#${name}`);
  svg.append(use);
  return svg;
}

/**
 * Gives a button another icon, name and tooltip; `shortcut` is shown and announced.
 *
 * @param {HTMLElement} button
 * @param {{icon?: string, name: string, shortcut?: string, pressed?: boolean}} look
 */
export function dress(button, { icon: iconName, name, shortcut, pressed }) {
  if (iconName) button.querySelector("use")?.setAttribute("href", `${ICONS}#${iconName}`);
  button.setAttribute("aria-label", name);
  button.title = shortcut ? `${name} (${shortcut})` : name;
  if (shortcut) button.setAttribute("aria-keyshortcuts", shortcut);
  if (pressed !== undefined) button.setAttribute("aria-pressed", String(pressed));
}

/**
 * Shows a trouble in a notice (`.notice` with `.what`, `.todo` and a button), or hides it.
 *
 * @param {HTMLElement} notice
 * @param {import("./problems.js").Trouble | null} trouble
 * @param {(act: string) => void} [act]
 */
export function showTrouble(notice, trouble, act) {
  notice.hidden = !trouble;
  if (!trouble) return;
  const button = notice.querySelector("button");
  setText(notice.querySelector(".what"), trouble.what);
  setText(notice.querySelector(".todo"), trouble.todo);
  setText(button, trouble.button);
  button.hidden = !trouble.button;
  button.onclick = () => act?.(trouble.act);
}

/**
 * Sets text only when it changed, so that a live region is not read again.
 *
 * @param {Element} element
 * @param {string} text
 */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/**
 * Makes every `button[data-copy="id"]` copy the text of that element, and say so.
 */
export function wireCopyButtons() {
  for (const button of document.querySelectorAll("button[data-copy]")) {
    const label = button.querySelector(".label") ?? button;
    const usual = label.textContent;
    let timer = 0;
    button.addEventListener("click", async () => {
      const isCopied = await copy(byId(button.dataset.copy));
      label.textContent = isCopied ? "Copied" : "Press Ctrl+C";
      clearTimeout(timer);
      timer = setTimeout(() => (label.textContent = usual), 2_000);
    });
  }
}

/** Insecure pages have no clipboard: then the text is selected, ready for the keyboard. */
async function copy(element) {
  const range = document.createRange();
  range.selectNodeContents(element);
  const selection = getSelection();
  try {
    await navigator.clipboard.writeText(element.textContent);
    return true;
  } catch {
    selection.removeAllRanges();
    selection.addRange(range);
    return document.execCommand?.("copy") ?? false;
  }
}

/**
 * Runs `task` now, then again `ms` after it finished, but only while somebody looks at the page.
 *
 * @param {() => Promise<void>} task
 * @param {number} ms
 * @returns {{stop: () => void, now: () => void}}
 */
export function pollWhileVisible(task, ms) {
  let timer = 0;
  let isRunning = false;
  let isStopped = false;
  const run = async () => {
    clearTimeout(timer);
    if (isRunning || isStopped || document.hidden) return;
    isRunning = true;
    try {
      await task();
    } finally {
      isRunning = false;
      if (!isStopped) timer = setTimeout(run, ms);
    }
  };
  document.addEventListener("visibilitychange", run);
  run();
  const stop = () => {
    isStopped = true;
    clearTimeout(timer);
    document.removeEventListener("visibilitychange", run);
  };
  return { stop, now: run };
}

/**
 * Single-key shortcuts: off while typing, with a modifier, or while a button would take the key.
 *
 * @param {Record<string, () => void>} shortcuts by `KeyboardEvent.key`, lower case
 */
export function wireShortcuts(shortcuts) {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || event.repeat) return;
    if (event.target.closest?.("input, select, textarea, [contenteditable]")) return;
    if (event.key === " " && event.target.closest?.("button, a, summary")) return;
    const run = shortcuts[event.key.toLowerCase()];
    if (!run) return;
    event.preventDefault();
    run();
  });
}

/**
 * A duration as people say it: `42 s`, `5 min`, `2 h 10 min`, `3 d`.
 *
 * @param {number} ms
 * @returns {string}
 */
export function sayDuration(ms) {
  const seconds = Math.max(0, Math.floor(ms / 1_000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} d`;
}

/**
 * @param {number} count
 * @param {string} noun
 * @returns {string}
 */
export const sayCount = (count, noun) => `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`;

/**
 * Fills a `<dl>` with rows; values that are unknown are left out.
 *
 * @param {HTMLElement} dl
 * @param {[string, string | null][]} rows
 */
export function fillRows(dl, rows) {
  dl.replaceChildren(
    ...rows
      .filter(([, value]) => value !== null && value !== "")
      .flatMap(([name, value]) => [make("dt", {}, name), make("dd", {}, value)]),
  );
}
