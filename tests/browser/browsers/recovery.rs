//! Publishers that go and come back: viewers recover without a reload.

use std::time::Duration;

use plenum_tests::browser::Browser;
use plenum_tests::clients::{Client, turn};
use plenum_tests::{Plenum, wait_until};

use super::{SOON, publish, watch_url};

#[test]
fn viewers_recover_when_a_killed_publisher_comes_back() {
    let Some(_turn) = turn(&[Client::Chromium]) else { return };
    let server = Plenum::dev();
    let (mut viewers, mut publisher) = (Browser::launch(Client::Chromium), Browser::launch(Client::Chromium));
    publish(&mut publisher, &server, "stage", "vp8");
    for viewer in ["viewer-1", "viewer-2"] {
        viewers.open(viewer, &watch_url(&server, "stage"));
        viewers.wait_for_media(viewer, 30, SOON);
    }
    drop(publisher);
    let mut publisher = Browser::launch(Client::Chromium);
    publish(&mut publisher, &server, "stage", "vp8");
    for viewer in ["viewer-1", "viewer-2"] {
        viewers.wait_for_media(viewer, 30, SOON);
    }
}

#[test]
fn viewers_are_told_when_the_publisher_stops_and_recover_when_it_starts_again() {
    let Some(_turn) = turn(&[Client::Chromium]) else { return };
    let server = Plenum::dev();
    let mut browser = Browser::launch(Client::Chromium);
    publish(&mut browser, &server, "stage", "vp8");
    browser.open("viewer", &watch_url(&server, "stage"));
    browser.wait_for_media("viewer", 30, SOON);
    browser.click("publisher", "stop");
    wait_until("the player says that the stream has stopped", SOON, || {
        browser.all_text("viewer").contains("The stream has stopped")
    });
    browser.screenshot("viewer", "watch-stopped");
    browser.click("publisher", "start");
    browser.wait_for_text("publisher", "state", "live", SOON);
    browser.wait_for_media("viewer", 30, SOON);
    assert!(!browser.all_text("viewer").contains("has stopped"), "it says so no more");
}

#[test]
fn a_closed_tab_frees_its_slot() {
    let Some(_turn) = turn(&[Client::Chromium]) else { return };
    let server = Plenum::dev();
    let mut browser = Browser::launch(Client::Chromium);
    publish(&mut browser, &server, "stage", "vp8");
    browser.close("publisher");
    server.wait_until_empty(Duration::from_secs(35));
}

#[test]
fn the_server_restarts_and_everybody_comes_back() {
    let Some(_turn) = turn(&[Client::Chromium]) else { return };
    let server = Plenum::dev();
    let ready = server.ready.clone();
    let mut browser = Browser::launch(Client::Chromium);
    publish(&mut browser, &server, "stage", "vp8");
    browser.open("viewer", &watch_url(&server, "stage"));
    browser.wait_for_media("viewer", 30, SOON);
    drop(server);
    let mut options = plenum_tests::Options::default();
    let ports = [ready.http.port(), ready.admin.port(), ready.media[0].port()];
    for (flag, port) in ["--http-port", "--admin-port", "--media-port"].iter().zip(ports) {
        options = options.argument(*flag).argument(port.to_string());
    }
    let _server = Plenum::start(options);
    browser.wait_for_text("publisher", "state", "live", Duration::from_secs(40));
    browser.wait_for_media("viewer", 30, Duration::from_secs(40));
}
