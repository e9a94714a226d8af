/**
 * The lobby: what is live now, and how to start.
 */

import { SignallingError } from "../../sdk/session.js";
import { isName, toName, tokenOf } from "./options.js";
import { troubleOfConnection } from "./problems.js";
import {
  byId,
  icon,
  make,
  pollWhileVisible,
  sayCount,
  sayDuration,
  setText,
  showTrouble,
  wireCopyButtons,
} from "./ui.js";

const POLL_MS = 2_500;
const EXAMPLE_ROOM = "studio";

let token = tokenOf(location.hash);
/** Whether the list was readable without a token: then nothing else here needs one. */
let isOpen = null;
/** Tiles by room: kept between polls, so that focus and pointer stay where they are. */
const tiles = new Map();

const fragment = () => (token ? `#access_token=${encodeURIComponent(token)}` : "");

async function refresh() {
  try {
    const response = await fetch("/v1/rooms", {
      headers: token ? { Authorization: `Bearer ${token}` } : {},
      cache: "no-store",
      signal: AbortSignal.timeout(5_000),
    });
    if (!response.ok) throw new SignallingError(response.status);
    const { rooms } = await response.json();
    isOpen ??= !token;
    show(Array.isArray(rooms) ? rooms : []);
    showTrouble(byId("trouble"), null);
    byId("token-form").hidden = true;
  } catch (error) {
    showFailure(error);
  }
  showWays();
}

function showFailure(error) {
  byId("rooms").classList.add("stale");
  setText(byId("live-count"), "");
  byId("empty").hidden = true;
  const isTokenMissing = error instanceof SignallingError && [401, 403].includes(error.status);
  if (isTokenMissing) isOpen = false;
  const trouble = isTokenMissing
    ? {
        what:
          error.status === 401
            ? "This server lists its rooms only with an access token."
            : "Your access token does not allow to list rooms.",
        todo: "Enter one that allows it, or go straight to a room below.",
        button: "Enter a token",
        act: "token",
      }
    : troubleOfConnection(error, { verb: "watch" });
  showTrouble(byId("trouble"), trouble, (act) => {
    if (act !== "token") return poll.now();
    byId("token-form").hidden = false;
    byId("token-field").focus();
  });
}

function show(rooms) {
  const live = rooms.filter(({ publishers }) => publishers > 0);
  const order = [...live, ...rooms.filter(({ publishers }) => !(publishers > 0))].filter(({ name }) =>
    isName(name ?? ""),
  );
  for (const [name, tile] of tiles) {
    if (order.some((room) => room.name === name)) continue;
    tile.item.remove();
    tiles.delete(name);
  }
  order.forEach((room, index) => {
    if (!tiles.has(room.name)) tiles.set(room.name, makeTile(room.name));
    const tile = tiles.get(room.name);
    updateTile(tile, room);
    const list = byId("rooms");
    if (list.children[index] !== tile.item) list.insertBefore(tile.item, list.children[index] ?? null);
  });
  byId("rooms").classList.remove("stale");
  byId("empty").hidden = order.length > 0;
  setText(byId("live-count"), live.length > 0 ? sayCount(live.length, "room") : "");
}

function makeTile(name) {
  const state = make("span", { class: "pill" });
  const lock = make("span", { class: "pill", hidden: true }, icon("lock"), "locked");
  const viewers = make("span");
  const time = make("span");
  const facts = make(
    "span",
    { class: "facts" },
    make("span", {}, icon("eye"), viewers),
    make("span", {}, icon("clock"), time),
  );
  const link = make(
    "a",
    { class: "tile", href: "/", "aria-label": `Watch ${name}` },
    make(
      "span",
      { class: "screen" },
      make("span", { class: "initial", "aria-hidden": "true" }, [...name][0].toUpperCase()),
      make("span", { class: "play", "aria-hidden": "true" }, icon("play")),
      make("span", { class: "corner" }, state, lock),
    ),
    make("bdi", { class: "name" }, name),
    facts,
  );
  const people = make("span");
  const join = make(
    "a",
    { class: "button", href: "/", "aria-label": `Join the call in ${name}` },
    icon("people"),
    people,
  );
  return {
    item: make("li", { "data-room": name }, link, join),
    link,
    join,
    people,
    state,
    lock,
    viewers,
    time,
  };
}

function updateTile(
  tile,
  { name, viewers = 0, publishers = 0, participants = 0, created_at, locked = false },
) {
  const isLive = publishers > 0;
  tile.link.href = `/watch/${encodeURIComponent(name)}${fragment()}`;
  tile.join.href = `/r/${encodeURIComponent(name)}${fragment()}`;
  setText(
    tile.people,
    participants > 0 ? `Join ${participants === 1 ? "1 person" : `${participants} people`}` : "Join",
  );
  tile.link.classList.toggle("quiet", !isLive);
  tile.link.dataset.state = isLive ? "live" : "idle";
  if (tile.state.dataset.isLive !== String(isLive)) {
    tile.state.dataset.isLive = String(isLive);
    tile.state.replaceChildren(
      make("span", { class: "dot", "aria-hidden": "true" }),
      isLive ? "live" : "waiting",
    );
  }
  tile.lock.hidden = !locked;
  setText(tile.viewers, sayCount(viewers, "viewer"));
  const since =
    typeof created_at === "number" ? created_at * (created_at < 1e11 ? 1_000 : 1) : Date.parse(created_at);
  tile.time.parentElement.hidden = !Number.isFinite(since);
  setText(tile.time, Number.isFinite(since) ? sayDuration(Date.now() - since) : "");
}

/** The room that the addresses below the field speak of. */
const chosenRoom = () => toName(byId("room-field").value) || EXAMPLE_ROOM;

function showWays() {
  const room = chosenRoom();
  const whip = `${location.origin}/whip/${room}`;
  setText(byId("obs-server"), whip);
  setText(byId("obs-bearer"), token);
  byId("obs-bearer").hidden = byId("obs-bearer-copy").hidden = !token;
  setText(
    byId("obs-bearer-note"),
    token
      ? ""
      : isOpen === false
        ? "A token or stream key for this room."
        : "Not needed here: leave it empty.",
  );
  const authorization = token || isOpen === false ? ` -authorization ${token || "TOKEN"}` : "";
  setText(byId("ffmpeg"), ffmpegCommand(whip, token || (isOpen === false ? "TOKEN" : "")));
  setText(
    byId("embed"),
    `<iframe src="${location.origin}/watch/${room}?muted"\n  width="640" height="360" style="border: 0"\n` +
      `  allow="autoplay; fullscreen; picture-in-picture">\n</iframe>`,
  );
}

/** H264 Baseline is what every browser plays; no B-frames and a keyframe every two seconds. */
function ffmpegCommand(url, bearer) {
  return [
    "ffmpeg -re -i input.mp4",
    "-c:v libx264 -profile:v baseline -bf 0",
    "-preset veryfast -tune zerolatency -g 60",
    "-c:a libopus -ar 48000 -ac 2",
    `-f whip${bearer && ` -authorization ${bearer}`}`,
    url,
  ].join(" \\\n  ");
}

byId("room-field").addEventListener("input", () => {
  byId("room-field").removeAttribute("aria-invalid");
  showWays();
});
byId("room-form").addEventListener("submit", (event) => {
  event.preventDefault();
  const field = byId("room-field");
  if (field.value.trim() && !toName(field.value)) {
    field.setAttribute("aria-invalid", "true");
    return field.focus();
  }
  // Enter in the field starts a call; the other way has a button of its own.
  const page = event.submitter?.value === "publish" ? "publish" : "r";
  location.assign(`/${page}/${chosenRoom()}${fragment()}`);
});
byId("token-form").addEventListener("submit", (event) => {
  event.preventDefault();
  token = byId("token-field").value.trim();
  history.replaceState(null, "", `${location.pathname}${location.search}${fragment()}`);
  poll.now();
});
wireCopyButtons();
showWays();
const poll = pollWhileVisible(refresh, POLL_MS);
