//! Offers and their answers, tracks, and the life of a media session beside that of its member. No media flows here.

use std::time::{Duration, Instant};

use plenum_tests::room::Socket;
use plenum_tests::{Options, Plenum, offers, wait_until};
use serde_json::{Value, json};

use super::{SOON, assert_closed, assert_error, assert_quiet, join, join_with_welcome};
use crate::auth::{CONFIG, signed_with};

/// One audio and one video line to send on.
#[track_caller]
fn offer(socket: &mut Socket, sdp: &str, muted: bool) -> Value {
    let tracks = json!({
        "0": {"source": "microphone", "muted": muted},
        "1": {"source": "camera", "muted": muted},
    });
    socket.request(json!({"type": "offer", "sdp": sdp, "tracks": tracks}))
}

#[track_caller]
fn assert_answer(reply: &Value) -> &Value {
    assert_eq!(reply["type"], "answer", "{reply}");
    assert!(reply["sdp"].as_str().expect("SDP").starts_with("v=0\r\n"), "{reply}");
    reply
}

fn sessions(server: &Plenum) -> f64 {
    server.scrape().sum_where("plenum_sessions", &[("kind", "room")])
}

/// The same offer with one more line, to receive video on.
fn with_slot(offer: &str, mid: &str) -> String {
    let watching = offers::whep();
    let video = &watching[watching.find("m=video").expect("a video line")..];
    let mut line = video.replace("a=mid:1\r\n", &format!("a=mid:{mid}\r\n"));
    for secret in ["ice-ufrag", "ice-pwd"] {
        line = line.replace(offers::attribute(&watching, secret), offers::attribute(offer, secret));
    }
    let bundle = offer.lines().find(|line| line.starts_with("a=group:BUNDLE")).expect("a bundle");
    format!("{}{line}", offer.replace(bundle, &format!("{bundle} {mid}")))
}

#[test]
fn an_offer_is_answered_and_what_is_unmuted_is_published() {
    let server = Plenum::dev();
    let (mut ada, mut bob) = (join(&server, "studio", "ada"), join(&server, "studio", "bob"));
    ada.wait_for("participant_joined", SOON);
    let reply = offer(&mut ada, &offers::whip(), false);
    let tracks = assert_answer(&reply)["tracks"].as_object().expect("ids by mid");
    assert_eq!(tracks.keys().collect::<Vec<_>>(), ["0", "1"]);
    for _ in 0..2 {
        let track = &bob.wait_for("track_published", SOON)["track"];
        let (mid, source) = if track["kind"] == "audio" { ("0", "microphone") } else { ("1", "camera") };
        assert_eq!((&track["id"], &track["source"]), (&tracks[mid], &json!(source)));
        assert_eq!(track["participant"], "ada");
    }
    assert_eq!(sessions(&server), 1.0);
    assert_eq!(ada.request(json!({"type": "mute", "track": tracks["1"], "muted": true}))["type"], "ok");
    let updated = bob.wait_for("track_updated", SOON);
    assert_eq!((&updated["track"]["id"], &updated["track"]["muted"]), (&tracks["1"], &json!(true)));
    assert_error(
        &bob.request(json!({"type": "mute", "track": tracks["1"], "muted": false})),
        "track-not-found",
        404,
    );
}

#[test]
fn idle_lines_are_not_seen_until_they_are_used() {
    let server = Plenum::dev();
    let (mut ada, mut bob) = (join(&server, "studio", "ada"), join(&server, "studio", "bob"));
    let reply = offer(&mut ada, &offers::whip(), true);
    let camera = assert_answer(&reply)["tracks"]["1"].clone();
    assert_quiet(&mut bob);
    assert_eq!(ada.request(json!({"type": "mute", "track": camera, "muted": false}))["type"], "ok");
    assert_eq!(bob.wait_for("track_published", SOON)["track"]["id"], camera);
}

#[test]
fn another_offer_of_the_same_connection_goes_on_with_the_session() {
    let server = Plenum::dev();
    let (mut ada, mut bob) = (join(&server, "studio", "ada"), join(&server, "studio", "bob"));
    let sdp = offers::whip();
    let first = offer(&mut ada, &sdp, false);
    let ids = assert_answer(&first)["tracks"].clone();
    bob.wait_for("track_published", SOON);
    bob.wait_for("track_published", SOON);
    let demand = json!({"type": "demand", "slot": "2", "max_width": 640, "max_height": 360});
    assert_error(&ada.request(demand.clone()), "slot-not-found", 404);
    let more = with_slot(&sdp, "2");
    let second = offer(&mut ada, &more, false);
    assert_eq!(assert_answer(&second)["tracks"], ids);
    assert_eq!(ada.request(demand)["type"], "ok");
    let password = |answer: &Value| offers::attribute(answer["sdp"].as_str().unwrap(), "ice-pwd").to_owned();
    assert_eq!(password(&first), password(&second));
    // New credentials restart ICE.
    let restart = with_slot(&offers::whip(), "2");
    let third = offer(&mut ada, &restart, false);
    assert_ne!(password(assert_answer(&third)), password(&first));
    assert_eq!(sessions(&server), 1.0);
    assert_quiet(&mut bob);
}

#[test]
fn an_offer_with_another_certificate_replaces_the_session() {
    let server = Plenum::dev();
    let (mut ada, mut bob) = (join(&server, "studio", "ada"), join(&server, "studio", "bob"));
    let sdp = offers::whip();
    let first = offer(&mut ada, &sdp, false);
    let other = offers::fingerprint().replace("00:01", "FF:FE");
    let second = offer(&mut ada, &offers::whip().replace(&offers::fingerprint(), &other), false);
    assert_ne!(assert_answer(&first)["tracks"], assert_answer(&second)["tracks"]);
    for _ in 0..2 {
        bob.wait_for("track_unpublished", SOON);
    }
    wait_until("the first session is over", SOON, || sessions(&server) == 1.0);
    let mut ids: Vec<Value> =
        (0..4).map(|_| bob.wait_for("track_published", SOON)["track"]["id"].clone()).collect();
    ids.drain(..2);
    for id in second["tracks"].as_object().unwrap().values() {
        assert!(ids.contains(id), "{id}");
    }
}

#[test]
fn a_media_session_ends_with_its_membership_and_within_a_second() {
    let server = Plenum::start(Options::config("[rooms]\ndeparture_timeout = \"1s\"\n").argument("--dev"));
    let mut admin = join(&server, "studio", "admin");
    let enter = |identity: &str| {
        let mut socket = join(&server, "studio", identity);
        assert_answer(&offer(&mut socket, &offers::whip(), false));
        assert_eq!(sessions(&server), 1.0);
        socket
    };
    let mut leaving = enter("leaving");
    leaving.send(&json!({"type": "leave"}));
    assert_closed(&mut leaving, "left");
    wait_until("who left has no session", Duration::from_secs(1), || sessions(&server) == 0.0);
    let mut kicked = enter("kicked");
    assert_eq!(admin.request(json!({"type": "kick", "participant": "kicked"}))["type"], "ok");
    wait_until("who was kicked has no session", Duration::from_secs(1), || sessions(&server) == 0.0);
    assert_closed(&mut kicked, "kicked");
    let dropped = enter("dropped");
    let at = Instant::now();
    drop(dropped);
    wait_until("who is gone has no session", Duration::from_secs(5), || sessions(&server) == 0.0);
    assert!(at.elapsed() > Duration::from_millis(900), "media go on for a while: {:?}", at.elapsed());
}

#[test]
fn media_go_on_while_a_socket_is_lost_and_the_state_is_told_again() {
    let server = Plenum::dev();
    let (mut ada, welcome) = join_with_welcome(&server, "studio", "ada");
    let answer = offer(&mut ada, &offers::whip(), false);
    assert_answer(&answer);
    drop(ada);
    let mut ada = Socket::connect(&server, "studio");
    let again = ada.request(json!({"type": "join", "resume": welcome["resume"]}));
    assert_eq!(again["tracks"].as_array().expect("a list").len(), 2);
    assert_eq!(sessions(&server), 1.0);
    let camera = &answer["tracks"]["1"];
    assert_eq!(ada.request(json!({"type": "mute", "track": camera, "muted": true}))["type"], "ok");
}

#[test]
fn a_session_that_never_connects_ends_and_its_member_may_offer_again() {
    let server = Plenum::dev();
    let (mut ada, welcome) = join_with_welcome(&server, "studio", "ada");
    let mut bob = join(&server, "studio", "bob");
    assert_answer(&offer(&mut ada, &offers::whip(), false));
    // Listening answers pings; ada, to whom nobody listens here, has to come back.
    for _ in 0..2 {
        bob.wait_for("track_unpublished", Duration::from_secs(40));
    }
    wait_until("its session is over", SOON, || sessions(&server) == 0.0);
    let mut ada = Socket::connect(&server, "studio");
    let again = ada.request(json!({"type": "join", "resume": welcome["resume"]}));
    assert_eq!((&again["resumed"], &again["tracks"]), (&json!(true), &json!([])));
    let demand = json!({"type": "demand", "slot": "1", "max_width": 0, "max_height": 0});
    assert_error(&ada.request(demand), "no-media", 409);
    assert_answer(&offer(&mut ada, &offers::whip(), false));
    assert_eq!(sessions(&server), 1.0);
}

#[test]
fn who_may_not_publish_cannot_offer_to() {
    let server = Plenum::start(Options::config(CONFIG));
    let token = signed_with(|claims| claims["video"]["canPublish"] = json!(false));
    let mut socket = Socket::connect(&server, "studio");
    socket.request(json!({"type": "join", "token": token}));
    assert_error(&offer(&mut socket, &offers::whip(), true), "forbidden", 403);
    assert_answer(&socket.request(json!({"type": "offer", "sdp": offers::whep()})));
}

#[test]
fn offers_that_cannot_be_served_are_refused_and_nothing_is_left() {
    let server = Plenum::dev();
    let mut ada = join(&server, "studio", "ada");
    let both_ways = offers::whip().replace("a=sendonly", "a=sendrecv");
    assert_error(&offer(&mut ada, &both_ways, true), "unsupported-offer", 422);
    let screen = json!({"0": {"source": "screen", "muted": false}});
    let wrong = json!({"type": "offer", "sdp": offers::whip(), "tracks": screen});
    assert_error(&ada.request(wrong), "malformed-request", 400);
    assert_eq!(sessions(&server), 0.0);
    assert_answer(&offer(&mut ada, &offers::whip(), true));
}
