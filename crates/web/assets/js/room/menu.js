/**
 * Menus that open from a button: arrow keys, Escape, a click elsewhere. One at a time.
 *
 * @module
 */

import { icon, make } from "../ui.js";

/**
 * @typedef {object} Item
 * @property {string} label
 * @property {string} [icon]
 * @property {string} [shortcut]
 * @property {boolean} [checked] makes it a switch
 * @property {boolean} [isDanger]
 * @property {() => void} run
 */

const EDGE = 8;
let open = null;

/** @returns {boolean} */
export const isMenuOpen = () => open !== null;

/** Closes the open menu, if there is one; the focus goes back to its button. */
export function closeMenu({ refocus = true } = {}) {
  if (!open) return;
  const { menu, button, controller } = open;
  open = null;
  controller.abort();
  const hadFocus = menu.contains(document.activeElement);
  menu.remove();
  button.setAttribute("aria-expanded", "false");
  if (refocus && hadFocus) button.focus();
}

/**
 * Opens a menu at `button`, or closes it when it is that button's.
 *
 * @param {HTMLElement} button
 * @param {(Item | null | false)[]} items what is not an item is left out
 * @param {string} name for screen readers
 */
export function toggleMenu(button, items, name) {
  const isMine = open?.button === button;
  closeMenu();
  if (isMine) return;
  const menu = make("div", { class: "menu", role: "menu", "aria-label": name });
  menu.append(...items.filter(Boolean).map(makeItem));
  document.body.append(menu);
  const controller = new AbortController();
  open = { menu, button, controller };
  button.setAttribute("aria-expanded", "true");
  placeAt(menu, button.getBoundingClientRect());
  wire(menu, button, controller.signal);
  menu.querySelector("button")?.focus({ preventScroll: true });
}

function makeItem({ label, icon: name = "", shortcut = "", checked, isDanger = false, run }) {
  const item = make(
    "button",
    {
      type: "button",
      role: checked === undefined ? "menuitem" : "menuitemcheckbox",
      class: isDanger ? "danger" : false,
      tabindex: "-1",
      onclick: () => {
        closeMenu();
        run();
      },
    },
    icon(checked ? "check" : name || "more"),
    make("span", {}, label),
  );
  if (checked !== undefined) item.setAttribute("aria-checked", String(checked));
  if (!checked && !name) item.classList.add("plain");
  if (shortcut) item.append(make("kbd", { "aria-hidden": "true" }, shortcut));
  return item;
}

/** Above or below the button, whole within the window; a phone's menu is a sheet by its style. */
function placeAt(menu, anchor) {
  const { offsetWidth: width, offsetHeight: height } = menu;
  const isRoomBelow = anchor.bottom + EDGE + height < innerHeight;
  const top = isRoomBelow ? anchor.bottom + EDGE / 2 : anchor.top - height - EDGE / 2;
  const left = Math.min(anchor.right - width, innerWidth - width - EDGE);
  menu.style.setProperty("--top", `${Math.round(Math.max(EDGE, top))}px`);
  menu.style.setProperty("--left", `${Math.round(Math.max(EDGE, left))}px`);
}

function wire(menu, button, signal) {
  menu.addEventListener("keydown", (event) => move(menu, event), { signal });
  document.addEventListener(
    "pointerdown",
    ({ target }) => {
      if (!menu.contains(target) && !button.contains(target)) closeMenu({ refocus: false });
    },
    { signal, capture: true },
  );
  menu.addEventListener("focusout", ({ relatedTarget }) => {
    if (relatedTarget && !menu.contains(relatedTarget) && !button.contains(relatedTarget)) closeMenu();
  });
  addEventListener("resize", () => closeMenu(), { signal });
}

function move(menu, event) {
  const items = [...menu.querySelectorAll("button")];
  const index = items.indexOf(document.activeElement);
  const to = {
    ArrowDown: (index + 1) % items.length,
    ArrowUp: (index + items.length - 1) % items.length,
    Home: 0,
    End: items.length - 1,
  }[event.key];
  if (event.key === "Escape" || event.key === "Tab") {
    event.preventDefault();
    closeMenu();
  } else if (to !== undefined) {
    event.preventDefault();
    items[to].focus();
  }
}
