//! Opening the player: how fast, and what it says while there is nothing to play.

use std::time::Duration;

use plenum_tests::Plenum;
use plenum_tests::browser::Browser;
use plenum_tests::clients::{Client, turn};
use serde_json::Value;

use super::{SOON, publish, watch_url};

const JOINS: usize = 20;
const FIRST_FRAME: Duration = Duration::from_millis(500);

#[test]
fn the_first_frame_comes_within_half_a_second_of_opening_the_player() {
    let Some(_turn) = turn(&[Client::Chromium]) else { return };
    let server = Plenum::dev();
    let mut browser = Browser::launch(Client::Chromium);
    publish(&mut browser, &server, "stage", "vp8");
    let mut joins: Vec<(Duration, Value)> = (0..JOINS)
        .map(|number| {
            let viewer = format!("viewer-{number}");
            browser.open(&viewer, &watch_url(&server, "stage"));
            let stats = browser
                .wait_for_stats(&viewer, "a frame is shown", SOON, |stats| stats.first_frame().is_some());
            browser.close(&viewer);
            (stats.first_frame().expect("waited for"), stats.0["times"].clone())
        })
        .collect();
    joins.sort_unstable_by_key(|(first_frame, _)| *first_frame);
    for (first_frame, steps) in &joins {
        println!("{first_frame:?} {steps}");
    }
    let (median, p95) = (joins[JOINS / 2].0, joins[JOINS * 95 / 100 - 1].0);
    println!("first frame over {JOINS} joins: median {median:?}, p95 {p95:?}");
    assert!(p95 < FIRST_FRAME, "p95 {p95:?}");
}

#[test]
fn the_player_says_that_nobody_is_live_and_starts_by_itself_when_somebody_is() {
    let Some(_turn) = turn(&[Client::Chromium]) else { return };
    let server = Plenum::dev();
    let mut browser = Browser::launch(Client::Chromium);
    browser.open("viewer", &watch_url(&server, "stage"));
    plenum_tests::wait_until("the player says that nobody is live", SOON, || {
        browser.all_text("viewer").to_lowercase().contains("nobody is live yet")
    });
    browser.screenshot("viewer", "watch-nobody-live");
    publish(&mut browser, &server, "stage", "vp8");
    browser.wait_for_media("viewer", 30, SOON);
    let text = browser.all_text("viewer").to_lowercase();
    assert!(!text.contains("nobody is live"), "{text}");
}

#[test]
fn the_publish_page_starts_and_stops_by_its_buttons() {
    let Some(_turn) = turn(&[Client::Chromium]) else { return };
    let server = Plenum::dev();
    let mut browser = Browser::launch(Client::Chromium);
    browser.open("publisher", &format!("{}/publish/stage", server.url()));
    browser.wait_for_text("publisher", "state", "idle", SOON);
    browser.click("publisher", "start");
    browser.wait_for_text("publisher", "state", "live", SOON);
    assert_eq!(server.scrape().sum_where("plenum_sessions", &[("kind", "whip")]), 1.0);
    browser.click("publisher", "stop");
    browser.wait_for_text("publisher", "state", "idle", SOON);
    server.wait_until_empty(Duration::from_secs(5));
}

#[test]
fn the_lobby_lists_what_is_live() {
    let Some(_turn) = turn(&[Client::Chromium]) else { return };
    let server = Plenum::dev();
    let mut browser = Browser::launch(Client::Chromium);
    publish(&mut browser, &server, "main-stage", "vp8");
    browser.open("lobby", &server.url());
    plenum_tests::wait_until("the room is listed", SOON, || browser.all_text("lobby").contains("main-stage"));
    browser.screenshot("lobby", "lobby");
}
