//! A publisher that behaves as OBS does, with the library that OBS uses, fed by ffmpeg.

use plenum_tests::Plenum;
use plenum_tests::browser::Browser;
use plenum_tests::clients::{Client, Script, turn};
use serde_json::json;

use super::{AUDIO, SOON, SOURCES, VIDEO};

const CLIENTS: [Client; 3] = [Client::Chromium, Client::NodeDatachannel, Client::Ffmpeg];

/// The OBS-like client, connected, and the ffmpeg that feeds it.
#[track_caller]
fn obs_publishes(server: &Plenum, room: &str) -> (Script, Script) {
    let url = format!("{}/whip/{room}", server.url());
    let mut obs = Script::node("obs.mjs", &[&url]);
    let ports = obs.next(SOON);
    let rtp = |kind: &str| format!("rtp://127.0.0.1:{}?pkt_size=1200", ports[kind]);
    let (video, audio) = (rtp("video"), rtp("audio"));
    let video_out = ["-pix_fmt", "yuv420p", "-an", "-map", "0:v", "-f", "rtp", &video];
    let audio_out = ["-vn", "-map", "1:a", "-f", "rtp", &audio];
    let arguments = [&SOURCES[..], &VIDEO, &video_out, &AUDIO, &audio_out].concat();
    (obs, Script::ffmpeg(&arguments))
}

#[test]
fn chromium_decodes_an_obs_like_publisher() {
    let Some(_turn) = turn(&CLIENTS) else { return };
    let server = Plenum::dev();
    let _publisher = obs_publishes(&server, "stage");
    let mut browser = Browser::launch(Client::Chromium);
    browser.open("viewer", &format!("{}/watch/stage", server.url()));
    browser.wait_for_media("viewer", 60, SOON);
    let stats = browser.wait_for_media("viewer", 60, SOON);
    assert_eq!((stats.video_codec(), stats.audio_codec()), ("video/H264", "audio/opus"));
    browser.screenshot("viewer", "watch-obs");
}

#[test]
fn an_obs_like_publisher_closes_first_and_its_delete_is_still_200() {
    let Some(_turn) = turn(&CLIENTS) else { return };
    let server = Plenum::dev();
    let (mut obs, _ffmpeg) = obs_publishes(&server, "stage");
    assert_eq!(obs.ask(&json!({"do": "bye"}), SOON)["status"], 200);
    server.wait_until_empty(SOON);
}

#[test]
fn an_obs_like_publisher_that_starts_again_is_back_at_once() {
    let Some(_turn) = turn(&CLIENTS) else { return };
    let server = Plenum::dev();
    let first = obs_publishes(&server, "stage");
    let mut browser = Browser::launch(Client::Chromium);
    browser.open("viewer", &format!("{}/watch/stage", server.url()));
    browser.wait_for_media("viewer", 30, SOON);
    drop(first);
    let _second = obs_publishes(&server, "stage");
    browser.wait_for_media("viewer", 60, SOON);
}
