// Calls browser to browser: who rings, what happens when it does not come about, and what goes which way.
import assert from "node:assert/strict";
import test from "node:test";
import { Calls, wishOf } from "../sdk/calls.js";
import { Room } from "../sdk/plenum.js";
import { DirectCall } from "../sdk/direct.js";
import {
  FakeElement,
  FakePeer,
  FakeSocket,
  FakeTrack,
  forget,
  furnish,
  person,
  published,
  settle,
  until,
  welcome,
} from "./fakes.mjs";

furnish();

const bob = { identity: "bob", id: "PA_bob", kind: "room" };
const wish = (state) => wishOf({ mode: "auto", me: "ada", others: [bob], failed: new Set(), ...state });

test("two people who want it are a pair, and exactly one of them rings", () => {
  assert.deepEqual(wish(), { partner: "bob", calls: true, needsServer: true });
  const ada = { identity: "ada", id: "PA_ada", kind: "room" };
  assert.deepEqual(wish({ me: "bob", others: [ada] }), { partner: "ada", calls: false, needsServer: true });
  assert.deepEqual(wish({ mode: "direct" }), { partner: "bob", calls: true, needsServer: false });
});

test("alone, with a third, with a stream, after a failure or by wish, media go through the server", () => {
  const eve = { identity: "eve", id: "PA_eve", kind: "room" };
  assert.deepEqual(wish({ mode: "sfu" }), { partner: null, calls: false, needsServer: true });
  for (const state of [
    { others: [bob, eve] },
    { others: [{ ...bob, kind: "whip" }] },
    { failed: new Set(["PA_bob"]) },
  ]) {
    assert.deepEqual(wish({ mode: "direct", ...state }), { partner: null, calls: false, needsServer: true });
  }
  assert.equal(wish({ mode: "direct", others: [] }).needsServer, false);
});

/** Two ends of a call, with a way between them that can be cut. */
function pair(times = {}) {
  forget();
  const log = { ada: [], bob: [] };
  const ends = {};
  const way = { isOpen: true };
  const make = (me, other, isIncoming) =>
    new DirectCall(
      {
        id: "1",
        isIncoming,
        isAutomatic: false,
        participant: { identity: other },
        configuration: {},
        signal: async (message) => {
          const copy = JSON.parse(JSON.stringify(message));
          if (way.isOpen) queueMicrotask(() => ends[other].hear(copy));
        },
        local: (source) => local[me][source] ?? { track: null, muted: true },
        onState: ({ state, reason }) => log[me].push(reason ? `${state}: ${reason}` : state),
        onSources: (_, sources) => log[me].push(sources),
        onPeer: () => {},
      },
      times,
    );
  const local = { ada: {}, bob: {} };
  ends.ada = make("ada", "bob", false);
  ends.bob = make("bob", "ada", true);
  ends.ada.connected.catch(() => {});
  return { ...ends, local, log, way };
}

test("a call that is accepted connects, and each end gets what the other sends", async () => {
  const { ada, bob: callee, local, log } = pair();
  const camera = new FakeTrack("video");
  local.ada.camera = { track: camera, muted: false };
  local.bob.microphone = { track: new FakeTrack("audio"), muted: true };
  ada.start();
  await callee.accept();
  await ada.connected;
  const [caller, called] = FakePeer.all;
  assert.equal(caller.transceivers[1].sender.track, camera);
  assert.equal(called.transceivers[0].sender.track, null);
  assert.ok(called.transceivers.every(({ direction }) => direction === "sendrecv"));
  assert.deepEqual(log.bob, ["connecting", { camera: { muted: false } }, "connected"]);
  assert.deepEqual(log.ada, ["connecting", { microphone: { muted: true } }, "connected"]);
  assert.equal(callee.trackOf("camera"), called.transceivers[1].receiver.track);
  // What is switched later needs no offer.
  local.bob.microphone.muted = false;
  callee.refresh();
  await settle();
  assert.equal(called.transceivers[0].sender.track, local.bob.microphone.track);
  assert.deepEqual(log.ada.at(-1), { microphone: { muted: false } });
  ada.end();
  await settle();
  assert.equal(log.bob.at(-1), "ended: ended");
  assert.equal(called.signalingState, "closed");
});

test("candidates that come before the answer are kept for it", async () => {
  const { ada, bob: callee } = pair();
  ada.start();
  const accepting = callee.accept();
  ada.hear({ type: "candidate", candidate: { candidate: "early" } });
  await accepting;
  await ada.connected;
  assert.deepEqual(FakePeer.all[0].remoteCandidates, [{ candidate: "early" }]);
});

test("a call that does not connect in time ends on both sides", async () => {
  const { ada, bob: callee, log } = pair({ connectMs: 30 });
  FakePeer.connects = false;
  ada.start();
  await assert.rejects(callee.accept(), { slug: "direct" });
  await assert.rejects(ada.connected, { slug: "direct" });
  assert.deepEqual([log.ada.at(-1), log.bob.at(-1)], ["ended: timeout", "ended: timeout"]);
});

test("a declined call is over, an unanswered one after a while", async () => {
  const declined = pair();
  declined.ada.start();
  declined.bob.decline();
  await settle();
  assert.equal(declined.log.ada.at(-1), "ended: declined");
  const unheard = pair({ ringMs: 10 });
  unheard.way.isOpen = false;
  unheard.ada.start();
  await assert.rejects(unheard.ada.connected, { slug: "direct" });
  assert.equal(unheard.log.ada.at(-1), "ended: timeout");
});

test("a path that breaks ends the call, one that comes back does not", async () => {
  const { ada, bob: callee, log } = pair({ graceMs: 20 });
  ada.start();
  await callee.accept();
  await ada.connected;
  FakePeer.all[0].become("disconnected");
  FakePeer.all[0].become("connected");
  await new Promise((resolve) => setTimeout(resolve, 40));
  assert.equal(ada.state, "connected");
  FakePeer.all[0].become("disconnected");
  await until("the end", () => ada.state === "ended");
  assert.equal(log.ada.at(-1), "ended: failed");
});

test("where no direct way is found in time, media go through the server, until somebody else comes", async () => {
  forget();
  FakePeer.connects = false;
  const participant = { ...bob, tracks: new Map() };
  const roster = {
    me: { identity: "ada" },
    participants: new Map([["bob", participant]]),
    setDirect() {},
    announcePrivately() {},
  };
  const sent = [];
  const parts = {
    roster,
    configuration: () => ({}),
    signal: async (_, payload) => void sent.push(payload.type),
    local: () => ({ track: null, muted: true }),
    tell() {},
    onPeer() {},
    onChange() {},
  };
  const calls = new Calls("direct", parts, { connectMs: 20 });
  calls.consider();
  assert.equal(calls.needsServer, false);
  calls.hear("bob", { kind: "direct", call: calls.current.id, type: "accept" });
  await until("the fallback", () => calls.needsServer);
  assert.equal(calls.current, null);
  assert.deepEqual(sent, ["call", "offer", "end"]);
  calls.consider();
  assert.equal(calls.current, null);
  // The same identity in another membership is worth another try.
  roster.participants.set("bob", { ...participant, id: "PA_again" });
  calls.consider();
  assert.equal(calls.current?.state, "ringing");
  calls.close();
});

/** A server with several rooms' ends in it: it introduces them and relays signals. */
async function meet(t, modes) {
  forget();
  const sockets = new Map();
  const rooms = {};
  const tracks = [];
  let current = "";
  let nextTrack = 1;
  FakeSocket.onCreate = (socket) => {
    const identity = current;
    socket.onSent = ({ type, id, to, payload, tracks: terms }) =>
      queueMicrotask(() => {
        if (type === "join") {
          const participants = [...sockets.keys()].map((other) => person(other));
          sockets.set(identity, socket);
          socket.say(welcome({ participant: person(identity), participants, tracks }));
          for (const [other, each] of sockets) {
            if (other !== identity) each.say({ type: "participant_joined", participant: person(identity) });
          }
        } else if (type === "offer") {
          const ids = Object.fromEntries(Object.keys(terms).map((mid) => [mid, `TR_${nextTrack++}`]));
          socket.say({ type: "answer", id, sdp: "answer", tracks: ids });
        } else if (type === "signal") {
          sockets
            .get(to)
            ?.say({ type: "signal", from: identity, payload: JSON.parse(JSON.stringify(payload)) });
          socket.say({ type: "ok", id });
        } else if (type === "leave") {
          sockets.delete(identity);
          for (const each of sockets.values())
            each.say({ type: "participant_left", participant: identity, reason: "left" });
        } else if (id !== undefined) socket.say({ type: "ok", id });
      });
  };
  const enter = async (identity, mode) => {
    current = identity;
    rooms[identity] = await Room.join("http://host", "demo", {
      mode,
      identity,
      slots: { video: 1, audio: 1 },
    });
    t.after(() => rooms[identity].leave());
    return rooms[identity];
  };
  for (const [identity, mode] of Object.entries(modes)) await enter(identity, mode);
  const offersOf = (identity) => sockets.get(identity).of("offer").length;
  return { ...rooms, enter, offersOf, sockets };
}

const isConnected = (room) => room.directCall?.state === "connected";

test("in auto mode two are connected directly, and the server's slots ask for nothing", async (t) => {
  const { ada, bob: other, offersOf } = await meet(t, { ada: "auto", bob: "auto" });
  await until("the call", () => isConnected(ada) && isConnected(other));
  assert.equal(offersOf("ada"), 1);
  assert.equal(ada.participants.get("bob").isDirect, true);
  assert.equal(ada.directCall.isIncoming, false);
  const camera = FakePeer.all.find((pc) => pc.transceivers.length === 6).transceivers[1].sender;
  await until("nothing is sent to the server", () =>
    camera.parameters.encodings.every(({ active }) => active === false),
  );
});

test("a third one ends it, and media go through the server again", async (t) => {
  const { ada, bob: other, enter } = await meet(t, { ada: "auto", bob: "auto" });
  await until("the call", () => isConnected(ada) && isConnected(other));
  await enter("eve", "auto");
  await until("its end", () => !ada.directCall && !other.directCall);
  const camera = FakePeer.all[0].transceivers[1].sender;
  await until("it is sent again", () => camera.parameters.encodings.every(({ active }) => active === true));
});

test("when two remain they are connected directly again", async (t) => {
  const { ada, bob: other, enter } = await meet(t, { ada: "auto", bob: "auto" });
  const eve = await enter("eve", "auto");
  await until("no call", () => !ada.directCall && !other.directCall);
  await eve.leave();
  await until("the call", () => isConnected(ada) && isConnected(other));
});

test("in direct mode there is no media session while the call is up; elements show the direct track", async (t) => {
  const { ada, bob: other, offersOf, enter } = await meet(t, { ada: "direct", bob: "direct" });
  await until("the call", () => isConnected(ada) && isConnected(other));
  assert.deepEqual([offersOf("ada"), offersOf("bob")], [0, 0]);
  const shown = [];
  ada.on("track-published", ({ track }) => shown.push(track));
  await other.setCamera(new FakeTrack("video"));
  await until("the track", () => shown.length === 1);
  assert.deepEqual(
    [shown[0].participant.identity, shown[0].source, shown[0].isDirect],
    ["bob", "camera", true],
  );
  const element = new FakeElement();
  ada.attach(shown[0], element);
  assert.equal(element.track, ada.directCall.trackOf("camera"));
  await enter("eve", "sfu");
  await until("the server's media", () => offersOf("ada") === 1 && offersOf("bob") === 1);
});

test("one who does not want it is reached through the server", async (t) => {
  const { ada, bob: other, offersOf } = await meet(t, { ada: "direct", bob: "sfu" });
  await until("the server's media", () => offersOf("ada") === 1);
  assert.equal(ada.directCall, null);
  assert.equal(other.directCall, null);
});

test("calling by hand rings, and accepting connects", async (t) => {
  const { ada, bob: other } = await meet(t, { ada: "sfu", bob: "sfu" });
  other.on("direct-call", ({ call }) => call.accept());
  const call = await ada.callDirect("bob");
  const heard = [];
  other.directCall.on("message", ({ data }) => heard.push(data));
  await call.send("hello");
  assert.equal(call.state, "connected");
  await assert.rejects(ada.callDirect("bob"), { slug: "direct" });
  await assert.rejects(ada.callDirect("nobody"), { slug: "direct" });
});

test("who leaves ends the call", async (t) => {
  const { ada, bob: other } = await meet(t, { ada: "auto", bob: "auto" });
  await until("the call", () => isConnected(ada) && isConnected(other));
  await other.leave();
  await until("its end", () => ada.directCall === null);
  assert.equal(ada.participants.size, 0);
});
