//! Coming back, being replaced, and being gone.

use std::time::{Duration, Instant};

use plenum_tests::room::{Heard, Socket};
use plenum_tests::{Options, Plenum, wait_until};
use serde_json::json;

use super::{SOON, assert_closed, assert_error, assert_quiet, join, join_with_welcome, try_join};

fn hasty() -> Plenum {
    Plenum::start(Options::config("[rooms]\ndeparture_timeout = \"1s\"\n").argument("--dev"))
}

/// Comes back with this token.
#[track_caller]
fn resume(server: &Plenum, token: &serde_json::Value) -> (Socket, serde_json::Value) {
    let mut socket = Socket::connect(server, "studio");
    let reply = socket.request(json!({"type": "join", "resume": token, "identity": "ada"}));
    (socket, reply)
}

#[test]
fn a_dropped_socket_resumes_and_nobody_else_notices() {
    let server = Plenum::dev();
    let (ada, first) = join_with_welcome(&server, "studio", "ada");
    let mut bob = join(&server, "studio", "bob");
    drop(ada);
    let (mut ada, again) = resume(&server, &first["resume"]);
    assert_eq!(again["resumed"], true, "{again}");
    assert_eq!(again["participant"], first["participant"]);
    assert_eq!(again["participants"][0]["identity"], "bob");
    assert_quiet(&mut bob);
    bob.send(&json!({"type": "signal", "to": "ada", "payload": 1}));
    assert_eq!(ada.wait_for("signal", SOON)["payload"], 1);
}

#[test]
fn a_member_that_resumes_before_its_old_socket_is_dead_closes_it() {
    let server = Plenum::dev();
    let (mut old, welcome) = join_with_welcome(&server, "studio", "ada");
    let (mut new, again) = resume(&server, &welcome["resume"]);
    assert_eq!(again["resumed"], true);
    assert_eq!(old.next(SOON), Heard::Closed(Some(1000)), "without `closed`: the member goes on");
    assert_eq!(new.request(json!({"type": "lock"}))["type"], "ok");
    assert_eq!(server.scrape().sum("plenum_members"), 1.0);
}

#[test]
fn a_page_that_goes_away_has_left_at_once() {
    let server = Plenum::dev();
    let mut ada = join(&server, "studio", "ada");
    let mut bob = join(&server, "studio", "bob");
    ada.go_away();
    let left = bob.wait_for("participant_left", SOON);
    assert_eq!((&left["participant"], &left["reason"]), (&json!("ada"), &json!("left")));
}

#[test]
fn who_does_not_come_back_has_left() {
    let server = hasty();
    let (ada, welcome) = join_with_welcome(&server, "studio", "ada");
    let mut bob = join(&server, "studio", "bob");
    let dropped = Instant::now();
    drop(ada);
    let left = bob.wait_for("participant_left", SOON);
    assert!(dropped.elapsed() >= Duration::from_millis(950), "{:?}", dropped.elapsed());
    assert_eq!((&left["participant"], &left["reason"]), (&json!("ada"), &json!("timeout")));
    let (_socket, reply) = resume(&server, &welcome["resume"]);
    assert_eq!((&reply["type"], &reply["resumed"]), (&json!("welcome"), &json!(false)), "it joins anew");
}

#[test]
fn a_wrong_resume_token_is_a_new_join() {
    let server = Plenum::dev();
    let (mut ada, welcome) = join_with_welcome(&server, "studio", "ada");
    for token in [json!("nonsense"), json!("1.00000000000000000000000000000000")] {
        let (_eve, reply) = try_resume_as(&server, "eve", &token);
        assert_eq!((&reply["type"], &reply["resumed"]), (&json!("welcome"), &json!(false)));
    }
    // In another room the token means nothing.
    let mut elsewhere = Socket::connect(&server, "elsewhere");
    let reply = elsewhere.request(json!({"type": "join", "resume": welcome["resume"], "identity": "eve"}));
    assert_eq!(reply["resumed"], false);
    assert_eq!(ada.request(json!({"type": "lock"}))["type"], "ok", "ada was not disturbed");
}

#[track_caller]
fn try_resume_as(server: &Plenum, identity: &str, token: &serde_json::Value) -> (Socket, serde_json::Value) {
    let mut socket = Socket::connect(server, "studio");
    let reply = socket.request(json!({"type": "join", "resume": token, "identity": identity}));
    (socket, reply)
}

#[test]
fn the_same_identity_elsewhere_replaces() {
    let server = Plenum::dev();
    let mut first = join(&server, "studio", "ada");
    let mut bob = join(&server, "studio", "bob");
    let mut second = join(&server, "studio", "ada");
    assert_closed(&mut first, "replaced");
    let left = bob.wait_for("participant_left", SOON);
    assert_eq!((&left["participant"], &left["reason"]), (&json!("ada"), &json!("replaced")));
    assert_eq!(bob.wait_for("participant_joined", SOON)["participant"]["identity"], "ada");
    assert_eq!(second.request(json!({"type": "update_metadata", "metadata": "x"}))["type"], "ok");
    assert_eq!(server.scrape().sum("plenum_members"), 2.0);
}

#[test]
fn a_draining_server_asks_to_reconnect_and_takes_back_whom_it_knows() {
    let mut server = hasty();
    let (mut ada, welcome) = join_with_welcome(&server, "studio", "ada");
    server.signal(libc::SIGTERM);
    let reconnect = ada.wait_for("reconnect", SOON);
    assert_eq!(reconnect["url"], "/v1/rooms/studio/connect");
    assert!(reconnect["after_ms"].is_u64(), "{reconnect}");
    let (mut bob, reply) = try_join(&server, "studio", "bob");
    assert_error(&reply, "draining", 503);
    assert_eq!(bob.next(SOON), Heard::Closed(Some(1008)));
    drop(ada);
    let (mut ada, again) = resume(&server, &welcome["resume"]);
    assert_eq!(again["resumed"], true);
    assert!(server.is_running());
    ada.send(&json!({"type": "leave"}));
    assert_eq!(server.wait_for_exit(SOON).code(), Some(0));
}

#[test]
fn a_server_that_ends_says_so() {
    let mut server = Plenum::dev();
    let mut ada = join(&server, "studio", "ada");
    server.signal(libc::SIGINT);
    assert_closed(&mut ada, "shutdown");
    assert_eq!(server.wait_for_exit(SOON).code(), Some(0));
}

#[test]
fn members_come_and_go_and_nothing_is_left() {
    const THREADS: usize = 8;
    const JOINS: usize = 10_000;
    let server = Plenum::start(
        Options::config("[rooms]\nempty_timeout = \"500ms\"\ndeparture_timeout = \"1s\"\n").argument("--dev"),
    );
    let before = server.stats();
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let server = &server;
            scope.spawn(move || {
                for i in 0..JOINS / THREADS {
                    let room = format!("room{}", i % 20);
                    let mut socket = Socket::connect(server, &room);
                    socket.join(&format!("guest-{thread}"));
                    // Half of them say goodbye.
                    if i % 2 == 0 {
                        socket.send(&json!({"type": "leave"}));
                        assert_closed(&mut socket, "left");
                    }
                }
            });
        }
    });
    wait_until("nobody and nothing is left", Duration::from_secs(20), || {
        let scrape = server.scrape();
        let gauges = ["plenum_members", "plenum_websockets", "plenum_conferences", "plenum_sessions"];
        gauges.iter().all(|gauge| scrape.sum(gauge) == 0.0)
    });
    wait_until("no descriptor is left over", SOON, || server.stats().descriptors <= before.descriptors);
}
