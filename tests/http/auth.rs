//! Tokens and stream keys: RFC 9725, section 4.7, RFC 6750, and what JWT libraries got wrong.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jsonwebtoken::{EncodingKey, Header, encode};
use plenum_tests::http::Response;
use plenum_tests::{Options, Plenum, offers, run_binary};
use serde_json::{Value, json};

use crate::Session;

/// Keys, and thereby no dev mode.
pub const CONFIG: &str = r#"
[auth]
keys = { devkey = "a-secret-of-at-least-32-characters" }
stream_keys = { demo = "a-stream-key-for-obs-of-some-length" }
"#;

const KEY: &str = "devkey";
const SECRET: &str = "a-secret-of-at-least-32-characters";
const STREAM_KEY: &str = "a-stream-key-for-obs-of-some-length";

/// A token of `plenum token`.
#[track_caller]
pub fn token(room: &str, identity: &str, grants: &[&str]) -> String {
    let arguments = [&["token", "--room", room, "--identity", identity], grants].concat();
    let environment = [("PLENUM_AUTH__KEYS__devkey", SECRET)];
    let output = run_binary(&arguments, &environment, Duration::from_secs(10));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("a token is ASCII").trim().to_owned()
}

/// Seconds since 1970.
pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("it is after 1970").as_secs()
}

/// The claims of a good publisher's token for the room `studio`.
pub fn claims() -> Value {
    let video = json!({"room": "studio", "roomJoin": true, "canPublish": true, "canSubscribe": true});
    json!({"iss": KEY, "sub": "camera", "exp": now() + 600, "video": video})
}

fn signed(claims: &Value) -> String {
    encode(&Header::default(), claims, &EncodingKey::from_secret(SECRET.as_bytes())).expect("claims are JSON")
}

/// A good token with a change.
pub fn signed_with(change: impl FnOnce(&mut Value)) -> String {
    let mut claims = claims();
    change(&mut claims);
    signed(&claims)
}

fn post(server: &Plenum, path: &str, token: &str) -> Response {
    let offer = if path.starts_with("/whip") { offers::whip() } else { offers::whep() };
    server.request("POST", path).bearer(token).sdp(&offer).send()
}

#[test]
fn rfc9725_4_7_a_good_token_is_let_in() {
    let server = Plenum::start(Options::config(CONFIG));
    post(&server, "/whip/studio", &signed(&claims())).expect(201);
    post(&server, "/whip/studio", &token("studio", "ada", &["--publish"])).expect(201);
    post(&server, "/whep/studio", &token("studio", "eve", &["--subscribe"])).expect(201);
}

#[test]
fn rfc9725_4_7_without_a_token_it_is_401_before_any_sdp_is_read() {
    let server = Plenum::start(Options::config(CONFIG));
    for path in ["/whip/studio", "/whep/studio"] {
        let response = server.request("POST", path).sdp("not even SDP").send();
        let challenge = response.header("www-authenticate").unwrap_or_default();
        assert!(challenge.starts_with("Bearer"), "{challenge}");
        response.expect_problem(401);
    }
}

#[test]
fn rfc9725_4_7_a_bad_token_is_401_with_a_challenge() {
    let server = Plenum::start(Options::config(CONFIG));
    let good = signed(&claims());
    let (head_and_claims, _) = good.rsplit_once('.').unwrap();
    let other_secret = EncodingKey::from_secret(b"another-secret-of-at-least-32-characters");
    let cases = [
        ("nonsense", "nonsense".to_owned()),
        ("a bad signature", format!("{head_and_claims}.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")),
        ("another secret", encode(&Header::default(), &claims(), &other_secret).unwrap()),
        ("no signature at all", format!("{head_and_claims}.")),
        // {"alg":"none"}
        ("alg none", format!("eyJhbGciOiJub25lIn0.{}.", head_and_claims.split_once('.').unwrap().1)),
        ("expired", signed_with(|claims| claims["exp"] = json!(now() - 3_600))),
        ("not valid yet", signed_with(|claims| claims["nbf"] = json!(now() + 3_600))),
        ("exp as a string", signed_with(|claims| claims["exp"] = json!("9999999999"))),
        ("an unknown key", signed_with(|claims| claims["iss"] = json!("nobody"))),
        ("no key", signed_with(|claims| drop(claims.as_object_mut().unwrap().remove("iss")))),
        ("no expiry", signed_with(|claims| drop(claims.as_object_mut().unwrap().remove("exp")))),
    ];
    for (what, token) in cases {
        let response = post(&server, "/whip/studio", &token);
        assert_eq!(response.status, 401, "{what}: {}", response.text());
        assert!(response.header("www-authenticate").unwrap_or_default().starts_with("Bearer"), "{what}");
    }
    assert_eq!(server.scrape().sum("plenum_sessions"), 0.0);
}

#[test]
fn rfc9725_4_7_a_token_for_something_else_is_403() {
    let server = Plenum::start(Options::config(CONFIG));
    let cases = [
        ("another room", "/whip/elsewhere", signed(&claims())),
        ("no grant to join", "/whip/studio", signed_with(|c| c["video"]["roomJoin"] = json!(false))),
        ("no grant to publish", "/whip/studio", signed_with(|c| c["video"]["canPublish"] = json!(false))),
        ("no grant to watch", "/whep/studio", signed_with(|c| c["video"]["canSubscribe"] = json!(false))),
        ("another identity", "/whip/studio?participant=someone", signed(&claims())),
        ("only to watch", "/whip/studio", token("studio", "eve", &["--subscribe"])),
        ("only to publish", "/whep/studio", token("studio", "ada", &["--publish"])),
    ];
    for (what, path, token) in cases {
        let response = post(&server, path, &token);
        assert_eq!(response.status, 403, "{what}: {}", response.text());
        response.expect_problem(403);
    }
}

#[test]
fn a_stream_key_publishes_into_its_room_and_nowhere_else() {
    let server = Plenum::start(Options::config(CONFIG));
    post(&server, "/whip/demo", STREAM_KEY).expect(201);
    post(&server, "/whip/studio", STREAM_KEY).expect_problem(403);
    post(&server, "/whep/demo", STREAM_KEY).expect_problem(403);
    post(&server, "/whip/demo", &STREAM_KEY[1..]).expect_problem(401);
}

#[test]
fn the_tokens_subject_is_the_identity() {
    let server = Plenum::start(Options::config(CONFIG));
    let publish = |token: &str| post(&server, "/whip/studio", token).expect(201).location();
    let first = publish(&token("studio", "ada", &["--publish"]));
    let other = publish(&token("studio", "bob", &["--publish"]));
    let again = publish(&token("studio", "ada", &["--publish"]));
    let status = |path: &str| server.request("GET", path).send().status;
    assert_eq!([&first, &other, &again].map(|path| status(path)), [404, 204, 204]);
}

#[test]
fn a_session_url_needs_no_token_and_refuses_one_for_another_room() {
    let server = Plenum::start(Options::config(CONFIG));
    let offer = offers::whip();
    let request = server.request("POST", "/whip/studio").bearer(&signed(&claims())).sdp(&offer);
    let session = Session::from(offer, &request.send().expect(201));
    let elsewhere = token("elsewhere", "camera", &["--publish"]);
    let patch = server.request("PATCH", &session.path).header("If-Match", &session.etag);
    let patch = patch.fragment(&offers::trickle(&session.offer, &[]));
    patch.clone().bearer(&elsewhere).send().expect_problem(403);
    patch.send().expect(204);
    server.request("DELETE", &session.path).bearer(&elsewhere).send().expect_problem(403);
    server.request("DELETE", &session.path).send().expect(200);
}

#[test]
fn the_expiry_of_a_token_counts_at_admission_only() {
    let server = Plenum::start(Options::config(CONFIG));
    let path = post(&server, "/whip/studio", &signed(&claims())).expect(201).location();
    let expired = signed_with(|claims| claims["exp"] = json!(now() - 3_600));
    server.request("DELETE", &path).bearer(&expired).send().expect(200);
}

#[test]
fn dev_mode_without_keys_ignores_tokens() {
    let server = Plenum::dev();
    post(&server, "/whip/studio", "whatever OBS was configured with").expect(201);
}

#[test]
fn dev_mode_with_keys_enforces_tokens() {
    let server = Plenum::start(Options::config(CONFIG).argument("--dev"));
    server.request("POST", "/whip/studio").sdp(&offers::whip()).send().expect_problem(401);
    post(&server, "/whip/studio", &signed(&claims())).expect(201);
}

#[test]
fn tokens_and_ice_passwords_never_reach_the_log() {
    let options = Options::config(CONFIG).environment("RUST_LOG", "trace");
    let server = Plenum::start(options.environment("PLENUM_LOG__LEVEL", "trace"));
    let (token, offer) = (signed(&claims()), offers::whip());
    let request = server.request("POST", "/whip/studio").bearer(&token).sdp(&offer);
    let answer = request.send().expect(201).text();
    post(&server, "/whip/studio", &token[1..]).expect(401);
    post(&server, "/whip/demo", STREAM_KEY).expect(201);
    let log = server.log().join("\n");
    let secrets = [&token[..], &token[1..], STREAM_KEY, SECRET];
    let passwords = [offers::attribute(&offer, "ice-pwd"), offers::attribute(&answer, "ice-pwd")];
    for secret in secrets.into_iter().chain(passwords) {
        assert!(!log.contains(secret), "{secret} in the log");
    }
}
