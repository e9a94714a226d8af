// What a browser has and node has not, as far as the SDK's tests look: sockets, peer connections, elements.
// No tests in here.

/** Lets everything that is due happen. */
export async function settle(rounds = 20) {
  for (let n = 0; n < rounds; n += 1) await Promise.resolve();
  await new Promise((resolve) => setImmediate(resolve));
  for (let n = 0; n < rounds; n += 1) await Promise.resolve();
}

/** Waits until something is true; what never becomes true fails the test by name. */
export async function until(what, isTrue, ms = 3_000) {
  const deadline = Date.now() + ms;
  while (!isTrue()) {
    if (Date.now() > deadline) throw new Error(`it never happened: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

/** A WebSocket whose server is the test. */
export class FakeSocket extends EventTarget {
  static all = [];
  static refusesConnections = false;
  /** What is to happen to each new socket. */
  static onCreate = () => {};
  static get last() {
    return FakeSocket.all.at(-1);
  }
  readyState = 0;
  sent = [];

  constructor(url) {
    super();
    this.url = url;
    FakeSocket.all.push(this);
    FakeSocket.onCreate(this);
    queueMicrotask(() => (FakeSocket.refusesConnections ? this.drop() : this.#open()));
  }

  #open() {
    if (this.readyState !== 0) return;
    this.readyState = 1;
    this.dispatchEvent(new Event("open"));
  }

  send(text) {
    const message = JSON.parse(text);
    this.sent.push(message);
    this.onSent?.(message);
  }

  close() {
    this.readyState = 3;
  }

  // The server's side

  say(message) {
    this.dispatchEvent(Object.assign(new Event("message"), { data: JSON.stringify(message) }));
  }

  drop() {
    this.readyState = 3;
    this.dispatchEvent(new Event("close"));
  }

  /** The messages of a type, without it. */
  of(type) {
    return this.sent.filter((message) => message.type === type).map(({ type: _, ...rest }) => rest);
  }
}

export class FakeTrack extends EventTarget {
  static next = 1;
  enabled = true;
  readyState = "live";
  contentHint = "";
  id = `track-${FakeTrack.next++}`;
  constructor(kind, deviceId = "") {
    super();
    this.kind = kind;
    this.deviceId = deviceId;
  }
  getSettings() {
    return { deviceId: this.deviceId };
  }
  stop() {
    this.readyState = "ended";
  }
  /** Unplugged. */
  end() {
    this.readyState = "ended";
    this.dispatchEvent(new Event("ended"));
  }
}

export class FakeStream {
  constructor(tracks = []) {
    this.tracks = tracks;
  }
  getTracks = () => this.tracks;
  getAudioTracks = () => this.tracks.filter(({ kind }) => kind === "audio");
  getVideoTracks = () => this.tracks.filter(({ kind }) => kind === "video");
}

class FakeChannel extends EventTarget {
  readyState = "connecting";
  bufferedAmount = 0;
  sent = [];
  constructor(label, options) {
    super();
    Object.assign(this, { label, options });
  }
  send(data) {
    if (this.readyState !== "open") throw new Error("not open");
    this.sent.push(data);
  }
  open() {
    this.readyState = "open";
    this.dispatchEvent(new Event("open"));
  }
  receive(data) {
    this.dispatchEvent(Object.assign(new Event("message"), { data }));
  }
  drain() {
    this.bufferedAmount = 0;
    this.dispatchEvent(new Event("bufferedamountlow"));
  }
  close() {
    if (this.readyState === "closed") return;
    this.readyState = "closed";
    this.dispatchEvent(new Event("close"));
  }
}

let nextPeer = 1;

/** Negotiates in an instant; connects when told to, or with its answer while `connects`. */
export class FakePeer extends EventTarget {
  static all = [];
  static connects = true;
  static get last() {
    return FakePeer.all.at(-1);
  }
  connectionState = "new";
  signalingState = "stable";
  currentRemoteDescription = null;
  transceivers = [];
  channels = [];
  offers = 0;
  report = new Map();
  number = nextPeer++;

  constructor(configuration) {
    super();
    this.configuration = configuration;
    FakePeer.all.push(this);
  }

  addTransceiver(kind, { direction, sendEncodings = [{}] } = {}) {
    const transceiver = {
      mid: null,
      kind,
      direction,
      sender: {
        track: null,
        parameters: { encodings: sendEncodings.map((encoding) => ({ ...encoding })) },
        async replaceTrack(track) {
          this.track = track;
        },
        getParameters() {
          return structuredClone(this.parameters);
        },
        async setParameters(parameters) {
          this.parameters = parameters;
        },
      },
      receiver: { track: new FakeTrack(kind), getStats: async () => new Map() },
    };
    this.transceivers.push(transceiver);
    return transceiver;
  }

  getTransceivers = () => this.transceivers;
  /** The DTLS transport: the server ends a session by closing it. */
  dtls = Object.assign(new EventTarget(), { state: "connected" });
  getSenders = () => [{ transport: this.dtls }];
  getReceivers = () => [];
  createDataChannel(label, options) {
    const channel = new FakeChannel(label, options);
    this.channels.push(channel);
    return channel;
  }

  async createOffer({ iceRestart = false } = {}) {
    if (this.signalingState === "closed") throw new Error("closed");
    this.offers += 1;
    return { type: "offer", sdp: `offer ${this.number}.${this.offers}${iceRestart ? " restart" : ""}\r\n` };
  }

  async createAnswer() {
    return { type: "answer", sdp: `answer ${this.number}\r\n` };
  }

  async setLocalDescription(description) {
    if (description.type === "rollback") {
      this.signalingState = "stable";
      return;
    }
    this.localDescription = description;
    this.signalingState = description.type === "offer" ? "have-local-offer" : "stable";
    this.transceivers.forEach((transceiver, index) => (transceiver.mid ??= String(index)));
    if (description.type === "answer") this.#connectSoon();
  }

  async setRemoteDescription(description) {
    this.currentRemoteDescription = description;
    this.signalingState = description.type === "offer" ? "have-remote-offer" : "stable";
    // The other side's four lines of a direct call.
    if (description.type === "offer") {
      for (const kind of ["audio", "video", "video", "audio"])
        this.addTransceiver(kind, { direction: "recvonly" });
      return;
    }
    this.#connectSoon();
  }

  async addIceCandidate(candidate) {
    (this.remoteCandidates ??= []).push(candidate);
  }

  getStats = async () => this.report;

  #connectSoon() {
    if (FakePeer.connects) setTimeout(() => this.become("connected"));
  }

  become(state) {
    if (this.signalingState === "closed") return;
    this.connectionState = state;
    if (state === "connected") for (const channel of this.channels) channel.open();
    this.dispatchEvent(new Event("connectionstatechange"));
  }

  /** The server ends the session. */
  end() {
    this.dtls.state = "closed";
    this.dtls.dispatchEvent(new Event("statechange"));
  }

  gather(candidate) {
    const found = { candidate, sdpMid: "0", component: "rtp", toJSON: () => ({ candidate, sdpMid: "0" }) };
    this.dispatchEvent(Object.assign(new Event("icecandidate"), { candidate: found }));
  }

  close() {
    this.signalingState = this.connectionState = "closed";
    for (const channel of this.channels) channel.close();
  }
}

/** A <video> or <audio> of some size, in a page. */
export class FakeElement extends EventTarget {
  srcObject = null;
  style = { visibility: "" };
  attributes = new Map();
  clientWidth = 640;
  clientHeight = 360;
  frames = [];
  paused = true;
  ownerDocument = globalThis.document;
  setAttribute(name, value) {
    this.attributes.set(name, value);
  }
  removeAttribute(name) {
    this.attributes.delete(name);
  }
  async play() {
    this.paused = false;
  }
  pause() {
    this.paused = true;
  }
  requestVideoFrameCallback(act) {
    this.frames.push(act);
  }
  /** A frame is shown. */
  show() {
    for (const act of this.frames.splice(0)) act();
  }
  get state() {
    return this.attributes.get("data-plenum");
  }
  get track() {
    return this.srcObject?.getTracks()[0] ?? null;
  }
}

/** Elements are in view when the test says so. */
class FakeIntersection {
  static all = new Set();
  constructor(act) {
    this.act = act;
    FakeIntersection.all.add(this);
  }
  observe(target) {
    queueMicrotask(() => this.act([{ target, isIntersecting: true }]));
  }
  unobserve() {}
  disconnect() {
    FakeIntersection.all.delete(this);
  }
}

export function setInView(target, isIntersecting) {
  for (const observer of FakeIntersection.all) observer.act([{ target, isIntersecting }]);
}

/** Puts all of it where the SDK looks for it. */
export function furnish() {
  const page = Object.assign(new EventTarget(), {
    visibilityState: "visible",
    defaultView: { devicePixelRatio: 2 },
  });
  Object.assign(globalThis, {
    WebSocket: FakeSocket,
    RTCPeerConnection: FakePeer,
    MediaStream: FakeStream,
    Audio: FakeElement,
    HTMLMediaElement: FakeElement,
    IntersectionObserver: FakeIntersection,
    document: page,
  });
  FakeElement.prototype.ownerDocument = page;
  return page;
}

/** Shows or hides the page. */
export function setPage(visibilityState) {
  globalThis.document.visibilityState = visibilityState;
  globalThis.document.dispatchEvent(new Event("visibilitychange"));
}

export function forget() {
  FakeSocket.all.length = 0;
  FakeSocket.refusesConnections = false;
  FakeSocket.onCreate = () => {};
  FakePeer.all.length = 0;
  FakePeer.connects = true;
  globalThis.document.visibilityState = "visible";
}

export const permissions = {
  canPublish: true,
  canSubscribe: true,
  canPublishData: true,
  admin: false,
  hidden: false,
};

export const person = (identity, more = {}) => ({
  id: `PA_${identity}`,
  identity,
  name: identity.toUpperCase(),
  kind: "room",
  metadata: "",
  permissions,
  joined_at: "2026-11-20T12:00:00Z",
  ...more,
});

export const published = (id, participant, source = "camera", muted = false) => ({
  id,
  participant,
  source,
  muted,
  kind: source === "camera" || source === "screen" ? "video" : "audio",
});

export const welcome = (more = {}) => ({
  type: "welcome",
  protocol: 1,
  resumed: false,
  participant: person("ada"),
  room: { name: "demo", locked: false, lobby: false, metadata: "" },
  participants: [],
  tracks: [],
  ice_servers: [],
  resume: "secret",
  chat: [],
  slots: {},
  ...more,
});
