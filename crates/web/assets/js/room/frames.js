/**
 * Drawing once per frame, however often it is asked for.
 *
 * @module
 */

/** Pages that nobody sees have no frames, and yet must be right when they are looked at again. */
const LATEST_MS = 250;

/**
 * @param {() => void} task
 * @returns {{ask: () => void, stop: () => void}} `ask` runs the task once, soon
 */
export function oncePerFrame(task) {
  let frame = 0;
  let timer = 0;
  const stop = () => {
    cancelAnimationFrame(frame);
    clearTimeout(timer);
    frame = timer = 0;
  };
  const run = () => {
    stop();
    task();
  };
  const ask = () => {
    if (timer) return;
    frame = requestAnimationFrame(run);
    timer = setTimeout(run, LATEST_MS);
  };
  return { ask, stop };
}
