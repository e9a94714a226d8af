//! The load generator against the server: one publisher and a hundred viewers, sixty participants, nothing lost.

use std::time::Duration;

use plenum_tests::{Options, Plenum, run_binary};
use serde_json::Value;

use crate::alone;

/// `cargo xtask test` asks for the full 30 s.
fn seconds() -> u64 {
    std::env::var("PLENUM_LOAD_SECONDS").map_or(10, |text| text.parse().expect("a number of seconds"))
}

fn load(server: &Plenum, arguments: &[&str], seconds: u64) -> Value {
    let (url, duration, pid) = (server.url(), format!("{seconds}s"), server.pid().to_string());
    let common = ["load", "--url", &url, "--duration", &duration, "--server-pid", &pid, "--json"];
    let output = run_binary(&[&common, arguments].concat(), &[], Duration::from_secs(seconds + 60));
    let (text, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{errors}\n{text}");
    println!("{text}");
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[test]
fn a_hundred_viewers_of_one_publisher_lose_nothing() {
    let _guard = alone();
    let server = Plenum::dev();
    let arguments = ["--room", "bench", "--publishers", "1", "--viewers", "100", "--video", "250pps,1200B"];
    let seconds = seconds();
    let report = load(&server, &arguments, seconds);
    let number = |name: &str| report[name].as_f64().unwrap_or_else(|| panic!("{name} in {report}"));
    assert!(number("sent") >= 250.0 * seconds as f64 * 0.9, "{report}");
    assert!(number("expected") >= 100.0 * 250.0 * seconds as f64 * 0.8, "{report}");
    assert_eq!(number("received"), number("expected"), "{report}");
    assert_eq!((number("loss"), number("failed")), (0.0, 0.0), "{report}");
    server.wait_until_empty(Duration::from_secs(10));
    let scrape = server.scrape();
    scrape.assert_every_datagram_is_accounted_for();
    assert!(scrape.sum("plenum_packets_forwarded_total") >= number("received"));
}

#[test]
fn several_rooms_under_load_lose_nothing() {
    let _guard = alone();
    let server = Plenum::dev();
    let arguments = ["--room", "bench", "--rooms", "10", "--publishers", "1", "--viewers", "3"];
    let report = load(&server, &arguments, 5);
    assert_eq!(report["received"], report["expected"], "{report}");
    assert_eq!(report["failed"], 0, "{report}");
}

/// Participants of one room, of whom five send video as a camera does at 240 kb/s.
const ROOM: [&str; 6] = ["--room", "hall", "--publishing", "5", "--video", "30pps,1000B"];

#[track_caller]
fn assert_every_slot_was_right(report: &Value) {
    assert_eq!((&report["failed"], &report["failures"]), (&0.into(), &Value::Array(Vec::new())), "{report}");
    assert!(report["slots"]["expected"].as_u64().unwrap() > 0, "{report}");
    assert_eq!(report["slots"]["right"], report["slots"]["expected"], "{report}");
    assert_eq!((&report["slots"]["wrong"], &report["sdp_exchanged"]), (&0.into(), &0.into()), "{report}");
    assert_eq!(
        (&report["lost"], &report["duplicates"], &report["foreign"]),
        (&0.into(), &0.into(), &0.into())
    );
}

#[test]
fn sixty_participants_lose_nothing_and_every_slot_is_right() {
    let _guard = alone();
    let server = Plenum::dev();
    let seconds = seconds();
    let report = load(&server, &[&ROOM[..], &["--participants", "60"]].concat(), seconds);
    assert_every_slot_was_right(&report);
    assert_eq!(report["participants"], 60, "{report}");
    // Each gets five videos, or the other four, and three voices. A machine with other things to do sends less.
    let per_second = (55 * 5 + 5 * 4) * 30 + 60 * 3 * 50;
    assert!(report["received"].as_u64().unwrap() >= per_second * seconds / 2, "{report}");
    server.wait_until_empty(Duration::from_secs(10));
    server.scrape().assert_every_datagram_is_accounted_for();
}

#[test]
fn guests_that_come_and_go_disturb_nobody() {
    let _guard = alone();
    let server = Plenum::dev();
    let report = load(&server, &[&ROOM[..], &["--participants", "12", "--churn", "3"]].concat(), 8);
    assert_every_slot_was_right(&report);
    assert!(report["churned"].as_u64().unwrap() >= 20, "{report}");
    assert!(report["longest_video_gap_ms"].as_f64().unwrap() < 1_000.0, "{report}");
}

#[test]
fn participants_streams_and_viewers_meet_in_a_room_that_wants_tokens() {
    let _guard = alone();
    let secret = "a-secret-of-at-least-32-characters";
    let server = Plenum::start(Options::config(format!("[auth]\nkeys = {{ devkey = \"{secret}\" }}\n")));
    let key = format!("devkey:{secret}");
    let company = ["--participants", "6", "--publishers", "1", "--viewers", "4", "--key", &key];
    let report = load(&server, &[&ROOM[..], &company].concat(), 5);
    assert_every_slot_was_right(&report);
    let [participants, publishers, viewers] =
        ["participants", "publishers", "viewers"].map(|who| &report[who]);
    assert_eq!((participants, publishers, viewers), (&6.into(), &1.into(), &4.into()), "{report}");
}
