//! ICE restarts by a browser under media.

use std::time::Duration;

use plenum_tests::Plenum;
use plenum_tests::browser::Browser;
use plenum_tests::clients::{Client, turn};
use serde_json::json;

use super::{SOON, watch_url};

/// A WHIP publisher of the test's own: pages restart when their network changes, which loopback never does.
const PUBLISH: &str = "
    const media = await navigator.mediaDevices.getUserMedia({ audio: true, video: { width: 640, height: 360 } });
    const connection = new RTCPeerConnection();
    for (const track of media.getTracks()) {
      connection.addTransceiver(track, { direction: 'sendonly', streams: [media] });
    }
    await connection.setLocalDescription();
    const response = await fetch(input, {
      method: 'POST', headers: { 'Content-Type': 'application/sdp' }, body: connection.localDescription.sdp,
    });
    window.answer = await response.text();
    window.session = response.headers.get('location');
    window.connection = connection;
    await connection.setRemoteDescription({ type: 'answer', sdp: window.answer });
    return response.status;
";

const RESTART: &str = "
    const { connection, session } = window;
    connection.restartIce();
    const offer = await connection.createOffer();
    await connection.setLocalDescription(offer);
    const value = (sdp, name) => sdp.match(new RegExp(`a=${name}:(.*)\\\\r\\\\n`))[1];
    const fragment = `a=ice-ufrag:${value(offer.sdp, 'ice-ufrag')}\\r\\na=ice-pwd:${value(offer.sdp, 'ice-pwd')}\\r\\n`;
    const response = await fetch(session, {
      method: 'PATCH',
      headers: { 'Content-Type': 'application/trickle-ice-sdpfrag', 'If-Match': '*' },
      body: fragment,
    });
    const restarted = await response.text();
    for (const name of ['ice-ufrag', 'ice-pwd']) {
      const line = new RegExp(`a=${name}:.*\\\\r\\\\n`, 'g');
      window.answer = window.answer.replace(line, `a=${name}:${value(restarted, name)}\\r\\n`);
    }
    await connection.setRemoteDescription({ type: 'answer', sdp: window.answer });
    return response.status;
";

/// In the viewer's page: notes the longest time between two frames from now on.
const MEASURE_GAPS: &str = "
    const video = document.querySelector('video');
    window.longestGap = 0;
    let last = performance.now();
    const note = () => {
      const now = performance.now();
      window.longestGap = Math.max(window.longestGap, now - last);
      last = now;
      video.requestVideoFrameCallback(note);
    };
    video.requestVideoFrameCallback(note);
";

#[test]
fn a_publisher_restarts_ice_under_media_with_less_than_two_seconds_of_gap() {
    let Some(_turn) = turn(&[Client::Chromium]) else { return };
    let server = Plenum::dev();
    let mut browser = Browser::launch(Client::Chromium);
    browser.open("publisher", &server.url());
    let whip = format!("{}/whip/stage", server.url());
    assert_eq!(browser.run("publisher", PUBLISH, json!(whip)), 201);
    browser.wait_for_stats("publisher", "frames are sent", SOON, |stats| stats.frames_sent() > 5);
    browser.open("viewer", &watch_url(&server, "stage"));
    browser.wait_for_media("viewer", 30, SOON);
    browser.run("viewer", MEASURE_GAPS, json!(null));
    for _ in 0..2 {
        assert_eq!(browser.run("publisher", RESTART, json!(null)), 200);
        browser.wait_for_media("viewer", 60, SOON);
    }
    let gap = browser.run("viewer", "return window.longestGap", json!(null));
    let gap = Duration::from_secs_f64(gap.as_f64().expect("a number") / 1_000.0);
    println!("longest gap {gap:?}");
    assert!(gap < Duration::from_secs(2), "{gap:?}");
}
