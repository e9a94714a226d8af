//! ffmpeg n9 publishing with `-f whip`.

use std::time::{Duration, Instant};

use plenum_tests::Plenum;
use plenum_tests::browser::Browser;
use plenum_tests::clients::{Client, turn};
use plenum_tests::wait_until;

use super::{SOON, ffmpeg_publishes};

#[test]
fn chromium_decodes_h264_and_opus_of_ffmpeg() {
    let Some(_turn) = turn(&[Client::Chromium, Client::Ffmpeg]) else { return };
    let server = Plenum::dev();
    let _ffmpeg = ffmpeg_publishes(&server, "stage");
    let mut browser = Browser::launch(Client::Chromium);
    browser.open("viewer", &format!("{}/watch/stage", server.url()));
    browser.wait_for_media("viewer", 60, SOON);
    let stats = browser.wait_for_media("viewer", 60, SOON);
    assert_eq!((stats.video_codec(), stats.audio_codec()), ("video/H264", "audio/opus"));
    assert!(stats.0["audio"]["energy"].as_f64().is_some_and(|energy| energy > 0.0), "the tone: {stats:?}");
    browser.screenshot("viewer", "watch-ffmpeg");
}

#[test]
fn ffmpeg_killed_frees_its_slot_and_viewers_recover_with_the_next_publisher() {
    let Some(_turn) = turn(&[Client::Chromium, Client::Ffmpeg]) else { return };
    let server = Plenum::dev();
    let mut ffmpeg = ffmpeg_publishes(&server, "stage");
    let mut browser = Browser::launch(Client::Chromium);
    browser.open("viewer", &format!("{}/watch/stage", server.url()));
    browser.wait_for_media("viewer", 30, SOON);
    assert!(!browser.all_text("viewer").contains("has stopped"));

    ffmpeg.kill();
    let killed = Instant::now();
    wait_until("the viewer is told", Duration::from_secs(10), || {
        browser.all_text("viewer").contains("The stream has stopped")
    });
    browser.screenshot("viewer", "watch-publisher-gone");
    let whip_sessions = || server.scrape().sum_where("plenum_sessions", &[("kind", "whip")]);
    wait_until("the slot is free", Duration::from_secs(35), || whip_sessions() == 0.0);
    println!("slot free after {:?}", killed.elapsed());

    let _ffmpeg = ffmpeg_publishes(&server, "stage");
    browser.wait_for_media("viewer", 60, SOON);
}

#[test]
fn ffmpeg_takes_over_from_a_killed_ffmpeg_at_once() {
    let Some(_turn) = turn(&[Client::Chromium, Client::Ffmpeg]) else { return };
    let server = Plenum::dev();
    let mut first = ffmpeg_publishes(&server, "stage");
    let mut browser = Browser::launch(Client::Chromium);
    browser.open("viewer", &format!("{}/watch/stage", server.url()));
    browser.wait_for_media("viewer", 30, SOON);
    first.kill();
    let _second = ffmpeg_publishes(&server, "stage");
    browser.wait_for_media("viewer", 60, SOON);
    assert_eq!(server.scrape().sum_where("plenum_sessions", &[("kind", "whip")]), 1.0);
}

#[test]
fn ffmpeg_ends_its_session_when_it_ends() {
    let Some(_turn) = turn(&[Client::Ffmpeg]) else { return };
    let server = Plenum::dev();
    let ffmpeg = ffmpeg_publishes(&server, "stage");
    // It is asked to end, and sends DELETE.
    drop(ffmpeg);
    server.wait_until_empty(Duration::from_secs(5));
}
