//! Pages in a real browser, through `tests/clients/browser.mjs`.

use std::time::Duration;

use serde_json::{Value, json};

use crate::clients::{Client, Script};
use crate::wait_for;

const LAUNCH_DEADLINE: Duration = Duration::from_secs(40);
const ORDER_DEADLINE: Duration = Duration::from_secs(20);

/// A headless browser with any number of pages, by names of the test's choice.
#[derive(Debug)]
pub struct Browser {
    script: Script,
}

impl Browser {
    /// Starts Chromium or Firefox with a fresh profile, a fake camera and a fake microphone.
    #[track_caller]
    pub fn launch(client: Client) -> Self {
        let arguments = match client {
            Client::Chromium => ["chromium", "/usr/bin/chromium"],
            Client::Firefox => ["firefox", "/usr/bin/firefox-esr"],
            other => panic!("{other:?} is no browser"),
        };
        let mut script = Script::node("browser.mjs", &arguments);
        script.next(LAUNCH_DEADLINE);
        Self { script }
    }

    #[track_caller]
    fn order(&mut self, order: Value) -> Value {
        self.script.ask(&order, ORDER_DEADLINE)
    }

    /// Opens `url` in a window of its own.
    #[track_caller]
    pub fn open(&mut self, page: &str, url: &str) {
        self.order(json!({"do": "open", "page": page, "url": url}));
    }

    /// Opens `url` in a window of another size, in CSS pixels.
    #[track_caller]
    pub fn open_sized(&mut self, page: &str, url: &str, (width, height): (u32, u32)) {
        let viewport = json!({"width": width, "height": height});
        self.order(json!({"do": "open", "page": page, "url": url, "viewport": viewport}));
    }

    /// Opens `url` in a window of its own, where `script` runs before the page's own scripts.
    #[track_caller]
    pub fn open_after(&mut self, page: &str, url: &str, script: &str) {
        self.order(json!({"do": "open", "page": page, "url": url, "before": script}));
    }

    /// Closes a window as a crash would: nothing in the page runs any more.
    #[track_caller]
    pub fn close(&mut self, page: &str) {
        self.order(json!({"do": "close", "page": page}));
    }

    /// What the page's connections send and receive.
    #[track_caller]
    pub fn stats(&mut self, page: &str) -> PageStats {
        PageStats(self.order(json!({"do": "stats", "page": page})))
    }

    /// Clicks the element with this `data-testid`.
    #[track_caller]
    pub fn click(&mut self, page: &str, test_id: &str) {
        let selector = format!("[data-testid=\"{test_id}\"]");
        self.order(json!({"do": "click", "page": page, "selector": selector}));
    }

    /// Clicks like a user: the page may do what needs one.
    #[track_caller]
    pub fn tap(&mut self, page: &str, test_id: &str) {
        let selector = format!("[data-testid=\"{test_id}\"]");
        self.order(json!({"do": "tap", "page": page, "selector": selector}));
    }

    /// Writes into the field with this `data-testid` instead of what is there, and presses Enter if `enter`.
    #[track_caller]
    pub fn type_into(&mut self, page: &str, test_id: &str, text: &str, enter: bool) {
        let selector = format!("[data-testid=\"{test_id}\"]");
        self.order(json!({"do": "type", "page": page, "selector": selector, "text": text, "enter": enter}));
    }

    /// Presses a key, wherever the focus is.
    #[track_caller]
    pub fn press(&mut self, page: &str, key: &str) {
        self.order(json!({"do": "press", "page": page, "key": key}));
    }

    /// The tiles of a call.
    #[track_caller]
    pub fn tiles(&mut self, page: &str) -> Vec<Tile> {
        let tiles = self.order(json!({"do": "tiles", "page": page}))["tiles"].take();
        let Value::Array(tiles) = tiles else { panic!("no tiles: {tiles}") };
        tiles.into_iter().map(Tile).collect()
    }

    /// How many session descriptions, local and remote, the page has set so far.
    #[track_caller]
    pub fn descriptions(&mut self, page: &str) -> u64 {
        self.order(json!({"do": "descriptions", "page": page}))["count"].as_u64().expect("a number")
    }

    /// The visible text of the element with this `data-testid`.
    #[track_caller]
    pub fn text(&mut self, page: &str, test_id: &str) -> String {
        let selector = format!("[data-testid=\"{test_id}\"]");
        let answer = self.order(json!({"do": "text", "page": page, "selector": selector}));
        answer["text"].as_str().unwrap_or_else(|| panic!("no {test_id} on {page}")).to_owned()
    }

    /// All visible text of the page.
    #[track_caller]
    pub fn all_text(&mut self, page: &str) -> String {
        let answer = self.order(json!({"do": "text", "page": page}));
        answer["text"].as_str().unwrap_or_default().to_owned()
    }

    /// Runs the body of an async function in the page and gives its result; `input` is its argument.
    #[track_caller]
    pub fn run(&mut self, page: &str, body: &str, input: Value) -> Value {
        self.order(json!({"do": "run", "page": page, "body": body, "input": input}))["value"].take()
    }

    /// Puts a picture of the page into `target/screenshots`.
    #[track_caller]
    pub fn screenshot(&mut self, page: &str, name: &str) {
        self.order(json!({"do": "screenshot", "page": page, "name": name}));
    }

    /// Waits until `condition` holds for the page's statistics. Panics with the last ones after `deadline`.
    #[track_caller]
    pub fn wait_for_stats(
        &mut self,
        page: &str,
        what: &str,
        deadline: Duration,
        condition: impl Fn(&PageStats) -> bool,
    ) -> PageStats {
        let started = std::time::Instant::now();
        loop {
            let stats = self.stats(page);
            if condition(&stats) {
                return stats;
            }
            assert!(started.elapsed() < deadline, "{page}: not within {deadline:?}: {what}; {}", stats.0);
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// Waits until `count` more video frames were decoded than now, and audio came in too.
    #[track_caller]
    pub fn wait_for_media(&mut self, page: &str, count: u64, deadline: Duration) -> PageStats {
        let before = self.stats(page);
        let (frames, samples) = (before.frames_decoded(), before.audio_samples());
        let what = format!("{count} more frames after {frames}, and audio");
        self.wait_for_stats(page, &what, deadline, |stats| {
            stats.frames_decoded() >= frames + count && stats.audio_samples() > samples
        })
    }

    /// Waits until the element with this `data-testid` says `text`.
    #[track_caller]
    pub fn wait_for_text(&mut self, page: &str, test_id: &str, text: &str, deadline: Duration) {
        wait_for(&format!("{test_id} on {page} says {text}"), deadline, || {
            self.text(page, test_id).contains(text).then_some(())
        });
    }
}

/// A tile of a call, as `browser.mjs` reads it.
#[derive(Debug, Clone)]
pub struct Tile(pub Value);

impl Tile {
    /// Whose it is.
    pub fn participant(&self) -> &str {
        self.0["participant"].as_str().unwrap_or_default()
    }

    /// `camera` or `screen`.
    pub fn source(&self) -> &str {
        self.0["source"].as_str().unwrap_or_default()
    }

    /// Frames shown by its element so far.
    pub fn frames(&self) -> u64 {
        self.0["frames"].as_f64().unwrap_or_default() as u64
    }

    /// Whether the SDK says that its track is being shown.
    pub fn is_live(&self) -> bool {
        self.0["state"] == "live"
    }
}

/// Statistics of a page, as `browser.mjs` sums them.
#[derive(Debug, Clone)]
pub struct PageStats(pub Value);

impl PageStats {
    fn number(&self, kind: &str, name: &str) -> u64 {
        self.0[kind][name].as_f64().unwrap_or_default() as u64
    }

    /// Video frames decoded.
    pub fn frames_decoded(&self) -> u64 {
        self.number("video", "frames")
    }

    /// Audio samples received, concealed ones included.
    pub fn audio_samples(&self) -> u64 {
        self.number("audio", "samples").max(self.number("audio", "packets"))
    }

    /// The MIME type of the video received.
    pub fn video_codec(&self) -> &str {
        self.0["video"]["codec"].as_str().unwrap_or_default()
    }

    /// The MIME type of the audio received.
    pub fn audio_codec(&self) -> &str {
        self.0["audio"]["codec"].as_str().unwrap_or_default()
    }

    /// Video packets that are missing for good.
    pub fn packets_lost(&self) -> u64 {
        self.number("video", "lost")
    }

    /// The MIME type of the video sent.
    pub fn sent_codec(&self) -> &str {
        self.0["sent"]["codec"].as_str().unwrap_or_default()
    }

    /// Video frames encoded.
    pub fn frames_sent(&self) -> u64 {
        self.number("sent", "frames")
    }

    /// From navigation to the first frame on the screen.
    pub fn first_frame(&self) -> Option<Duration> {
        self.0["firstFrameMs"].as_f64().map(|ms| Duration::from_secs_f64(ms / 1_000.0))
    }

    /// How many connections the page made.
    pub fn connections(&self) -> usize {
        self.0["states"].as_array().map_or(0, Vec::len)
    }
}
