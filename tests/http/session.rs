//! Session URLs: RFC 9725, sections 4.1 and 4.2, and the late DELETE of OBS.

use std::sync::Barrier;
use std::time::Duration;

use plenum_tests::peer::{Media, Peer};
use plenum_tests::{Plenum, offers, wait_until};

use crate::Session;

#[test]
fn rfc9725_4_2_delete_ends_a_session_with_200_and_then_there_is_none() {
    let server = Plenum::dev();
    let session = Session::publish(&server, "studio");
    server.request("DELETE", &session.path).send().expect(200);
    server.request("DELETE", &session.path).send().expect_problem(404);
    server.request("PATCH", &session.path).send().expect_problem(404);
    assert_eq!(session.status(&server), 404);
    server.wait_until_empty(Duration::from_secs(2));
}

#[test]
fn rfc9725_4_3_1_delete_ignores_if_match() {
    let server = Plenum::dev();
    let session = Session::publish(&server, "studio");
    let request = server.request("DELETE", &session.path).header("If-Match", "\"some other tag\"");
    request.send().expect(200);
}

#[test]
fn rfc9725_4_2_delete_revokes_consent_at_once() {
    let server = Plenum::dev();
    let publisher = Peer::publish(&server, "studio", Media::default());
    let viewer = Peer::watch(&server, "studio");
    viewer.wait_for_video(10, Duration::from_secs(5));
    viewer.request("DELETE").send().expect(200);
    wait_until("the viewer hears that it is over", Duration::from_secs(2), || viewer.seen().over);
    publisher.leave();
}

#[test]
fn rfc9725_4_2_get_on_a_session_is_2xx_and_empty() {
    let server = Plenum::dev();
    let session = Session::publish(&server, "studio");
    for method in ["GET", "HEAD"] {
        let response = server.request(method, &session.path).send().expect(204);
        assert!(response.body.is_empty());
    }
}

#[test]
fn another_method_on_a_session_is_405_with_allow() {
    let server = Plenum::dev();
    let session = Session::publish(&server, "studio");
    for method in ["POST", "PUT", "BREW"] {
        let response = server.request(method, &session.path).send();
        let allow = response.header("allow").unwrap_or_default().to_owned();
        response.expect_problem(405);
        assert!(allow.contains("PATCH") && allow.contains("DELETE"), "{method}: Allow: {allow}");
    }
}

#[test]
fn a_session_that_never_was_is_404() {
    let server = Plenum::dev();
    for id in ["nothing", "AAAAAAAAAAAAAAAAAAAAAA", "%2e%2e", "a%00b"] {
        let status = server.request("DELETE", &format!("/session/{id}")).send().status;
        assert!(matches!(status, 400 | 404), "{id}: {status}");
    }
}

/// OBS closes its PeerConnection first and sends DELETE then.
#[test]
fn a_session_that_its_peer_ended_answers_one_delete_with_200() {
    let server = Plenum::dev();
    let publisher = Peer::publish(&server, "studio", Media::default());
    let delete = publisher.request("DELETE");
    publisher.disconnect();
    server.wait_until_empty(Duration::from_secs(5));
    delete.send().expect(200);
    delete.send().expect_problem(404);
}

#[test]
fn deletes_that_race_each_other_end_a_session_once() {
    let server = Plenum::dev();
    for round in 0..30 {
        let session = Session::publish(&server, &format!("room-{round}"));
        let (barrier, server, path) = (Barrier::new(4), &server, session.path.as_str());
        let statuses: Vec<u16> = std::thread::scope(|scope| {
            let delete = || {
                barrier.wait();
                server.request("DELETE", path).send().status
            };
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(delete)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
        assert!(statuses.iter().all(|status| matches!(status, 200 | 404)), "{statuses:?}");
    }
    server.wait_until_empty(Duration::from_secs(2));
}

#[test]
fn posts_of_one_identity_that_race_each_other_leave_one_session() {
    let server = Plenum::dev();
    let barrier = Barrier::new(8);
    let paths: Vec<String> = std::thread::scope(|scope| {
        let post = || {
            barrier.wait();
            server.request("POST", "/whip/studio").sdp(&offers::whip()).send().expect(201).location()
        };
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(post)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    wait_until("one session is left", Duration::from_secs(2), || {
        server.scrape().sum("plenum_sessions") == 1.0
    });
    let alive: Vec<&String> =
        paths.iter().filter(|path| server.request("GET", path).send().status == 204).collect();
    assert_eq!(alive.len(), 1, "{alive:?}");
    server.request("DELETE", alive[0]).send().expect(200);
    server.wait_until_empty(Duration::from_secs(2));
}
