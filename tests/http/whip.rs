//! WHIP endpoints: RFC 9725, sections 4.1, 4.2, 4.4 and 4.8.

use std::collections::BTreeSet;

use plenum_tests::{Plenum, offers};

use crate::Session;

#[test]
fn rfc9725_4_2_a_post_is_answered_with_201_an_answer_a_location_and_a_strong_etag() {
    let server = Plenum::dev();
    let response = server.request("POST", "/whip/studio").sdp(&offers::whip()).send().expect(201);
    assert_eq!(response.header("content-type"), Some("application/sdp"));
    assert!(response.text().starts_with("v=0\r\n"), "{}", response.text());
    assert!(response.location().starts_with("/session/"), "{}", response.location());
    let etag = response.header("etag").expect("restarts are supported, so there is an ETag");
    assert!(etag.len() > 2 && etag.starts_with('"') && etag.ends_with('"'), "not strong: {etag}");
}

#[test]
fn rfc9725_4_2_a_body_of_another_type_is_415_and_names_the_right_one() {
    let server = Plenum::dev();
    for kind in ["text/plain", "application/json", "application/trickle-ice-sdpfrag", "application/sdpx"] {
        let response = server.request("POST", "/whip/studio").body(kind, offers::whip()).send();
        assert_eq!(response.header("accept-post"), Some("application/sdp"), "{kind}");
        response.expect_problem(415);
    }
    let offer = offers::whip();
    let typed = server.request("POST", "/whip/studio").body("Application/SDP; charset=utf-8", offer);
    typed.send().expect(201);
}

#[test]
fn rfc9725_4_2_a_post_without_a_content_type_is_415() {
    let server = Plenum::dev();
    server.request("POST", "/whip/studio").header("Content-Length", "0").send().expect_problem(415);
}

#[test]
fn rfc9725_4_2_a_malformed_offer_is_400() {
    let server = Plenum::dev();
    let offer = offers::whip();
    let truncated = offer[..offer.find("m=video").unwrap()].replace("BUNDLE 0 1", "BUNDLE 0 1 2");
    let cases: [(&str, Vec<u8>); 5] = [
        ("empty", Vec::new()),
        ("binary", (0..=255).cycle().take(4_000).collect()),
        ("prose", b"please let me in\r\n".to_vec()),
        ("no m-line", offer[..offer.find("m=audio").unwrap()].into()),
        ("bundle names lines that are not there", truncated.into_bytes()),
    ];
    for (what, body) in cases {
        let response = server.request("POST", "/whip/studio").body("application/sdp", body).send();
        assert_eq!(response.status, 400, "{what}: {}", response.text());
        response.expect_problem(400);
    }
    assert_eq!(server.scrape().sum("plenum_sessions"), 0.0);
}

#[test]
fn rfc9725_4_4_3_a_line_it_cannot_take_is_422_for_the_whole_offer() {
    let server = Plenum::dev();
    let no_known_codec =
        offers::whip().replace("VP8/90000", "H265/90000").replace("H264/90000", "H266/90000");
    server.request("POST", "/whip/studio").sdp(&no_known_codec).send().expect_problem(422);
    let receiving = offers::whip().replace("a=sendonly", "a=recvonly");
    server.request("POST", "/whip/studio").sdp(&receiving).send().expect_problem(422);
    assert_eq!(server.scrape().sum("plenum_sessions"), 0.0);
}

#[test]
fn rfc9725_4_4_3_an_answer_rejects_no_line() {
    let server = Plenum::dev();
    let session = Session::publish(&server, "studio");
    let sections = offers::media_sections(&session.answer);
    assert_eq!(sections.len(), 2, "{}", session.answer);
    for section in sections {
        let port = section.split(' ').nth(1).expect("an m-line has a port");
        assert_ne!(port, "0", "{section}");
    }
}

#[test]
fn rfc9725_4_2_every_line_of_an_answer_is_recvonly() {
    let server = Plenum::dev();
    let session = Session::publish(&server, "studio");
    for section in offers::media_sections(&session.answer) {
        assert!(offers::has_line(section, "a=recvonly"), "{section}");
    }
}

#[test]
fn rfc9725_4_4_1_an_answer_bundles_all_lines_and_multiplexes_rtcp() {
    let server = Plenum::dev();
    let session = Session::publish(&server, "studio");
    assert!(offers::has_line(&session.answer, "a=group:BUNDLE 0 1"), "{}", session.answer);
    for section in offers::media_sections(&session.answer) {
        assert!(offers::has_line(section, "a=rtcp-mux"), "{section}");
        assert!(offers::has_line(section, "a=rtcp-mux-only"), "{section}");
    }
}

#[test]
fn rfc9725_4_4_5_an_answer_holds_all_candidates() {
    let server = Plenum::dev();
    let session = Session::publish(&server, "studio");
    let candidates: Vec<&str> = offers::attributes(&session.answer, "candidate").collect();
    let media = server.ready.media[0];
    let expected = format!(" {} {} typ host", media.ip(), media.port());
    assert!(candidates.iter().any(|candidate| candidate.contains(&expected)), "{candidates:?}");
}

#[test]
fn rfc9725_4_4_4_the_dtls_role_is_the_opposite_of_what_is_offered() {
    let server = Plenum::dev();
    for (offered, answered) in [("actpass", "passive"), ("passive", "active"), ("active", "passive")] {
        let offer = offers::whip().replace("a=setup:actpass", &format!("a=setup:{offered}"));
        let response = server.request("POST", "/whip/studio").sdp(&offer).send().expect(201);
        assert_eq!(offers::attribute(&response.text(), "setup"), answered, "to {offered}");
    }
}

#[test]
fn rfc9725_4_2_get_and_head_on_an_endpoint_are_2xx_and_empty() {
    let server = Plenum::dev();
    for method in ["GET", "HEAD"] {
        let response = server.request(method, "/whip/studio").send();
        assert!((200..300).contains(&response.status), "{method}: {}", response.status);
        assert!(response.body.is_empty(), "{method}: {}", response.text());
    }
}

#[test]
fn rfc9725_4_2_another_method_on_an_endpoint_is_405_with_allow() {
    let server = Plenum::dev();
    for method in ["PUT", "DELETE", "PATCH", "BREW"] {
        let response = server.request(method, "/whip/studio").send();
        let allow = response.header("allow").unwrap_or_default().to_owned();
        response.expect_problem(405);
        for allowed in ["GET", "HEAD", "OPTIONS", "POST"] {
            assert!(allow.contains(allowed), "{method}: Allow: {allow}");
        }
    }
}

#[test]
fn rfc9725_4_2_session_urls_cannot_be_guessed() {
    let server = Plenum::dev();
    let paths: BTreeSet<String> =
        (0..20).map(|n| Session::publish(&server, &format!("room-{n}")).path).collect();
    assert_eq!(paths.len(), 20, "each has its own");
    for path in &paths {
        let id = path.rsplit('/').next().unwrap();
        // 128 bits take 22 characters of base64, or 32 of hex.
        assert!(id.len() >= 22, "{id}");
    }
}

#[test]
fn rfc9725_4_5_the_same_identity_again_replaces_the_old_session_at_once() {
    let server = Plenum::dev();
    let first = Session::publish(&server, "studio");
    let second = Session::publish(&server, "studio");
    assert_eq!(first.status(&server), 404);
    assert_eq!(second.status(&server), 204);
    let other = server.request("POST", "/whip/studio?participant=second-camera").sdp(&offers::whip());
    other.send().expect(201);
    assert_eq!(second.status(&server), 204, "another identity replaces nobody");
    assert_eq!(server.scrape().sum_where("plenum_sessions", &[("kind", "whip")]), 2.0);
}

#[test]
fn rfc9725_4_8_simulcast_is_answered_with_every_layer() {
    let server = Plenum::dev();
    let rids = "a=rid:q send\r\na=rid:h send\r\na=rid:f send\r\na=simulcast:send q;h;f\r\n";
    let extensions = "a=extmap:10 urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id\r\n\
                      a=extmap:11 urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id\r\n";
    let offer = offers::whip();
    let without_ssrcs = &offer[..offer.find("a=ssrc-group").unwrap()];
    let offer = format!("{without_ssrcs}{extensions}{rids}");
    let answer = server.request("POST", "/whip/studio").sdp(&offer).send().expect(201).text();
    assert!(offers::has_line(&answer, "a=simulcast:recv q;h;f"), "{answer}");
    for rid in ["q", "h", "f"] {
        assert!(offers::has_line(&answer, &format!("a=rid:{rid} recv")), "{answer}");
    }
}
