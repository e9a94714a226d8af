/**
 * The publisher's page: preview, go live. `whip.js` does the publishing, `capture.js` the devices,
 * `settings.js` the form.
 */

import { Backoff } from "../../sdk/backoff.js";
import { LevelMeter, openStream, stopTracks } from "./capture.js";
import { troubleOfCapture, troubleOfInsecurePage } from "./device-problems.js";
import { flag, isName, roomOf } from "./options.js";
import { troubleOfConnection } from "./problems.js";
import { fillDevices, fillForm, remember, setSource, source, wish } from "./settings.js";
import { Gauge } from "./stats.js";
import {
  byId,
  dress,
  fillRows,
  pollWhileVisible,
  sayCount,
  sayDuration,
  setText,
  showTrouble,
  wireCopyButtons,
  wireShortcuts,
} from "./ui.js";
import { Publisher } from "../../sdk/whip.js";

const VIEWERS_POLL_MS = 3_000;
const TICK_MS = 1_000;
/** Receivers report about once a second; after such a silence the server is asked whether it knows us. */
const SILENCE_MS = 4_000;

const query = new URLSearchParams(location.search);
const room = roomOf(location.pathname);
const participant = query.get("participant") ?? "";
const gauge = new Gauge();
const meter = new LevelMeter();

let publisher = null;
/** @type {MediaStream | null} */
let stream = null;
let isMuted = false;
let liveSince = 0;
/** When the server last reported, and when to ask it if it does not. */
let report = { reportedAt: 0, askAt: 0 };
const asks = new Backoff({ firstMs: 1_000, maxMs: 30_000 });
/** Counts openings: a dialogue that was answered late must not win over a newer one. */
let opening = 0;

// Preview

async function openPreview() {
  if (!navigator.mediaDevices) {
    const trouble = troubleOfInsecurePage(location);
    showTrouble(byId("trouble"), trouble, () => location.assign(trouble.href));
    return false;
  }
  const mine = ++opening;
  try {
    const next = await openStream(wish());
    if (mine !== opening) {
      stopTracks(next);
      return false;
    }
    takeStream(next);
    showTrouble(byId("trouble"), null);
    await fillDevices();
    return true;
  } catch (error) {
    if (mine === opening) showCaptureTrouble(error);
    return false;
  }
}

function takeStream(next) {
  const previous = stream;
  stream = next;
  byId("preview").srcObject = next.getVideoTracks().length > 0 ? next : null;
  for (const track of next.getTracks()) track.addEventListener("ended", () => lose(next, track));
  applyMute();
  meter.listen(next);
  publisher?.replaceStream(next);
  stopTracks(previous);
  drawCurtain();
}

/** A track ended by itself: unplugged, or the browser's own "stop sharing". */
function lose(from, track) {
  if (from !== stream) return;
  const isShared = source() === "screen" && track.kind === "video";
  stop();
  closePreview();
  if (!isShared) {
    const noun = track.kind === "video" ? "camera" : "microphone";
    showTrouble(
      byId("trouble"),
      {
        what: `The ${noun} was disconnected.`,
        todo: "Connect it again or choose another one.",
        button: "Show preview",
        act: "retry",
      },
      openPreview,
    );
  }
}

function closePreview() {
  opening += 1;
  stopTracks(stream);
  stream = null;
  byId("preview").srcObject = null;
  meter.listen(null);
  drawCurtain();
}

function showCaptureTrouble(error) {
  const trouble = troubleOfCapture(error, { source: source(), agent: navigator.userAgent });
  showTrouble(byId("trouble"), trouble, (act) => {
    if (act === "source") chooseSource(source() === "screen" ? "camera" : "screen");
    else openPreview();
  });
}

function drawCurtain() {
  const hasPicture = Boolean(stream?.getVideoTracks().length);
  const isScreen = source() === "screen";
  byId("curtain").hidden = hasPicture;
  byId("curtain")
    .querySelector("use")
    .setAttribute("href", `/assets/icons.svg#${stream ? "mic" : isScreen ? "screen" : "camera"}`);
  byId("preview-on").hidden = Boolean(stream);
  setText(
    byId("curtain-text"),
    stream ? "Sound only." : isScreen ? "No screen is shared yet." : "Camera and microphone are off.",
  );
  setText(byId("preview-on"), isScreen ? "Choose what to share" : "Show preview");
  drawMute();
}

function chooseSource(value) {
  setSource(value);
  changeSource();
}

function changeSource() {
  byId("camera-field").hidden = source() === "screen";
  // A cancelled dialogue keeps what is on; without anything on, only a screen is asked for at once.
  if (stream || source() === "screen") openPreview();
  else drawCurtain();
}

// Live

async function start() {
  meter.wake();
  if (publisher) return;
  // Shown before the devices answer, or a second press would ask twice.
  byId("start").disabled = true;
  const isReady = stream !== null || (await openPreview());
  byId("start").disabled = false;
  if (!isReady || publisher) return;
  showTrouble(byId("trouble"), null);
  publisher = new Publisher(endpoint(), {
    stream,
    codec: byId("codec").value || undefined,
    simulcast: byId("simulcast").checked,
    token: byId("token").value.trim() || undefined,
  });
  publisher.addEventListener("state", ({ target, detail }) => target === publisher && showState(detail));
  publisher.start();
}

function endpoint() {
  const url = new URL(`/whip/${encodeURIComponent(room)}`, location.origin);
  if (isName(participant)) url.searchParams.set("participant", participant);
  const name = byId("name").value.trim();
  if (name) url.searchParams.set("name", name);
  return url;
}

function stop() {
  const ended = publisher;
  publisher = null;
  ended?.stop();
  showState({ state: "idle" });
}

/** @param {{state: string, error?: Error | null}} detail */
function showState({ state, error = null }) {
  const isOn = ["connecting", "live", "reconnecting", "waiting"].includes(state);
  document.body.dataset.state = state === "waiting" ? "reconnecting" : state;
  setText(byId("state"), document.body.dataset.state);
  const focused = document.activeElement;
  byId("start").hidden = isOn;
  byId("stop").hidden = !isOn;
  if (focused?.hidden) byId(isOn ? "stop" : "start").focus();
  for (const id of ["codec", "height", "name", "simulcast", "token"]) byId(id).disabled = isOn;
  byId("promise").hidden = isOn;
  if (state === "live") liveSince ||= Date.now();
  if (!isOn) {
    liveSince = 0;
    byId("live-time").hidden = byId("viewers").hidden = byId("stats").hidden = true;
    drawStatsToggle();
  }
  if (state === "failed") publisher = null;
  showConnectionTrouble(state, error);
}

function showConnectionTrouble(state, error) {
  if (!error) {
    if (state === "live") showTrouble(byId("trouble"), null);
    return;
  }
  const trouble = troubleOfConnection(error, {
    verb: "publish",
    hasToken: byId("token").value.trim() !== "",
    codec: byId("codec").value,
  });
  showTrouble(byId("trouble"), trouble, (act) => {
    showTrouble(byId("trouble"), null);
    if (act === "token") {
      byId("token-row").hidden = false;
      byId("token").focus();
    } else if (act === "codec") {
      byId("codec").focus();
    } else {
      stop();
      start();
    }
  });
}

async function tick() {
  if (liveSince) {
    byId("live-time").hidden = false;
    setText(byId("live-time"), sayDuration(Date.now() - liveSince));
  }
  const summary = await gauge.read(publisher?.pc ?? null).catch(() => null);
  if (!summary) return;
  if (publisher?.state === "live") listenForReports(summary, performance.now());
  if (!byId("stats").hidden) showStats(summary);
}

/** A server that was killed says nothing; ICE takes many seconds to notice, a question one. */
function listenForReports({ reportedAt }, now) {
  if (reportedAt !== report.reportedAt) {
    asks.reset();
    report = { reportedAt, askAt: now + SILENCE_MS };
  } else if (reportedAt > 0 && now >= report.askAt) {
    report.askAt = now + asks.next();
    publisher.check();
  }
}

function showStats({ width, height, fps, kbps, lossPercent, rttMs, codec }) {
  fillRows(byId("stats"), [
    ["picture", width > 0 ? `${width} × ${height}` : null],
    ["frames", `${fps} fps`],
    ["bitrate", kbps >= 1_000 ? `${(kbps / 1_000).toFixed(2)} Mbit/s` : `${kbps} kbit/s`],
    ["loss", lossPercent === null ? null : `${lossPercent.toFixed(1)} %`],
    ["round trip", rttMs === null ? null : `${rttMs.toFixed(1)} ms`],
    ["codec", codec],
  ]);
}

async function countViewers() {
  if (!liveSince) return;
  const token = byId("token").value.trim();
  try {
    const response = await fetch(`/v1/rooms/${encodeURIComponent(room)}`, {
      headers: token ? { Authorization: `Bearer ${token}` } : {},
      cache: "no-store",
      signal: AbortSignal.timeout(5_000),
    });
    const { viewers } = response.ok ? await response.json() : {};
    byId("viewers").hidden = !Number.isInteger(viewers) || !liveSince;
    if (Number.isInteger(viewers)) setText(byId("viewer-count"), sayCount(viewers, "viewer"));
  } catch {
    byId("viewers").hidden = true;
  }
}

// Buttons and meter

function applyMute() {
  for (const track of stream?.getAudioTracks() ?? []) track.enabled = !isMuted;
}

function toggleMute() {
  if (byId("mute").disabled) return;
  isMuted = !isMuted;
  applyMute();
  drawMute();
}

function drawMute() {
  const hasSound = !stream || stream.getAudioTracks().length > 0;
  byId("mute").disabled = !hasSound;
  byId("level").classList.toggle("off", !hasSound || isMuted);
  const name = hasSound ? (isMuted ? "Unmute microphone" : "Mute microphone") : "No microphone";
  dress(byId("mute"), {
    icon: isMuted || !hasSound ? "mic-off" : "mic",
    name,
    shortcut: "M",
    pressed: isMuted,
  });
}

function toggleStats() {
  byId("stats").hidden = !byId("stats").hidden || !publisher;
  drawStatsToggle();
  tick();
}

function drawStatsToggle() {
  dress(byId("stats-toggle"), { name: "Statistics", shortcut: "T", pressed: !byId("stats").hidden });
}

let shownLevel = 0;
function drawLevel() {
  // Falls slower than it rises, so that short sounds are seen.
  const level = isMuted ? 0 : meter.read();
  shownLevel = Math.max(level, shownLevel - 0.02);
  byId("level").style.setProperty("--share", shownLevel.toFixed(3));
  byId("level").setAttribute("aria-valuenow", String(Math.round(shownLevel * 100)));
  requestAnimationFrame(drawLevel);
}

function wire() {
  byId("start").addEventListener("click", start);
  byId("stop").addEventListener("click", stop);
  byId("preview-on").addEventListener("click", openPreview);
  byId("mute").addEventListener("click", toggleMute);
  byId("stats-toggle").addEventListener("click", toggleStats);
  byId("settings").addEventListener("submit", (event) => event.preventDefault());
  byId("settings").addEventListener("change", ({ target }) => {
    remember();
    if (target.name === "source") changeSource();
    else if (["camera", "microphone", "height"].includes(target.id) && stream) openPreview();
    else if (target.id === "token") drawWatchLink();
  });
  navigator.mediaDevices?.addEventListener("devicechange", () => fillDevices());
  for (const event of ["pointerdown", "keydown"]) document.addEventListener(event, () => meter.wake());
  wireCopyButtons();
  wireShortcuts({ m: toggleMute, t: toggleStats });
  addEventListener("pagehide", () => publisher?.stop());
}

function drawWatchLink() {
  const path = `/watch/${encodeURIComponent(room)}`;
  setText(byId("watch-url"), location.origin + path);
  // Opening it from here may use this token; the link to share must not give it away.
  const token = byId("token").value.trim();
  byId("watch-link").href = token ? `${path}#access_token=${encodeURIComponent(token)}` : path;
}

/** Opens the preview unasked only where that brings up no question. */
async function isGranted() {
  try {
    const states = await Promise.all(
      ["camera", "microphone"].map((name) => navigator.permissions.query({ name })),
    );
    return states.every(({ state }) => state === "granted");
  } catch {
    return false;
  }
}

document.title = `${room} - Plenum`;
setText(byId("room"), room);
wire();
await fillForm();
drawWatchLink();
drawCurtain();
drawStatsToggle();
drawLevel();
setInterval(tick, TICK_MS);
pollWhileVisible(countViewers, VIEWERS_POLL_MS);
if (!navigator.mediaDevices) openPreview();
else if (flag(query, "autostart", false)) start();
else if (source() === "camera" && (await isGranted()) && opening === 0) openPreview();
