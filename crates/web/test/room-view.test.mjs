// What a room shows and plays: elements, slots, demand, voices.
import assert from "node:assert/strict";
import test from "node:test";
import { bobIsHere, join, socket } from "./fake-room.mjs";
import { FakeElement, FakePeer, person, published, setInView, setPage, settle, until } from "./fakes.mjs";

test("an element follows its track from slot to slot, and is blank without one", async (t) => {
  const two = {
    participants: [person("bob")],
    tracks: [published("TR_1", "bob"), published("TR_2", "bob", "screen")],
  };
  const { room } = await join(t, { welcome: two });
  const element = new FakeElement();
  const states = [];
  room.attach(room.tracks.get("TR_1"), element, { onState: (state) => states.push(state) });
  await settle();
  assert.equal(element.state, "idle");
  socket().say({ type: "slots", slots: { 4: null, 5: "TR_1", 6: null, 7: null } });
  assert.equal(element.track, FakePeer.last.transceivers[5].receiver.track);
  assert.equal(element.style.visibility, "hidden");
  await settle();
  element.show();
  assert.equal(element.state, "live");
  assert.equal(element.style.visibility, "");
  socket().say({ type: "slots", slots: { 4: null, 5: null, 6: "TR_1", 7: null } });
  assert.equal(element.track, FakePeer.last.transceivers[6].receiver.track);
  assert.equal(room.tracks.get("TR_1").slot, "6");
  socket().say({ type: "slots", slots: { 4: null, 5: null, 6: "TR_2", 7: null } });
  assert.equal(element.srcObject, null);
  assert.equal(element.state, "idle");
  assert.deepEqual(states, ["idle", "waiting", "live", "waiting", "idle"]);
});

test("a muted track is blank at once, whatever its slot still says", async (t) => {
  const { room } = await join(t, { welcome: bobIsHere });
  const element = new FakeElement();
  room.attach("TR_1", element);
  socket().say({ type: "slots", slots: { 5: "TR_1" } });
  assert.notEqual(element.srcObject, null);
  socket().say({ type: "track_updated", track: published("TR_1", "bob", "camera", true) });
  assert.equal(element.srcObject, null);
  socket().say({ type: "track_updated", track: published("TR_1", "bob", "camera", false) });
  assert.notEqual(element.srcObject, null);
});

test("detaching an element leaves other elements of its track alone, detaching the track does not", async (t) => {
  const { room } = await join(t, { welcome: bobIsHere });
  const [first, second] = [new FakeElement(), new FakeElement()];
  first.id = "TR_1";
  for (const element of [first, second]) room.attach("TR_1", element);
  socket().say({ type: "slots", slots: { 5: "TR_1" } });
  room.detach(first);
  assert.equal(first.srcObject, null);
  assert.notEqual(second.srcObject, null);
  room.detach(room.tracks.get("TR_1"));
  assert.equal(second.srcObject, null);
});

test("after a switch inside a slot the former picture is not shown until a keyframe has come", async (t) => {
  const two = {
    participants: [person("bob")],
    tracks: [published("TR_1", "bob"), published("TR_2", "bob", "screen")],
  };
  const { room } = await join(t, { welcome: two });
  const element = new FakeElement();
  room.attach("TR_2", element);
  let keyFramesDecoded = 1;
  const { receiver } = FakePeer.last.transceivers[5];
  receiver.getStats = async () => new Map([["v", { type: "inbound-rtp", keyFramesDecoded }]]);
  socket().say({ type: "slots", slots: { 5: "TR_1" } });
  socket().say({ type: "slots", slots: { 5: "TR_2" } });
  await settle();
  element.show();
  assert.equal(element.state, "waiting");
  keyFramesDecoded = 2;
  await until("the element listens for a frame", () => element.frames.length > 0);
  element.show();
  assert.equal(element.state, "live");
});

test("demand follows size and visibility, in device pixels, and only when it changes", async (t) => {
  const { room } = await join(t, { welcome: bobIsHere });
  const element = new FakeElement();
  room.attach("TR_1", element);
  socket().say({ type: "slots", slots: { 5: "TR_1" } });
  const demandOf = () =>
    socket()
      .of("demand")
      .filter(({ slot }) => slot === "5")
      .at(-1);
  await until("the demand", () => demandOf()?.max_width === 1_280);
  assert.equal(demandOf().max_height, 736);
  const before = socket().of("demand").length;
  setPage("hidden");
  await until("nothing", () => demandOf().max_width === 0);
  setPage("visible");
  await until("all again", () => demandOf().max_width === 1_280);
  setInView(element, false);
  await until("nothing", () => demandOf().max_width === 0);
  assert.equal(socket().of("demand").length, before + 3);
  room.setDemand("TR_1", { maxWidth: 320, maxHeight: 180 });
  await until("what the application says", () => demandOf().max_width === 320);
});

test("more that is visible than slots is pinned, and more slots are one more offer", async (t) => {
  const tracks = [1, 2, 3, 4, 5].map((n) => published(`TR_${n}`, `p${n}`));
  const participants = tracks.map(({ participant }) => person(participant));
  const { room } = await join(t, {
    welcome: { participants, tracks },
    options: { slots: { video: 2, audio: 1, maxVideo: 4 } },
  });
  socket().say({ type: "slots", slots: { 5: "TR_1", 6: "TR_2" } });
  for (const { id } of tracks.slice(2, 4)) room.attach(id, new FakeElement());
  await until("the pins", () => socket().of("pin").length === 2);
  assert.deepEqual(
    new Set(
      socket()
        .of("pin")
        .map(({ track }) => track),
    ),
    new Set(["TR_3", "TR_4"]),
  );
  assert.equal(socket().of("offer").length, 1);
  for (const { id } of [tracks[0], tracks[1], tracks[4]]) room.attach(id, new FakeElement());
  await until("more slots", () => socket().of("offer").length === 2);
  assert.equal(
    FakePeer.last.transceivers.filter(({ kind, direction }) => kind === "video" && direction === "recvonly")
      .length,
    4,
  );
  await until("they are known", () => room.slots.size === 5);
});

test("voices play by themselves, and a blocked browser is told apart", async (t) => {
  const play = FakeElement.prototype.play;
  t.after(() => (FakeElement.prototype.play = play));
  let isBlocked = true;
  const playing = [];
  FakeElement.prototype.play = async function () {
    if (isBlocked && this.track?.kind === "audio") throw new DOMException("no", "NotAllowedError");
    this.paused = false;
    playing.push(this.track);
  };
  const blocked = [];
  const { room } = await join(t, {
    options: { on: { "audio-blocked": ({ blocked: is }) => blocked.push(is) } },
  });
  assert.equal(room.isAudioBlocked, true);
  isBlocked = false;
  await room.startAudio();
  assert.deepEqual(blocked, [true, false]);
  assert.deepEqual(playing, [FakePeer.last.transceivers[4].receiver.track]);
});
