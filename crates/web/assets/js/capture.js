/**
 * Camera, microphone and screen: asking for them, and showing how loud it is. No connection in here.
 *
 * @module
 */

/**
 * @typedef {object} Wish
 * @property {"camera" | "screen"} source
 * @property {string} cameraId a device, `""` for any, `"none"` for no picture from a camera
 * @property {string} microphoneId likewise
 * @property {number} height of the picture in pixels; width follows as 16:9
 */

const NONE = "none";

/**
 * Opens what is wished for. A remembered device that is gone is replaced by any other of its kind;
 * a kind of which this machine has none is left out, as long as the other is there.
 *
 * @param {Wish} wish
 * @returns {Promise<MediaStream>}
 * @throws {DOMException} as `getUserMedia` and `getDisplayMedia` do
 */
export async function openStream(wish) {
  return wish.source === "screen" ? openScreen(wish) : openCamera(wish);
}

async function openCamera({ cameraId, microphoneId, height }) {
  const kinds = await kindsOfDevices();
  const video = cameraId !== NONE &&
    kinds.has("videoinput") && { ...device(cameraId), ...size(height), frameRate: { ideal: 30 } };
  const audio = microphoneId !== NONE && kinds.has("audioinput") && device(microphoneId);
  if (!video && !audio) throw new DOMException("nothing to open", "NotFoundError");
  try {
    return await navigator.mediaDevices.getUserMedia({ video, audio });
  } catch (error) {
    if (error.name !== "OverconstrainedError" || !(cameraId || microphoneId)) throw error;
    return navigator.mediaDevices.getUserMedia({ video: video && size(height), audio: Boolean(audio) });
  }
}

/** The screen, with the microphone if there is one, else with the screen's own sound. */
async function openScreen({ microphoneId, height }) {
  const stream = await navigator.mediaDevices.getDisplayMedia({
    video: { ...size(height), frameRate: { ideal: 30 } },
    audio: true,
  });
  for (const track of stream.getVideoTracks()) track.contentHint = "detail";
  if (microphoneId === NONE) {
    stopTracks(stream, "audio");
    return stream;
  }
  try {
    const voice = await navigator.mediaDevices.getUserMedia({ audio: device(microphoneId) });
    stopTracks(stream, "audio");
    for (const track of voice.getAudioTracks()) stream.addTrack(track);
  } catch {
    // A screen without a voice is still worth showing.
  }
  return stream;
}

const device = (id) => (id ? { deviceId: { exact: id } } : {});
const size = (height) => ({ width: { ideal: Math.round((height * 16) / 9) }, height: { ideal: height } });

async function kindsOfDevices() {
  const devices = await navigator.mediaDevices.enumerateDevices();
  return new Set(devices.map(({ kind }) => kind));
}

/**
 * Ends the tracks of a stream, or those of one kind, and takes them out.
 *
 * @param {MediaStream | null} stream
 * @param {"audio" | "video"} [kind]
 */
export function stopTracks(stream, kind) {
  for (const track of stream?.getTracks() ?? []) {
    if (kind && track.kind !== kind) continue;
    track.stop();
    stream.removeTrack(track);
  }
}

/**
 * Cameras, microphones or loudspeakers. Labels are empty until access was granted once.
 *
 * @param {"videoinput" | "audioinput" | "audiooutput"} kind
 * @returns {Promise<{id: string, label: string}[]>}
 */
export async function devicesOf(kind) {
  const devices = (await navigator.mediaDevices?.enumerateDevices?.()) ?? [];
  return devices
    .filter((found) => found.kind === kind && found.deviceId)
    .map(({ deviceId, label }) => ({ id: deviceId, label }));
}

/**
 * The share of a level meter, 0 to 1, for samples between -1 and 1: decibels from -60 to 0, because
 * that is how loud people hear it.
 *
 * @param {Float32Array} samples
 * @returns {number}
 */
export function loudness(samples) {
  const power = samples.reduce((sum, sample) => sum + sample * sample, 0) / Math.max(1, samples.length);
  return Math.min(1, Math.max(0, 1 + (10 * Math.log10(power + 1e-12)) / 60));
}

/** Measures the sound of one stream after the other. */
export class LevelMeter {
  #context = null;
  #source = null;
  #analyser = null;
  #samples = new Float32Array(1024);

  /**
   * Listens to this stream from now on.
   *
   * @param {MediaStream | null} stream
   */
  listen(stream) {
    this.#source?.disconnect();
    this.#source = null;
    if (!stream?.getAudioTracks().length) return;
    this.#context ??= new AudioContext();
    this.#analyser ??= new AnalyserNode(this.#context, { fftSize: this.#samples.length });
    this.#source = this.#context.createMediaStreamSource(new MediaStream(stream.getAudioTracks()));
    this.#source.connect(this.#analyser);
    this.wake();
  }

  /** Browsers may start measuring only with a click; harmless at any time. */
  wake() {
    if (this.#context?.state === "suspended") this.#context.resume().catch(() => {});
  }

  /** Whether it has something to measure, but the browser waits for a click before it measures. */
  get isAsleep() {
    return this.#source !== null && this.#context.state === "suspended";
  }

  /** @returns {number} 0 to 1 */
  read() {
    if (!this.#source) return 0;
    this.#analyser.getFloatTimeDomainData(this.#samples);
    return loudness(this.#samples);
  }
}
