//! Trickle ICE and ICE restarts through PATCH: RFC 9725, section 4.3.

use std::net::UdpSocket;
use std::time::{Duration, Instant};

use plenum_tests::http::{Request, Response};
use plenum_tests::{Plenum, offers};

use crate::Session;

const FRAGMENT: &str = "application/trickle-ice-sdpfrag";

fn patch(server: &Plenum, session: &Session) -> Request {
    server.request("PATCH", &session.path)
}

fn trickle(server: &Plenum, session: &Session, etag: &str, candidates: &[String]) -> Response {
    let fragment = offers::trickle(&session.offer, candidates);
    patch(server, session).header("If-Match", etag).fragment(&fragment).send()
}

fn host_candidate(address: &str, port: u16) -> String {
    format!("1 1 udp 2130706431 {address} {port} typ host")
}

#[test]
fn rfc9725_4_3_2_trickle_is_204_without_an_etag() {
    let server = Plenum::dev();
    let session = Session::publish(&server, "studio");
    let response = trickle(&server, &session, &session.etag, &[host_candidate("127.0.0.1", 40_000)]);
    assert_eq!(response.header("etag"), None);
    assert!(response.expect(204).body.is_empty());
}

#[test]
fn rfc9725_4_3_2_end_of_candidates_is_204() {
    let server = Plenum::dev();
    let session = Session::publish(&server, "studio");
    let fragment = offers::trickle(&session.offer, &[]) + "a=end-of-candidates\r\n";
    patch(&server, &session).header("If-Match", &session.etag).fragment(&fragment).send().expect(204);
}

#[test]
fn rfc9725_4_3_1_a_patch_without_if_match_is_428() {
    let server = Plenum::dev();
    let session = Session::publish(&server, "studio");
    let fragment = offers::trickle(&session.offer, &[]);
    patch(&server, &session).fragment(&fragment).send().expect_problem(428);
    assert_eq!(session.status(&server), 204);
}

#[test]
fn rfc9725_4_3_1_a_stale_if_match_is_412() {
    let server = Plenum::dev();
    let session = Session::publish(&server, "studio");
    for stale in ["\"no such tag\"", "\"\"", &format!("W/{}", session.etag)] {
        trickle(&server, &session, stale, &[]).expect_problem(412);
    }
    assert_eq!(session.status(&server), 204);
}

#[test]
fn rfc9725_4_3_1_a_patch_of_another_type_is_415_and_names_the_right_one() {
    let server = Plenum::dev();
    let session = Session::publish(&server, "studio");
    let request = patch(&server, &session).header("If-Match", &session.etag);
    let response = request.body("application/sdp", offers::whip()).send();
    assert_eq!(response.header("accept-patch"), Some(FRAGMENT));
    response.expect_problem(415);
}

#[test]
fn rfc9725_4_3_1_a_malformed_fragment_is_400_and_changes_nothing() {
    let server = Plenum::dev();
    let session = Session::publish(&server, "studio");
    for malformed in ["", "hello", "a=ice-ufrag:abcd\r\n", "\u{0}\u{1}\u{2}"] {
        let request = patch(&server, &session).header("If-Match", &session.etag);
        let response = request.fragment(malformed).send();
        assert_eq!(response.status, 400, "{malformed:?}: {}", response.text());
    }
    trickle(&server, &session, &session.etag, &[]).expect(204);
}

#[test]
fn rfc9725_4_3_3_a_restart_is_200_with_a_fragment_and_a_new_etag() {
    let server = Plenum::dev();
    let session = Session::publish(&server, "studio");
    let request = patch(&server, &session).header("If-Match", "*");
    let response = request.fragment(&offers::restart()).send().expect(200);
    assert_eq!(response.header("content-type"), Some(FRAGMENT));
    let etag = response.header("etag").expect("a new ETag").to_owned();
    assert!(etag.starts_with('"') && etag != session.etag, "{etag} after {}", session.etag);
    let fragment = response.text();
    for name in ["ice-ufrag", "ice-pwd"] {
        let (old, new) = (offers::attribute(&session.answer, name), offers::attribute(&fragment, name));
        assert_ne!(old, new, "{name}");
    }
    assert!(offers::attributes(&fragment, "candidate").next().is_some(), "{fragment}");
}

#[test]
fn rfc9725_4_3_3_after_a_restart_the_old_etag_is_stale() {
    let server = Plenum::dev();
    let session = Session::publish(&server, "studio");
    let restart = offers::restart();
    let request = patch(&server, &session).header("If-Match", "*");
    let etag = request.fragment(&restart).send().expect(200).header("etag").unwrap().to_owned();
    let trickled = offers::trickle(&restart, &[host_candidate("127.0.0.1", 40_000)]);
    let late = patch(&server, &session).header("If-Match", &session.etag).fragment(&trickled);
    late.send().expect_problem(412);
    let current = patch(&server, &session).header("If-Match", &etag).fragment(&trickled);
    current.send().expect(204);
}

#[test]
fn rfc9725_4_3_3_a_restart_that_fails_leaves_the_session_as_it_was() {
    let server = Plenum::dev();
    let session = Session::publish(&server, "studio");
    let bad =
        [offers::fragment("abc", &offers::ice_chars(24), &[]), offers::fragment("abcdefgh", "short", &[])];
    for fragment in bad {
        let request = patch(&server, &session).header("If-Match", "*").fragment(&fragment);
        let status = request.send().status;
        assert!((400..500).contains(&status), "{status}");
    }
    assert_eq!(session.status(&server), 204);
    trickle(&server, &session, &session.etag, &[]).expect(204);
}

#[test]
fn rfc9725_4_3_2_unusable_candidates_are_skipped_silently() {
    let server = Plenum::dev();
    let session = Session::publish(&server, "studio");
    let candidates = [
        "1 1 udp 2130706431 somewhere.example.org 40000 typ host",
        "1 1 udp 2130706431 2c9a6d5e-6b1f-4f0e-9d59-6e4d3a0b8c11.local 40000 typ host",
        "1 1 tcp 1518280447 127.0.0.1 9 typ host tcptype active",
        "1 1 udp 2130706431 0.0.0.0 40000 typ host",
        "1 1 udp 2130706431 224.0.0.1 40000 typ host",
        "1 1 udp 2130706431 127.0.0.1 0 typ host",
        "1 2 udp 2130706431 127.0.0.1 40001 typ host",
        "1 1 sctp 2130706431 127.0.0.1 40001 typ host",
    ];
    trickle(&server, &session, &session.etag, &candidates.map(str::to_owned)).expect(204);
}

#[test]
fn a_thousand_trickled_candidates_are_204_and_at_most_eight_are_checked() {
    let server = Plenum::dev();
    let session = Session::publish(&server, "studio");
    let sockets: Vec<UdpSocket> = (0..40).map(|_| UdpSocket::bind("127.0.0.1:0").unwrap()).collect();
    let known = sockets.iter().map(|socket| socket.local_addr().unwrap().port());
    let all: Vec<String> =
        known.chain(20_000..20_960).map(|port| host_candidate("127.0.0.1", port)).collect();
    for some in all.chunks(20) {
        trickle(&server, &session, &session.etag, some).expect(204);
    }
    let checked = reached_within(&sockets, Duration::from_secs(2));
    assert!((1..=8).contains(&checked), "{checked} of {} candidates were checked", sockets.len());
}

/// A candidate is the address of the one who asks, or it would make the server a reflector.
#[test]
fn candidates_of_another_host_are_never_checked() {
    let server = Plenum::start(plenum_tests::Options::config(crate::auth::CONFIG));
    let (own, foreign) = (UdpSocket::bind("127.0.0.1:0").unwrap(), UdpSocket::bind("127.0.0.2:0").unwrap());
    let candidate = |socket: &UdpSocket| {
        let address = socket.local_addr().unwrap();
        host_candidate(&address.ip().to_string(), address.port())
    };
    let offer = offers::whip() + &format!("a=candidate:{}\r\n", candidate(&foreign));
    let token = crate::auth::token("studio", "camera", &["--publish"]);
    let response = server.request("POST", "/whip/studio").bearer(&token).sdp(&offer).send().expect(201);
    let session = Session::from(offer, &response);
    trickle(&server, &session, &session.etag, &[candidate(&foreign), candidate(&own)]).expect(204);
    let deadline = Duration::from_secs(2);
    assert_eq!(reached_within(&[own], deadline), 1, "its own address is checked");
    assert_eq!(reached_within(&[foreign], deadline), 0, "another one is not");
}

/// How many of the sockets a datagram reaches until `deadline`.
fn reached_within(sockets: &[UdpSocket], deadline: Duration) -> usize {
    let ends = Instant::now() + deadline;
    let reached = |socket: &UdpSocket| {
        let left = ends.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
        socket.set_read_timeout(Some(left)).unwrap();
        socket.recv(&mut [0; 1_500]).is_ok()
    };
    sockets.iter().filter(|socket| reached(socket)).count()
}
