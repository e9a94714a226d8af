//! Who gets what: joins, replacement, return, restart, and rooms that never mix.

use std::time::Duration;

use plenum_tests::peer::{Media, Peer, Prepared};
use plenum_tests::{Plenum, wait_until};

use crate::together;

const SOON: Duration = Duration::from_secs(5);

#[test]
fn viewers_get_every_packet_of_their_room_and_none_of_another() {
    let _guard = together();
    let server = Plenum::dev();
    let rooms: Vec<(Peer, Vec<Peer>)> = (0..4)
        .map(|number| {
            let room = format!("room-{number}");
            let publisher = Peer::publish(&server, &room, Media::default());
            let viewers = (0..2).map(|_| Peer::watch(&server, &room)).collect();
            (publisher, viewers)
        })
        .collect();
    for (publisher, viewers) in &rooms {
        for viewer in viewers {
            viewer.wait_for_video(150, Duration::from_secs(10));
            let seen = viewer.seen();
            for flow in [&seen.video, &seen.audio] {
                assert_eq!(flow.missing(), 0);
                assert_eq!(flow.duplicates, 0);
                assert!(flow.markers.iter().eq([&publisher.marker]), "{:?}", flow.markers);
            }
        }
    }
}

#[test]
fn a_late_joiner_causes_a_keyframe_and_sees_media_at_once() {
    let _guard = together();
    let server = Plenum::dev();
    let publisher = Peer::publish(&server, "stage", Media::default());
    let early = Peer::watch(&server, "stage");
    early.wait_for_video(60, SOON);
    let requests = publisher.seen().keyframe_requests;
    let late = Peer::watch(&server, "stage");
    late.wait_for_video(10, SOON);
    assert!(publisher.seen().keyframe_requests > requests, "a keyframe was asked for");
    assert_eq!(early.seen().video.missing(), 0, "who was there lost nothing by it");
}

#[test]
fn a_viewer_of_a_crowd_does_not_multiply_keyframe_requests() {
    let _guard = together();
    let server = Plenum::dev();
    let publisher = Peer::publish(&server, "stage", Media::default());
    let viewers: Vec<Peer> = (0..12).map(|_| Peer::watch(&server, "stage")).collect();
    for viewer in &viewers {
        viewer.wait_for_video(10, SOON);
    }
    let requests = publisher.seen().keyframe_requests;
    assert!((1..=12).contains(&requests), "{requests} requests for 12 viewers");
}

#[test]
fn a_viewer_outlives_its_publisher_and_gets_the_next_without_sdp() {
    let _guard = together();
    let server = Plenum::dev();
    let first = Peer::publish(&server, "stage", Media::default());
    let viewer = Peer::watch(&server, "stage");
    viewer.wait_for_video(20, SOON);
    first.leave();
    viewer.forget();
    let request = server.request("POST", "/whip/stage?participant=another");
    let second = Prepared::publisher().start(request, Some(Media::default()));
    viewer.wait_for_video(20, SOON);
    let seen = viewer.seen();
    assert!(seen.video.markers.iter().eq([&second.marker]), "{:?}", seen.video.markers);
    assert!(!seen.over);
}

#[test]
fn a_publisher_that_comes_back_replaces_itself_under_its_viewers() {
    let _guard = together();
    let server = Plenum::dev();
    let first = Peer::publish(&server, "stage", Media::default());
    let viewer = Peer::watch(&server, "stage");
    viewer.wait_for_video(20, SOON);
    let second = Peer::publish(&server, "stage", Media::default());
    wait_until("the viewer gets the new publisher", SOON, || {
        viewer.seen().video.markers.contains(&second.marker)
            && viewer.seen().audio.markers.contains(&second.marker)
    });
    wait_until("the old one is told", SOON, || first.seen().over);
}

#[test]
fn a_publisher_restarts_ice_under_media() {
    let _guard = together();
    let server = Plenum::dev();
    let mut publisher = Peer::publish(&server, "stage", Media::default());
    let viewer = Peer::watch(&server, "stage");
    viewer.wait_for_video(20, SOON);
    viewer.forget();
    for _ in 0..3 {
        publisher.restart_ice();
        viewer.wait_for_video(50, SOON);
    }
    let seen = viewer.seen();
    assert!(seen.video.longest_gap < Duration::from_secs(2), "{:?}", seen.video.longest_gap);
    assert_eq!(seen.video.missing(), 0);
}

#[test]
fn a_viewer_restarts_ice_under_media() {
    let _guard = together();
    let server = Plenum::dev();
    let _publisher = Peer::publish(&server, "stage", Media::default());
    let mut viewer = Peer::watch(&server, "stage");
    viewer.wait_for_video(20, SOON);
    viewer.forget();
    for _ in 0..3 {
        viewer.restart_ice();
        viewer.wait_for_video(50, SOON);
    }
    let seen = viewer.seen();
    assert!(seen.video.longest_gap < Duration::from_secs(2), "{:?}", seen.video.longest_gap);
    assert_eq!(seen.video.missing(), 0);
}

#[test]
fn a_participant_is_watched_by_name() {
    let _guard = together();
    let server = Plenum::dev();
    let publish = |identity: &str| {
        let request = server.request("POST", &format!("/whip/stage?participant={identity}"));
        let peer = Prepared::publisher().start(request, Some(Media::default()));
        peer.wait_until_connected();
        peer
    };
    let (ada, bob) = (publish("ada"), publish("bob"));
    for (identity, publisher) in [("ada", &ada), ("bob", &bob)] {
        let request = server.request("POST", &format!("/whep/stage/{identity}"));
        let viewer = Prepared::viewer().start(request, None);
        viewer.wait_until_connected();
        viewer.wait_for_video(20, SOON);
        assert!(viewer.seen().video.markers.iter().eq([&publisher.marker]), "{identity}");
    }
}
