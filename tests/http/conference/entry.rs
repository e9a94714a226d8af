//! Getting in: tokens, origins, the first message.

use std::time::{Duration, Instant};

use plenum_tests::room::{Heard, Socket};
use plenum_tests::{Options, Plenum, offers};
use serde_json::{Value, json};

use super::{SOON, assert_closed, assert_error, assert_quiet, identities, join, join_with_welcome, try_join};
use crate::auth::{CONFIG, claims, now, signed_with, token};

const PATH: &str = "/v1/rooms/studio/connect";

#[test]
fn who_joins_is_welcomed_with_the_state_of_the_room() {
    let server = Plenum::dev();
    let (_ada, welcome) = join_with_welcome(&server, "studio", "ada");
    assert_eq!(welcome["protocol"], 1);
    assert_eq!(welcome["resumed"], false);
    assert_eq!(welcome["participant"]["identity"], "ada");
    assert_eq!(welcome["participant"]["kind"], "room");
    assert_eq!(welcome["room"]["name"], "studio");
    assert_eq!(
        (&welcome["participants"], &welcome["tracks"], &welcome["chat"]),
        (&json!([]), &json!([]), &json!([]))
    );
    assert_eq!(welcome["ice_servers"], json!([]));
    assert!(!welcome["resume"].as_str().expect("a token").is_empty());
}

#[test]
fn members_are_told_of_each_other() {
    let server = Plenum::dev();
    let mut ada = join(&server, "studio", "ada");
    let (mut bob, welcome) = join_with_welcome(&server, "studio", "bob");
    assert_eq!(identities(&welcome), ["ada", "bob"]);
    assert_eq!(ada.wait_for("participant_joined", SOON)["participant"]["identity"], "bob");
    ada.send(&json!({"type": "signal", "to": "bob", "payload": {"hello": [1, null]}}));
    let signal = bob.wait_for("signal", SOON);
    assert_eq!((&signal["from"], &signal["payload"]), (&json!("ada"), &json!({"hello": [1, null]})));
    bob.send(&json!({"type": "leave"}));
    assert_closed(&mut bob, "left");
    let left = ada.wait_for("participant_left", SOON);
    assert_eq!((&left["participant"], &left["reason"]), (&json!("bob"), &json!("left")));
    // Another room of the same server is another room.
    assert_eq!(identities(&join_with_welcome(&server, "elsewhere", "eve").1), ["eve"]);
    assert_quiet(&mut ada);
}

#[test]
fn a_bad_token_in_the_url_refuses_the_upgrade() {
    let server = Plenum::start(Options::config(CONFIG));
    let expired = signed_with(|claims| claims["exp"] = json!(now() - 60));
    let no_join = signed_with(|claims| claims["video"]["roomJoin"] = json!(false));
    let cases = [
        ("nonsense", "nonsense".to_owned(), 401),
        ("expired", expired, 401),
        ("for another room", token("elsewhere", "ada", &["--publish"]), 403),
        ("without roomJoin", no_join, 403),
    ];
    for (what, token, status) in cases {
        let path = format!("{PATH}?access_token={token}");
        let refusal = Socket::connect_with(&server, &path, &[]).expect_err(what);
        assert_eq!(refusal.status, status, "{what}: {}", refusal.body);
        let problem: Value = serde_json::from_str(&refusal.body).expect("a problem");
        assert!(problem["type"].as_str().unwrap().starts_with("urn:plenum:problem:"), "{problem}");
        let bearer = format!("Bearer {token}");
        let refusal = Socket::connect_with(&server, PATH, &[("Authorization", &bearer)]).expect_err(what);
        assert_eq!(refusal.status, status, "{what}");
    }
    let path = format!("{PATH}?access_token={}", token("studio", "ada", &["--publish"]));
    let mut socket = Socket::connect_with(&server, &path, &[]).expect("a good token");
    assert_eq!(socket.request(json!({"type": "join"}))["participant"]["identity"], "ada");
}

#[test]
fn a_bad_token_in_the_message_is_an_error_and_the_end() {
    let server = Plenum::start(Options::config(CONFIG));
    let expired = signed_with(|claims| claims["exp"] = json!(now() - 60));
    let cases = [
        (json!({"type": "join"}), "unauthorized", 401),
        (json!({"type": "join", "token": "nonsense"}), "unauthorized", 401),
        (json!({"type": "join", "token": expired}), "unauthorized", 401),
        (json!({"type": "join", "token": token("elsewhere", "ada", &["--publish"])}), "forbidden", 403),
        (
            json!({"type": "join", "token": token("studio", "ada", &["--publish"]), "identity": "bob"}),
            "identity-mismatch",
            403,
        ),
    ];
    for (join, slug, status) in cases {
        let mut socket = Socket::connect(&server, "studio");
        assert_error(&socket.request(join), slug, status);
        assert_eq!(socket.next(SOON), Heard::Closed(Some(1008)));
    }
    let scrape = server.scrape();
    assert_eq!((scrape.sum("plenum_members"), scrape.sum("plenum_conferences")), (0.0, 0.0));
}

#[test]
fn the_token_says_who_somebody_is_and_what_they_may_do() {
    let server = Plenum::start(Options::config(CONFIG));
    let viewer = signed_with(|claims| {
        claims["sub"] = json!("eve");
        claims["name"] = json!("Eve");
        claims["video"]["canPublish"] = json!(false);
    });
    let mut socket = Socket::connect(&server, "studio");
    let welcome = socket.request(json!({"type": "join", "token": viewer, "name": "Somebody else"}));
    let participant = &welcome["participant"];
    assert_eq!((&participant["identity"], &participant["name"]), (&json!("eve"), &json!("Eve")));
    assert_eq!(participant["permissions"]["canPublish"], false);
    assert_eq!(participant["permissions"]["admin"], false);
    assert!(claims()["video"]["canPublish"] == true, "it is the token that makes the difference");
}

#[test]
fn pages_of_foreign_origins_are_refused() {
    let config = "[http]\nallowed_origins = [\"https://app.example\"]\n";
    let server = Plenum::start(Options::config(config).argument("--dev"));
    let connect = |origin: &str| Socket::connect_with(&server, PATH, &[("Origin", origin)]);
    for foreign in ["https://evil.example", "http://localhost:1", "null", "https://app.example.evil.example"]
    {
        let refusal = connect(foreign).expect_err(foreign);
        assert_eq!(refusal.status, 403, "{foreign}");
        assert!(refusal.body.contains("urn:plenum:problem:origin-not-allowed"), "{}", refusal.body);
    }
    for own in [server.url().as_str(), "https://app.example"] {
        connect(own).unwrap_or_else(|refusal| panic!("{own}: {refusal:?}")).join("ada");
    }
}

#[test]
fn a_request_that_is_no_websocket_is_refused_in_words() {
    let server = Plenum::dev();
    server.request("GET", PATH).send().expect_problem(400);
    server.request("POST", PATH).send().expect_problem(405);
    server.request("GET", "/v1/rooms/a%20b/connect").send().expect_problem(400);
}

#[test]
fn what_is_no_message_is_answered_and_the_socket_goes_on() {
    let server = Plenum::dev();
    let mut socket = Socket::connect(&server, "studio");
    let answer = |socket: &mut Socket, text: &str| {
        socket.send_text(text);
        socket.wait_for("error", SOON)
    };
    assert_error(&answer(&mut socket, r#"{"type": "leave", "id": 1}"#), "not-joined", 409);
    socket.join("ada");
    let deep = format!(r#"{{"type":"signal","to":"ada","payload":{}{}}}"#, "[".repeat(100), "]".repeat(100));
    let long = format!(r#"{{"type":"leave","x":"{}"}}"#, "x".repeat(400 * 1024));
    for (text, slug, status) in [
        ("", "malformed-request", 400),
        ("nonsense", "malformed-request", 400),
        ("[]", "malformed-request", 400),
        (r#"{"type": 7}"#, "malformed-request", 400),
        (r#"{"type": "mute", "track": 5}"#, "malformed-request", 400),
        (r#"{"type": "dance"}"#, "unknown-message", 400),
        (r#"{"type": "offer", "sdp": "v=0"}"#, "malformed-sdp", 400),
        (r#"{"type": "pin", "slot": "0", "track": null}"#, "no-media", 409),
        (&deep, "malformed-request", 400),
        (&long, "body-too-large", 413),
    ] {
        assert_error(&answer(&mut socket, text), slug, status);
    }
    assert_eq!(socket.request(json!({"type": "lock", "unknown": 1}))["type"], "ok");
    let refused = server.scrape().sum("plenum_messages_refused_total");
    assert!(refused >= 11.0, "{refused}");
}

#[test]
fn who_does_not_join_is_shown_out_after_10_s() {
    let server = Plenum::dev();
    let started = Instant::now();
    let mut socket = Socket::connect(&server, "studio");
    let (messages, code) = socket.wait_until_closed(Duration::from_secs(15));
    assert!(started.elapsed() >= Duration::from_millis(9_500), "{:?}", started.elapsed());
    assert_error(&messages[0], "request-timeout", 408);
    assert_eq!(code, Some(1008));
}

#[test]
fn without_auto_create_only_the_api_opens_rooms() {
    let server = Plenum::start(Options::config("[rooms]\nauto_create = false\n").argument("--dev"));
    let (mut socket, reply) = try_join(&server, "studio", "ada");
    assert_error(&reply, "room-not-found", 404);
    assert_eq!(socket.next(SOON), Heard::Closed(Some(1008)));
    let problem = server.request("POST", "/whip/studio").sdp(&offers::whip()).send().expect_problem(404);
    assert_eq!(problem["type"], "urn:plenum:problem:room-not-found");
}

#[test]
fn an_empty_room_closes_after_its_time() {
    let config = "[rooms]\nempty_timeout = \"500ms\"\n";
    let server = Plenum::start(Options::config(config).argument("--dev"));
    let mut ada = join(&server, "studio", "ada");
    assert_eq!(ada.request(json!({"type": "ban", "participant": "eve"}))["type"], "ok");
    assert_error(&try_join(&server, "studio", "eve").1, "banned", 403);
    ada.send(&json!({"type": "leave"}));
    assert_closed(&mut ada, "left");
    plenum_tests::wait_until("the room is closed", SOON, || server.scrape().sum("plenum_conferences") == 0.0);
    assert_eq!(try_join(&server, "studio", "eve").1["type"], "welcome", "bans are for the room's life");
}

#[test]
fn ice_servers_are_for_whoever_may_be_in_a_room() {
    let server = Plenum::start(Options::config(CONFIG));
    let ask = |token: &str| server.request("GET", "/v1/ice-servers").bearer(token).send();
    for room in ["studio", "elsewhere"] {
        let answer = ask(&token(room, "ada", &["--subscribe"])).expect(200);
        assert_eq!(answer.json(), json!({"iceServers": []}));
        assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
    }
    server.request("GET", "/v1/ice-servers").send().expect_problem(401);
    ask("nonsense").expect_problem(401);
}
