/**
 * A call on the page: binds the room of the SDK to stage, bar, panels and captions. Entering and leaving
 * are `main.js`'s.
 *
 * @module
 */

import { sentence } from "../device-problems.js";
import { byId, sayCount, setText } from "../ui.js";
import { drawBar, hideWhenStill } from "./bar.js";
import { Captions } from "./captions.js";
import { ChatPanel } from "./chat.js";
import { restoreSpeaker } from "./devices-dialog.js";
import { DirectSwitch } from "./direct.js";
import { oncePerFrame } from "./frames.js";
import { linkOf, share } from "./invite.js";
import { MediaControls } from "./media-controls.js";
import { recall, remember } from "./memory.js";
import { openMoreMenu, openTileMenu } from "./menus.js";
import { hideNotice, showNotice } from "./notice.js";
import { Panels } from "./panels.js";
import { PeoplePanel } from "./people.js";
import { PictureInPicture } from "./pip.js";
import { troubleOfDevice } from "./problems.js";
import { wireKeys } from "./shortcuts.js";
import { Stage } from "./stage.js";
import { reasonsFrom, TileStats } from "./tile-stats.js";

/** So long a notice without a choice stays. */
const PASSING_MS = 6_000;
const LAYOUTS = { grid: "Grid layout.", speaker: "Speaker layout." };

export class Call {
  #unread = 0;
  #stops = [];
  #knocking = new Set();
  /** Of whom the notice says that they wait. */
  #knocker = "";
  #controller = new AbortController();
  #frames = oncePerFrame(() => this.#drawNow());

  /**
   * @param {import("../../../sdk/plenum.js").Room} room
   * @param {{token: string, onLeave: () => void}} options
   */
  constructor(room, { token, onLeave }) {
    this.room = room;
    this.onLeave = onLeave;
    this.element = byId("call");
    this.captions = new Captions((text) => setText(byId("captions"), text));
    this.media = new MediaControls(room, (error, source) => this.#sayDevice(error, source));
    this.stats = new TileStats(room, byId("stats-cards"), reasonsFrom(room, token));
    this.panels = new Panels(this.element, () => this.#panelChanged());
    this.stage = new Stage({
      room,
      element: byId("stage"),
      barHeight: () => byId("bar").offsetHeight,
      onMenu: (tile, button) => openTileMenu(this, tile, button),
      onMore: () => this.panels.show("people"),
      onDrawn: () => this.pip?.follow(),
    });
    this.stage.mode = recall().layout;
    this.pip = new PictureInPicture({ room, video: byId("pip"), choose: () => this.#mainTrack() });
    this.chat = new ChatPanel({
      room,
      onMessage: () => this.#heard(),
      onError: (error) => this.say("Your message was not sent.", sentence(error.detail) || "Try again."),
    });
    this.people = new PeoplePanel({
      room,
      onPin: (id) => this.stage.togglePin(id),
      isPinned: (id) => this.stage.pinned === id,
      onError: (error) => this.sayError(error),
    });
    this.direct = new DirectSwitch(room, {
      say: (...words) => this.say(...words),
      onChange: () => this.draw(),
    });
    this.#wireRoom();
    this.#wirePage();
    restoreSpeaker(room);
    // Who waited before this moderator came was told before anybody here listened.
    this.#knock(room.waiting);
    this.#drawState();
    this.draw();
  }

  // What the page does

  /** The call is on the page: says so, and puts the focus where the keys work. */
  greet() {
    const others = this.room.participants.size;
    const company = others === 0 ? ". Nobody else is here yet." : ` with ${sayCount(others, "other")}.`;
    this.captions.say(`You are in the call ${this.room.name}${company}`);
    byId("stage").focus({ preventScroll: true });
    this.draw();
  }

  toggleLayout() {
    this.stage.mode = this.stage.mode === "grid" ? "speaker" : "grid";
    remember({ layout: this.stage.mode });
    this.captions.say(LAYOUTS[this.stage.mode]);
    this.draw();
  }

  async invite() {
    const link = linkOf(location);
    const outcome = await share(link, this.room.name);
    if (outcome === "copied") this.say("The link is copied.", "Whoever opens it can join this call.");
    if (outcome === "failed") this.say("The link could not be copied.", link);
    return outcome;
  }

  async togglePictureInPicture() {
    const isDone = await this.pip.toggle();
    if (!isDone) this.say("There is no picture to take out of the page.", "Try again when somebody is seen.");
  }

  /** A notice that goes by itself. */
  say(what, todo) {
    showNotice("call", { what, todo }, { forMs: PASSING_MS });
  }

  /** @param {Error & {detail?: string, title?: string}} error */
  sayError(error) {
    this.say(
      sentence(error.title ?? "") || "That did not work.",
      sentence(error.detail ?? "") || "Try again.",
    );
  }

  /** Draws everything anew, soon. */
  draw() {
    this.stage.draw();
    this.#frames.ask();
  }

  #drawNow() {
    this.people.draw();
    this.#drawBar();
    byId("alone").hidden = this.room.participants.size > 0 || this.room.state !== "connected";
  }

  /** The room is over: everything of it goes from the page. */
  close() {
    this.#controller.abort();
    this.#frames.stop();
    for (const stop of this.#stops) stop();
    for (const part of [this.stats, this.pip, this.stage, this.chat, this.people, this.panels, this.direct]) {
      part.close();
    }
    this.captions.stop();
    setText(byId("captions"), "");
    hideNotice();
  }

  // What the room says

  #wireRoom() {
    const { room, captions } = this;
    const on = (type, listener) => this.#stops.push(room.on(type, listener));
    const redraw = () => this.draw();
    for (const type of ["participant-updated", "track-updated", "quality", "room-updated", "slots"])
      on(type, redraw);
    on("state", () => this.#drawState());
    on("participant-joined", ({ participant }) => {
      captions.came(participant.name || participant.identity);
      this.draw();
    });
    on("participant-left", ({ participant }) => {
      captions.went(participant.name || participant.identity);
      this.draw();
    });
    on("track-published", ({ track }) => this.#published(track, "shares the screen."));
    on("track-unpublished", ({ track }) => this.#published(track, "stopped sharing the screen."));
    on("local-track-updated", ({ track, by }) => this.#localChanged(track, by));
    on("speakers", ({ speakers }) => {
      this.stage.noteSpeakers(speakers);
      if (this.panels.open === "people") this.draw();
    });
    on("active-speaker", () => this.stage.draw());
    on("lobby", ({ waiting }) => this.#knock(waiting));
    on("unmute-requested", ({ from, track }) => this.#askedToUnmute(from, track));
    on("audio-blocked", ({ blocked }) => blocked && this.#askForSound());
    on("error", ({ error }) => this.#sayRoomError(error));
  }

  #published(track, words) {
    if (track.source === "screen") {
      this.captions.say(`${track.participant.name || track.participant.identity} ${words}`);
    }
    this.draw();
  }

  #localChanged(track, by) {
    this.draw();
    const noun = { microphone: "microphone", camera: "camera", screen: "screen share" }[track.source];
    if (!noun) return;
    this.captions.say(`Your ${noun} is ${track.muted ? "off" : "on"}.`);
    if (by === "admin" && track.muted) {
      this.say(`A moderator turned your ${noun} off.`, "You can turn it on again when it is your turn.");
    } else if (by === "device" && track.source !== "screen" && track.muted) {
      this.say(
        `Your ${noun} was disconnected.`,
        "Connect it again, or choose another one under More, Devices.",
      );
    }
  }

  #knock(waiting) {
    const fresh = waiting.filter(({ identity }) => !this.#knocking.has(identity)).at(-1);
    this.#knocking = new Set(waiting.map(({ identity }) => identity));
    this.draw();
    if (!this.room.me.permissions.admin) return;
    if (fresh) this.#sayKnock(fresh);
    else if (this.#knocker && !this.#knocking.has(this.#knocker)) hideNotice();
  }

  #sayKnock({ name, identity }) {
    const who = name || identity;
    this.#knocker = identity;
    this.captions.say(`${who} waits to be let in.`);
    showNotice(
      "call",
      { what: `${who} waits to be let in.`, todo: "", button: "Let in", act: "admit" },
      {
        act: () => this.room.admit(identity).catch((error) => this.sayError(error)),
        onGone: () => (this.#knocker = ""),
      },
    );
  }

  #askedToUnmute(from, track) {
    const name = this.room.participants.get(from)?.name || "A moderator";
    const isCamera = track?.source === "camera";
    showNotice(
      "call",
      {
        what: `${name} asks you to turn your ${isCamera ? "camera" : "microphone"} on.`,
        todo: "It stays off until you do.",
        button: isCamera ? "Start camera" : "Unmute",
        act: "unmute",
      },
      { act: () => this.#unmute(isCamera ? "camera" : "microphone") },
    );
  }

  #unmute(source) {
    if (this.media.isOn(source)) return;
    if (source === "camera") this.media.toggleCamera();
    else this.media.toggleMicrophone();
  }

  #askForSound() {
    showNotice(
      "call",
      { what: "The browser holds the sound back.", todo: "", button: "Play the sound", act: "sound" },
      { act: () => this.room.startAudio().catch(() => {}) },
    );
  }

  #sayDevice(error, source) {
    const trouble = troubleOfDevice(error, { source, agent: navigator.userAgent });
    this.draw();
    if (!trouble) return;
    const again = { camera: "toggleCamera", microphone: "toggleMicrophone", screen: "toggleScreen" }[source];
    showNotice("call", trouble, { act: (act) => act === "device" && this.media[again]() });
  }

  #sayRoomError(error) {
    if (error.slug === "capture") return this.#sayDevice(error, error.source ?? "camera");
    // The banner speaks of a lost connection, the switch of a direct call.
    const isSaid =
      this.room.state !== "connected" || ["direct", "timeout", "unreachable"].includes(error.slug);
    if (isSaid) return;
    if (error.slug === "forbidden" && !this.room.me.permissions.canPublish) {
      this.say("You may watch and listen in this room.", "Your camera and microphone stay off.");
    } else {
      this.sayError(error);
    }
  }

  /** Somebody else wrote; the closed log is read out all the same. */
  #heard() {
    if (this.panels.open === "chat") return;
    this.#unread += 1;
    this.draw();
  }

  // Drawing

  #drawState() {
    const { state } = this.room;
    const isLost = state === "reconnecting";
    const banner = byId("banner");
    if (!isLost && !banner.hidden && state === "connected") this.captions.say("You are back in the call.");
    this.element.classList.toggle("dimmed", isLost);
    banner.hidden = !isLost;
    setText(
      byId("banner-text"),
      isLost ? "Connection lost. Reconnecting, the call comes back by itself." : "",
    );
    this.draw();
  }

  #drawBar() {
    const { room, media } = this;
    drawBar({
      isMicOn: media.isOn("microphone"),
      isCameraOn: media.isOn("camera"),
      isSharing: media.isOn("screen"),
      canPublish: room.me.permissions.canPublish,
      canShare: MediaControls.canShare,
      panel: this.panels.open,
      unread: this.#unread,
      people: room.participants.size + (room.participants.has(room.me.identity) ? 0 : 1),
      waiting: room.me.permissions.admin ? room.waiting.length : 0,
      mode: this.stage.mode,
      direct: this.direct.state,
    });
    this.chat.allow(room.me.permissions.canPublishData);
  }

  #panelChanged() {
    if (this.panels.open === "chat") {
      this.#unread = 0;
      this.chat.scrollToEnd();
    }
    this.draw();
  }

  #mainTrack() {
    const tile = this.stage.main;
    if (!tile) return null;
    if (tile.isSelf) return this.room.localTracks.get("camera") ?? null;
    return this.room.participants.get(tile.identity)?.tracks.get(tile.source) ?? null;
  }

  #wirePage() {
    const { signal } = this.#controller;
    const click = (id, run) => byId(id).addEventListener("click", run, { signal });
    click("mic", () => this.media.toggleMicrophone());
    click("cam", () => this.media.toggleCamera());
    click("screen", () => this.media.toggleScreen());
    click("layout", () => this.toggleLayout());
    click("more", () => openMoreMenu(this, byId("more")));
    click("leave", () => this.onLeave());
    click("direct-call", () => this.direct.toggle());
    click("invite", () => this.invite());
    click("alone-invite", () => this.invite());
    click("banner-act", () => this.room.retryNow());
    // After a press with the pointer the space bar talks again instead of pressing the same button.
    const release = ({ detail, target }) => detail > 0 && target.closest("button")?.blur();
    byId("bar").addEventListener("click", release, { signal });
    const keys = {
      microphone: () => this.media.toggleMicrophone(),
      camera: () => this.media.toggleCamera(),
      screen: () => this.media.toggleScreen(),
      chat: () => this.panels.toggle("chat"),
      layout: () => this.toggleLayout(),
      close: () => this.panels.show(null),
      talk: () => this.media.talk(),
      hush: () => this.media.hush(),
    };
    const media = new Set(["microphone", "camera", "screen", "talk"]);
    this.#stops.push(
      wireKeys((action) => {
        if (media.has(action) && !this.room.me.permissions.canPublish) return;
        keys[action]();
      }),
      hideWhenStill(this.element, byId("bar"), () => document.querySelector("dialog[open]") !== null),
    );
  }
}
