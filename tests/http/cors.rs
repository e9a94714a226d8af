//! What pages of other origins may do: RFC 9725, section 4.1, and the Fetch standard.

use plenum_tests::{Plenum, offers};

use crate::Session;

const ORIGIN: &str = "https://elsewhere.example";

#[test]
fn rfc9725_4_2_options_on_an_endpoint_allows_posts_and_names_their_type() {
    let server = Plenum::dev();
    for path in ["/whip/studio", "/whep/studio", "/whep/studio/camera"] {
        let request = server.request("OPTIONS", path).header("Origin", ORIGIN);
        let request = request.header("Access-Control-Request-Method", "POST");
        let response = request.header("Access-Control-Request-Headers", "authorization,content-type").send();
        assert!(matches!(response.status, 200 | 204), "{path}: {}", response.status);
        assert_eq!(response.header("access-control-allow-origin"), Some("*"), "{path}");
        assert_eq!(response.header("accept-post"), Some("application/sdp"), "{path}");
        let headers = response.header("access-control-allow-headers").unwrap_or_default().to_lowercase();
        assert!(headers.contains("authorization") && headers.contains("content-type"), "{path}: {headers}");
        assert!(
            response.header("access-control-allow-methods").unwrap_or_default().contains("POST"),
            "{path}"
        );
    }
}

#[test]
fn rfc9725_4_6_a_preflight_tells_no_ice_servers() {
    let server = Plenum::dev();
    for path in ["/whip/studio", "/whep/studio"] {
        let response = server.request("OPTIONS", path).send();
        assert!(response.headers_named("link").all(|link| !link.contains("ice-server")), "{path}");
    }
}

#[test]
fn options_on_a_session_allows_patch_and_delete() {
    let server = Plenum::dev();
    let session = Session::publish(&server, "studio");
    let request = server.request("OPTIONS", &session.path).header("Origin", ORIGIN);
    let response = request.header("Access-Control-Request-Method", "PATCH").send();
    assert!(matches!(response.status, 200 | 204), "{}", response.status);
    let methods = response.header("access-control-allow-methods").unwrap_or_default();
    assert!(methods.contains("PATCH") && methods.contains("DELETE"), "{methods}");
    let headers = response.header("access-control-allow-headers").unwrap_or_default().to_lowercase();
    assert!(headers.contains("if-match"), "{headers}");
}

#[test]
fn answers_and_refusals_can_be_read_by_any_origin() {
    let server = Plenum::dev();
    let created = server.request("POST", "/whip/studio").header("Origin", ORIGIN).sdp(&offers::whip()).send();
    let session = created.location();
    let requests = [
        server.request("POST", "/whip/studio").sdp("nonsense").send(),
        server.request("POST", "/whep/empty").sdp(&offers::whep()).send(),
        server.request("PUT", "/whip/studio").send(),
        server.request("PATCH", &session).send(),
        server.request("GET", &session).send(),
        server.request("DELETE", "/session/nothing").send(),
        created,
    ];
    for response in requests {
        assert_eq!(response.header("access-control-allow-origin"), Some("*"), "{}", response.text());
        let exposed = response.header("access-control-expose-headers").unwrap_or_default().to_lowercase();
        for name in ["location", "etag", "link", "retry-after"] {
            assert!(exposed.contains(name), "{name} in {exposed}");
        }
    }
}
