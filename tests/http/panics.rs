//! A forced panic in one room's work: that room is lost, and nothing else.

use std::time::Duration;

use plenum_tests::http::Request;
use plenum_tests::peer::{Media, Peer};
use plenum_tests::{Plenum, wait_until};

#[test]
fn a_panic_in_one_room_drops_that_room_only() {
    let mut server = Plenum::dev();
    let other = Peer::publish(&server, "other", Media::default());
    let watching = [Peer::watch(&server, "other"), Peer::watch(&server, "other")];
    let doomed = Peer::publish(&server, "doomed", Media::default());
    let doomed_viewer = Peer::watch(&server, "doomed");
    doomed_viewer.wait_for_video(10, Duration::from_secs(5));

    let panic = Request::new(server.ready.admin, "POST", "/debug/rooms/doomed/panic").send();
    assert!((200..300).contains(&panic.status), "{}: {}", panic.status, panic.text());

    wait_until("both sessions of the room are over", Duration::from_secs(5), || {
        [&doomed, &doomed_viewer].iter().all(|peer| peer.request("GET").send().status == 404)
    });
    for viewer in &watching {
        viewer.wait_for_video(100, Duration::from_secs(5));
        let seen = viewer.seen();
        assert_eq!((seen.video.missing(), seen.audio.missing(), seen.over), (0, 0, false));
    }
    assert!(!other.seen().over);
    let scrape = server.scrape();
    assert_eq!(scrape.sum("plenum_panics_total"), 1.0);
    assert_eq!(scrape.sum("plenum_sessions"), 3.0);
    server.admin("/healthz").expect(200);
    assert!(server.is_running());

    let again = Peer::publish(&server, "doomed", Media::default());
    let viewer = Peer::watch(&server, "doomed");
    viewer.wait_for_video(10, Duration::from_secs(5));
    drop((again, viewer, doomed, doomed_viewer));
}

#[test]
fn a_panic_of_a_room_that_is_not_there_is_404() {
    let server = Plenum::dev();
    let response = Request::new(server.ready.admin, "POST", "/debug/rooms/nowhere/panic").send();
    assert_eq!(response.status, 404);
    assert_eq!(server.scrape().sum("plenum_panics_total"), 0.0);
}
