// A room whose server is the test: what the tests of rooms share. No tests in here.
import { Room } from "../sdk/plenum.js";
import {
  FakePeer,
  FakeSocket,
  forget,
  furnish,
  person,
  published,
  settle,
  until,
  welcome,
} from "./fakes.mjs";

furnish();

/** Answers what a server answers without being asked, as `server` says at that time. */
export function serve(socket, server) {
  let nextTrack = 100;
  socket.onSent = ({ type, id, sdp, tracks }) =>
    queueMicrotask(() => {
      if (type === "join") socket.say(welcome(server.welcome));
      else if (type === "offer") {
        const ids = Object.fromEntries(Object.keys(tracks).map((mid) => [mid, `TR_${nextTrack++}`]));
        if (!server.holdsOffers) socket.say({ type: "answer", id, sdp: `answer to ${sdp}`, tracks: ids });
      } else if (id !== undefined) socket.say({ type: "ok", id });
    });
}

/** A room one is in; `server` is what it is told there, now and at later joins. */
export async function join(t, { options = {}, ...server } = {}) {
  forget();
  FakeSocket.onCreate = (socket) => serve(socket, server);
  const events = [];
  const room = new Room("http://host", "demo", { name: "Ada", slots: { video: 3, audio: 1 }, ...options });
  const log = (...types) => types.forEach((type) => room.on(type, (detail) => events.push([type, detail])));
  t.after(() => room.leave());
  await room.join();
  await until("the first offer", () => FakeSocket.last.of("offer").length > 0);
  await settle();
  return { room, events, log, server };
}

export const bobIsHere = { participants: [person("bob")], tracks: [published("TR_1", "bob")] };
export const sender = (pc, index) => pc.transceivers[index].sender;
export const socket = () => FakeSocket.last;
