//! Too large, too many, ambiguous, mutated: a refusal, quickly, and nothing left behind.

use std::io::Write;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use plenum_tests::http::{Response, exchange, read_until_closed};
use plenum_tests::{Plenum, offers, seed};

use crate::Session;

const SDP_LIMIT: usize = 64 * 1024;
const MUTATED_OFFERS: usize = 2_000;

fn offer_of(length: usize) -> String {
    let mut offer = offers::whip();
    while offer.len() + 1_000 <= length {
        offer.push_str(&format!("a=x-padding:{}\r\n", "p".repeat(900)));
    }
    let rest = length - offer.len();
    if rest > 0 {
        offer.push_str(&format!("a=x-{}\r\n", "p".repeat(rest - "a=x-\r\n".len())));
    }
    assert_eq!(offer.len(), length);
    offer
}

#[test]
fn sixty_four_kibibytes_are_taken_and_one_more_is_413_quickly() {
    let server = Plenum::dev();
    server.request("POST", "/whip/studio").sdp(&offer_of(SDP_LIMIT)).send().expect(201);
    let started = Instant::now();
    let large = offer_of(SDP_LIMIT + 1);
    server.request("POST", "/whip/studio").sdp(&large).send().expect_problem(413);
    server.request("POST", "/whip/studio").sdp(&large).chunked().send().expect_problem(413);
    assert!(started.elapsed() < Duration::from_secs(1), "{:?}", started.elapsed());
}

#[test]
fn an_announced_gigabyte_is_413_before_it_is_sent() {
    let server = Plenum::dev();
    let request = "POST /whip/studio HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\
                   Content-Type: application/sdp\r\nContent-Length: 1073741824\r\n\r\nv=0\r\n";
    let started = Instant::now();
    let answer = exchange(server.ready.http, request.as_bytes(), Duration::from_secs(4));
    assert_eq!(Response::parse(&answer, false).expect("an answer").status, 413);
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
}

/// Closing while the sender still sends would reset the connection, and take the answer with it.
#[test]
fn who_sends_ten_megabytes_hears_that_they_are_too_many() {
    let server = Plenum::dev();
    let request = server.request("POST", "/v1/rooms").body("application/json", vec![b' '; 10_000_000]);
    let mut stream = TcpStream::connect(server.ready.http).expect("the server accepts connections");
    stream.write_all(&request.bytes()).expect("all of it is taken");
    let (answer, closed) = read_until_closed(&mut stream, Duration::from_secs(4));
    let answer = Response::parse(&answer, false).expect("an answer");
    assert!(closed && answer.header("connection") == Some("close"), "{:?}", answer.headers());
    answer.expect_problem(413);
}

#[test]
fn a_chunked_offer_is_as_good_as_any() {
    let server = Plenum::dev();
    server.request("POST", "/whip/studio").sdp(&offers::whip()).chunked().send().expect(201);
}

#[test]
fn a_fragment_above_the_limit_is_413() {
    let server = Plenum::dev();
    let session = Session::publish(&server, "studio");
    let large = offers::trickle(&session.offer, &vec!["x".repeat(1_000); 100]);
    let request = server.request("PATCH", &session.path).header("If-Match", &session.etag);
    request.fragment(&large).send().expect_problem(413);
    assert_eq!(session.status(&server), 204);
}

#[test]
fn header_bombs_are_refused() {
    let server = Plenum::dev();
    let start = "GET /whip/studio HTTP/1.1\r\nHost: x\r\n";
    let many: String = (0..10_000).map(|n| format!("X-Header-{n}: value\r\n")).collect();
    let long = format!("X-Long: {}\r\n", "x".repeat(4_000_000));
    for headers in [many, long] {
        let request = format!("{start}{headers}\r\n");
        let answer = exchange(server.ready.http, request.as_bytes(), Duration::from_secs(8));
        if let Some(answer) = Response::parse(&answer, false) {
            assert!((400..500).contains(&answer.status), "{}", answer.status);
        }
    }
    server.request("GET", "/whip/studio").send().expect(204);
}

/// Request smuggling lives on messages that two parsers read differently (RFC 9112, section 6.1).
#[test]
fn ambiguous_lengths_are_refused_or_end_the_connection() {
    let server = Plenum::dev();
    let start = "POST /whip/studio HTTP/1.1\r\nHost: x\r\nContent-Type: application/sdp\r\n";
    let smuggled = "GET /whip/studio HTTP/1.1\r\nHost: x\r\n\r\n";
    let cases = [
        format!("Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nX{smuggled}"),
        format!("Content-Length: 3\r\nContent-Length: 5\r\n\r\nv=0{smuggled}"),
        format!("Content-Length: -1\r\n\r\n{smuggled}"),
        format!("Transfer-Encoding: identity, chunked, identity\r\n\r\n{smuggled}"),
    ];
    for case in cases {
        let answer = exchange(server.ready.http, format!("{start}{case}").as_bytes(), Duration::from_secs(8));
        let text = String::from_utf8_lossy(&answer);
        assert!(!text.contains("HTTP/1.1 20"), "{case:?} was answered: {text}");
    }
}

#[test]
fn broken_requests_are_4xx_or_a_close() {
    let server = Plenum::dev();
    let cases: [&[u8]; 6] = [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /\x00 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nBad Header: y\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n",
    ];
    for case in cases {
        let answer = exchange(server.ready.http, case, Duration::from_secs(8));
        if let Some(answer) = Response::parse(&answer, false) {
            assert!(
                (400..600).contains(&answer.status) && answer.status != 500,
                "{case:?}: {}",
                answer.status
            );
        }
    }
    server.request("GET", "/whip/studio").send().expect(204);
}

#[test]
fn the_guard_refuses_what_the_webrtc_stack_would_take() {
    let server = Plenum::dev();
    let offer = offers::whip();
    let fingerprint = format!("a=fingerprint:sha-256 {}\r\n", offers::fingerprint());
    let (ufrag, pwd) = (offers::attribute(&offer, "ice-ufrag"), offers::attribute(&offer, "ice-pwd"));
    let without_bundle = offer.replace("a=group:BUNDLE 0 1\r\n", "");
    let rids: String = (0..30).map(|n| format!("a=rid:r{n} send\r\n")).collect();
    let list: Vec<String> = (0..30).map(|n| format!("r{n}")).collect();
    let cases = [
        ("no fingerprint", offer.replace(&fingerprint, "")),
        (
            "MD5",
            offer.replace(
                &fingerprint,
                "a=fingerprint:md5 00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF\r\n",
            ),
        ),
        ("a short fingerprint", offer.replace(&fingerprint, "a=fingerprint:sha-256 00:11:22\r\n")),
        ("a ufrag of one character", offer.replace(&format!("ice-ufrag:{ufrag}"), "ice-ufrag:a")),
        (
            "a ufrag of 257",
            offer.replace(&format!("ice-ufrag:{ufrag}"), &format!("ice-ufrag:{}", "a".repeat(257))),
        ),
        (
            "a password of 21",
            offer.replace(&format!("ice-pwd:{pwd}"), &format!("ice-pwd:{}", "a".repeat(21))),
        ),
        ("holdconn", offer.replace("a=setup:actpass", "a=setup:holdconn")),
        ("no rtcp-mux", offer.replace("a=rtcp-mux\r\n", "")),
        ("no BUNDLE", without_bundle),
        ("no DTLS-SRTP", offer.replace("UDP/TLS/RTP/SAVPF", "RTP/AVP")),
        ("one mid twice", offer.replace("a=mid:1", "a=mid:0")),
        ("one payload type twice", offer.replace("a=rtpmap:102 H264", "a=rtpmap:96 H264")),
        ("an apt loop", offer.replace("a=fmtp:97 apt=96", "a=fmtp:97 apt=97")),
        ("extmap id 0", offer.replace("a=extmap:3 ", "a=extmap:0 ")),
        ("extmap id 300", offer.replace("a=extmap:3 ", "a=extmap:300 ")),
        ("30 layers", format!("{offer}{rids}a=simulcast:send {}\r\n", list.join(";"))),
        ("33 lines", offer.clone() + &offers::media_sections(&offer)[1].repeat(31)),
        ("2,001 text lines", offer.clone() + &"a=x\r\n".repeat(2_000)),
    ];
    for (what, bad) in cases {
        assert_ne!(bad, offer, "{what}: the test does not bend the offer");
        let response = server.request("POST", "/whip/studio").sdp(&bad).send();
        assert!(
            matches!(response.status, 400 | 413 | 422),
            "{what}: {} {}",
            response.status,
            response.text()
        );
    }
    assert_eq!(server.scrape().sum("plenum_sessions"), 0.0);
}

#[test]
fn mutated_offers_are_answered_or_refused_and_all_are_reaped() {
    let server = Plenum::dev();
    let mut random = fastrand::Rng::with_seed(seed());
    let mut made = 0;
    for number in 0..MUTATED_OFFERS {
        let offer = if random.bool() { offers::whip() } else { offers::whep() };
        let mutated = mutate(&mut random, offer.as_bytes());
        let response = server.request("POST", "/whip/studio").body("application/sdp", mutated.clone()).send();
        let text = || String::from_utf8_lossy(&mutated).into_owned();
        assert!(
            matches!(response.status, 201 | 400..=499),
            "number {number}: {} to {}",
            response.status,
            text()
        );
        made += usize::from(response.status == 201);
    }
    assert!((1..MUTATED_OFFERS).contains(&made), "{made}: mutations are too weak or too strong to tell");
    let scrape = server.scrape();
    assert_eq!(scrape.sum("plenum_panics_total"), 0.0);
    assert!(scrape.sum("plenum_sessions") <= 1.0, "one identity has one session");
    server.request("POST", "/whip/studio").sdp(&offers::whip()).send().expect(201);
}

/// One to three changes: a byte, a piece cut out, a piece doubled, two lines exchanged.
fn mutate(random: &mut fastrand::Rng, offer: &[u8]) -> Vec<u8> {
    let mut text = offer.to_vec();
    for _ in 0..random.usize(1..=3) {
        let at = random.usize(..text.len());
        let end = (at + random.usize(1..40)).min(text.len());
        match random.u8(..5) {
            0 => text[at] = random.u8(..),
            1 => drop(text.drain(at..end)),
            2 => {
                let piece = text[at..end].to_vec();
                text.splice(at..at, piece);
            }
            3 => text.insert(at, *random.choice(b"\r\n\0 :;=/-9a").expect("not empty")),
            _ => exchange_lines(random, &mut text),
        }
    }
    text
}

fn exchange_lines(random: &mut fastrand::Rng, text: &mut Vec<u8>) {
    let mut lines: Vec<&[u8]> = text.split_inclusive(|byte| *byte == b'\n').collect();
    let (a, b) = (random.usize(..lines.len()), random.usize(..lines.len()));
    lines.swap(a, b);
    *text = lines.concat();
}
