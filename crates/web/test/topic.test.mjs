// Data: envelopes, channels that come and go, backpressure, and the talk.
import assert from "node:assert/strict";
import test from "node:test";
import { Chat } from "../sdk/chat.js";
import { open, seal, sealFrom } from "../sdk/envelope.js";
import { Topics } from "../sdk/topic.js";
import { FakePeer, forget, furnish, settle } from "./fakes.mjs";

furnish();

function scene() {
  forget();
  const grant = { publish: true };
  const topics = new Topics(() => grant.publish);
  return { topics, grant };
}

/** A session with its channels, open. */
function session(topics) {
  const pc = new FakePeer();
  topics.bind(pc);
  pc.become("connected");
  return pc;
}

test("text is JSON with its addressees, bytes follow a header with its length", () => {
  assert.equal(seal({ a: 1 }), '{"payload":{"a":1}}');
  assert.equal(seal("x", "bob"), '{"to":["bob"],"payload":"x"}');
  assert.equal(seal(undefined, ["a", "b"]), '{"to":["a","b"],"payload":null}');
  const bytes = seal(new Uint8Array([7, 8]).subarray(1), "bob");
  assert.deepEqual([...bytes.subarray(0, 2)], [0, 14]);
  assert.equal(new TextDecoder().decode(bytes.subarray(2, 16)), '{"to":["bob"]}');
  assert.deepEqual([...bytes.subarray(16)], [8]);
});

test("what a peer seals is opened as it was", () => {
  assert.deepEqual(open(sealFrom([1], "bob")), { from: "bob", payload: [1], binary: false });
  const { from, payload, binary } = open(sealFrom(new Uint8Array([1, 2, 3]).buffer, "bob").buffer);
  assert.deepEqual([from, [...new Uint8Array(payload)], binary], ["bob", [1, 2, 3], true]);
});

test("what is no message is nothing", () => {
  for (const data of ["", "{", "null", new ArrayBuffer(0), new Uint8Array([9, 9, 1]).buffer])
    assert.equal(open(data), null);
});

test("a topic is a channel by its name, lossy ones neither ordered nor repaired", () => {
  const { topics } = scene();
  topics.open("game");
  topics.open("cursor", { lossy: true });
  assert.equal(topics.open("game"), topics.open("game"));
  const pc = session(topics);
  assert.deepEqual(
    pc.channels.map(({ label, options }) => [label, options]),
    [
      ["game", {}],
      ["lossy:cursor", { ordered: false, maxRetransmits: 0 }],
    ],
  );
  assert.throws(() => topics.open("no spaces"), TypeError);
});

test("what is sent before there is a channel, or between two, follows in order", async () => {
  const { topics } = scene();
  const topic = topics.open("game");
  const sent = [topic.send(1), topic.send(2)];
  const first = session(topics);
  await Promise.all(sent);
  first.close();
  assert.equal(topic.isOpen, false);
  const late = topic.send(3);
  const second = session(topics);
  await late;
  assert.deepEqual(first.channels[0].sent, ['{"payload":1}', '{"payload":2}']);
  assert.deepEqual(second.channels[0].sent, ['{"payload":3}']);
});

test("ten thousand messages that nobody waited for keep their order", async () => {
  const { topics } = scene();
  const topic = topics.open("game");
  const pc = session(topics);
  const [channel] = pc.channels;
  const send = channel.send.bind(channel);
  channel.send = (data) => {
    send(data);
    channel.bufferedAmount += 1_000;
  };
  const all = Array.from({ length: 10_000 }, (_, n) => topic.send(n));
  while (channel.sent.length < 10_000) channel.drain();
  channel.drain();
  await Promise.all(all);
  assert.deepEqual(
    channel.sent.map((text) => JSON.parse(text).payload),
    Array.from({ length: 10_000 }, (_, n) => n),
  );
});

test("nothing overtakes what waits for a full channel, even when there is room again", async () => {
  const { topics } = scene();
  const topic = topics.open("game");
  const [channel] = session(topics).channels;
  channel.bufferedAmount = 5_000_000;
  const first = topic.send("first");
  channel.bufferedAmount = 0;
  const second = topic.send("second");
  channel.drain();
  await Promise.all([first, second]);
  assert.deepEqual(channel.sent, ['{"payload":"first"}', '{"payload":"second"}']);
});

test("awaiting a send waits while too much is buffered, a lossy one drops instead", async () => {
  const { topics } = scene();
  const topic = topics.open("game");
  const lossy = topics.open("cursor", { lossy: true });
  const pc = session(topics);
  for (const channel of pc.channels) channel.bufferedAmount = 300_000;
  let isSent = false;
  const sent = topic.send("x").then(() => (isSent = true));
  await lossy.send("dropped");
  await settle();
  assert.equal(isSent, false);
  assert.equal(pc.channels[1].sent.length, 0);
  pc.channels[0].drain();
  await sent;
});

test("too large, not allowed and closed are refused", async () => {
  const { topics, grant } = scene();
  const topic = topics.open("game");
  await assert.rejects(topic.send("x".repeat(62_000)), { slug: "too-large" });
  grant.publish = false;
  await assert.rejects(topic.send("x"), { slug: "forbidden" });
  grant.publish = true;
  const waiting = topic.send("x");
  topic.close();
  await assert.rejects(waiting, { slug: "closed" });
  await assert.rejects(topic.send("x"), { slug: "closed" });
  assert.notEqual(topics.open("game"), topic);
});

test("messages come with who sent them", () => {
  const { topics } = scene();
  const got = [];
  topics.open("game").on("message", (message) => got.push(message));
  session(topics).channels[0].receive('{"from":"bob","payload":{"x":1}}');
  assert.deepEqual(got, [{ from: "bob", payload: { x: 1 }, binary: false }]);
});

test("while the server cannot be reached, a direct call carries topics", async () => {
  const { topics } = scene();
  const topic = topics.open("game");
  const got = [];
  topic.on("message", ({ from, payload }) => got.push([from, payload]));
  const direct = new FakePeer();
  topics.bindDirect(direct, "ada");
  direct.become("connected");
  await topic.send("hello");
  assert.deepEqual(direct.channels[0].sent, ['{"from":"ada","payload":"hello"}']);
  const incoming = Object.assign(new EventTarget(), { label: "game" });
  direct.dispatchEvent(Object.assign(new Event("datachannel"), { channel: incoming }));
  incoming.dispatchEvent(Object.assign(new Event("message"), { data: '{"from":"bob","payload":"hi"}' }));
  assert.deepEqual(got, [["bob", "hi"]]);
  const pc = session(topics);
  await topic.send("by the server");
  assert.deepEqual(pc.channels[0].sent, ['{"payload":"by the server"}']);
});

function chatScene() {
  const { topics } = scene();
  const ada = { identity: "ada", name: "Ada", isLocal: true };
  const bob = { identity: "bob", name: "Bob", isLocal: false };
  const find = (identity) => ({ null: ada, ada, bob })[identity] ?? null;
  let now = Date.parse("2026-11-20T12:00:00Z");
  const chat = new Chat(topics.open("chat"), find, () => (now += 1_000));
  return { chat, pc: session(topics), pass: (ms) => (now += ms) };
}

test("what one says and hears is the history", async () => {
  const { chat, pc } = chatScene();
  pc.channels[0].receive('{"from":"bob","payload":"hi"}');
  const mine = await chat.send("hello", { to: "bob" });
  pc.channels[0].receive('{"from":"gone","payload":"bye"}');
  assert.deepEqual(
    chat.history.map(({ from, name, payload, isLocal, isPrivate }) => [
      from,
      name,
      payload,
      isLocal,
      isPrivate,
    ]),
    [
      ["bob", "Bob", "hi", false, false],
      ["ada", "Ada", "hello", true, true],
      ["gone", "gone", "bye", false, false],
    ],
  );
  assert.equal(chat.history[1], mine);
});

test("after coming back the history has what the server knows and what only this side does, once", async () => {
  const { chat, pc, pass } = chatScene();
  await chat.send("public");
  await chat.send("secret", { to: "bob" });
  pass(60_000);
  pc.channels[0].receive('{"from":"bob","payload":"late"}');
  const drawn = [];
  chat.on("history", ({ history }) => drawn.push(history.map(({ payload }) => payload)));
  chat.remember([
    { from: "bob", name: "Bobby", payload: "first", at: "2026-11-20T11:00:00Z" },
    { from: "ada", name: "Ada", payload: "public", at: "2026-11-20T12:00:01Z" },
  ]);
  assert.deepEqual(drawn, [["first", "public", "secret", "late"]]);
  assert.equal(chat.history[0].name, "Bobby");
});
