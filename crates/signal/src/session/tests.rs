//! The rules of session URLs, one test per MUST.

use http::HeaderMap;
use plenum_model::IceCredentials;

use super::*;

const REMOTE: (&str, &str) = ("EsAw", "P2uYro0UCOQ4zxjKXaWCBui1");
const RESTARTED: (&str, &str) = ("ysXw", "vw5LmwG4y/e6dPP/zAP9Gp5k");

fn etag() -> EntityTag {
    EntityTag::new("xyzzy")
}

fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
    pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
}

fn body((ufrag, pwd): (&str, &str)) -> String {
    format!(
        "a=ice-ufrag:{ufrag}\r\na=ice-pwd:{pwd}\r\nm=audio 9 RTP/AVP 0\r\na=mid:0\r\n\
         a=candidate:1387637174 1 udp 2122260223 192.0.2.1 61764 typ host generation 0 ufrag {ufrag} network-id 1\r\n\
         a=end-of-candidates\r\n"
    )
}

/// What a PATCH with these If-Match values and credentials means, or its status.
fn patch(if_match: &[&str], credentials: (&str, &str)) -> Result<Patch, u16> {
    let headers = headers(&if_match.iter().map(|value| ("if-match", *value)).collect::<Vec<_>>());
    let remote = IceCredentials { ufrag: REMOTE.0.into(), pwd: REMOTE.1.into() };
    read_patch(&headers, body(credentials).as_bytes(), &etag(), &remote).map_err(|p| p.status().as_u16())
}

fn is_trickle(patch: Result<Patch, u16>) -> bool {
    matches!(patch, Ok(Patch::Trickle(fragment)) if fragment.candidates.len() == 1)
}

fn is_restart(patch: Result<Patch, u16>) -> bool {
    matches!(patch, Ok(Patch::Restart(fragment)) if fragment.ice.ufrag == RESTARTED.0)
}

fn created() -> Response {
    let ice_servers = [
        IceServer { urls: vec!["stun:stun.example.net".into()], username: None, credential: None },
        IceServer {
            urls: vec!["turn:turn.example.net?transport=udp".into(), "turns:turn.example.net".into()],
            username: Some("1790000000:ada".into()),
            credential: Some("pass\"word\\".into()),
        },
    ];
    respond_created(Created {
        id: "s3cret-id",
        etag: &etag(),
        answer: "v=0\r\n".into(),
        ice_servers: &ice_servers,
    })
}

#[test]
fn rfc9725_4_2_a_session_is_created_with_answer_and_location() {
    let response = created();
    assert_eq!(response.status(), 201);
    assert_eq!(response.headers()["content-type"], "application/sdp");
    assert_eq!(response.headers()["location"], "/session/s3cret-id");
    assert_eq!(response.body(), "v=0\r\n");
}

#[test]
fn rfc9725_4_3_1_the_first_entity_tag_is_strong_and_in_the_201() {
    assert_eq!(created().headers()["etag"], "\"xyzzy\"");
    assert_eq!(EntityTag::new("a\"b c\u{e9}").as_str(), "\"abc\"");
}

#[test]
fn rfc9725_4_6_each_ice_server_is_a_link() {
    let response = created();
    let links: Vec<_> =
        response.headers().get_all("link").iter().map(|link| link.to_str().unwrap()).collect();
    let turn = "rel=\"ice-server\"; username=\"1790000000:ada\"; credential=\"pass\\\"word\\\\\"; credential-type=\"password\"";
    assert_eq!(
        links,
        [
            "<stun:stun.example.net>; rel=\"ice-server\"".to_owned(),
            format!("<turn:turn.example.net?transport=udp>; {turn}"),
            format!("<turns:turn.example.net>; {turn}"),
        ]
    );
}

#[test]
fn a_page_of_any_origin_can_read_what_it_needs() {
    for response in [created(), respond_trickled(), respond_deleted(), respond_get(), not_found().respond()] {
        assert_eq!(response.headers()["access-control-allow-origin"], "*");
        let exposed = response.headers()["access-control-expose-headers"].to_str().unwrap();
        for header in ["Location", "ETag", "Link", "Retry-After"] {
            assert!(exposed.split(", ").any(|name| name == header), "{header}");
        }
    }
}

#[test]
fn rfc9725_4_3_1_a_wrong_content_type_is_415() {
    for fine in [
        "application/trickle-ice-sdpfrag",
        "Application/Trickle-ICE-sdpfrag",
        "application/trickle-ice-sdpfrag; charset=utf-8",
    ] {
        assert!(check_patch(&headers(&[("content-type", fine)])).is_ok(), "{fine}");
    }
    for wrong in [&[][..], &[("content-type", "application/sdp")], &[("content-type", "text/plain")]] {
        let problem = check_patch(&headers(wrong)).unwrap_err();
        assert_eq!(problem.status(), 415);
        assert_eq!(problem.respond().headers()["accept-patch"], "application/trickle-ice-sdpfrag");
    }
}

#[test]
fn a_patch_that_announces_too_much_is_413() {
    let of_length = |length| headers(&[("content-type", fragment::MEDIA_TYPE), ("content-length", length)]);
    assert!(check_patch(&of_length("65536")).is_ok());
    assert_eq!(check_patch(&of_length("65537")).unwrap_err().status(), 413);
    let remote = IceCredentials { ufrag: REMOTE.0.into(), pwd: REMOTE.1.into() };
    let long = vec![b'a'; 65_537];
    let unannounced = read_patch(&headers(&[("if-match", "*")]), &long, &etag(), &remote);
    assert_eq!(unannounced.unwrap_err().status(), 413);
}

#[test]
fn rfc9725_4_3_1_a_malformed_fragment_is_400() {
    let remote = IceCredentials { ufrag: REMOTE.0.into(), pwd: REMOTE.1.into() };
    for malformed in ["", "hello", "a=candidate:x", "a=ice-ufrag:EsAw", "\u{feff}a=x"] {
        let problem =
            read_patch(&headers(&[("if-match", "*")]), malformed.as_bytes(), &etag(), &remote).unwrap_err();
        assert_eq!(
            (problem.status().as_u16(), problem.slug()),
            (400, Slug::MalformedFragment),
            "{malformed:?}"
        );
    }
}

#[test]
fn rfc9725_4_3_2_trickle_with_the_current_entity_tag_is_applied() {
    assert!(is_trickle(patch(&["\"xyzzy\""], REMOTE)));
    assert!(is_trickle(patch(&["\"other\", \"xyzzy\""], REMOTE)));
    assert!(is_trickle(patch(&["\"other\"", "\"xyzzy\""], REMOTE)));
}

#[test]
fn rfc9725_4_3_2_without_if_match_is_428() {
    assert_eq!(patch(&[], REMOTE), Err(428));
    assert_eq!(patch(&[], RESTARTED), Err(428));
}

#[test]
fn rfc9725_4_3_2_a_stale_entity_tag_is_412() {
    for stale in ["\"stale\"", "xyzzy", "W/\"xyzzy\"", "\"XYZZY\"", "", ",", "\"xyzzy"] {
        assert_eq!(patch(&[stale], REMOTE), Err(412), "{stale:?}");
        assert_eq!(patch(&[stale], RESTARTED), Err(412), "{stale:?}");
    }
}

#[test]
fn rfc9725_4_3_2_trickle_is_204_without_body_and_entity_tag() {
    let response = respond_trickled();
    assert_eq!((response.status().as_u16(), response.body().as_str()), (204, ""));
    assert!(!response.headers().contains_key("etag"));
    assert!(!response.headers().contains_key("content-type"));
}

#[test]
fn rfc9725_4_3_3_any_entity_tag_with_new_credentials_is_a_restart() {
    assert!(is_restart(patch(&["*"], RESTARTED)));
    assert!(is_restart(patch(&["\"*\""], RESTARTED)));
}

#[test]
fn rfc9725_4_3_3_new_credentials_are_a_restart_whatever_matched() {
    assert!(is_restart(patch(&["\"xyzzy\""], RESTARTED)));
}

#[test]
fn rfc9725_4_3_2_candidates_of_the_current_session_are_trickle_whatever_matched() {
    assert!(is_trickle(patch(&["*"], REMOTE)));
}

#[test]
fn rfc9725_4_3_1_half_a_restart_is_422() {
    assert_eq!(patch(&["*"], (RESTARTED.0, REMOTE.1)), Err(422));
    assert_eq!(patch(&["*"], (REMOTE.0, RESTARTED.1)), Err(422));
}

#[test]
fn rfc9725_4_3_3_a_restart_is_200_with_a_fragment_and_a_new_entity_tag() {
    let response = respond_restarted(&EntityTag::new("abccd"), "a=ice-ufrag:289b\r\n".into());
    assert_eq!((response.status().as_u16(), response.body().as_str()), (200, "a=ice-ufrag:289b\r\n"));
    assert_eq!(response.headers()["etag"], "\"abccd\"");
    assert_eq!(response.headers()["content-type"], "application/trickle-ice-sdpfrag");
}

#[test]
fn rfc9725_4_3_3_a_failed_restart_is_a_problem_of_its_own() {
    let problem = restart_refused("the restart could not be applied");
    assert_eq!((problem.status().as_u16(), problem.slug()), (422, Slug::UnsupportedPatch));
}

#[test]
fn rfc9725_4_2_delete_is_200_and_get_is_empty() {
    assert_eq!(respond_deleted().status(), 200);
    assert_eq!((respond_get().status().as_u16(), respond_get().body().as_str()), (204, ""));
    assert_eq!(not_found().status(), 404);
}

#[test]
fn options_tell_what_may_be_patched_and_nothing_of_ice_servers() {
    let response = respond_options();
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["accept-patch"], "application/trickle-ice-sdpfrag");
    assert_eq!(response.headers()["access-control-allow-methods"], "DELETE, GET, HEAD, OPTIONS, PATCH");
    assert_eq!(response.headers()["access-control-allow-headers"], "Authorization, Content-Type, If-Match");
    assert!(!response.headers().contains_key("link"));
}

#[test]
fn other_methods_are_405_with_allow() {
    let response = refuse_method().respond();
    assert_eq!(response.status(), 405);
    assert_eq!(response.headers()["allow"], "DELETE, GET, HEAD, OPTIONS, PATCH");
}

#[test]
fn without_keys_a_session_takes_any_authorization() {
    let room = RoomName::parse("demo").unwrap();
    let basic = headers(&[("authorization", "Basic YTpi")]);
    assert!(authorize(&Keyring::default(), &basic, &room).is_ok());
    let keys = [("k".to_owned(), "x".repeat(32))];
    let ring = Keyring::new(keys, []).unwrap();
    assert_eq!(authorize(&ring, &basic, &room).unwrap_err().status(), 401);
    assert!(authorize(&ring, &HeaderMap::new(), &room).is_ok());
}
