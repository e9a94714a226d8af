//! Participants against the reflector: the room protocol, real sockets, and whether what is wrong is seen.

mod reflector;

use clap::Parser;
use plenum_load::{Args, Report, measure};
use reflector::{Reflector, Vices};

#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    args: Args,
}

const FOUR: &str = "--participants 4 --publishing 2 --slots 3,3 --video 100pps,600B";

fn load(reflector: &Reflector, more: &str) -> Report {
    let line = format!("load --url {} --join-rate 50 {more}", reflector.url);
    measure(Cli::try_parse_from(line.split_ascii_whitespace()).unwrap().args).unwrap()
}

#[test]
fn every_slot_gets_what_it_is_said_to_hold() {
    let reflector = Reflector::start(Vices::default());
    let report = load(&reflector, &format!("{FOUR} --duration 3s"));
    assert_eq!(
        (report.failed, report.participants, report.publishers, report.viewers),
        (0, 4, 0, 0),
        "{report}"
    );
    let slots = report.slots.unwrap();
    // Two see one camera, two see both; each hears the other three.
    assert_eq!((slots.expected, slots.right, slots.wrong), (6 + 12, 6 + 12, 0), "{report}");
    assert_eq!(
        (report.lost, report.duplicates, report.foreign, report.sdp_exchanged),
        (0, 0, 0, 0),
        "{report}"
    );
    assert!(report.expected >= 3 * (6 * 100 + 12 * 50) * 9 / 10, "{report}");
    assert!(report.join_ms.is_some() && report.first_video_ms.is_some(), "{report}");
    assert_eq!(reflector.ended(), 4, "everybody says good-bye");
}

#[test]
fn a_slot_that_is_said_to_hold_something_else_fails_the_run() {
    let reflector = Reflector::start(Vices { swaps_slots: true, ..Vices::default() });
    let report = load(&reflector, &format!("{FOUR} --duration 3s"));
    assert!(report.slots.unwrap().wrong > 0 && report.failed > 0, "{report}");
}

#[test]
fn a_slot_that_gets_nothing_fails_the_run() {
    let reflector = Reflector::start(Vices { starves_slots: true, ..Vices::default() });
    let report = load(&reflector, &format!("{FOUR} --duration 3s"));
    assert_eq!((report.slots.unwrap().wrong, report.failed), (18, 4), "{report}");
}

#[test]
fn guests_come_and_go_and_sdp_that_others_exchange_meanwhile_is_counted() {
    let reflector = Reflector::start(Vices::default());
    let report = load(&reflector, &format!("{FOUR} --churn 2 --duration 4s"));
    assert_eq!((report.failed, report.lost, report.sdp_exchanged), (0, 0, 0), "{report}");
    assert!((6..=9).contains(&report.churned), "{report}");
    let talkative = Reflector::start(Vices { answers_again: true, ..Vices::default() });
    let report = load(&talkative, &format!("{FOUR} --duration 1s"));
    assert_eq!(report.sdp_exchanged, 1 + 2 + 3, "{report}");
}

#[test]
fn participants_that_count_headers_see_the_same_packets() {
    let reflector = Reflector::start(Vices::default());
    let report = load(&reflector, &format!("{FOUR} --sample 0 --duration 2s"));
    assert_eq!((report.failed, report.lost), (0, 0), "{report}");
    assert!(report.expected >= 2 * (6 * 100 + 12 * 50) * 9 / 10, "{report}");
}

#[test]
fn the_token_is_said_when_joining_and_a_refusal_is_reported() {
    let reflector = Reflector::start(Vices { wants_token: Some("sesame"), ..Vices::default() });
    let report = load(&reflector, "--participants 2 --token sesame --duration 1s");
    assert_eq!((report.failed, report.participants), (0, 2), "{report}");
    let report = load(&reflector, "--participants 1 --token wrong --duration 1s");
    assert_eq!(report.failures, ["member-0 of bench: Unauthorized: wrong token"]);
}
