// When to try again.
import assert from "node:assert/strict";
import test from "node:test";
import { Backoff, pause, retryAfterMs } from "../sdk/backoff.js";

test("delays grow to a limit and start over after a success", () => {
  const backoff = new Backoff({ firstMs: 100, factor: 2, maxMs: 500, jitter: 0 });
  assert.deepEqual(
    [1, 2, 3, 4, 5].map(() => backoff.next()),
    [100, 200, 400, 500, 500],
  );
  backoff.reset();
  assert.equal(backoff.next(), 100);
});

test("chance takes at most its share", () => {
  for (const [random, expected] of [
    [0, 1_000],
    [0.5, 750],
    [1, 500],
  ]) {
    assert.equal(new Backoff({ firstMs: 1_000, jitter: 0.5, random: () => random }).next(), expected);
  }
});

test("the server's wish is never undercut, whatever chance says", () => {
  for (const random of [0, 0.3, 1]) {
    const ms = new Backoff({ firstMs: 100, random: () => random }).next(5_000);
    assert.ok(ms >= 5_000 && ms <= 5_500, String(ms));
  }
});

test("Retry-After is seconds or a date, and senseless ones are nothing", () => {
  const now = Date.parse("Wed, 21 Oct 2026 07:28:00 GMT");
  assert.equal(retryAfterMs("3", now), 3_000);
  assert.equal(retryAfterMs(" 120 ", now), 120_000);
  assert.equal(retryAfterMs("Wed, 21 Oct 2026 07:28:10 GMT", now), 10_000);
  for (const none of [null, "", "soon", "-5", "0", "Wed, 21 Oct 2020 07:28:10 GMT"])
    assert.equal(retryAfterMs(none, now), 0, String(none));
  assert.equal(retryAfterMs("999999", now), 600_000);
});

test("a pause ends early when aborted, and when the network is back", async () => {
  const controller = new AbortController();
  const aborted = pause(60_000, controller.signal);
  controller.abort(new Error("stop"));
  await assert.rejects(aborted, /stop/);
  await assert.rejects(pause(60_000, controller.signal), /stop/);
  await pause(1, new AbortController().signal);
});
