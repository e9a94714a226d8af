/**
 * The player's page: states, sound, statistics, full screen. `whep.js` does the playing.
 */

import { Backoff } from "../../sdk/backoff.js";
import { flag, isName, roomOf, tokenOf } from "./options.js";
import { troubleOfConnection } from "./problems.js";
import { SignallingError } from "../../sdk/session.js";
import { Gauge } from "./stats.js";
import { byId, dress, fillRows, setText, wireShortcuts } from "./ui.js";
import { playableCodecs, Player } from "../../sdk/whep.js";

/** Without a new frame for so long, the publisher has stopped or lost its way. */
const STALL_MS = 2_500;
const TICK_MS = 1_000;
/** The bar hides after so long without a move. */
const STILL_MS = 3_000;

const query = new URLSearchParams(location.search);
const room = roomOf(location.pathname);
const participant = query.get("participant") ?? "";
const hasControls = flag(query, "controls", true);
const theatre = byId("theatre");
const video = byId("player");
const gauge = new Gauge();

let token = tokenOf(location.hash);
let player = null;
let isPlaying = flag(query, "autoplay", true);
/** The newest stream, shown as soon as it brings something. */
let stream = null;
let lastFrames = 0;
let lastAudioBytes = 0;
let lastProgressAt = 0;
let everHadPicture = false;
/** When to ask next whether the server still knows us, while nothing moves. */
const checks = new Backoff({ firstMs: 1_000, maxMs: 30_000 });
let checkAt = 0;
/** Whether it was not the viewer who switched the sound off: then a button offers it. */
let isSilenced = flag(query, "muted", false);

// Connection

function endpoint() {
  const path = `/whep/${encodeURIComponent(room)}`;
  return isName(participant) ? `${path}/${encodeURIComponent(participant)}` : path;
}

function play() {
  isPlaying = true;
  player?.stop();
  player = new Player(endpoint(), { token });
  player.addEventListener("state", ({ detail }) => showState(detail));
  player.addEventListener("stream", ({ detail }) => takeStream(detail.stream));
  player.start();
  dressButtons();
}

function pausePlaying() {
  isPlaying = false;
  player?.stop();
  player = null;
  video.pause();
  showState({ state: "idle" });
  dressButtons();
}

function takeStream(next) {
  stream = next;
  lastFrames = lastAudioBytes = 0;
  lastProgressAt = performance.now();
  const tracks = next.getTracks();
  // The last picture of the old session stays until the new one has something to show.
  if (!video.srcObject) return attach();
  for (const track of tracks)
    track.addEventListener("unmute", () => stream === next && attach(), { once: true });
}

async function attach() {
  if (video.srcObject === stream && !video.paused) return;
  video.srcObject = stream;
  try {
    await video.play();
  } catch (error) {
    if (error.name !== "NotAllowedError" || video.muted) return;
    // Browsers let a page start without a click only in silence.
    video.muted = isSilenced = true;
    await video.play().catch(() => {});
  }
  dressButtons();
}

// What is said

function showState({ state, error = null }) {
  document.body.dataset.state = state;
  setText(byId("state"), state);
  document.body.classList.remove("stalled");
  byId("whisper").hidden = true;
  if (state === "live") {
    lastProgressAt = performance.now();
    if (everHadPicture) lift();
  } else if (state === "idle") {
    veil("Paused", "", { label: "Play", run: play, iconName: "play" });
  } else if (state === "connecting") {
    veil("Connecting", "");
  } else if (error) {
    showTroubleOf(error);
  } else if (state === "reconnecting") {
    veil("Reconnecting", "The connection was lost; it is being restored.");
  }
  dressButtons();
  wakeBar();
}

function showTroubleOf(error) {
  const trouble = troubleOfConnection(error, {
    verb: "watch",
    hasToken: token !== "",
    playable: playableCodecs(),
  });
  const isWaiting = error instanceof SignallingError && error.status === 409;
  veil(trouble.what, trouble.todo, {
    label: trouble.button,
    run: trouble.act === "token" ? askForToken : play,
    iconName: isWaiting ? "logo" : "alert",
  });
}

function veil(what, todo, { label = "", run = null, iconName = "logo" } = {}) {
  const act = byId("act");
  byId("veil").hidden = false;
  byId("veil").classList.toggle("has-picture", everHadPicture);
  byId("veil-icon").querySelector("use").setAttribute("href", `/assets/icons.svg#${iconName}`);
  setText(byId("what"), what);
  setText(byId("todo"), todo);
  setText(act, label);
  act.hidden = !run;
  act.onclick = run;
  byId("token-form").hidden = true;
}

function lift() {
  byId("veil").hidden = true;
}

function askForToken() {
  byId("token-form").hidden = false;
  byId("act").hidden = true;
  byId("token").focus();
}

// Every second: is it still moving, and the numbers

async function tick() {
  const summary = await gauge.read(player?.pc ?? null).catch(() => null);
  if (!summary || player?.state !== "live") {
    if (!byId("stats").hidden) fillRows(byId("stats"), [["state", document.body.dataset.state]]);
    return;
  }
  watchProgress(summary);
  if (!byId("stats").hidden) showStats(summary);
}

function watchProgress({ frames, audioBytes, width }) {
  const now = performance.now();
  const hasMoved = frames !== lastFrames;
  const hasSound = audioBytes > lastAudioBytes;
  lastFrames = frames;
  lastAudioBytes = audioBytes;
  if (hasMoved && width > 0) {
    showMoving(now);
  } else if (hasSound && !everHadPicture) {
    lastProgressAt = now;
    veil("Sound only", "There is no picture in this stream.", { iconName: "sound" });
  } else if (now - lastProgressAt > STALL_MS) {
    if (everHadPicture) showStalled(hasSound);
    else veil("Connected", "Waiting for the first picture.");
    if (!hasSound && now >= checkAt) {
      checkAt = now + checks.next();
      player.check();
    }
  }
}

function showMoving(now) {
  lastProgressAt = now;
  everHadPicture = true;
  byId("whisper").hidden = true;
  document.body.classList.remove("stalled");
  checks.reset();
  checkAt = 0;
  lift();
  if (video.srcObject !== stream || video.paused) attach();
}

function showStalled(hasSound) {
  document.body.classList.toggle("stalled", !hasSound);
  byId("whisper").hidden = false;
  setText(
    byId("whisper"),
    hasSound
      ? "The picture is paused; the sound goes on."
      : "The stream has stopped. It goes on here when it is back.",
  );
}

function showStats({ width, height, fps, kbps, lossPercent, jitterBufferMs, rttMs, codec }) {
  const known = (value, unit, digits = 0) => (value === null ? null : `${value.toFixed(digits)} ${unit}`);
  fillRows(byId("stats"), [
    ["picture", width > 0 ? `${width} × ${height}` : null],
    ["frames", known(fps, "fps")],
    ["bitrate", kbps >= 1_000 ? known(kbps / 1_000, "Mbit/s", 2) : known(kbps, "kbit/s")],
    ["loss", known(lossPercent, "%", 1)],
    ["buffer", known(jitterBufferMs, "ms")],
    ["round trip", known(rttMs, "ms", 1)],
    ["codec", codec],
  ]);
}

// Buttons

function dressButtons() {
  dress(byId("play"), {
    icon: isPlaying ? "pause" : "play",
    name: isPlaying ? "Pause" : "Play",
    shortcut: "K",
  });
  dress(byId("sound"), {
    icon: video.muted ? "sound-off" : "sound",
    name: video.muted ? "Unmute" : "Mute",
    shortcut: "M",
  });
  dress(byId("stats-toggle"), { name: "Statistics", shortcut: "S", pressed: !byId("stats").hidden });
  dress(byId("pip"), {
    name: "Picture in picture",
    shortcut: "P",
    pressed: document.pictureInPictureElement === video,
  });
  const isFull = document.fullscreenElement !== null;
  dress(byId("expand"), {
    icon: isFull ? "shrink" : "expand",
    name: isFull ? "Leave full screen" : "Full screen",
    shortcut: "F",
  });
  byId("unmute").hidden = !(isSilenced && video.muted && player?.state === "live");
  byId("volume").value = video.muted ? "0" : String(Math.round(video.volume * 100));
}

function setMuted(muted) {
  video.muted = muted;
  isSilenced = false;
  if (!muted && video.volume === 0) video.volume = 1;
  if (!muted && isPlaying) video.play().catch(() => {});
  dressButtons();
}

function toggleStats() {
  byId("stats").hidden = !byId("stats").hidden;
  dressButtons();
  tick();
}

async function toggleFullscreen() {
  if (!document.fullscreenEnabled) return;
  await (document.fullscreenElement ? document.exitFullscreen() : theatre.requestFullscreen()).catch(
    () => {},
  );
}

async function togglePictureInPicture() {
  if (!document.pictureInPictureEnabled) return;
  const isOut = document.pictureInPictureElement === video;
  await (isOut ? document.exitPictureInPicture() : video.requestPictureInPicture()).catch(() => {});
}

const togglePlaying = () => (isPlaying ? pausePlaying() : play());

let stillTimer = 0;
function wakeBar() {
  theatre.classList.remove("still");
  clearTimeout(stillTimer);
  stillTimer = setTimeout(() => {
    const isBusy = byId("bar").matches(":hover") || byId("bar").querySelector(":focus-visible");
    if (!isBusy && byId("veil").hidden) theatre.classList.add("still");
  }, STILL_MS);
}

function wireButtons() {
  byId("play").addEventListener("click", togglePlaying);
  byId("sound").addEventListener("click", () => setMuted(!video.muted));
  byId("unmute").addEventListener("click", () => setMuted(false));
  byId("volume").addEventListener("input", ({ target }) => {
    video.volume = target.valueAsNumber / 100;
    setMuted(target.valueAsNumber === 0);
  });
  byId("stats-toggle").addEventListener("click", toggleStats);
  byId("expand").addEventListener("click", toggleFullscreen);
  byId("pip").addEventListener("click", togglePictureInPicture);
  byId("expand").hidden = !document.fullscreenEnabled;
  byId("pip").hidden = !document.pictureInPictureEnabled;
  video.addEventListener("dblclick", toggleFullscreen);
  for (const event of ["volumechange", "enterpictureinpicture", "leavepictureinpicture"]) {
    video.addEventListener(event, dressButtons);
  }
  // The first picture lifts the veil at once; later ones are seen by the tick.
  video.addEventListener("loadeddata", () => video.videoWidth > 0 && showMoving(performance.now()));
  document.addEventListener("fullscreenchange", dressButtons);
  for (const event of ["pointermove", "pointerdown", "keydown", "focusin"])
    document.addEventListener(event, wakeBar);
  byId("token-form").addEventListener("submit", (event) => {
    event.preventDefault();
    token = byId("token").value.trim();
    play();
  });
  if (!hasControls) return;
  wireShortcuts({
    k: togglePlaying,
    " ": togglePlaying,
    m: () => setMuted(!video.muted),
    s: toggleStats,
    f: toggleFullscreen,
    p: togglePictureInPicture,
  });
}

document.title = `${room} - Plenum`;
setText(byId("room"), room);
setText(byId("room-heading"), room);
theatre.classList.toggle("bare", !hasControls);
video.muted = isSilenced;
wireButtons();
dressButtons();
if (isPlaying) play();
else showState({ state: "idle" });
setInterval(tick, TICK_MS);
addEventListener("pagehide", () => player?.stop());
addEventListener("pageshow", ({ persisted }) => persisted && isPlaying && play());
