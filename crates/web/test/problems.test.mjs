// Whatever goes wrong, a person is told what happened, what to do, and gets one button.
import assert from "node:assert/strict";
import test from "node:test";
import { UnreachableError } from "../sdk/connection.js";
import { troubleOfCapture, troubleOfInsecurePage } from "../assets/js/device-problems.js";
import { troubleOfConnection } from "../assets/js/problems.js";
import { SignallingError } from "../sdk/session.js";

const isWhole = ({ what, todo, button, act }) =>
  [what, todo].every((text) => /^\p{Lu}.*[.!?]$/u.test(text)) && button.length > 2 && act.length > 2;

test("every status, and everything that is none, has a whole answer", () => {
  const errors = [400, 401, 403, 404, 405, 409, 413, 415, 422, 429, 500, 502, 503, 599].map(
    (status) => new SignallingError(status),
  );
  errors.push(new TypeError("fetch"), new UnreachableError(), new DOMException("x", "TimeoutError"));
  for (const verb of ["watch", "publish"]) {
    for (const error of errors)
      assert.ok(isWhole(troubleOfConnection(error, { verb })), `${verb} ${error.status ?? error.name}`);
  }
});

test("a token that was refused is told apart from none", () => {
  const say = (hasToken) => troubleOfConnection(new SignallingError(401), { verb: "watch", hasToken }).what;
  assert.match(say(false), /wants an access token/);
  assert.match(say(true), /not valid/);
});

test("a codec that this browser cannot play is named, and so are those it can", () => {
  const error = new SignallingError(422, { published: ["H264", "H264"], offered: ["VP8", "AV1"] });
  const { what, todo } = troubleOfConnection(error, { verb: "watch" });
  assert.equal(what, "This browser cannot play H264.");
  assert.match(todo, /VP8 and AV1/);
  const bare = troubleOfConnection(new SignallingError(422, { published: "x" }), {
    verb: "watch",
    playable: ["VP8"],
  });
  assert.match(bare.todo, /VP8/);
});

test("the server's own words are shown as one sentence, and only if they are words", () => {
  assert.equal(
    troubleOfConnection(new SignallingError(400, { detail: "no m-lines" }), { verb: "publish" }).what,
    "No m-lines.",
  );
  assert.match(
    troubleOfConnection(new SignallingError(400, { detail: { a: 1 } }), { verb: "publish" }).what,
    /400/,
  );
});

test("only refusals that pass by themselves are tried again", () => {
  for (const status of [409, 425, 429, 500, 503])
    assert.ok(new SignallingError(status).isTransient, String(status));
  for (const status of [400, 401, 403, 404, 415, 422])
    assert.ok(!new SignallingError(status).isTransient, String(status));
});

test("every failure to open a device has a whole answer", () => {
  const names = [
    "NotAllowedError",
    "NotFoundError",
    "NotReadableError",
    "OverconstrainedError",
    "AbortError",
    "InvalidStateError",
    "SecurityError",
    "TypeError",
  ];
  for (const source of ["camera", "screen"]) {
    for (const name of names) assert.ok(isWhole(troubleOfCapture({ name }, { source })), `${source} ${name}`);
  }
  for (const agent of ["Firefox/153", "Chrome/156 Safari", "Version/19 Safari"]) {
    assert.ok(isWhole(troubleOfCapture({ name: "NotAllowedError" }, { source: "camera", agent })));
  }
});

test("an insecure page says which address would do", () => {
  const trouble = troubleOfInsecurePage(
    new URL("http://192.0.2.7:7880/publish/demo?codec=vp9#access_token=t"),
  );
  assert.ok(isWhole(trouble));
  assert.match(
    trouble.todo,
    /https:\/\/192\.0\.2\.7:7880\/publish\/demo, or http:\/\/localhost:7880\/publish\/demo /,
  );
  assert.equal(trouble.href, "https://192.0.2.7:7880/publish/demo?codec=vp9#access_token=t");
});
