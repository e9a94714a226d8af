//! aiortc: a strict decoder as a viewer, and a publisher that is nobody's browser.

use std::time::Instant;

use plenum_tests::Plenum;
use plenum_tests::browser::Browser;
use plenum_tests::clients::{Client, Script, turn};
use plenum_tests::peer::{Media, Peer};
use plenum_tests::wait_until;

use super::{SOON, ffmpeg_publishes};

/// Waits until the script has counted this many frames, and some audio.
#[track_caller]
fn wait_for_media(script: &mut Script, frames: u64) {
    let started = Instant::now();
    loop {
        let seen = script.next(SOON);
        if seen["video"].as_u64() >= Some(frames) && seen["audio"].as_u64() > Some(0) {
            return;
        }
        assert!(started.elapsed() < SOON, "only {seen} of {frames} frames and some audio");
    }
}

#[test]
fn aiortc_decodes_h264_and_opus_of_ffmpeg() {
    let Some(_turn) = turn(&[Client::Aiortc, Client::Ffmpeg]) else { return };
    let server = Plenum::dev();
    let _ffmpeg = ffmpeg_publishes(&server, "stage");
    let mut viewer = Script::python("aiortc_client.py", &["watch", &format!("{}/whep/stage", server.url())]);
    assert_eq!(viewer.next(SOON)["connected"], true);
    wait_for_media(&mut viewer, 90);
}

#[test]
fn chromium_decodes_vp8_and_opus_of_aiortc() {
    let Some(_turn) = turn(&[Client::Aiortc, Client::Chromium]) else { return };
    let server = Plenum::dev();
    let url = format!("{}/whip/stage", server.url());
    let mut publisher = Script::python("aiortc_client.py", &["publish", &url]);
    assert_eq!(publisher.next(SOON)["connected"], true);
    let mut browser = Browser::launch(Client::Chromium);
    browser.open("viewer", &format!("{}/watch/stage", server.url()));
    browser.wait_for_media("viewer", 60, SOON);
    let stats = browser.wait_for_media("viewer", 60, SOON);
    assert_eq!((stats.video_codec(), stats.audio_codec()), ("video/VP8", "audio/opus"));
    browser.screenshot("viewer", "watch-aiortc");
    drop(publisher);
    let publishers = || server.scrape().sum_where("plenum_sessions", &[("kind", "whip")]);
    wait_until("the publisher has left", SOON, || publishers() == 0.0);
}

#[test]
fn an_aiortc_viewer_leaves_with_delete() {
    let Some(_turn) = turn(&[Client::Aiortc]) else { return };
    let server = Plenum::dev();
    let _publisher = Peer::publish(&server, "stage", Media::default());
    let mut viewer = Script::python("aiortc_client.py", &["watch", &format!("{}/whep/stage", server.url())]);
    assert_eq!(viewer.next(SOON)["connected"], true);
    drop(viewer);
    let viewers = || server.scrape().sum_where("plenum_sessions", &[("kind", "whep")]);
    wait_until("the viewer has left", SOON, || viewers() == 0.0);
}
