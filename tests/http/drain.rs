//! Going away politely: SIGTERM, RFC 9725, section 4.5, and the end of the process.

use std::time::{Duration, Instant};

use plenum_tests::peer::{Media, Peer};
use plenum_tests::{Options, Plenum, offers, wait_until};

fn start_draining(server: &Plenum) {
    server.signal(libc::SIGTERM);
    wait_until("readyz is 503", Duration::from_secs(2), || server.admin("/readyz").status == 503);
}

#[test]
fn rfc9725_4_5_a_draining_server_refuses_new_sessions_with_503_and_retry_after() {
    let server = Plenum::dev();
    let publisher = Peer::publish(&server, "stage", Media::default());
    start_draining(&server);
    server.admin("/healthz").expect(200);
    for (path, offer) in [("/whip/other", offers::whip()), ("/whep/stage", offers::whep())] {
        let response = server.request("POST", path).sdp(&offer).send();
        let after: u32 = response.header("retry-after").expect("Retry-After").parse().expect("seconds");
        assert!(after >= 1, "{path}: {after}");
        response.expect_problem(503);
    }
    publisher.leave();
}

#[test]
fn a_draining_server_serves_who_is_there_and_exits_when_they_have_left() {
    let mut server = Plenum::dev();
    let mut publisher = Peer::publish(&server, "stage", Media::default());
    let viewer = Peer::watch(&server, "stage");
    start_draining(&server);
    viewer.wait_for_video(50, Duration::from_secs(5));
    publisher.restart_ice();
    viewer.wait_for_video(50, Duration::from_secs(5));
    assert!(server.is_running());
    assert_eq!(viewer.seen().video.missing(), 0);
    viewer.leave();
    publisher.leave();
    assert_eq!(server.wait_for_exit(Duration::from_secs(5)).code(), Some(0));
}

#[test]
fn an_empty_server_exits_at_once_when_drained() {
    let mut server = Plenum::dev();
    server.signal(libc::SIGTERM);
    assert_eq!(server.wait_for_exit(Duration::from_secs(5)).code(), Some(0));
}

#[test]
fn the_drain_timeout_ends_sessions_that_stay() {
    let options = Options::default().environment("PLENUM_DRAIN_TIMEOUT", "2s");
    let mut server = Plenum::start(options);
    let publisher = Peer::publish(&server, "stage", Media::default());
    let started = Instant::now();
    start_draining(&server);
    assert_eq!(server.wait_for_exit(Duration::from_secs(10)).code(), Some(0));
    assert!(started.elapsed() >= Duration::from_millis(1_900), "{:?}", started.elapsed());
    wait_until("the publisher is told", Duration::from_secs(5), || publisher.seen().over);
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let mut server = Plenum::dev();
    let _publisher = Peer::publish(&server, "stage", Media::default());
    start_draining(&server);
    let started = Instant::now();
    server.signal(libc::SIGTERM);
    server.wait_for_exit(Duration::from_secs(3));
    assert!(started.elapsed() < Duration::from_secs(2));
}

#[test]
fn sigint_ends_dev_mode_at_once() {
    let mut server = Plenum::dev();
    let _publisher = Peer::publish(&server, "stage", Media::default());
    server.signal(libc::SIGINT);
    server.wait_for_exit(Duration::from_secs(3));
}
