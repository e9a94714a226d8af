//! The load generator against the server: one publisher, a hundred viewers, nothing lost.

use std::time::Duration;

use plenum_tests::{Plenum, run_binary};
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
