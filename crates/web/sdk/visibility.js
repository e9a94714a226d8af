/**
 * How large elements are on the screen, in device pixels, and whether anybody can see them.
 *
 * @module
 */

/** Watches elements. Without the observers of modern browsers everything counts as visible. */
export class Visibility {
  /** @type {Map<Element, {isInView: boolean}>} */
  #elements = new Map();
  #onChange;
  #sizes = globalThis.ResizeObserver ? new ResizeObserver(() => this.#onChange()) : null;
  #views = globalThis.IntersectionObserver
    ? new IntersectionObserver((entries) => this.#see(entries), { rootMargin: "64px" })
    : null;
  #turned = () => this.#onChange();

  /** @param {() => void} onChange something may have another size or be visible now */
  constructor(onChange) {
    this.#onChange = onChange;
    globalThis.document?.addEventListener("visibilitychange", this.#turned);
  }

  add(element) {
    this.#elements.set(element, { isInView: this.#views === null });
    this.#sizes?.observe(element);
    this.#views?.observe(element);
    for (const type of ["enterpictureinpicture", "leavepictureinpicture"]) {
      element.addEventListener(type, this.#turned);
    }
  }

  remove(element) {
    this.#elements.delete(element);
    this.#sizes?.unobserve(element);
    this.#views?.unobserve(element);
    for (const type of ["enterpictureinpicture", "leavepictureinpicture"]) {
      element.removeEventListener(type, this.#turned);
    }
  }

  /**
   * The size in device pixels; 0 x 0 when nobody can see it.
   *
   * @param {HTMLElement} element
   * @returns {{width: number, height: number}}
   */
  sizeOf(element) {
    const page = element.ownerDocument ?? globalThis.document;
    const isFloating = page?.pictureInPictureElement === element;
    const isInView = this.#elements.get(element)?.isInView ?? false;
    if (!isFloating && (!isInView || page?.visibilityState === "hidden")) return { width: 0, height: 0 };
    const ratio = page?.defaultView?.devicePixelRatio ?? 1;
    // A floating window's own size is not to be had from here; it is small.
    if (isFloating) return { width: 640, height: 360 };
    return {
      width: Math.round(element.clientWidth * ratio),
      height: Math.round(element.clientHeight * ratio),
    };
  }

  close() {
    this.#sizes?.disconnect();
    this.#views?.disconnect();
    globalThis.document?.removeEventListener("visibilitychange", this.#turned);
    for (const element of [...this.#elements.keys()]) this.remove(element);
  }

  #see(entries) {
    for (const { target, isIntersecting } of entries) {
      const known = this.#elements.get(target);
      if (known) known.isInView = isIntersecting;
    }
    this.#onChange();
  }
}
