// The life of a connection: a peer connection that does as it is told, against a real HTTP server.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import test from "node:test";
import { Connection } from "../sdk/connection.js";

const sdp = (ufrag) =>
  `v=0\r\nm=video 9 X 96\r\na=mid:0\r\na=ice-ufrag:${ufrag}\r\na=ice-pwd:0123456789012345678901\r\n`;

/** Connects as soon as it has an answer. */
class FakePeer extends EventTarget {
  static all = [];
  connectionState = "new";
  signalingState = "stable";
  generation = 0;
  transport = Object.assign(new EventTarget(), { state: "connected" });

  constructor() {
    super();
    FakePeer.all.push(this);
  }
  getConfiguration = () => ({});
  setConfiguration(configuration) {
    this.configuration = configuration;
  }
  getReceivers = () => [{ transport: this.transport }];
  getSenders = () => [];
  async createOffer({ iceRestart = false } = {}) {
    if (this.signalingState === "closed") throw new Error("closed");
    if (iceRestart) this.generation += 1;
    return { type: "offer", sdp: sdp(`local${this.generation}`) };
  }
  async setLocalDescription(description) {
    this.localDescription = description;
  }
  async setRemoteDescription(description) {
    this.remoteDescription = description;
    setTimeout(() => this.become("connected"));
  }
  become(state) {
    if (this.signalingState === "closed") return;
    this.connectionState = state;
    this.dispatchEvent(new Event("connectionstatechange"));
  }
  loseDtls() {
    this.transport.state = "closed";
    this.transport.dispatchEvent(new Event("statechange"));
  }
  close() {
    this.signalingState = this.connectionState = "closed";
  }
}
globalThis.RTCPeerConnection = FakePeer;

class TestConnection extends Connection {
  prepare() {}
}

const created = (n) => ({
  status: 201,
  headers: { Location: `/session/${n}`, ETag: `"${n}"` },
  text: sdp(`remote${n}`),
});

/**
 * A server whose answers are `answers[METHOD](n)` for the n-th request of the method, and a connection to
 * it; `until(state)` waits for a state.
 */
async function scene(t, answers) {
  const seen = [];
  const counts = {};
  const server = createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request) body += chunk;
    seen.push(
      `${request.method} ${request.url}${request.headers["if-match"] ? ` ${request.headers["if-match"]}` : ""}`,
    );
    const n = (counts[request.method] = (counts[request.method] ?? 0) + 1);
    const { status, headers = {}, text = "" } = answers[request.method]?.(n, body) ?? { status: 200 };
    response.writeHead(status, headers).end(text);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  FakePeer.all.length = 0;
  const connection = new TestConnection(`http://127.0.0.1:${server.address().port}/whip/demo`);
  const states = [];
  const waiting = [];
  connection.addEventListener("state", ({ detail }) => {
    states.push(detail);
    for (const check of waiting.splice(0)) check();
  });
  const until = (state) =>
    new Promise((resolve) => {
      const check = () => {
        const detail = states.at(-1);
        if (detail?.state === state) resolve(detail);
        else waiting.push(check);
      };
      check();
    });
  t.after(() => {
    connection.stop();
    server.close();
    server.closeAllConnections();
  });
  return { connection, seen, states, until, peer: () => FakePeer.all.at(-1) };
}

test("it connects, and stopping ends the session", async (t) => {
  const { connection, seen, states, until, peer } = await scene(t, { POST: created });
  connection.start();
  await until("live");
  connection.stop();
  assert.equal(peer().signalingState, "closed");
  while (seen.length < 2) await new Promise((resolve) => setTimeout(resolve, 5));
  assert.deepEqual(seen, ["POST /whip/demo", "DELETE /session/1"]);
  assert.deepEqual(
    states.map(({ state }) => state),
    ["connecting", "live", "idle"],
  );
});

test("the server's ICE servers count before candidates are gathered", async (t) => {
  const { connection, until, peer } = await scene(t, {
    POST: (n) => ({ ...created(n), headers: { Location: "/session/1", Link: '<stun:s>; rel="ice-server"' } }),
  });
  connection.start();
  await until("live");
  assert.deepEqual(peer().configuration.iceServers, [{ urls: ["stun:s"] }]);
});

test("candidates travel together, without those for RTCP, and the last ones say so", async (t) => {
  const bodies = [];
  const { connection, until, peer } = await scene(t, {
    POST: created,
    PATCH: (n, body) => (bodies.push(body), { status: 204 }),
  });
  connection.start();
  await until("live");
  const found = (candidate) => peer().dispatchEvent(Object.assign(new Event("icecandidate"), { candidate }));
  found({ candidate: "candidate:1 1 udp", component: "rtp" });
  found({ candidate: "candidate:1 2 udp", component: "rtcp" });
  found({ candidate: "candidate:2 1 udp", component: "rtp" });
  found({ candidate: "" });
  found(null);
  while (bodies.length < 1) await new Promise((resolve) => setTimeout(resolve, 5));
  assert.deepEqual(
    bodies[0].split("\r\n").filter((line) => /candidate/.test(line)),
    ["a=candidate:1 1 udp", "a=candidate:2 1 udp", "a=end-of-candidates"],
  );
  assert.match(bodies[0], /a=ice-ufrag:local0/);
});

test("nobody live is waited for, as long as the server asks", async (t) => {
  const { connection, states, until } = await scene(t, {
    POST: (n) => (n === 1 ? { status: 409, headers: { "Retry-After": "1" }, text: "{}" } : created(n)),
  });
  const start = performance.now();
  connection.start();
  const { error, retryMs } = await until("waiting");
  assert.equal(error.status, 409);
  assert.ok(retryMs >= 1_000);
  await until("live");
  assert.ok(performance.now() - start >= 1_000);
  assert.deepEqual(
    states.map(({ state }) => state),
    ["connecting", "waiting", "live"],
  );
});

test("a full server is asked again, a refusal is final", async (t) => {
  const { connection, seen, states, until } = await scene(t, {
    POST: (n) => (n === 1 ? { status: 503, text: "{}" } : { status: 401, text: "{}" }),
  });
  connection.start();
  const { error } = await until("failed");
  assert.equal(error.status, 401);
  assert.deepEqual(
    states.map(({ state }) => state),
    ["connecting", "reconnecting", "failed"],
  );
  assert.equal(states[1].error.status, 503);
  assert.deepEqual(seen, ["POST /whip/demo", "POST /whip/demo"]);
});

test("when ICE fails it is restarted in the same session", async (t) => {
  const { connection, seen, until, peer } = await scene(t, {
    POST: created,
    PATCH: (n, body) => (
      assert.match(body, /a=ice-ufrag:local1/),
      { status: 200, headers: { ETag: '"2"' }, text: sdp("fresh") }
    ),
  });
  connection.start();
  await until("live");
  peer().become("failed");
  await until("reconnecting");
  await until("live");
  assert.deepEqual(seen, ["POST /whip/demo", "PATCH /session/1 *"]);
  assert.match(peer().remoteDescription.sdp, /a=ice-ufrag:fresh/);
});

test("a path that comes back by itself needs no restart", async (t) => {
  const { connection, seen, states, until, peer } = await scene(t, { POST: created });
  connection.start();
  await until("live");
  peer().become("disconnected");
  await new Promise((resolve) => setTimeout(resolve, 50));
  peer().become("connected");
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  assert.deepEqual(seen, ["POST /whip/demo"]);
  assert.equal(states.at(-1).state, "live");
});

test("a server that no longer knows the session gets a new offer", async (t) => {
  const { connection, seen, states, until, peer } = await scene(t, {
    POST: created,
    PATCH: () => ({ status: 404 }),
  });
  connection.start();
  await until("live");
  peer().become("failed");
  await until("reconnecting");
  await until("live");
  assert.equal(FakePeer.all.length, 2);
  assert.deepEqual(
    seen.filter((line) => !line.startsWith("DELETE")),
    ["POST /whip/demo", "PATCH /session/1 *", "POST /whip/demo"],
  );
  assert.deepEqual(
    states.map(({ state }) => state),
    ["connecting", "live", "reconnecting", "live"],
  );
});

test("a server that hangs up is called again without a restart", async (t) => {
  const { connection, seen, until, peer } = await scene(t, { POST: created });
  connection.start();
  await until("live");
  peer().loseDtls();
  await until("reconnecting");
  await until("live");
  assert.deepEqual(
    seen.filter((line) => line.startsWith("P")),
    ["POST /whip/demo", "POST /whip/demo"],
  );
});

test("a check renews only a session that is gone", async (t) => {
  let isGone = false;
  const { connection, until } = await scene(t, {
    POST: created,
    GET: () => ({ status: isGone ? 404 : 204 }),
  });
  connection.start();
  await until("live");
  await connection.check();
  assert.equal(FakePeer.all.length, 1);
  isGone = true;
  await connection.check();
  await until("reconnecting");
  await until("live");
  assert.equal(FakePeer.all.length, 2);
});

test("stopping while the offer is on its way leaves nothing behind, and it can be started again", async (t) => {
  let answer;
  const asked = new Promise((resolve) => (answer = resolve));
  const { connection, seen, until } = await scene(t, { POST: (n) => (answer(), created(n)) });
  connection.start();
  await asked;
  connection.stop();
  connection.start();
  await until("live");
  while (!seen.includes("DELETE /session/1")) await new Promise((resolve) => setTimeout(resolve, 5));
  assert.equal(connection.state, "live");
});
