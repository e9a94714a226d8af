//! Caps, floods and silence.

use std::sync::Barrier;
use std::time::{Duration, Instant};

use plenum_tests::room::Socket;
use plenum_tests::{Options, Plenum, wait_until};
use serde_json::json;

use super::{SOON, assert_error, join, join_with_welcome};

#[test]
fn of_100_who_come_at_once_exactly_50_get_into_a_room_of_50() {
    const COMING: usize = 100;
    let server = Plenum::start(Options::config("[rooms]\nmax_participants = 50\n").argument("--dev"));
    let barrier = Barrier::new(COMING);
    let outcomes: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..COMING)
            .map(|i| {
                let (server, barrier) = (&server, &barrier);
                scope.spawn(move || {
                    let mut socket = Socket::connect(server, "hall");
                    barrier.wait();
                    let reply = socket.request(json!({"type": "join", "identity": format!("guest-{i}")}));
                    (socket, reply)
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().expect("a reply")).collect()
    });
    let (inside, outside): (Vec<_>, Vec<_>) =
        outcomes.iter().map(|(_, reply)| reply).partition(|reply| reply["type"] == "welcome");
    assert_eq!((inside.len(), outside.len()), (50, 50));
    for reply in outside {
        assert_error(reply, "room-full", 409);
    }
    assert_eq!(server.scrape().sum("plenum_members"), 50.0);
}

#[test]
fn who_talks_too_fast_is_told_and_shown_out() {
    let server = Plenum::dev();
    let mut ada = join(&server, "studio", "ada");
    for _ in 0..1_000 {
        ada.send_text("{}");
    }
    let (messages, code) = ada.wait_until_closed(SOON);
    let told = |message: &&serde_json::Value| message["problem"] == "urn:plenum:problem:too-many-requests";
    assert!(messages.iter().any(|message| told(&message)), "{:?}", messages.last());
    assert_eq!(messages.last().expect("a last word")["type"], "closed");
    assert_eq!(code, Some(1008));
}

#[test]
fn who_does_not_read_is_cut_off_and_may_come_back() {
    let server = Plenum::dev();
    let (slow, welcome) = join_with_welcome(&server, "studio", "slow");
    // Each of them may say only so much.
    let mut loud: Vec<_> = (0..40).map(|n| join(&server, "studio", &format!("loud-{n}"))).collect();
    // More than the system's buffers on both sides of a loopback connection hold, and more than may wait.
    let payload = "x".repeat(60_000);
    let is_cut_off = || server.scrape().sum("plenum_websockets_too_slow_total") >= 1.0;
    let deadline = Instant::now() + Duration::from_secs(30);
    while !is_cut_off() {
        assert!(Instant::now() < deadline, "the slow reader was never cut off");
        for loud in &mut loud {
            let reply = loud.request(json!({"type": "signal", "to": "slow", "payload": payload}));
            // Once it is cut off, it cannot be reached.
            if reply["status"] == 404 {
                break;
            }
        }
    }
    wait_until("its socket is closed", SOON, || server.scrape().sum("plenum_websockets") == 40.0);
    let mut again = Socket::connect(&server, "studio");
    let reply = again.request(json!({"type": "join", "resume": welcome["resume"]}));
    assert_eq!(reply["resumed"], true);
    drop(slow);
}

#[test]
fn a_socket_outlives_the_time_outs_of_http_but_not_its_peer() {
    let config = "[rooms]\ndeparture_timeout = \"1s\"\n";
    let server = Plenum::start(Options::config(config).argument("--dev"));
    let mut alive = join(&server, "studio", "alive");
    // Nobody reads this one, so nobody answers its pings.
    let _dead = join(&server, "studio", "dead");
    let started = Instant::now();
    // Reading answers pings.
    let left = alive.wait_for("participant_left", Duration::from_secs(45));
    assert_eq!((&left["participant"], &left["reason"]), (&json!("dead"), &json!("timeout")));
    let after = started.elapsed();
    assert!(after >= Duration::from_secs(25) && after < Duration::from_secs(40), "{after:?}");
    assert_eq!(alive.request(json!({"type": "lock"}))["type"], "ok");
}
