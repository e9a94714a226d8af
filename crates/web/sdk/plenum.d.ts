/**
 * The Plenum SDK for browsers: rooms, and WHIP and WHEP beside them.
 *
 * ```js
 * import { Room } from "/sdk/plenum.js";
 *
 * const room = await Room.join(location, "demo", { name: "Ada", publish: { microphone: true, camera: true } });
 * room.on("track-published", ({ track }) => {
 *   if (track.kind === "video") room.attach(track, document.body.appendChild(document.createElement("video")));
 * });
 * ```
 */

/** Where a track comes from. */
export type Source = "camera" | "microphone" | "screen" | "screen_audio";

/** Which way media go between two participants; see {@link JoinOptions.mode}. */
export type Mode = "sfu" | "direct" | "auto";

/**
 * `idle` before {@link Room.join}, `connecting` until the server has answered, `lobby` while waiting to be admitted,
 * `connected`, `reconnecting` while the socket or the media path is lost and being repaired, `closed` for good.
 */
export type RoomState = "idle" | "connecting" | "lobby" | "connected" | "reconnecting" | "closed";

/** Why a room is closed for good. `unreachable`: the server could not be reached for five minutes; `error`: see `error`. */
export type CloseReason =
  | "left"
  | "replaced"
  | "kicked"
  | "banned"
  | "rejected"
  | "room_closed"
  | "shutdown"
  | "protocol"
  | "too_slow"
  | "unreachable"
  | "error";

/** How well something gets through: `lost` is nothing for some seconds. */
export type Quality = "good" | "fair" | "poor" | "lost";

/** What a participant may do. */
export interface Permissions {
  readonly canPublish: boolean;
  readonly canSubscribe: boolean;
  readonly canPublishData: boolean;
  readonly admin: boolean;
  readonly hidden: boolean;
}

/** Anything that JSON can say. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json | undefined };

/** A refusal or failure, in the words of the server's problem document (RFC 9457) where it sent one. */
export class PlenumError extends Error {
  constructor(problem: { type?: string; title?: string; detail?: string; status?: number }, options?: ErrorOptions);
  /**
   * `urn:plenum:problem:<slug>` from the server, for instance `room-full`, `room-locked`, `banned`, `unauthorized`,
   * `forbidden`, `not-admitted`; or `urn:plenum:client:<slug>` from the SDK itself: `unreachable`, `timeout`, `closed`,
   * `unsupported`, `capture` (camera, microphone or screen: `cause` is the `DOMException`, `source` what was asked for),
   * `no-media`, `direct`, `too-large`.
   */
  readonly type: string;
  /** The last part of `type`. */
  readonly slug: string;
  readonly title: string;
  readonly detail: string;
  /** As in HTTP; 0 when it did not come from the server. */
  readonly status: number;
  /** The answer to a join that was closed with a reason: that reason. */
  readonly reason?: CloseReason;
  /** For `capture`: what could not be opened. */
  readonly source?: Source;
}

/** Listeners without `removeEventListener`'s bookkeeping. The same events reach `addEventListener` as `CustomEvent`s. */
export class Emitter<Events> extends EventTarget {
  /** Calls `listener` with the event's detail from now on; the result stops it. */
  on<K extends keyof Events & string>(type: K, listener: (detail: Events[K]) => void): () => void;
  /** Like {@link on}, for the next time only. */
  once<K extends keyof Events & string>(type: K, listener: (detail: Events[K]) => void): () => void;
}

// ---------------------------------------------------------------------------------------------- Joining

/** What to publish from a device: on with defaults, on with constraints, or a track that the caller opened. */
export type DeviceChoice = boolean | MediaTrackConstraints | MediaStreamTrack;

/** How to join. */
export interface JoinOptions {
  /** A JSON Web Token; a server without keys wants none. */
  token?: string;
  /** Asked for a token at the first join and at each one after a lost session; wins over `token`. */
  getToken?: () => string | Promise<string>;
  /** Display name; a token's `name` wins. */
  name?: string;
  /** Only without tokens; else the token's `sub`. The same identity again replaces the older participant. */
  identity?: string;
  /** Free text of the application, seen by everybody. */
  metadata?: string;
  /**
   * `sfu` (default): media go through the server. `auto`: with exactly two participants the browsers try to reach each
   * other, and go back to the server when they cannot or a third one joins. `direct`: as `auto`, but media of the
   * server are not even set up unless they are needed. While a direct call of two is up, nothing is sent to the server.
   */
  mode?: Mode;
  /** How many videos and voices can be received at once; defaults `{ video: 9, audio: 3, maxVideo: 25 }`. */
  slots?: {
    video?: number;
    audio?: number;
    /** Up to here video slots are added by themselves when more videos are visible. */
    maxVideo?: number;
  };
  /** What to switch on once admitted. A device that does not open is an `error` event; the join goes on. */
  publish?: { microphone?: DeviceChoice; camera?: DeviceChoice };
  /** Whether demand follows the size and visibility of attached elements; default true. */
  adaptive?: boolean;
  /** Whether voices play by themselves; default true. If not, use {@link RemoteTrack.mediaStreamTrack}. */
  playAudio?: boolean;
  /** Gives up joining, or leaves. */
  signal?: AbortSignal;
  /** ICE servers besides those of the server. */
  iceServers?: RTCIceServer[];
  /** `relay` sends everything over TURN. */
  iceTransportPolicy?: RTCIceTransportPolicy;
  /** Simulcast of the camera, three layers; default true. */
  simulcast?: boolean;
  /** The codec preferred for sending video: `VP8` (default of browsers), `VP9`, `H264`, `AV1`. */
  codec?: string;
  /** Listeners that are there before the first message, for instance `{ lobby: ... }`. */
  on?: { [K in keyof RoomEvents]?: (detail: RoomEvents[K]) => void };
}

/** The events of a room. */
export interface RoomEvents {
  /** The room's state has changed. */
  state: { state: RoomState; previous: RoomState };
  /** Who waits to be admitted: oneself alone while waiting, all of them for an admin. */
  lobby: { waiting: readonly Waiting[] };
  "participant-joined": { participant: Participant };
  /** Name, metadata or permissions have changed; also of {@link Room.me}. */
  "participant-updated": { participant: Participant };
  "participant-left": { participant: Participant; reason: string };
  "track-published": { track: RemoteTrack };
  /** Muted, unmuted, or going another way now. */
  "track-updated": { track: RemoteTrack };
  "track-unpublished": { track: RemoteTrack };
  /** A track of one's own was switched on or off, muted, unmuted or given another device; by whom: see `by`. */
  "local-track-updated": { track: LocalTrack; by: "me" | "admin" | "device" };
  /** Which track is in which slot. {@link Room.attach} needs no listener for this. */
  slots: { slots: ReadonlyMap<string, Slot> };
  /** Who speaks now, loudest first; also oneself. */
  speakers: { speakers: readonly Participant[] };
  /** Who spoke last, oneself excepted; stays when it becomes quiet. `null` when that one has left. */
  "active-speaker": { participant: Participant | null };
  /** A participant's connection; one's own has all four steps, others' are `good` or `lost`. */
  quality: { participant: Participant; quality: Quality };
  /** An admin asks to unmute; nothing happens by itself. `track` is `null` for the microphone that was never on. */
  "unmute-requested": { from: string; track: LocalTrack | null };
  /** Messages of one's own on a topic did not fit the queue of a slow receiver. */
  "data-dropped": { topic: string; to: string; messages: number };
  /** Locked, lobby, or the room's metadata. */
  "room-updated": { room: RoomInfo };
  /** The browser wants a click before it plays sound: call {@link Room.startAudio} in its listener. */
  "audio-blocked": { blocked: boolean };
  /** Somebody calls; accept or decline it. Not fired when the mode answers by itself. */
  "direct-call": { call: DirectCall };
  /** A direct call began or ended to carry media. */
  "direct-state": { call: DirectCall };
  /** A message that another participant sent with {@link Room.signal}. */
  signal: { from: string; payload: Json };
  /** Something went wrong that is not the answer to a call; the room goes on unless `closed` follows. */
  error: { error: PlenumError };
  /** The end. Nothing is tried again. */
  closed: { reason: CloseReason; error: PlenumError | null };
}

/** Somebody who waits in the lobby. */
export interface Waiting {
  readonly identity: string;
  readonly name: string;
}

/** What the server says of the room. */
export interface RoomInfo {
  readonly name: string;
  readonly locked: boolean;
  readonly lobby: boolean;
  readonly metadata: string;
}

/** A room that one is in, or was in. */
export class Room extends Emitter<RoomEvents> {
  /**
   * Joins, and resolves once admitted. From then on the room repairs itself: a lost socket is resumed, a lost media path
   * restarted, a lost session joined again with everything that was on. While waiting in a lobby the promise is pending;
   * `options.on.lobby` tells.
   *
   * @param server the server's address, for instance `location` or `"https://meet.example.org"`
   * @throws PlenumError when refused (`status` 401, 403, 404, 409), rejected in the lobby (`reason: "rejected"`), or
   *   unreachable for long
   * @throws DOMException `AbortError` when `options.signal` aborted
   */
  static join(server: string | URL | Location, room: string, options?: JoinOptions): Promise<Room>;

  /** A room that is not joined yet. {@link Room.join} the static method does both. */
  constructor(server: string | URL | Location, room: string, options?: JoinOptions);

  /** See the static method. */
  join(): Promise<Room>;

  /** Leaves; everything local is released. Tracks that the caller opened are stopped, too, unless `keepTracks`. */
  leave(options?: { keepTracks?: boolean }): Promise<void>;

  readonly name: string;
  readonly state: RoomState;
  readonly info: RoomInfo;
  /** Oneself. Before admission an empty identity. */
  readonly me: Participant;
  /** The others by identity. */
  readonly participants: ReadonlyMap<string, Participant>;
  /** What the others publish, by track id. */
  readonly tracks: ReadonlyMap<string, RemoteTrack>;
  /** One's own, always all four, in {@link LocalTrack.isOn} or not. */
  readonly localTracks: ReadonlyMap<Source, LocalTrack>;
  /** By mid, in order. */
  readonly slots: ReadonlyMap<string, Slot>;
  readonly speakers: readonly Participant[];
  readonly activeSpeaker: Participant | null;
  readonly waiting: readonly Waiting[];
  /** One's own connection. */
  readonly quality: Quality;
  /** The talk on topic `chat`, with what was said before. */
  readonly chat: Chat;
  /** The direct call that is ringing, connecting or connected. */
  readonly directCall: DirectCall | null;
  /** Changes what {@link JoinOptions.mode} said. */
  mode: Mode;

  // Local media

  /**
   * Switches the microphone on (with a track, constraints, or as it was) or off. Off releases the device.
   *
   * @throws PlenumError `capture` when it does not open, `forbidden` without the permission to publish
   */
  setMicrophone(choice: DeviceChoice): Promise<LocalTrack>;
  /** Switches the camera, likewise. */
  setCamera(choice: DeviceChoice): Promise<LocalTrack>;
  /** Asks for a screen, window or tab and shares it; needs a click. Ends by itself when the browser's own button is used. */
  shareScreen(options?: ScreenOptions): Promise<LocalTrack>;
  stopScreen(): Promise<void>;
  /** Mutes quickly: nothing is sent and others are told, but the device stays open. */
  setMuted(source: Source, muted: boolean): Promise<void>;
  /**
   * Changes to another device, without interruption where one is on; else it is used next time. `audiooutput` moves all
   * voices where the browser can (`"setSinkId" in HTMLMediaElement.prototype`).
   */
  switchDevice(kind: "audioinput" | "videoinput" | "audiooutput", deviceId: string): Promise<void>;

  // Remote media

  /**
   * Shows or plays a track in an element, whatever slot carries it, until detached or the track is unpublished: elements
   * follow slots, direct calls and resumed sessions by themselves. While no slot carries it the element is blank (`srcObject` null). A visible video
   * element counts as wanted: its size is what the server sends, and it is pinned when it would not be shown otherwise.
   * The element's attribute `data-plenum` is the {@link AttachmentState}. Attaching an element again moves it. Local tracks
   * can be attached, too, as a preview.
   *
   * @param track a track or its id
   */
  attach(track: RemoteTrack | LocalTrack | string, element: HTMLMediaElement, options?: AttachOptions): Attachment;
  /** Detaches one element, or all elements of a track. */
  detach(what: HTMLMediaElement | RemoteTrack | LocalTrack | string): void;
  /** Keeps a track in a slot whoever speaks. The promise is the server's answer. */
  pin(track: RemoteTrack | string): Promise<void>;
  unpin(track: RemoteTrack | string): Promise<void>;
  /** Tracks pinned by {@link pin}. */
  readonly pinned: ReadonlySet<string>;
  /** Overrides what attached elements say: pixels of the device; `null` goes back to them. */
  setDemand(track: RemoteTrack | string, demand: Demand | null): void;
  /** Raises the number of slots; one exchange with the server. Slots are never taken away. */
  addSlots(slots: { video?: number; audio?: number }): Promise<void>;
  /** Plays what the browser held back; call it in a click. */
  startAudio(): Promise<void>;
  /** Whether sound is held back. */
  readonly isAudioBlocked: boolean;

  // Data

  /**
   * Opens a topic: from now on its messages are received. The same name again is the same topic.
   *
   * @param name `[A-Za-z0-9_.-]{1,64}`
   */
  topic(name: string, options?: TopicOptions): Topic;
  /** Sends a message of signalling to one participant, through the socket: at most a few KiB. */
  signal(to: string, payload: Json): Promise<void>;

  // Direct calls

  /** Calls one participant browser to browser. Resolves when media flow, or rejects with `direct` after 5 s without. */
  callDirect(identity: string): Promise<DirectCall>;

  // Moderation: each resolves when the server has done it, and is refused with `forbidden` to those who are no admins

  kick(identity: string): Promise<void>;
  /** Kicks, and keeps out for the life of the room. */
  ban(identity: string): Promise<void>;
  lock(): Promise<void>;
  unlock(): Promise<void>;
  /** Lets somebody who waits in. */
  admit(identity: string): Promise<void>;
  reject(identity: string): Promise<void>;
  /** Mutes one track of a participant, or its microphone. */
  muteParticipant(identity: string, trackId?: string): Promise<void>;
  requestUnmute(identity: string, trackId?: string): Promise<void>;
  /** Changes one's own name and metadata; needs no admin. */
  updateMetadata(change: { name?: string; metadata?: string }): Promise<void>;

  /** What the connection and each track do; rates are those since the last call, at least half a second ago. */
  stats(): Promise<RoomStats>;

  /** Repairs at once what a timer would repair later; for a "try now" button. */
  retryNow(): void;
}

// ---------------------------------------------------------------------------------------------- People and tracks

/** Somebody in the room. The object stays the same for as long as the participant does, also over reconnects. */
export interface Participant {
  readonly id: string;
  readonly identity: string;
  readonly name: string;
  /** `whip` is a stream of OBS, ffmpeg and the like. */
  readonly kind: "room" | "whip";
  readonly metadata: string;
  readonly permissions: Permissions;
  readonly joinedAt: Date;
  readonly isLocal: boolean;
  /** What it publishes, by source. */
  readonly tracks: ReadonlyMap<Source, RemoteTrack>;
  readonly isSpeaking: boolean;
  readonly quality: Quality;
  /** Whether a direct call with it carries media. */
  readonly isDirect: boolean;
}

/** What another participant sends. The object stays the same for as long as it is published. */
export interface RemoteTrack {
  readonly id: string;
  readonly participant: Participant;
  readonly kind: "audio" | "video";
  readonly source: Source;
  readonly muted: boolean;
  readonly isLocal: false;
  /** The mid of the slot that carries it, or null. */
  readonly slot: string | null;
  /** Whether it comes by a direct call now. */
  readonly isDirect: boolean;
  /** What to play now; changes with slots, so {@link Room.attach} is easier. */
  readonly mediaStreamTrack: MediaStreamTrack | null;
}

/** What one sends, or could send. */
export interface LocalTrack {
  readonly source: Source;
  readonly kind: "audio" | "video";
  readonly isLocal: true;
  /** The id others see, as soon as the server has given one. */
  readonly id: string | null;
  /** Whether a device is open for it. */
  readonly isOn: boolean;
  /** Whether others get nothing: off, or muted. */
  readonly muted: boolean;
  readonly mediaStreamTrack: MediaStreamTrack | null;
  /** The device, as far as known. */
  readonly deviceId: string;
}

/** A line on which something can be received. */
export interface Slot {
  /** The slot's name: the mid of its m-line. */
  readonly mid: string;
  readonly kind: "audio" | "video";
  readonly track: RemoteTrack | null;
  readonly mediaStreamTrack: MediaStreamTrack;
}

export interface ScreenOptions {
  /** The sound of the tab or system, where the browser offers it; default true. */
  audio?: boolean;
  video?: MediaTrackConstraints;
  /** What matters: `detail` (default) and `text` keep it sharp, `motion` keeps it smooth. */
  contentHint?: "detail" | "text" | "motion";
  /** A stream that the caller got from `getDisplayMedia`; then nobody is asked. */
  stream?: MediaStream;
}

/** `idle`: no slot carries the track, or it is muted; `waiting`: nothing of it has been shown yet; `live`. */
export type AttachmentState = "idle" | "waiting" | "live";

export interface AttachOptions {
  /** Higher is served first when bandwidth is short, 0-255; default 0 and 1 for screens. */
  priority?: number;
  /** Whether the element's size is the demand; default {@link JoinOptions.adaptive}. */
  adaptive?: boolean;
  /** Called with each change of state, and once soon after attaching. */
  onState?: (state: AttachmentState) => void;
}

/** A track in an element. */
export interface Attachment {
  readonly element: HTMLMediaElement;
  readonly trackId: string;
  readonly state: AttachmentState;
  detach(): void;
}

/** At most so many pixels; 0 x 0 is nothing at all. */
export interface Demand {
  maxWidth: number;
  maxHeight: number;
  priority?: number;
}

// ---------------------------------------------------------------------------------------------- Data

export interface TopicOptions {
  /** Unordered and without repair: what is late is lost. Default: ordered and complete. */
  lossy?: boolean;
}

export interface SendOptions {
  /** Identities; everybody else in the room if absent. */
  to?: string | readonly string[];
}

export interface TopicEvents {
  /** `payload` is JSON, or bytes where `binary`. */
  message: { from: string; payload: any; binary: boolean };
  open: {};
  close: {};
}

/** A data channel by name, which outlives reconnects: what is sent meanwhile waits, up to a bound. */
export class Topic extends Emitter<TopicEvents> {
  private constructor();
  readonly name: string;
  readonly lossy: boolean;
  readonly isOpen: boolean;
  /**
   * Sends JSON, or bytes given as `ArrayBuffer` or a view of one. Resolves when the next message may follow: awaiting it
   * is backpressure. Lossy topics never wait and drop instead.
   *
   * @throws PlenumError `too-large` above 60 KiB, `closed`, `forbidden` without the permission for data
   */
  send(payload: Json | ArrayBuffer | ArrayBufferView, options?: SendOptions): Promise<void>;
  close(): void;
}

/** One line of talk. */
export interface ChatMessage {
  readonly from: string;
  /** Of the sender at that time; empty if unknown. */
  readonly name: string;
  readonly payload: any;
  readonly at: Date;
  readonly isLocal: boolean;
  /** Whether it went to some only. */
  readonly isPrivate: boolean;
}

export interface ChatEvents {
  message: { message: ChatMessage };
  /** The history as it is after joining again: draw it anew. */
  history: { history: readonly ChatMessage[] };
}

export class Chat extends Emitter<ChatEvents> {
  private constructor();
  /** What was said so far, one's own included, oldest first; at most 500. */
  readonly history: readonly ChatMessage[];
  /** Resolves with the message as it stands in the history. */
  send(payload: Json, options?: SendOptions): Promise<ChatMessage>;
}

// ---------------------------------------------------------------------------------------------- Direct calls

export type DirectState = "ringing" | "connecting" | "connected" | "ended";

export interface DirectEvents {
  state: { state: DirectState; reason: string };
  /** A message of the other on the direct data channel: text or bytes. */
  message: { data: string | ArrayBuffer };
}

/**
 * A call browser to browser; the server only carries its signalling. It sends what one's local tracks send, and attached
 * elements take from it by themselves. Screen shares go along.
 */
export class DirectCall extends Emitter<DirectEvents> {
  private constructor();
  readonly participant: Participant;
  readonly isIncoming: boolean;
  readonly state: DirectState;
  /** Why it ended: `ended`, `declined`, `timeout`, `failed`, `left`, `third`, `busy`. */
  readonly reason: string;
  /** Answers an incoming call; resolves when media flow. */
  accept(): Promise<void>;
  decline(): void;
  /** Ends it; media go through the server again. */
  end(): void;
  /** Over the direct data channel. Resolves when the next message may follow. */
  send(data: string | ArrayBuffer | ArrayBufferView): Promise<void>;
}

// ---------------------------------------------------------------------------------------------- Statistics

export interface RoomStats {
  readonly connection: ConnectionStats;
  /** By track id; of one's own `source` if the server has given no id. */
  readonly tracks: ReadonlyMap<string, TrackStats>;
}

export interface ConnectionStats {
  readonly quality: Quality;
  readonly rttMs: number | null;
  readonly lossPercent: number | null;
  readonly sendKbps: number;
  readonly receiveKbps: number;
  /** What the browser believes it can send. */
  readonly availableKbps: number | null;
  /** For instance `udp`, `tcp`, `relay udp`; empty if unknown. */
  readonly transport: string;
  readonly isDirect: boolean;
}

export interface TrackStats {
  readonly direction: "send" | "receive";
  readonly participant: string;
  readonly source: Source;
  readonly kbps: number;
  readonly lossPercent: number | null;
  readonly codec: string;
  /** The largest layer sent, or the picture received; 0 for audio. */
  readonly width: number;
  readonly height: number;
  readonly fps: number;
  /** Decoded or encoded so far. */
  readonly frames: number;
  readonly freezes: number;
  readonly jitterMs: number | null;
  /** For sent simulcast: which layers are on. */
  readonly layers: readonly { rid: string; active: boolean; width: number; height: number; kbps: number }[];
}

// ---------------------------------------------------------------------------------------------- WHIP and WHEP

export type ConnectionState = "idle" | "connecting" | "live" | "reconnecting" | "waiting" | "failed";

/** A refusal by a WHIP or WHEP server. */
export class SignallingError extends Error {
  readonly status: number;
  readonly problem: Record<string, unknown>;
  readonly retryMs: number;
  readonly isTransient: boolean;
}

/** The server answers, but no media get through. */
export class UnreachableError extends Error {}

export interface ConnectionOptions {
  /** Sent as bearer. */
  token?: string;
  iceServers?: RTCIceServer[];
  signal?: AbortSignal;
}

/** A WHIP or WHEP session that keeps itself alive. Fires `state`: `CustomEvent<{state, error, retryMs}>`. */
export class Connection extends EventTarget {
  readonly state: ConnectionState;
  /** The current one, for statistics; another one after a new session. */
  readonly pc: RTCPeerConnection | null;
  start(): void;
  stop(): void;
  /** Starts a new session at once. */
  renew(): void;
  /** Asks the server whether it still knows the session, and starts a new one if not. */
  check(): Promise<void>;
}

/** Sends a stream over WHIP (RFC 9725). */
export class WhipPublisher extends Connection {
  constructor(
    endpoint: string | URL,
    options: ConnectionOptions & { stream: MediaStream; codec?: string; simulcast?: boolean },
  );
  /** Sends other tracks from now on. */
  replaceStream(stream: MediaStream): Promise<void>;
}

/** Plays a stream over WHEP. Fires `stream`: `CustomEvent<{stream: MediaStream}>`, new with every session. */
export class WhepPlayer extends Connection {
  constructor(endpoint: string | URL, options?: ConnectionOptions);
}

/** Which of `VP8`, `VP9`, `H264`, `AV1` this browser can send. */
export function sendableCodecs(): string[];
/** Which of `VP8`, `VP9`, `H264`, `AV1` this browser can play. */
export function playableCodecs(): string[];
/** Whether this browser has what rooms need; if not, what is missing. */
export function checkSupport(): { ok: boolean; missing: string[] };
