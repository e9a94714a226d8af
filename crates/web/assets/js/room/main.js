/**
 * The page of a room: before, in and after a call. `call.js` is the call itself.
 */

import { checkSupport, Room } from "../../../sdk/plenum.js";
import { roomOf, tokenOf } from "../options.js";
import { byId, pollWhileVisible, setText } from "../ui.js";
import { Call } from "./call.js";
import { recall } from "./memory.js";
import { hideNotice, showNotice } from "./notice.js";
import { Prejoin } from "./prejoin.js";
import { troubleOfEnd, unsupported } from "./problems.js";

const COMPANY_POLL_MS = 5_000;
/** Joining that takes longer than this is explained. */
const SLOW_MS = 4_000;

const name = roomOf(location.pathname);
const query = new URLSearchParams(location.search);
/** @type {Room | null} */
let room = null;
/** @type {Call | null} */
let call = null;
/** Devices that opened after joining had begun, for the call to take. */
let late = [];

const prejoin = new Prejoin({
  notice: (trouble, act) => (trouble ? showNotice("prejoin", trouble, { act }) : hideNotice()),
  onJoin: enter,
  onLate: takeLate,
});

/** @param {"prejoin" | "waiting" | "call" | "ended"} view */
function show(view) {
  document.body.dataset.view = view;
  for (const id of ["prejoin", "waiting", "call", "ended"]) byId(id).hidden = id !== view;
  byId("masthead").hidden = view === "call";
}

function startOver() {
  hideNotice();
  show("prejoin");
  prejoin.open();
  company.now();
}

/** @param {import("./prejoin.js").Choice} choice */
async function enter({ name: displayName, token, camera, microphone }) {
  hideNotice();
  const next = new Room(location, name, {
    token: token || undefined,
    name: displayName || undefined,
    publish: { camera: camera ?? false, microphone: microphone ?? false },
    on: { state: ({ state }) => room === next && showState(state) },
  });
  room = next;
  // For scripts, and for whoever wants to look.
  window.plenum = next;
  next.on("closed", (end) => room === next && finish(end));
  const slow = setTimeout(() => room === next && next.state === "connecting" && saySlow(), SLOW_MS);
  try {
    await next.join();
  } catch (error) {
    for (const track of [camera, microphone]) track?.stop();
    if (room === next) finish({ reason: error.reason, error });
    return;
  } finally {
    clearTimeout(slow);
  }
  if (room !== next) return;
  if (!next.me.permissions.canPublish) for (const track of [camera, microphone]) track?.stop();
  prejoin.setBusy(false);
  hideNotice();
  call = new Call(next, { token, onLeave: leave });
  show("call");
  call.greet();
  for (const [kind, track] of late.splice(0)) takeLate(kind, track);
}

/** The SDK goes on trying for minutes; nobody should wait for it without knowing. */
function saySlow() {
  const trouble = {
    what: "The server does not answer yet.",
    todo: "It is asked again and again; check your network meanwhile.",
    button: "Stop trying",
  };
  showNotice("prejoin", trouble, { act: abandon });
}

function abandon() {
  const abandoned = room;
  room = null;
  abandoned?.leave().catch(() => {});
  startOver();
}

function showState(state) {
  if (state !== "lobby") return;
  show("waiting");
  byId("waiting-heading").focus();
}

/** A question of the browser was answered after the door had been passed. */
function takeLate(kind, track) {
  if (room?.state === "connected") {
    const isCamera = kind === "camera";
    (isCamera ? room.setCamera(track) : room.setMicrophone(track)).catch(() => track.stop());
  } else if (room) {
    late.push([kind, track]);
  } else {
    track.stop();
  }
}

async function leave() {
  const left = room;
  finish({ reason: "left" });
  await left?.leave();
}

/** The call is over, or never began: says why, and what can be done. */
function finish({ reason, error = null }) {
  const ended = room;
  room = null;
  call?.close();
  call = null;
  for (const [, track] of late.splice(0)) track.stop();
  prejoin.close();
  if (ended?.state !== "closed") ended?.leave().catch(() => {});
  const trouble = troubleOfEnd({ reason, error }, { hasToken: byId("token").value !== "", room: name });
  if (trouble.act === "token") return askForToken(trouble);
  showEnd(trouble);
}

/** @param {import("./problems.js").Trouble} trouble */
function showEnd(trouble) {
  byId("ended-icon").querySelector("use").setAttribute("href", `/assets/icons.svg#${trouble.icon}`);
  byId("home").parentElement.hidden = trouble.act === "lobby";
  show("ended");
  showNotice("ended", trouble, { act: (act) => (act === "lobby" ? location.assign("/") : startOver()) });
  byId("trouble").querySelector(".act").focus();
}

function askForToken(trouble) {
  startOver();
  byId("token-row").hidden = false;
  showNotice("prejoin", trouble, { act: () => byId("token").focus() });
}

/** Who is there already; a server that does not tell is not asked again. */
async function drawCompany() {
  if (document.body.dataset.view !== "prejoin") return;
  const count = await countPeople().catch(() => null);
  if (count === null) company.stop();
  const here = count === 1 ? "One person is here." : `${count} people are here.`;
  setText(byId("company"), count === null ? "" : count === 0 ? "Nobody is here yet." : here);
}

/** The list of rooms tells without a token, and a token for one room tells of that one. */
async function countPeople() {
  const token = byId("token").value.trim();
  const response = await fetch(token ? `/v1/rooms/${encodeURIComponent(name)}` : "/v1/rooms", {
    headers: token ? { Authorization: `Bearer ${token}` } : {},
    cache: "no-store",
    signal: AbortSignal.timeout(5_000),
  });
  if (token && response.status === 404) return 0;
  if (!response.ok) return null;
  const body = await response.json();
  const room = token ? body : body.rooms.find((one) => one.name === name);
  return room ? Math.max(room.participants ?? 0, room.publishers ?? 0) : 0;
}

document.title = `${name} - Plenum`;
for (const id of ["door-room", "call-heading", "call-room"]) setText(byId(id), name);
byId("name").value = query.get("name")?.slice(0, 128) ?? recall().name;
byId("token").value = tokenOf(location.hash);
byId("stop-waiting").addEventListener("click", leave);
addEventListener("pagehide", () => room?.leave());
addEventListener("pageshow", ({ persisted }) => persisted && startOver());
const company = pollWhileVisible(drawCompany, COMPANY_POLL_MS);
const support = checkSupport();
if (support.ok) startOver();
else showEnd(unsupported(support.missing.join(", ")));
