//! What is the same for every answer: offers of real clients are taken, names are never echoed raw, the
//! admin routes stay off the public listener.

use std::time::Duration;

use plenum_tests::peer::{Media, Peer};
use plenum_tests::{Plenum, offers, wait_until};

#[test]
fn names_outside_the_alphabet_are_refused_and_never_echoed() {
    let server = Plenum::dev();
    let long = "x".repeat(129);
    let names = [
        "%2e%2e",
        "a%2fb",
        "a%00b",
        "a%0d%0ab",
        "%1b%5b31m",
        "%3Cscript%3Ealert(1)%3C%2Fscript%3E",
        "%C3%A9",
        &long,
    ];
    for name in names {
        for path in [format!("/whip/{name}"), format!("/whep/{name}"), format!("/whep/room/{name}")] {
            let response = server.request("POST", &path).sdp(&offers::whip()).send();
            assert!(matches!(response.status, 400 | 404), "{path}: {}", response.status);
            let text = response.text();
            assert!(!text.contains("<script>") && !text.contains('\u{1b}'), "{path}: {text}");
        }
    }
    assert_eq!(server.scrape().sum("plenum_sessions"), 0.0);
    let log = server.log().join("\n");
    assert!(!log.contains('\u{1b}'), "a control character in the log: {log:?}");
}

#[test]
fn bad_identities_and_display_names_are_400() {
    let server = Plenum::dev();
    for query in ["participant=a%2fb", "participant=..", "name=a%0ab", "name=%1b%5b31m"] {
        let request = server.request("POST", &format!("/whip/studio?{query}")).sdp(&offers::whip());
        let response = request.send();
        assert_eq!(response.status, 400, "{query}: {}", response.text());
    }
    let polite = server.request("POST", "/whip/studio?participant=a.b-c&name=Zo%C3%AB%20%3Cb%3E");
    polite.sdp(&offers::whip()).send().expect(201);
}

#[test]
fn admin_routes_are_not_on_the_public_listener() {
    let server = Plenum::dev();
    for path in ["/metrics", "/healthz", "/readyz", "/debug/rooms/studio/panic"] {
        for method in ["GET", "POST"] {
            let status = server.request(method, path).send().status;
            assert!(matches!(status, 404 | 405), "{method} {path}: {status}");
        }
    }
}

#[test]
fn an_unknown_path_is_a_404_problem() {
    let server = Plenum::dev();
    server.request("GET", "/no/such/thing").send().expect_problem(404);
}

#[test]
fn healthz_and_readyz_are_200_while_serving() {
    let server = Plenum::dev();
    server.admin("/healthz").expect(200);
    server.admin("/readyz").expect(200);
}

#[test]
fn metrics_are_there_by_their_names() {
    let server = Plenum::dev();
    let _publisher = Peer::publish(&server, "stage", Media::default());
    let viewer = Peer::watch(&server, "stage");
    viewer.wait_for_video(10, Duration::from_secs(5));
    wait_until("the shard has published its counters", Duration::from_secs(5), || {
        server.scrape().sum("plenum_packets_forwarded_total") > 0.0
    });
    let scrape = server.scrape();
    let names = [
        "plenum_rooms",
        "plenum_participants",
        "plenum_sessions",
        "plenum_datagrams_received_total",
        "plenum_datagrams_handled_total",
        "plenum_dropped_total",
        "plenum_packets_forwarded_total",
        "plenum_bytes_forwarded_total",
        "plenum_nack_total",
        "plenum_rtx_total",
        "plenum_keyframe_requests_total",
        "plenum_forward_seconds_count",
        "plenum_join_seconds_count",
        "plenum_first_packet_seconds_count",
        "plenum_http_requests_total",
        "plenum_panics_total",
        "plenum_segments_per_send",
        "plenum_shard_busy_ratio",
    ];
    let missing: Vec<&&str> = names.iter().filter(|name| !scrape.has(name)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn pages_forbid_inline_script_and_only_the_player_may_be_framed() {
    let server = Plenum::dev();
    for (path, may_be_framed) in [("/", false), ("/publish/studio", false), ("/watch/studio", true)] {
        let page = server.request("GET", path).send().expect(200);
        assert!(page.header("content-type").unwrap_or_default().starts_with("text/html"), "{path}");
        let policy = page.header("content-security-policy").unwrap_or_default();
        assert!(!policy.is_empty() && !policy.contains("'unsafe-inline'"), "{path}: {policy}");
        assert_eq!(policy.contains("frame-ancestors *"), may_be_framed, "{path}: {policy}");
    }
}
