//! The rules of WHIP endpoints, one test per MUST.

use std::time::UNIX_EPOCH;

use super::*;

const CHROMIUM: &str = include_str!("../../testdata/chromium-publish.sdp");
const WATCHING: &str = include_str!("../../testdata/chromium-watch.sdp");
const ROOM: &str = include_str!("../../testdata/chromium-room.sdp");

fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
    pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
}

fn sdp(more: &[(&'static str, &str)]) -> HeaderMap {
    headers(&[&[("content-type", "application/sdp")], more].concat())
}

fn room() -> RoomName {
    RoomName::parse("demo").unwrap()
}

fn ring() -> Keyring {
    let keys = [("k".to_owned(), "a-secret-of-at-least-32-characters".to_owned())];
    Keyring::new(keys, [("demo".to_owned(), "key-for-obs".to_owned())]).unwrap()
}

/// A token for `ada` to publish with.
fn token() -> String {
    let issue = crate::token::Issue {
        key: "k",
        identity: &Identity::parse("ada").unwrap(),
        room: &room(),
        publish: true,
        subscribe: false,
        admin: false,
        ttl: std::time::Duration::from_secs(60),
    };
    ring().issue(UNIX_EPOCH, &issue).unwrap()
}

fn admit_with(ring: &Keyring, headers: &HeaderMap, query: Option<&str>) -> Result<Publisher, Problem> {
    admit(UNIX_EPOCH, ring, &room(), headers, query)
}

/// Identity and name when nobody needs a token.
fn named(query: &str) -> Result<(String, Option<String>), Slug> {
    let publisher =
        admit_with(&Keyring::default(), &sdp(&[]), Some(query)).map_err(|problem| problem.slug())?;
    Ok((publisher.identity.as_str().to_owned(), publisher.name.map(|name| name.as_str().to_owned())))
}

#[test]
fn rfc9725_4_2_a_wrong_content_type_is_415() {
    let wrong = [
        headers(&[]),
        headers(&[("content-type", "text/plain")]),
        headers(&[("content-type", "application/json")]),
        headers(&[("content-type", "application/sdpx")]),
        headers(&[("content-type", "application/sdp"), ("content-type", "text/plain")]),
    ];
    for headers in wrong {
        let problem = admit_with(&Keyring::default(), &headers, None).unwrap_err();
        assert_eq!(problem.status(), 415, "{headers:?}");
        assert_eq!(problem.respond().headers()["accept-post"], "application/sdp");
    }
    for fine in
        ["application/sdp", "Application/SDP", "application/sdp;charset=utf-8", "application/sdp ; a=b"]
    {
        assert!(admit_with(&Keyring::default(), &headers(&[("content-type", fine)]), None).is_ok(), "{fine}");
    }
}

#[test]
fn an_announced_length_beyond_the_limit_is_413_before_the_body() {
    let status = |length| {
        admit_with(&Keyring::default(), &sdp(&[("content-length", length)]), None)
            .map_err(|p| p.status().as_u16())
    };
    assert!(status("65536").is_ok());
    assert_eq!(status("65537").unwrap_err(), 413);
    assert_eq!(status("99999999999999").unwrap_err(), 413);
    assert_eq!(read_offer(&vec![b'v'; 65_537]).unwrap_err().status(), 413);
}

#[test]
fn rfc9725_4_2_a_malformed_offer_is_400() {
    for malformed in [&b""[..], b"hello", b"\xff\xfe\x00", b"v=0\r\n"] {
        let problem = read_offer(malformed).unwrap_err();
        assert_eq!((problem.status().as_u16(), problem.slug()), (400, Slug::MalformedSdp));
    }
}

#[test]
fn rfc9725_4_2_a_publisher_that_only_receives_or_does_neither_is_422() {
    for direction in ["recvonly", "inactive"] {
        let problem = read_offer(CHROMIUM.replacen("sendonly", direction, 1).as_bytes()).unwrap_err();
        assert_eq!(problem.slug(), Slug::UnsupportedOffer);
        let why = format!("line \"0\" is {direction}: every line of a publisher must be able to send");
        assert_eq!(problem.detail(), why);
    }
    assert!(read_offer(WATCHING.as_bytes()).is_err());
}

#[test]
fn rfc9725_4_2_sendonly_and_sendrecv_are_fine() {
    assert_eq!(read_offer(CHROMIUM.as_bytes()).unwrap().lines.len(), 2);
    assert!(read_offer(CHROMIUM.replace("sendonly", "sendrecv").as_bytes()).is_ok());
}

#[test]
fn data_channels_are_422() {
    let problem = read_offer(ROOM.replace("a=recvonly", "a=sendonly").as_bytes()).unwrap_err();
    assert_eq!((problem.status().as_u16(), problem.slug()), (422, Slug::UnsupportedOffer));
    assert_eq!(problem.detail(), "line \"4\" is for data channels, which are not to be had here");
}

#[test]
fn rfc9725_4_4_3_one_line_that_cannot_be_taken_refuses_the_whole_offer() {
    let lines: String =
        CHROMIUM.lines().filter(|line| !line.contains("opus")).map(|l| format!("{l}\r\n")).collect();
    let problem = read_offer(lines.as_bytes()).unwrap_err();
    assert_eq!((problem.status().as_u16(), problem.slug()), (422, Slug::NoCommonCodec));
    assert!(problem.to_json().contains("\"offered\":["), "{}", problem.to_json());
}

#[test]
fn rfc9725_4_4_2_more_tracks_than_can_be_taken_are_422() {
    let offer = |lines: usize| {
        let (head, audio) = CHROMIUM.split_at(CHROMIUM.find("m=audio").unwrap());
        let audio: String = audio[..audio.find("m=video").unwrap()]
            .lines()
            .filter(|line| !line.starts_with("a=ssrc"))
            .map(|line| format!("{line}\r\n"))
            .collect();
        let mids: String = (0..lines).map(|mid| format!(" {mid}")).collect();
        let media: String = (0..lines).map(|mid| audio.replace("a=mid:0", &format!("a=mid:{mid}"))).collect();
        read_offer((head.replace("BUNDLE 0 1", &format!("BUNDLE{mids}")) + &media).as_bytes())
    };
    assert_eq!(offer(16).unwrap().lines.len(), 16);
    assert_eq!(offer(17).unwrap_err().slug(), Slug::UnsupportedOffer);
}

#[test]
fn rfc9725_4_7_1_a_bearer_token_is_taken_in_any_case_of_its_scheme() {
    let token = token();
    for scheme in ["Bearer", "bearer", "BEARER"] {
        let headers = sdp(&[("authorization", &format!("{scheme} {token}"))]);
        assert_eq!(admit_with(&ring(), &headers, None).unwrap().identity.as_str(), "ada");
    }
}

#[test]
fn rfc9725_4_7_1_without_a_valid_token_it_is_401_with_a_challenge() {
    let refused = [
        headers(&[]),
        headers(&[("authorization", "Bearer")]),
        headers(&[("authorization", "Bearer nonsense")]),
        headers(&[("authorization", "Basic YTpi")]),
        headers(&[("authorization", &token())]),
    ];
    for headers in refused {
        // The content type is missing as well: who is not known is not told more.
        let problem = admit_with(&ring(), &headers, None).unwrap_err();
        assert_eq!(problem.status(), 401, "{headers:?}");
        assert!(problem.respond().headers()["www-authenticate"].to_str().unwrap().starts_with("Bearer"));
    }
    let twice = sdp(&[("authorization", "Bearer key-for-obs"), ("authorization", "Bearer nonsense")]);
    assert_eq!(admit_with(&ring(), &twice, None).unwrap_err().status(), 400);
}

#[test]
fn a_stream_key_publishes_as_whip() {
    let publisher = admit_with(&ring(), &sdp(&[("authorization", "Bearer key-for-obs")]), None).unwrap();
    assert_eq!(publisher.identity.as_str(), "whip");
}

#[test]
fn a_token_is_for_its_identity_only() {
    let headers = sdp(&[("authorization", &format!("Bearer {}", token()))]);
    let status = |query| admit_with(&ring(), &headers, Some(query)).map(|p| p.identity).map_err(|p| p.slug());
    assert_eq!(status("participant=ada").unwrap().as_str(), "ada");
    assert_eq!(status("participant=eve"), Err(Slug::IdentityMismatch));
    assert_eq!(Slug::IdentityMismatch.status(), 403);
}

#[test]
fn without_a_token_the_url_says_who_publishes() {
    assert_eq!(named(""), Ok(("whip".into(), None)));
    assert_eq!(named("participant=&name="), Ok(("whip".into(), None)));
    assert_eq!(named("participant=cam-1&name=Front%20door"), Ok(("cam-1".into(), Some("Front door".into()))));
    assert_eq!(named("name=%D0%90%D0%B4%D0%B0+%F0%9F%A6%80"), Ok(("whip".into(), Some("Ада 🦀".into()))));
}

#[test]
fn names_that_break_the_rules_are_400() {
    for query in [
        "participant=..",
        "participant=%2e%2e%2fetc",
        "participant=a%00",
        "participant=a%0d%0ab",
        "participant=%1b[31m",
        "participant=<script>",
        "name=a%0ab",
        "name=%1b[31m",
    ] {
        assert_eq!(named(query), Err(Slug::InvalidName), "{query}");
    }
    assert_eq!(named(&format!("name={}", "x".repeat(129))), Err(Slug::InvalidName));
}

#[test]
fn markup_in_a_display_name_is_text() {
    assert_eq!(named("name=%3Cscript%3E"), Ok(("whip".into(), Some("<script>".into()))));
}

#[test]
fn rfc9725_4_1_options_accept_sdp_and_list_no_ice_servers() {
    let response = respond_options();
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["accept-post"], "application/sdp");
    assert_eq!(response.headers()["access-control-allow-origin"], "*");
    assert!(response.headers()["access-control-allow-methods"].to_str().unwrap().contains("POST"));
    assert!(response.headers()["access-control-allow-headers"].to_str().unwrap().contains("Authorization"));
    assert!(!response.headers().contains_key("link"));
}

#[test]
fn rfc9725_4_1_get_is_a_success_without_content() {
    let response = respond_get();
    assert!(response.status().is_success());
    assert_eq!(response.body(), "");
}

#[test]
fn other_methods_are_405_with_allow() {
    let response = refuse_method().respond();
    assert_eq!(response.status(), 405);
    assert_eq!(response.headers()["allow"], "GET, HEAD, OPTIONS, POST");
}
