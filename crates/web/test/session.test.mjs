// The HTTP side of WHIP and WHEP, against a server that writes down what it is asked.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import test from "node:test";
import { Session, SignallingError } from "../sdk/session.js";

/** Answers every request with `respond(request)`; `seen` are the requests. */
async function serve(t, respond) {
  const seen = [];
  const server = createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request) body += chunk;
    seen.push({ method: request.method, url: request.url, headers: request.headers, body });
    const { status, headers = {}, text = "" } = await respond(seen.at(-1));
    response.writeHead(status, headers).end(text);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => server.close());
  return { seen, origin: `http://127.0.0.1:${server.address().port}` };
}

const created = {
  status: 201,
  headers: { Location: "/session/1", ETag: '"a"', Link: '<stun:s>; rel="ice-server"' },
  text: "answer",
};

test("the offer is posted with the bearer, and the 201 is understood", async (t) => {
  const { seen, origin } = await serve(t, () => created);
  const session = await Session.create(`${origin}/whip/demo?name=x`, "offer", { token: "secret" });
  assert.equal(seen[0].method, "POST");
  assert.equal(seen[0].url, "/whip/demo?name=x");
  assert.equal(seen[0].headers["content-type"], "application/sdp");
  assert.equal(seen[0].headers.authorization, "Bearer secret");
  assert.equal(seen[0].body, "offer");
  assert.equal(session.url, `${origin}/session/1`);
  assert.equal(session.answer, "answer");
  assert.deepEqual(session.iceServers, [{ urls: ["stun:s"] }]);
});

test("a 307 is followed, and Location is relative to where the answer came from", async (t) => {
  const other = await serve(t, () => created);
  const first = await serve(t, () => ({ status: 307, headers: { Location: `${other.origin}/whip/demo` } }));
  const session = await Session.create(`${first.origin}/whip/demo`, "offer");
  assert.equal(other.seen[0].body, "offer");
  assert.equal(session.url, `${other.origin}/session/1`);
});

test("candidates carry the entity tag, and a restart's answer renews it", async (t) => {
  const { seen, origin } = await serve(t, ({ method, headers }) => {
    if (method === "POST") return created;
    return headers["if-match"] === "*"
      ? { status: 200, headers: { ETag: '"b"' }, text: "fragment" }
      : { status: 204 };
  });
  const session = await Session.create(`${origin}/whep/demo`, "offer");
  await session.trickle("one");
  assert.equal(await session.restart("two"), "fragment");
  await session.trickle("three");
  assert.deepEqual(
    seen.slice(1).map(({ method, headers, body }) => [method, headers["if-match"], body]),
    [
      ["PATCH", '"a"', "one"],
      ["PATCH", "*", "two"],
      ["PATCH", '"b"', "three"],
    ],
  );
  assert.ok(
    seen.slice(1).every(({ headers }) => headers["content-type"] === "application/trickle-ice-sdpfrag"),
  );
});

test("a server that does not take candidates is not asked again", async (t) => {
  const { seen, origin } = await serve(t, ({ method }) => (method === "POST" ? created : { status: 405 }));
  const session = await Session.create(`${origin}/whep/demo`, "offer");
  await session.trickle("one");
  await session.trickle("two");
  assert.equal(seen.length, 2);
});

test("a refusal carries status, problem and Retry-After", async (t) => {
  const { origin } = await serve(t, () => ({
    status: 409,
    headers: { "Retry-After": "2" },
    text: '{"title":"Nobody is live"}',
  }));
  await assert.rejects(Session.create(`${origin}/whep/demo`, "offer"), (error) => {
    assert.ok(error instanceof SignallingError);
    assert.deepEqual([error.status, error.problem.title, error.retryMs], [409, "Nobody is live", 2_000]);
    return true;
  });
});

test("a refusal that is no JSON is a refusal all the same", async (t) => {
  for (const text of ["<html>", "null", "3", ""]) {
    const { origin } = await serve(t, () => ({ status: 502, text }));
    await assert.rejects(Session.create(`${origin}/whep/demo`, "offer"), { status: 502, problem: {} });
  }
});

test("a 201 without Location breaks the protocol", async (t) => {
  const { origin } = await serve(t, () => ({ status: 201 }));
  await assert.rejects(Session.create(`${origin}/whep/demo`, "offer"), TypeError);
});

test("whoever gave up while the offer was on its way leaves no session behind", async (t) => {
  const gone = new AbortController();
  const { seen, origin } = await serve(t, ({ method }) => {
    if (method === "POST") gone.abort(new Error("gave up"));
    return method === "POST" ? created : { status: 200 };
  });
  await assert.rejects(Session.create(`${origin}/whip/demo`, "offer", { signal: gone.signal }), /gave up/);
  while (seen.length < 2) await new Promise((resolve) => setTimeout(resolve, 5));
  assert.deepEqual([seen[1].method, seen[1].url], ["DELETE", "/session/1"]);
});

test("a session is ended once, and its loss is noticed", async (t) => {
  const { seen, origin } = await serve(t, ({ method }) =>
    method === "POST" ? created : { status: method === "GET" ? 404 : 200 },
  );
  const session = await Session.create(`${origin}/whip/demo`, "offer", { token: "secret" });
  assert.equal(await session.isKnown(), false);
  await Promise.all([session.end(), session.end()]);
  assert.deepEqual(
    seen.map(({ method }) => method),
    ["POST", "GET", "DELETE"],
  );
  assert.equal(seen[2].headers.authorization, "Bearer secret");
});
