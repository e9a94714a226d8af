// Drives a headless browser: `node browser.mjs chromium|firefox EXECUTABLE`, then orders (see orders.mjs).
//
// Each page has a window of its own, since hidden tabs are throttled. The pages under test know nothing of
// this: what is measured hangs on RTCPeerConnection and <video>, patched before their scripts run.

import { join } from 'node:path';
import puppeteer from 'puppeteer-core';

import { obey, say } from './orders.mjs';

const [kind, executablePath] = process.argv.slice(2);

const launchers = {
  chromium: {
    browser: 'chrome',
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--disable-dev-shm-usage',
      '--disable-background-timer-throttling',
      '--disable-backgrounding-occluded-windows',
      '--disable-renderer-backgrounding',
      '--autoplay-policy=no-user-gesture-required',
      '--use-fake-ui-for-media-stream',
      '--use-fake-device-for-media-stream=fps=30,device-count=2',
      '--window-size=1280,800',
    ],
  },
  firefox: {
    browser: 'firefox',
    extraPrefsFirefox: {
      'media.navigator.streams.fake': true,
      'media.navigator.permission.disabled': true,
      // Without this it never reaches 127.0.0.1.
      'media.peerconnection.ice.loopback': true,
      'media.peerconnection.ice.obfuscate_host_addresses': false,
      'media.autoplay.default': 0,
    },
  },
};

const browser = await puppeteer.launch({
  ...launchers[kind],
  executablePath,
  headless: true,
  defaultViewport: { width: 1280, height: 720 },
});
const pages = new Map();

/** Runs in every page before its own scripts. */
function watchMedia() {
  const watch = { connections: [], times: [], firstFrameMs: null, log: [], descriptions: 0 };
  Object.defineProperty(window, '__watch', { value: watch });
  const Original = window.RTCPeerConnection;
  window.RTCPeerConnection = class RTCPeerConnection extends Original {
    constructor(...parameters) {
      super(...parameters);
      watch.connections.push(this);
      watch.times.push(['made', Math.round(performance.now())]);
      this.addEventListener('connectionstatechange', () =>
        watch.times.push([this.connectionState, Math.round(performance.now())]),
      );
      this.addEventListener('track', ({ track }) =>
        track.addEventListener('unmute', () => watch.times.push([track.kind, Math.round(performance.now())])),
      );
    }
    setLocalDescription(...parameters) {
      watch.descriptions += 1;
      return super.setLocalDescription(...parameters);
    }
    setRemoteDescription(...parameters) {
      watch.descriptions += 1;
      return super.setRemoteDescription(...parameters);
    }
  };
  const noteFirstFrame = (video) => {
    if (video.dataset.watched || !video.requestVideoFrameCallback) return;
    video.dataset.watched = '1';
    video.requestVideoFrameCallback(() => {
      watch.firstFrameMs ??= performance.now();
    });
  };
  // Firefox does not count the frames of streams in its playback quality.
  const countFrames = (video) => {
    if (video.__frames !== undefined || !video.requestVideoFrameCallback) return;
    video.__frames = 0;
    const count = () => {
      video.__frames += 1;
      video.requestVideoFrameCallback(count);
    };
    video.requestVideoFrameCallback(count);
  };
  const look = () =>
    document.querySelectorAll('video').forEach((video) => {
      noteFirstFrame(video);
      countFrames(video);
    });
  new MutationObserver(look).observe(document, { childList: true, subtree: true });
  window.addEventListener('error', (event) => watch.log.push(String(event.message)));
  window.addEventListener('unhandledrejection', (event) => watch.log.push(String(event.reason)));
}

/** Runs in a page: what its open connections send and receive, summed over all of them. */
async function readStats() {
  const { connections, times, firstFrameMs, log } = window.__watch;
  const sum = { video: null, audio: null, sent: null, states: [], times, firstFrameMs, log };
  for (const connection of connections) {
    sum.states.push(connection.connectionState);
    if (connection.connectionState === 'closed') continue;
    const report = new Map();
    (await connection.getStats()).forEach((stats) => report.set(stats.id, stats));
    for (const stats of report.values()) {
      const codec = report.get(stats.codecId)?.mimeType ?? null;
      if (stats.type === 'inbound-rtp' && stats.kind === 'video') {
        sum.video = {
          codec,
          frames: stats.framesDecoded ?? 0,
          keyframes: stats.keyFramesDecoded ?? 0,
          packets: stats.packetsReceived ?? 0,
          lost: stats.packetsLost ?? 0,
          freezes: stats.freezeCount ?? 0,
          width: stats.frameWidth ?? 0,
        };
      } else if (stats.type === 'inbound-rtp' && stats.kind === 'audio') {
        sum.audio = {
          codec,
          packets: stats.packetsReceived ?? 0,
          samples: stats.totalSamplesReceived ?? 0,
          energy: stats.totalAudioEnergy ?? 0,
        };
      } else if (stats.type === 'outbound-rtp' && stats.kind === 'video') {
        sum.sent = { codec, frames: stats.framesEncoded ?? 0, packets: stats.packetsSent ?? 0 };
      }
    }
  }
  return sum;
}

/** Runs in a page of a call: its tiles, each with what its element has shown so far. */
function readTiles() {
  return [...document.querySelectorAll('[data-testid="tile"]')].map((tile) => {
    const video = tile.querySelector('video');
    const box = tile.getBoundingClientRect();
    return {
      participant: tile.dataset.participant,
      source: tile.dataset.source,
      state: video?.dataset.plenum ?? null,
      width: video?.videoWidth ?? 0,
      frames: video?.__frames ?? 0,
      time: video?.currentTime ?? 0,
      isVisible: box.width > 0 && box.height > 0,
    };
  });
}

function pageOf(order) {
  const page = pages.get(order.page);
  if (!page) throw new Error(`no page ${order.page}`);
  return page;
}

const orders = {
  async open({ page: name, url, viewport, before }) {
    const context = await browser.createBrowserContext();
    const page = await context.newPage();
    if (viewport) await page.setViewport(viewport);
    page.on('console', (message) => process.stderr.write(`${name}: ${message.text()}\n`));
    page.on('pageerror', (error) => process.stderr.write(`${name}: ${error}\n`));
    await page.evaluateOnNewDocument(watchMedia);
    if (before) await page.evaluateOnNewDocument(before);
    pages.set(name, page);
    await page.goto(url, { waitUntil: 'domcontentloaded' });
  },
  /** The end of a tab without a word: no unload handlers. */
  async close({ page: name }) {
    const page = pageOf({ page: name });
    pages.delete(name);
    await page.browserContext().close();
  },
  async stats(order) {
    return pageOf(order).evaluate(readStats);
  },
  async click(order) {
    await pageOf(order).evaluate((selector) => document.querySelector(selector).click(), order.selector);
  },
  /** A click that counts as the user's own, as sharing a screen needs it. */
  async tap(order) {
    const page = pageOf(order);
    await page.bringToFront();
    await page.click(order.selector);
  },
  /** Writes into a field, and presses Enter if asked to. */
  async type(order) {
    const page = pageOf(order);
    await page.focus(order.selector);
    await page.evaluate((selector) => document.querySelector(selector).select?.(), order.selector);
    await page.keyboard.type(order.text);
    if (order.enter) await page.keyboard.press('Enter');
  },
  /** A key for the page, not for a field. */
  async press(order) {
    await pageOf(order).keyboard.press(order.key);
  },
  async tiles(order) {
    return { tiles: await pageOf(order).evaluate(readTiles) };
  },
  /** How many session descriptions the page has set so far. */
  async descriptions(order) {
    return { count: await pageOf(order).evaluate(() => window.__watch.descriptions) };
  },
  /** The visible text of an element, or of the page. */
  async text(order) {
    const text = await pageOf(order).evaluate(
      (selector) => document.querySelector(selector)?.innerText ?? null,
      order.selector ?? 'body',
    );
    return { text };
  },
  /** Runs an async function's body in the page; `input` is its argument. */
  async run(order) {
    const call = `(async (input) => {${order.body}})(${JSON.stringify(order.input ?? null)})`;
    return { value: await pageOf(order).evaluate(call) };
  },
  async screenshot(order) {
    const path = join(process.env.PLENUM_SCREENSHOTS, `${order.name}.png`);
    await pageOf(order).screenshot({ path });
  },
};

say({ ready: true });
await obey(orders, () => browser.close());
