//! Sessions whose peer never came, or went without a word.

use std::time::{Duration, Instant};

use plenum_tests::peer::{Media, Peer};
use plenum_tests::{Plenum, offers, wait_until};

use crate::together;

/// 30 s of the specification, and what others may take of a loaded machine.
const DEADLINE: Duration = Duration::from_secs(35);

#[test]
fn a_session_that_never_connects_is_over_after_thirty_seconds() {
    let _guard = together();
    let server = Plenum::dev();
    let started = Instant::now();
    let created = server.request("POST", "/whip/studio").sdp(&offers::whip()).send().expect(201);
    wait_until("the set-up deadline ends it", DEADLINE, || server.scrape().sum("plenum_sessions") == 0.0);
    assert!(started.elapsed() > Duration::from_secs(28), "{:?}", started.elapsed());
    server.request("GET", &created.location()).send().expect(404);
}

#[test]
fn a_peer_that_crashed_is_gone_after_thirty_seconds_and_others_stay() {
    let _guard = together();
    let server = Plenum::dev();
    let publisher = Peer::publish(&server, "stage", Media::default());
    let staying = Peer::watch(&server, "stage");
    let leaving = Peer::watch(&server, "stage");
    leaving.wait_for_video(10, Duration::from_secs(5));
    let (whip, whep) = (publisher.request("DELETE"), leaving.request("DELETE"));
    let started = Instant::now();
    leaving.crash();
    publisher.crash();
    wait_until("consent is lost", DEADLINE, || server.scrape().sum("plenum_sessions") == 1.0);
    assert!(started.elapsed() > Duration::from_secs(25), "{:?}", started.elapsed());
    assert!(!staying.seen().over, "a viewer outlives its publisher");
    for late in [whip, whep] {
        late.send().expect(200);
        late.send().expect(404);
    }
    let again = Peer::publish(&server, "stage", Media::default());
    wait_until("the viewer gets the new publisher", Duration::from_secs(5), || {
        staying.seen().video.markers.contains(&again.marker)
    });
}
