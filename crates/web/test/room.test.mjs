// A whole room against a server that is the test: joining, media, moderation, coming back.
import assert from "node:assert/strict";
import test from "node:test";
import { Room } from "../sdk/plenum.js";
import { bobIsHere, join, sender, socket } from "./fake-room.mjs";
import {
  FakeElement,
  FakePeer,
  FakeSocket,
  FakeStream,
  FakeTrack,
  forget,
  permissions,
  person,
  published,
  settle,
  until,
} from "./fakes.mjs";

test("the first offer has idle lines for all sources, simulcast for the camera, and the slots", async (t) => {
  const { room } = await join(t);
  const pc = FakePeer.last;
  assert.deepEqual(
    pc.transceivers.map(({ kind, direction }) => [kind, direction]),
    [
      ["audio", "sendonly"],
      ["video", "sendonly"],
      ["video", "sendonly"],
      ["audio", "sendonly"],
      ["audio", "recvonly"],
      ["video", "recvonly"],
      ["video", "recvonly"],
      ["video", "recvonly"],
    ],
  );
  const layers = sender(pc, 1).parameters.encodings;
  assert.deepEqual(
    layers.map(({ rid, scaleResolutionDownBy }) => [rid, scaleResolutionDownBy]),
    [
      ["q", 4],
      ["h", 2],
      ["f", 1],
    ],
  );
  assert.deepEqual(socket().of("offer")[0].tracks, {
    0: { source: "microphone", muted: true },
    1: { source: "camera", muted: true },
    2: { source: "screen", muted: true },
    3: { source: "screen_audio", muted: true },
  });
  assert.deepEqual([...room.slots.keys()], ["4", "5", "6", "7"]);
  assert.deepEqual(
    pc.channels.map(({ label }) => label),
    ["chat"],
  );
});

test("who may only watch offers no lines for sending, and cannot publish", async (t) => {
  const watching = person("ada", { permissions: { ...permissions, canPublish: false } });
  const { room } = await join(t, { welcome: { participant: watching } });
  assert.ok(FakePeer.last.transceivers.every(({ direction }) => direction === "recvonly"));
  await assert.rejects(room.setCamera(new FakeTrack("video")), { slug: "forbidden" });
  // Being allowed later is one more offer, with lines.
  socket().say({ type: "participant_updated", participant: person("ada") });
  await until("the second offer", () => socket().of("offer").length === 2);
  await room.setCamera(new FakeTrack("video"));
  await until("the unmuting", () =>
    socket()
      .of("mute")
      .some(({ muted }) => !muted),
  );
});

test("switching on, muting and switching off are replaceTrack and a message, never SDP", async (t) => {
  const { room } = await join(t);
  const pc = FakePeer.last;
  const track = new FakeTrack("video", "cam-1");
  const local = await room.setCamera(track);
  await settle();
  assert.equal(sender(pc, 1).track, track);
  assert.deepEqual([local.isOn, local.muted, local.deviceId], [true, false, "cam-1"]);
  await room.setMuted("camera", true);
  await settle();
  assert.equal(sender(pc, 1).track, null);
  assert.equal(track.enabled, false);
  await room.setMuted("camera", false);
  await settle();
  await room.setCamera(false);
  await settle();
  assert.equal(track.readyState, "ended");
  assert.deepEqual(
    socket()
      .of("mute")
      .map(({ track, muted }) => [track, muted]),
    [
      ["TR_101", false],
      ["TR_101", true],
      ["TR_101", false],
      ["TR_101", true],
    ],
  );
  assert.equal(socket().of("offer").length, 1);
});

test("a screen goes with its sound, stays sharp, and ends with the browser's own button", async (t) => {
  const { room, events, log } = await join(t);
  log("local-track-updated");
  const [video, audio] = [new FakeTrack("video"), new FakeTrack("audio")];
  await room.shareScreen({ stream: new FakeStream([video, audio]) });
  await settle();
  const pc = FakePeer.last;
  assert.equal(sender(pc, 2).track, video);
  assert.equal(sender(pc, 3).track, audio);
  assert.equal(video.contentHint, "detail");
  assert.equal(sender(pc, 2).parameters.degradationPreference, "maintain-resolution");
  video.end();
  await settle();
  assert.equal(sender(pc, 2).track, null);
  assert.equal(audio.readyState, "ended");
  assert.deepEqual(
    events.slice(-2).map(([, { by }]) => by),
    ["device", "device"],
  );
});

test("an admin's muting counts, the echo of one's own does not", async (t) => {
  const { room, events, log } = await join(t);
  await room.setMicrophone(new FakeTrack("audio"));
  await settle();
  log("local-track-updated");
  const own = (muted) =>
    socket().say({ type: "track_updated", track: published("TR_100", "ada", "microphone", muted) });
  const held = [];
  socket().onSent = ({ id }) => held.push(id);
  for (const muted of [true, false]) {
    await room.setMuted("microphone", muted);
    await settle();
  }
  socket().say({ type: "ok", id: held[0] });
  await settle();
  own(true);
  socket().say({ type: "ok", id: held[1] });
  await settle();
  own(false);
  assert.equal(room.localTracks.get("microphone").muted, false);
  own(true);
  await settle();
  assert.equal(room.localTracks.get("microphone").muted, true);
  assert.deepEqual(
    events.map(([, { by }]) => by),
    ["me", "me", "admin"],
  );
  assert.equal(socket().of("mute").length, 3);
});

test("people and tracks come, change and go as events, and the objects stay the same", async (t) => {
  const { room, events, log } = await join(t, { welcome: bobIsHere });
  log(
    "participant-joined",
    "participant-updated",
    "participant-left",
    "track-published",
    "track-updated",
    "track-unpublished",
  );
  const bob = room.participants.get("bob");
  const track = room.tracks.get("TR_1");
  assert.equal(bob.tracks.get("camera"), track);
  socket().say({ type: "participant_updated", participant: person("bob", { name: "Robert" }) });
  socket().say({ type: "track_updated", track: published("TR_1", "bob", "camera", true) });
  socket().say({ type: "participant_joined", participant: person("eve") });
  socket().say({ type: "track_published", track: published("TR_2", "eve", "screen") });
  socket().say({ type: "participant_left", participant: "eve", reason: "left" });
  assert.deepEqual(
    events.map(([type]) => type),
    [
      "participant-updated",
      "track-updated",
      "participant-joined",
      "track-published",
      "track-unpublished",
      "participant-left",
    ],
  );
  assert.equal(bob.name, "Robert");
  assert.equal(track.muted, true);
  assert.equal(room.participants.get("bob"), bob);
  assert.equal(room.participants.size, 1);
});

test("moderation is asked and answered", async (t) => {
  const { room } = await join(t);
  await room.kick("bob");
  await room.muteParticipant("bob", "TR_1");
  assert.deepEqual(
    socket()
      .of("kick")
      .map(({ participant }) => participant),
    ["bob"],
  );
  socket().onSent = ({ id }) =>
    queueMicrotask(() =>
      socket().say({ type: "error", id, problem: "urn:plenum:problem:forbidden", status: 403 }),
    );
  await assert.rejects(room.lock(), { slug: "forbidden", status: 403 });
});

test("a lost socket is resumed: media go on, and what was said is said again", async (t) => {
  const { room, events, log, server } = await join(t, { welcome: bobIsHere });
  await room.setCamera(new FakeTrack("video"));
  room.attach("TR_1", new FakeElement());
  socket().say({ type: "slots", slots: { 5: "TR_1" } });
  await until("the demand", () => socket().of("demand").length > 0);
  log("state", "participant-left", "track-unpublished");
  const pc = FakePeer.last;
  const bob = room.participants.get("bob");
  server.welcome = { ...bobIsHere, resumed: true, slots: { 5: "TR_1" } };
  socket().drop();
  await until("it is noticed", () => room.state === "reconnecting");
  await room.setMuted("camera", true);
  await until("back", () => room.state === "connected");
  await until(
    "all is said again",
    () => socket().of("mute").length === 1 && socket().of("demand").length > 0,
  );
  assert.equal(FakePeer.last, pc);
  assert.equal(socket().of("offer").length, 0);
  assert.equal(room.participants.get("bob"), bob);
  assert.deepEqual(
    events.map(([type, { state }]) => [type, state]),
    [
      ["state", "reconnecting"],
      ["state", "connected"],
    ],
  );
});

test("a server that has forgotten everything is joined anew, with everything that was on", async (t) => {
  const { room, events, log } = await join(t, { welcome: bobIsHere, options: { metadata: "m" } });
  const [camera, microphone] = [new FakeTrack("video"), new FakeTrack("audio")];
  await room.setCamera(camera);
  await room.setMicrophone(microphone);
  await room.setMuted("microphone", true);
  const element = new FakeElement();
  room.attach(room.tracks.get("TR_1"), element);
  await settle();
  log("participant-joined", "participant-left", "track-published", "track-unpublished");
  const former = FakePeer.last;
  socket().drop();
  await until("another session", () => FakePeer.last !== former && room.slots.size === 4);
  assert.equal(socket().of("join")[0].identity, "ada");
  assert.equal(former.signalingState, "closed");
  assert.deepEqual(
    Object.values(socket().of("offer")[0].tracks).map(({ muted }) => muted),
    [true, false, true, true],
  );
  assert.equal(sender(FakePeer.last, 1).track, camera);
  assert.deepEqual(
    events.map(([type]) => type),
    ["track-unpublished", "track-published"],
  );
  // Ids mean something else now: what was attached by one of them is not shown by another's.
  socket().say({ type: "slots", slots: { 5: "TR_1" } });
  assert.equal(element.srcObject, null);
  room.attach(room.tracks.get("TR_1"), element);
  assert.equal(element.track, FakePeer.last.transceivers[5].receiver.track);
});

test("a getToken is asked again for each join", async (t) => {
  let n = 0;
  await join(t, { options: { getToken: async () => `token-${++n}` } });
  assert.equal(socket().of("join")[0].token, "token-1");
  socket().drop();
  await until("the second join", () => FakeSocket.all.length === 2 && socket().of("join").length === 1);
  assert.equal(socket().of("join")[0].token, "token-2");
});

test("an offer whose answer was lost with the socket is made again by another session", async (t) => {
  const { room, server } = await join(t, { holdsOffers: true });
  const former = FakePeer.last;
  Object.assign(server, { holdsOffers: false, welcome: { resumed: true } });
  socket().drop();
  await until("media", () => room.slots.size === 4);
  assert.notEqual(FakePeer.last, former);
});

test("a session that the server ended is followed by another, with what was on", async (t) => {
  const { room, events, log } = await join(t);
  const microphone = new FakeTrack("audio");
  await room.setMicrophone(microphone);
  log("error", "state");
  await until("media", () => FakePeer.last.connectionState === "connected");
  FakePeer.last.end();
  assert.equal(room.state, "reconnecting");
  await until("another session", () => FakePeer.all.length === 2 && room.state === "connected");
  assert.equal(sender(FakePeer.last, 0).track, microphone);
  assert.deepEqual(
    events.map(([type, { state }]) => [type, state]),
    [
      ["state", "reconnecting"],
      ["state", "connected"],
    ],
  );
});

test("candidates wait for the answer", async (t) => {
  await join(t, { holdsOffers: true });
  FakePeer.last.gather("candidate:1");
  await settle();
  assert.equal(socket().of("candidate").length, 0);
  const [{ id }] = socket().of("offer");
  socket().say({ type: "answer", id, sdp: "answer", tracks: {} });
  await until("the candidate", () => socket().of("candidate").length === 1);
  FakePeer.last.gather("candidate:2");
  assert.deepEqual(
    socket()
      .of("candidate")
      .map(({ candidate }) => candidate),
    ["candidate:1", "candidate:2"],
  );
});

test("replaced elsewhere is the end: everything is released, and nothing is tried again", async (t) => {
  const { room, events, log } = await join(t, { welcome: bobIsHere });
  const track = new FakeTrack("video");
  await room.setCamera(track);
  const element = new FakeElement();
  room.attach("TR_1", element);
  log("closed", "state");
  socket().say({ type: "closed", reason: "replaced" });
  await until("the end", () => room.state === "closed");
  assert.deepEqual(events.at(-1), ["closed", { reason: "replaced", error: null }]);
  assert.equal(track.readyState, "ended");
  assert.equal(FakePeer.last.signalingState, "closed");
  assert.equal(element.srcObject, null);
  await new Promise((resolve) => setTimeout(resolve, 400));
  assert.equal(FakeSocket.all.length, 1);
});

test("a join is refused with the server's problem, a rejected one with its reason", async () => {
  for (const [say, expected] of [
    [
      { type: "error", problem: "urn:plenum:problem:room-full", status: 409, detail: "full" },
      { slug: "room-full", status: 409 },
    ],
    [
      { type: "closed", reason: "rejected" },
      { slug: "closed", reason: "rejected" },
    ],
  ]) {
    forget();
    const joining = Room.join("http://host", "demo");
    await until("the join", () => FakeSocket.last?.of("join").length === 1);
    FakeSocket.last.say(say);
    await assert.rejects(joining, { name: "PlenumError", ...expected });
  }
});

test("giving up a join by its signal leaves", async () => {
  forget();
  const stop = new AbortController();
  const joining = Room.join("http://host", "demo", { signal: stop.signal });
  await until("the socket", () => FakeSocket.last?.of("join").length === 1);
  stop.abort();
  await assert.rejects(joining, { name: "AbortError" });
  assert.equal(FakeSocket.last.of("leave").length, 1);
});

test("senseless options are refused where they are given", () => {
  assert.throws(() => new Room("http://host", "demo", { mode: "peer" }), TypeError);
  assert.throws(() => new Room("http://host", "demo", { slots: { video: 100 } }), RangeError);
});
