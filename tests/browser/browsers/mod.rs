//! What the tests share: who is needed, and how a publisher comes to be live.

mod codecs;
mod joining;
mod recovery;
mod restart;
mod rooms;

use std::time::Duration;

use plenum_tests::Plenum;
use plenum_tests::browser::Browser;

/// For anything that takes a browser a moment, on a machine with little to spare.
const SOON: Duration = Duration::from_secs(20);

/// Opens `/publish/{room}` so that it starts by itself, and waits until it is live and sends frames.
#[track_caller]
fn publish(browser: &mut Browser, server: &Plenum, room: &str, codec: &str) {
    browser.open("publisher", &format!("{}/publish/{room}?codec={codec}&autostart=1", server.url()));
    browser.wait_for_text("publisher", "state", "live", SOON);
    browser.wait_for_stats("publisher", "frames are sent", SOON, |stats| stats.frames_sent() > 5);
}

/// The page of a viewer.
fn watch_url(server: &Plenum, room: &str) -> String {
    format!("{}/watch/{room}", server.url())
}
