//! The whole generator against a small reflector on loopback: both native clients, real sockets, real DTLS.

mod reflector;

use clap::Parser;
use plenum_load::{Args, Report, measure};
use reflector::{Reflector, Vices};

#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    args: Args,
}

fn load(reflector: &Reflector, more: &str) -> Report {
    let fixed = ["load", "--url", &reflector.url, "--join-rate", "200"];
    let cli = Cli::try_parse_from(fixed.into_iter().chain(more.split_ascii_whitespace())).unwrap();
    measure(cli.args).unwrap()
}

#[test]
fn viewers_receive_everything_from_their_first_packet_on() {
    let reflector = Reflector::start(Vices::default());
    let report = load(&reflector, "--viewers 3 --duration 2s");
    assert_eq!((report.failed, report.publishers, report.viewers), (0, 1, 3), "{report}");
    assert!(report.sent >= 600, "{report}");
    assert!(report.expected >= 3 * 600 - 60, "{report}");
    assert_eq!((report.lost, report.duplicates, report.generator_unsent), (0, 0, 0), "{report}");
    assert!(report.latency_ms.unwrap().p50 < 50.0, "{report}");
    assert!(report.join_ms.unwrap().max >= report.join_ms.unwrap().p50, "{report}");
    assert!(report.first_video_ms.unwrap().p50 >= report.first_packet_ms.unwrap().p50, "{report}");
    assert_eq!(reflector.ended(), 4, "every session is DELETEd");
}

#[test]
fn frames_of_many_packets_arrive_at_the_same_average_rate() {
    let reflector = Reflector::start(Vices::default());
    let report = load(&reflector, "--video 500pps,900B --audio off --burst 20 --duration 2s");
    assert_eq!((report.failed, report.lost), (0, 0), "{report}");
    assert!((1_000..1_300).contains(&report.sent), "{report}");
}

#[test]
fn silent_publishers_send_nothing_while_it_is_measured() {
    let reflector = Reflector::start(Vices::default());
    let report = load(&reflector, "--viewers 2 --silent --duration 2s");
    assert_eq!((report.failed, report.lost, report.viewers), (0, 0, 2), "{report}");
    assert!(report.sent < 300, "what was sent while they joined: {report}");
}

#[test]
fn lost_packets_are_asked_for_again_and_a_tail_loss_is_no_exception() {
    let reflector = Reflector::start(Vices { drops_every: Some(10), ..Vices::default() });
    let report = load(&reflector, "--viewers 2 --audio off --duration 3s");
    assert_eq!((report.failed, report.lost), (0, 0), "{report}");
    assert!(report.latency_ms.unwrap().p99 > report.latency_ms.unwrap().p50, "{report}");
}

#[test]
fn viewers_that_count_headers_see_the_same_packets_and_the_same_loss() {
    let reflector = Reflector::start(Vices::default());
    let report = load(&reflector, "--viewers 4 --sample 0.25 --duration 2s");
    assert_eq!((report.failed, report.lost), (0, 0), "{report}");
    assert!(report.expected >= 4 * 600 - 80, "{report}");
    let lossy = Reflector::start(Vices { drops_every: Some(10), ..Vices::default() });
    let report = load(&lossy, "--viewers 2 --sample 0 --audio off --duration 2s");
    assert!((0.07..0.13).contains(&report.loss), "nothing is asked for again: {report}");
}

#[test]
fn a_packet_of_another_room_fails_the_run() {
    let reflector = Reflector::start(Vices { crosses_rooms: true, ..Vices::default() });
    let report = load(&reflector, "--rooms 2 --viewers 1 --duration 1s");
    assert!(report.foreign > 100, "{report}");
    assert_eq!(report.failed, 2, "{report}");
    let honest = Reflector::start(Vices::default());
    let report = load(&honest, "--rooms 2 --viewers 1 --duration 1s");
    assert_eq!((report.failed, report.foreign, report.publishers), (0, 0, 2), "{report}");
}

#[test]
fn a_changed_byte_fails_the_run() {
    let reflector = Reflector::start(Vices { corrupts_every: Some(50), ..Vices::default() });
    let report = load(&reflector, "--duration 1s");
    assert!(report.corrupt >= 3 && report.failed == 1, "{report}");
}

#[test]
fn a_viewer_without_video_fails_the_run() {
    let reflector = Reflector::start(Vices { hides_video: true, ..Vices::default() });
    let report = load(&reflector, "--duration 1s");
    assert_eq!(report.failures, ["viewer 0 of bench: no video arrived"]);
}

#[test]
fn a_busy_server_is_asked_again() {
    let reflector = Reflector::start(Vices { is_busy_at_first: true, ..Vices::default() });
    let report = load(&reflector, "--duration 500ms");
    assert_eq!((report.failed, report.publishers), (0, 1), "{report}");
}

#[test]
fn the_token_is_sent_with_every_request_and_a_refusal_is_reported() {
    let reflector = Reflector::start(Vices { wants_token: Some("sesame"), ..Vices::default() });
    let report = load(&reflector, "--token sesame --duration 500ms");
    assert_eq!((report.failed, reflector.ended()), (0, 2), "{report}");
    let report = load(&reflector, "--token wrong --duration 500ms");
    assert_eq!(report.failures, ["publisher 0 of bench: POST answered 401 Unauthorized wrong token"]);
}

#[test]
fn sessions_can_be_left_behind() {
    let reflector = Reflector::start(Vices::default());
    let report = load(&reflector, "--no-delete --duration 500ms");
    assert_eq!((report.failed, reflector.ended()), (0, 0), "{report}");
}

#[test]
fn a_server_process_can_be_watched() {
    let reflector = Reflector::start(Vices::default());
    let this = std::process::id();
    let report = load(&reflector, &format!("--viewers 2 --duration 2s --server-pid {this}"));
    assert!(report.server_cpu_us_per_packet.unwrap() > 0.0, "{report}");
    assert!(report.server_rss_kb_per_viewer.is_some() && report.server_cores.is_some(), "{report}");
}

#[test]
fn a_server_that_is_not_there_is_one_clear_failure_per_session() {
    let cli = Cli::try_parse_from(["load", "--url", "http://127.0.0.1:9", "--duration", "100ms"]).unwrap();
    let report = measure(cli.args).unwrap();
    assert_eq!((report.failed, report.publishers), (1, 0), "{report}");
    assert!(report.failures[0].starts_with("publisher 0 of bench: "), "{report}");
}
