/**
 * The device check: one MediaStream, its tracks and its events, to be looked at and played with. Nothing
 * is sent anywhere.
 */

import { abilityRows, codecNames, sayTrackSettings, sizesOf } from "./capabilities.js";
import { LevelMeter } from "./capture.js";
import { troubleOfCapture, troubleOfInsecurePage } from "./device-problems.js";
import { fillPicker } from "./pickers.js";
import { byId, fillRows, icon, make, setText, showTrouble } from "./ui.js";

const MOST_EVENTS = 100;
const NOUNS = { audio: "microphone", video: "camera" };
const STATES = ["mute", "unmute", "ended"];

/** The stream of the page. Tracks come and go; the stream stays. */
const stream = new MediaStream();
/** @type {MediaStream[]} */
const clones = [];
const meter = new LevelMeter();
const clock = new Intl.DateTimeFormat("en-GB", { timeStyle: "medium" });
let wasActive = false;
let shownLevel = 0;

const nameOf = (owner) => (owner === stream ? "stream" : `clone ${clones.indexOf(owner) + 1}`);

// Opening, adding, removing, cloning

/** @param {("audio" | "video")[]} kinds */
async function open(...kinds) {
  if (!navigator.mediaDevices) return sayInsecure();
  showTrouble(byId("trouble"), null);
  const constraints = Object.fromEntries(kinds.map((kind) => [kind, wishFor(kind)]));
  try {
    const opened = await navigator.mediaDevices.getUserMedia(constraints);
    for (const track of opened.getTracks()) add(stream, track);
    await fillPickers();
    drawSizes();
    drawAbilities();
  } catch (error) {
    note(`getUserMedia failed: ${error.name}`);
    sayTrouble(error, kinds);
  }
}

function wishFor(kind) {
  const id = byId(NOUNS[kind]).value;
  return {
    ...(id ? { deviceId: { exact: id } } : {}),
    ...(kind === "video" ? { width: { ideal: 1280 } } : {}),
  };
}

function add(owner, track) {
  watch(owner, track);
  owner.addTrack(track);
  tell(owner, "addtrack", track);
}

function remove(owner, track) {
  track.stop();
  owner.removeTrack(track);
  tell(owner, "removetrack", track);
}

function removeKind(kind) {
  const track = stream.getTracks().findLast((found) => found.kind === kind);
  if (track) return remove(stream, track);
  showTrouble(
    byId("trouble"),
    {
      what: `There is no ${kind} track to remove.`,
      todo: "Add one first.",
      button: `Add ${kind}`,
      act: "retry",
    },
    () => open(kind),
  );
}

function clone() {
  const copy = stream.clone();
  clones.push(copy);
  listen(copy);
  for (const track of copy.getTracks()) watch(copy, track);
  note(
    `${nameOf(copy)}: cloned with ${copy.getTracks().length} tracks, ${copy.active ? "active" : "inactive"}`,
  );
  draw();
}

// Events

/** Browsers fire these only for what they do themselves; what the page does is told in the same way. */
function tell(owner, type, track) {
  owner.dispatchEvent(new MediaStreamTrackEvent(type, { track }));
}

function listen(owner) {
  for (const type of ["addtrack", "removetrack"]) {
    owner.addEventListener(type, ({ track }) => {
      note(`${nameOf(owner)}: ${type} ${track.kind} "${track.label}"`);
      draw();
    });
  }
}

function watch(owner, track) {
  for (const type of STATES) {
    track.addEventListener(type, () => {
      note(`${nameOf(owner)}: ${track.kind} track ${type}`);
      draw();
    });
  }
}

function note(text) {
  const events = byId("events");
  events.prepend(make("li", {}, make("time", {}, clock.format(new Date())), make("span", {}, text)));
  while (events.childElementCount > MOST_EVENTS) events.lastElementChild.remove();
}

/** The stream is active as long as one of its tracks lives. */
function noteActivity() {
  setText(byId("active"), stream.active ? "active" : "inactive");
  document.body.dataset.state = stream.active ? "live" : "idle";
  if (stream.active === wasActive) return;
  wasActive = stream.active;
  note(`stream: ${wasActive ? "active" : "inactive"}`);
}

// Drawing

function draw() {
  noteActivity();
  const video = stream.getVideoTracks().find(({ readyState }) => readyState === "live");
  byId("curtain").hidden = Boolean(video);
  byId("get").hidden = stream.getTracks().length > 0;
  const hasAudio = stream.getAudioTracks().length > 0;
  setText(byId("curtain-text"), hasAudio ? "No picture, only sound." : "Nothing is open yet.");
  if (byId("preview").srcObject !== stream) byId("preview").srcObject = stream;
  meter.listen(stream);
  byId("level").classList.toggle("off", !hasAudio);
  const owned = [stream, ...clones].flatMap((owner) => owner.getTracks().map((track) => ({ owner, track })));
  byId("tracks").replaceChildren(...owned.map(rowOf));
  byId("no-tracks").hidden = owned.length > 0;
  byId("clone").disabled = stream.getTracks().length === 0;
  if (!video) drawSizes();
}

function rowOf({ owner, track }) {
  const state = [track.readyState, track.enabled ? "enabled" : "disabled", track.muted ? "muted" : ""];
  const act = (label, run) => make("button", { type: "button", class: "button", onclick: run }, label);
  return make(
    "li",
    {
      "data-kind": track.kind,
      "data-stream": nameOf(owner),
      "data-state": track.readyState,
      "data-id": track.id,
    },
    icon(track.kind === "audio" ? "mic" : "camera"),
    make(
      "div",
      {},
      make("p", {}, make("bdi", { class: "label" }, track.label || NOUNS[track.kind])),
      make(
        "p",
        { class: "muted small" },
        `${nameOf(owner)}, ${track.kind}, ${state.filter(Boolean).join(", ")}`,
      ),
      make("p", { class: "muted small" }, sayTrackSettings(track.getSettings())),
    ),
    make(
      "div",
      { class: "row" },
      act(track.enabled ? "Disable" : "Enable", () => {
        track.enabled = !track.enabled;
        note(`${nameOf(owner)}: ${track.kind} track ${track.enabled ? "enabled" : "disabled"}`);
        draw();
      }),
      act("Clone", () => add(owner, track.clone())),
      act("Remove", () => remove(owner, track)),
    ),
  );
}

function drawSizes() {
  const [track] = stream.getVideoTracks();
  const capabilities = track?.getCapabilities?.() ?? {};
  const sizes = sizesOf(capabilities);
  const use = async (size) => {
    try {
      await track.applyConstraints({ width: { exact: size.width }, height: { exact: size.height } });
      note(`stream: video now ${sayTrackSettings(track.getSettings())}`);
    } catch (error) {
      note(`stream: ${size.height}p refused, ${error.name}`);
    }
    draw();
  };
  byId("sizes").replaceChildren(
    ...sizes.map((size) =>
      make("button", { type: "button", class: "button", onclick: () => use(size) }, `${size.height}p`),
    ),
  );
  const { width, height, frameRate } = capabilities;
  setText(
    byId("sizes-note"),
    width?.max
      ? `At most ${width.max} × ${height.max}${frameRate?.max ? ` with ${Math.round(frameRate.max)} fps` : ""}.`
      : track
        ? "This browser does not tell what the camera can do."
        : "Add video to see what the camera can do.",
  );
}

async function drawAbilities() {
  const kinds = ["audio", "video"];
  const of = (side) =>
    Object.fromEntries(kinds.map((kind) => [kind, codecNames(side?.getCapabilities?.(kind))]));
  const codecs = { send: of(globalThis.RTCRtpSender), receive: of(globalThis.RTCRtpReceiver) };
  const features = {
    "screen sharing": Boolean(navigator.mediaDevices?.getDisplayMedia),
    "choice of loudspeaker": "setSinkId" in HTMLMediaElement.prototype,
    "picture in picture": Boolean(document.pictureInPictureEnabled),
    "secure page": isSecureContext,
  };
  const devices = (await navigator.mediaDevices?.enumerateDevices?.()) ?? [];
  fillRows(byId("abilities"), abilityRows(codecs, features, devices));
}

function drawLevel() {
  shownLevel = Math.max(meter.read(), shownLevel - 0.02);
  byId("level").style.setProperty("--share", shownLevel.toFixed(3));
  byId("level").setAttribute("aria-valuenow", String(Math.round(shownLevel * 100)));
  requestAnimationFrame(drawLevel);
}

// Troubles

function sayTrouble(error, kinds) {
  const thing = kinds.length === 1 ? NOUNS[kinds[0]] : undefined;
  const trouble = troubleOfCapture(error, { source: "camera", thing, agent: navigator.userAgent });
  showTrouble(byId("trouble"), { ...trouble, button: "Try again" }, () => open(...kinds));
}

function sayInsecure() {
  const trouble = troubleOfInsecurePage(location);
  showTrouble(byId("trouble"), trouble, () => location.assign(trouble.href));
}

async function fillPickers() {
  await fillPicker(byId("camera"), "videoinput", { noun: "Camera" });
  await fillPicker(byId("microphone"), "audioinput", { noun: "Microphone" });
}

listen(stream);
byId("get").addEventListener("click", () => open("audio", "video"));
byId("add-audio").addEventListener("click", () => open("audio"));
byId("add-video").addEventListener("click", () => open("video"));
byId("remove-audio").addEventListener("click", () => removeKind("audio"));
byId("remove-video").addEventListener("click", () => removeKind("video"));
byId("clone").addEventListener("click", clone);
for (const event of ["pointerdown", "keydown"]) document.addEventListener(event, () => meter.wake());
navigator.mediaDevices?.addEventListener?.("devicechange", () => {
  note("devices changed");
  fillPickers();
  drawAbilities();
});
await fillPickers();
draw();
drawSizes();
drawAbilities();
drawLevel();
if (!navigator.mediaDevices) sayInsecure();
