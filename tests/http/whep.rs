//! WHEP endpoints: draft-ietf-wish-whep, sections 4.2 to 4.4.

use plenum_tests::peer::{Media, Peer, Prepared};
use plenum_tests::{Plenum, offers};

#[test]
fn whep_4_2_a_post_is_answered_with_201_an_answer_a_location_and_a_strong_etag() {
    let server = Plenum::dev();
    let _publisher = Peer::publish(&server, "stage", Media::default());
    let response = server.request("POST", "/whep/stage").sdp(&offers::whep()).send().expect(201);
    assert_eq!(response.header("content-type"), Some("application/sdp"));
    assert!(response.location().starts_with("/session/"), "{}", response.location());
    let etag = response.header("etag").expect("restarts are supported, so there is an ETag");
    assert!(etag.starts_with('"') && etag.ends_with('"'), "not strong: {etag}");
}

#[test]
fn whep_4_2_every_line_of_an_answer_is_sendonly_bundled_and_multiplexed() {
    let server = Plenum::dev();
    let _publisher = Peer::publish(&server, "stage", Media::default());
    let answer = server.request("POST", "/whep/stage").sdp(&offers::whep()).send().expect(201).text();
    assert!(offers::has_line(&answer, "a=group:BUNDLE 0 1"), "{answer}");
    let sections = offers::media_sections(&answer);
    assert_eq!(sections.len(), 2, "{answer}");
    for section in sections {
        for line in ["a=sendonly", "a=rtcp-mux", "a=rtcp-mux-only"] {
            assert!(offers::has_line(section, line), "{line} in {section}");
        }
    }
}

#[test]
fn whep_4_2_an_answer_keeps_all_codecs_in_common() {
    let server = Plenum::dev();
    let _publisher = Peer::publish(&server, "stage", Media::default());
    let answer = server.request("POST", "/whep/stage").sdp(&offers::whep()).send().expect(201).text();
    for codec in ["opus/48000/2", "VP8/90000", "H264/90000"] {
        let present = offers::attributes(&answer, "rtpmap").any(|map| map.ends_with(codec));
        assert!(present, "{codec} in {answer}");
    }
}

#[test]
fn whep_4_4_2_all_lines_belong_to_one_stream() {
    let server = Plenum::dev();
    let _publisher = Peer::publish(&server, "stage", Media::default());
    let answer = server.request("POST", "/whep/stage").sdp(&offers::whep()).send().expect(201).text();
    let mut streams: Vec<&str> =
        offers::attributes(&answer, "msid").filter_map(|msid| msid.split(' ').next()).collect();
    assert_eq!(streams.len(), 2, "{answer}");
    streams.dedup();
    assert_eq!(streams.len(), 1, "players keep lips in sync within one stream only: {answer}");
}

#[test]
fn whep_4_2_head_on_an_endpoint_tells_the_type() {
    let server = Plenum::dev();
    let response = server.request("HEAD", "/whep/stage").send().expect(200);
    assert_eq!(response.header("content-type"), Some("application/sdp"));
    assert!(response.body.is_empty());
}

#[test]
fn whep_4_2_with_nobody_live_it_is_409_with_retry_after() {
    let server = Plenum::dev();
    let response = server.request("POST", "/whep/stage").sdp(&offers::whep()).send();
    let after: u32 = response.header("retry-after").expect("a Retry-After").parse().expect("seconds");
    assert!((1..=60).contains(&after), "{after}");
    response.expect_problem(409);
    assert_eq!(server.scrape().sum("plenum_sessions"), 0.0);
}

#[test]
fn whep_4_2_a_participant_that_does_not_publish_is_409() {
    let server = Plenum::dev();
    let _publisher = Peer::publish(&server, "stage", Media::default());
    let response = server.request("POST", "/whep/stage/somebody-else").sdp(&offers::whep()).send();
    assert!(response.header("retry-after").is_some());
    response.expect_problem(409);
    server.request("POST", "/whep/stage/whip").sdp(&offers::whep()).send().expect(201);
}

#[test]
fn whep_4_2_a_body_of_another_type_is_415() {
    let server = Plenum::dev();
    let response = server.request("POST", "/whep/stage").body("text/plain", offers::whep()).send();
    assert_eq!(response.header("accept-post"), Some("application/sdp"));
    response.expect_problem(415);
}

#[test]
fn whep_4_2_a_malformed_offer_is_400_though_nobody_is_live() {
    let server = Plenum::dev();
    server.request("POST", "/whep/stage").sdp("v=0\r\n").send().expect_problem(400);
}

#[test]
fn whep_4_2_an_offer_to_send_is_422() {
    let server = Plenum::dev();
    let _publisher = Peer::publish(&server, "stage", Media::default());
    server.request("POST", "/whep/stage").sdp(&offers::whip()).send().expect_problem(422);
}

#[test]
fn whep_4_2_without_a_codec_in_common_it_is_422_that_names_both_sides() {
    let server = Plenum::dev();
    let publisher = Prepared::publisher();
    let publisher = publisher.start(server.request("POST", "/whip/stage"), Some(Media::default()));
    publisher.wait_until_connected();
    let viewer = offers::whep().replace("VP8/90000", "AV1/90000").replace("H264/90000", "VP9/90000");
    let problem = server.request("POST", "/whep/stage").sdp(&viewer).send().expect_problem(422);
    let named = |member: &str, codec: &str| {
        problem[member].as_array().is_some_and(|list| list.iter().any(|c| c.to_string().contains(codec)))
    };
    assert!(named("offered", "AV1") && named("offered", "VP9"), "{problem}");
    assert!(named("published", "VP8"), "{problem}");
    assert_eq!(server.scrape().sum_where("plenum_sessions", &[("kind", "whep")]), 0.0);
}

#[test]
fn whep_4_2_another_method_on_an_endpoint_is_405_with_allow() {
    let server = Plenum::dev();
    for method in ["PUT", "DELETE", "PATCH"] {
        let response = server.request(method, "/whep/stage").send();
        let allow = response.header("allow").unwrap_or_default().to_owned();
        response.expect_problem(405);
        assert!(allow.contains("POST") && allow.contains("OPTIONS"), "{method}: Allow: {allow}");
    }
}
