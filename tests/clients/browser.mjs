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
  const watch = { connections: [], times: [], firstFrameMs: null, log: [] };
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
  };
  const noteFirstFrame = (video) => {
    if (video.dataset.watched || !video.requestVideoFrameCallback) return;
    video.dataset.watched = '1';
    video.requestVideoFrameCallback(() => {
      watch.firstFrameMs ??= performance.now();
    });
  };
  const look = () => document.querySelectorAll('video').forEach(noteFirstFrame);
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

function pageOf(order) {
  const page = pages.get(order.page);
  if (!page) throw new Error(`no page ${order.page}`);
  return page;
}

const orders = {
  async open({ page: name, url }) {
    const context = await browser.createBrowserContext();
    const page = await context.newPage();
    page.on('console', (message) => process.stderr.write(`${name}: ${message.text()}\n`));
    page.on('pageerror', (error) => process.stderr.write(`${name}: ${error}\n`));
    await page.evaluateOnNewDocument(watchMedia);
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
