// The life of a membership over sockets that come and go.
import assert from "node:assert/strict";
import test from "node:test";
import { Backoff } from "../sdk/backoff.js";
import { Signalling, TIMES } from "../sdk/signalling.js";
import { connectUrl } from "../sdk/wire.js";
import { FakeSocket, forget, furnish, settle, until, welcome } from "./fakes.mjs";

furnish();
const quick = { firstMs: 1, factor: 1, maxMs: 1 };

/** A membership, and what it told. */
function scene(t, { times = {}, parts = {} } = {}) {
  forget();
  const told = { states: [], welcomes: [], messages: [], troubles: [], end: null };
  const signalling = new Signalling(
    {
      server: "http://host.example:7880/some/page?x#y",
      room: "demo",
      hello: async () => ({ name: "Ada" }),
      onWelcome: (message) => told.welcomes.push(message),
      onMessage: (message) => told.messages.push(message),
      onState: (state) => told.states.push(state),
      onEnd: (end) => (told.end = end),
      onTrouble: (error) => told.troubles.push(error.slug),
      ...parts,
    },
    { backoff: quick, ...times },
  );
  t.after(() => signalling.leave());
  return { signalling, told };
}

const socketNumber = (n) => until(`socket ${n}`, () => FakeSocket.all.length >= n).then(settle);

async function join(scene) {
  scene.signalling.start();
  await socketNumber(1);
  FakeSocket.last.say(welcome());
  return scene;
}

const refusal = (slug, status, more = {}) => ({
  type: "error",
  problem: `urn:plenum:problem:${slug}`,
  title: "No",
  detail: "No, because.",
  status,
  ...more,
});

test("the address of a room is the server's, whatever page it was given as", () => {
  assert.equal(connectUrl("https://a.example/x/y?q#h", "de mo"), "wss://a.example/v1/rooms/de%20mo/connect");
  assert.equal(
    connectUrl(new URL("http://127.0.0.1:7880"), "demo"),
    "ws://127.0.0.1:7880/v1/rooms/demo/connect",
  );
  const ticket = "wss://b.example/v1/rooms/demo/connect?ticket=1";
  assert.equal(connectUrl(ticket, "demo"), ticket);
});

test("it joins with what it is asked for, and says when it is in", async (t) => {
  const { signalling, told } = await join(scene(t));
  assert.equal(FakeSocket.last.url, "ws://host.example:7880/v1/rooms/demo/connect");
  assert.deepEqual(FakeSocket.last.of("join"), [{ name: "Ada", protocol: 1 }]);
  assert.deepEqual(told.states, ["connecting", "connected"]);
  assert.equal(signalling.isJoined, true);
});

test("a request is answered by the reply of its id, and refused by the error of its id", async (t) => {
  const { signalling } = await join(scene(t));
  const first = signalling.ask({ type: "lock" });
  const second = signalling.ask({ type: "kick", participant: "bob" });
  const [lock, kick] = FakeSocket.last.sent.slice(-2);
  FakeSocket.last.say({ ...refusal("forbidden", 403), id: kick.id });
  FakeSocket.last.say({ type: "ok", id: lock.id });
  assert.equal((await first).type, "ok");
  await assert.rejects(second, {
    name: "PlenumError",
    slug: "forbidden",
    status: 403,
    detail: "No, because.",
  });
});

test("whoever waits in the lobby is told, and is in when admitted", async (t) => {
  const { signalling, told } = scene(t);
  signalling.start();
  await socketNumber(1);
  FakeSocket.last.say({ type: "lobby", waiting: [{ identity: "ada", name: "Ada" }] });
  assert.deepEqual(told.states, ["connecting", "lobby"]);
  assert.equal(told.messages[0].type, "lobby");
  FakeSocket.last.say(welcome());
  assert.deepEqual(told.states, ["connecting", "lobby", "connected"]);
});

test("a lost socket is resumed, and what was asked meanwhile is refused", async (t) => {
  const { signalling, told } = await join(scene(t));
  const asked = signalling.ask({ type: "lock" });
  FakeSocket.last.drop();
  await assert.rejects(asked, { slug: "closed" });
  await assert.rejects(signalling.ask({ type: "lock" }), { slug: "closed" });
  await socketNumber(2);
  assert.deepEqual(FakeSocket.last.of("join"), [{ name: "Ada", resume: "secret", protocol: 1 }]);
  FakeSocket.last.say(welcome({ resumed: true, resume: "another" }));
  assert.deepEqual(told.states, ["connecting", "connected", "reconnecting", "connected"]);
  FakeSocket.last.drop();
  await socketNumber(3);
  assert.equal(FakeSocket.last.of("join")[0].resume, "another");
});

test("a refused resume is followed at once by a join of the same person", async (t) => {
  const { told } = await join(scene(t, { times: { backoff: { firstMs: 1, factor: 1e6, maxMs: 1e6 } } }));
  FakeSocket.last.drop();
  await socketNumber(2);
  FakeSocket.last.say(refusal("not-joined", 409));
  await socketNumber(3);
  assert.deepEqual(FakeSocket.last.of("join"), [{ name: "Ada", protocol: 1 }]);
  FakeSocket.last.say(welcome());
  assert.equal(told.states.at(-1), "connected");
  assert.equal(told.end, null);
});

test("a server that is away is asked again and again, until it is back", async (t) => {
  const { told } = await join(scene(t));
  FakeSocket.refusesConnections = true;
  FakeSocket.last.drop();
  await socketNumber(5);
  FakeSocket.refusesConnections = false;
  const before = FakeSocket.all.length;
  await until(
    "a socket that opens",
    () => FakeSocket.all.length > before && FakeSocket.last.of("join").length > 0,
  );
  FakeSocket.last.say(welcome());
  assert.equal(told.states.at(-1), "connected");
  assert.deepEqual(told.troubles, ["unreachable"]);
});

test("the first delays are short and stay bounded", () => {
  const delays = new Backoff({ ...TIMES.backoff, jitter: 0 });
  assert.deepEqual(
    [1, 2, 3, 4, 5, 6].map(() => delays.next()),
    [250, 500, 1_000, 2_000, 3_000, 3_000],
  );
});

test("patience has an end", async (t) => {
  const { told } = await join(scene(t, { times: { patienceMs: 20 } }));
  FakeSocket.refusesConnections = true;
  FakeSocket.last.drop();
  await until("the end", () => told.end !== null);
  assert.equal(told.end.reason, "unreachable");
  assert.equal(told.end.error.slug, "unreachable");
});

for (const reason of ["replaced", "kicked", "banned", "rejected", "room_closed", "protocol"]) {
  test(`closed because ${reason} is final`, async (t) => {
    const { told } = await join(scene(t));
    FakeSocket.last.say({ type: "closed", reason });
    FakeSocket.last.drop();
    await until("the end", () => told.end !== null);
    await new Promise((resolve) => setTimeout(resolve, 10));
    assert.equal(told.end.reason, reason);
    assert.equal(FakeSocket.all.length, 1);
  });
}

for (const reason of ["shutdown", "too_slow"]) {
  test(`closed because ${reason} is a reason to come again`, async (t) => {
    await join(scene(t));
    FakeSocket.last.say({ type: "closed", reason });
    await socketNumber(2);
    assert.equal(FakeSocket.last.of("join")[0].resume, "secret");
  });
}

test("a refused first join is the end, in the server's words", async (t) => {
  for (const [slug, status] of [
    ["unauthorized", 401],
    ["room-locked", 403],
    ["room-full", 409],
  ]) {
    const { signalling, told } = scene(t);
    signalling.start();
    await socketNumber(1);
    FakeSocket.last.say(refusal(slug, status));
    FakeSocket.last.drop();
    await until("the end", () => told.end !== null);
    assert.deepEqual([told.end.reason, told.end.error.slug, told.end.error.status], ["error", slug, status]);
    assert.equal(FakeSocket.all.length, 1);
  }
});

test("a room that is full of one's own ghost is tried again, an expired token with a fresh one only", async (t) => {
  const full = await join(scene(t));
  FakeSocket.last.drop();
  await socketNumber(2);
  FakeSocket.last.say(refusal("not-joined", 409));
  await socketNumber(3);
  FakeSocket.last.say(refusal("room-full", 409));
  await socketNumber(4);
  assert.equal(full.told.end, null);
  full.signalling.leave();

  for (const [hasFreshTokens, sockets] of [
    [false, 3],
    [true, 5],
  ]) {
    const { told } = await join(scene(t, { parts: { hasFreshTokens } }));
    FakeSocket.last.drop();
    for (let n = 2; told.end === null; n += 1) {
      await Promise.race([socketNumber(n), until("the end", () => told.end !== null)]);
      FakeSocket.last.say(refusal("unauthorized", 401));
      await settle();
    }
    assert.equal(told.end.error.status, 401);
    assert.equal(FakeSocket.all.length, sockets);
  }
});

test("a busy server is asked again when it says, also the first time", async (t) => {
  const { signalling, told } = scene(t);
  signalling.start();
  await socketNumber(1);
  FakeSocket.last.say(refusal("overloaded", 503));
  await socketNumber(2);
  FakeSocket.last.say(welcome());
  assert.equal(told.states.at(-1), "connected");
});

test("reconnect is obeyed: after the time, at the address, and home again when nobody is there", async (t) => {
  await join(scene(t));
  const started = Date.now();
  FakeSocket.last.say({ type: "reconnect", url: "https://other.example:1", after_ms: 50 });
  await socketNumber(2);
  assert.ok(Date.now() - started >= 49);
  assert.equal(FakeSocket.last.url, "wss://other.example:1/v1/rooms/demo/connect");
  FakeSocket.last.drop();
  await socketNumber(3);
  assert.equal(FakeSocket.last.url, "ws://host.example:7880/v1/rooms/demo/connect");
});

test("a socket that leads nowhere any more is noticed", async (t) => {
  const { told } = await join(scene(t, { times: { probeMs: 5, probeTimeoutMs: 20 } }));
  const [first] = FakeSocket.all;
  // Any answer will do, until there is none.
  first.onSent = ({ id }) => {
    const probes = first.of("update_metadata");
    const answer = probes.length === 1 ? { type: "ok" } : refusal("too-many-requests", 429);
    if (probes.length < 4) queueMicrotask(() => first.say({ ...answer, id }));
  };
  await socketNumber(2);
  assert.ok(first.of("update_metadata").length >= 4);
  assert.deepEqual(Object.keys(first.of("update_metadata")[0]), ["id"]);
  assert.equal(told.states.at(-1), "reconnecting");
  assert.deepEqual(told.messages, []);
});

test("hurrying cuts a wait short", async (t) => {
  const { signalling } = await join(
    scene(t, { times: { backoff: { firstMs: 60_000, jitter: 0, maxMs: 60_000 } } }),
  );
  FakeSocket.last.drop();
  await settle();
  assert.equal(FakeSocket.all.length, 1);
  signalling.hurry();
  await socketNumber(2);
});

test("leaving says goodbye, and nothing comes after it", async (t) => {
  const { signalling, told } = await join(scene(t));
  const socket = FakeSocket.last;
  signalling.leave();
  assert.equal(socket.of("leave").length, 1);
  assert.equal(told.end.reason, "left");
  socket.say({ type: "speakers", speakers: [] });
  await new Promise((resolve) => setTimeout(resolve, 10));
  assert.equal(FakeSocket.all.length, 1);
  assert.deepEqual(told.messages, []);
});
