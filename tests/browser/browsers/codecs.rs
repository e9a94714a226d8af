//! Every codec from one Chromium to three others, VP8 to Firefox as well; audio always.

use plenum_tests::Plenum;
use plenum_tests::browser::Browser;
use plenum_tests::clients::{Client, turn};

use super::{SOON, publish, watch_url};

const VIEWERS: [&str; 3] = ["viewer-1", "viewer-2", "viewer-3"];

/// Publishes with `codec`; all of Chromium's viewers decode it.
fn three_chromium_viewers_decode(codec: &str, mime: &str) {
    let Some(_turn) = turn(&[Client::Chromium]) else { return };
    let server = Plenum::dev();
    let mut browser = Browser::launch(Client::Chromium);
    publish(&mut browser, &server, "stage", codec);
    assert_eq!(browser.stats("publisher").sent_codec(), mime);
    for viewer in VIEWERS {
        browser.open(viewer, &watch_url(&server, "stage"));
    }
    for viewer in VIEWERS {
        browser.wait_for_media(viewer, 60, SOON);
        let stats = browser.wait_for_media(viewer, 30, SOON);
        assert_eq!((stats.video_codec(), stats.audio_codec()), (mime, "audio/opus"), "{viewer}");
        assert_eq!(stats.packets_lost(), 0, "{viewer}: {stats:?}");
    }
    browser.screenshot("viewer-1", &format!("watch-{codec}"));
    browser.screenshot("publisher", &format!("publish-{codec}"));
}

#[test]
fn three_chromium_viewers_decode_vp8() {
    three_chromium_viewers_decode("vp8", "video/VP8");
}

#[test]
fn three_chromium_viewers_decode_vp9() {
    three_chromium_viewers_decode("vp9", "video/VP9");
}

#[test]
fn three_chromium_viewers_decode_av1() {
    three_chromium_viewers_decode("av1", "video/AV1");
}

#[test]
fn three_chromium_viewers_decode_h264() {
    three_chromium_viewers_decode("h264", "video/H264");
}

#[test]
fn a_firefox_viewer_decodes_beside_three_chromium_viewers() {
    let Some(_turn) = turn(&[Client::Chromium, Client::Firefox]) else { return };
    let server = Plenum::dev();
    let (mut chromium, mut firefox) = (Browser::launch(Client::Chromium), Browser::launch(Client::Firefox));
    publish(&mut chromium, &server, "stage", "vp8");
    for viewer in VIEWERS {
        chromium.open(viewer, &watch_url(&server, "stage"));
    }
    firefox.open("viewer", &watch_url(&server, "stage"));
    firefox.wait_for_media("viewer", 60, SOON);
    for viewer in VIEWERS {
        chromium.wait_for_media(viewer, 60, SOON);
    }
    let stats = firefox.wait_for_media("viewer", 30, SOON);
    assert_eq!((stats.video_codec(), stats.audio_codec()), ("video/VP8", "audio/opus"));
    firefox.screenshot("viewer", "watch-firefox");
}

#[test]
fn a_firefox_publisher_is_decoded_by_chromium() {
    let Some(_turn) = turn(&[Client::Chromium, Client::Firefox]) else { return };
    let server = Plenum::dev();
    let (mut chromium, mut firefox) = (Browser::launch(Client::Chromium), Browser::launch(Client::Firefox));
    publish(&mut firefox, &server, "stage", "vp8");
    chromium.open("viewer", &watch_url(&server, "stage"));
    let stats = chromium.wait_for_media("viewer", 60, SOON);
    assert_eq!((stats.video_codec(), stats.audio_codec()), ("video/VP8", "audio/opus"));
}
