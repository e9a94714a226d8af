//! What admins can do in the room, and that nobody else can.

use plenum_tests::room::{Heard, Socket};
use plenum_tests::{Options, Plenum, offers};
use serde_json::{Value, json};

use super::{SOON, assert_closed, assert_error, assert_quiet, join, try_join};
use crate::auth::{CONFIG, token};

#[track_caller]
fn join_with_token(server: &Plenum, identity: &str, grants: &[&str]) -> Socket {
    let mut socket = Socket::connect(server, "studio");
    let welcome = socket.request(json!({"type": "join", "token": token("studio", identity, grants)}));
    assert_eq!(welcome["type"], "welcome", "{welcome}");
    socket
}

#[track_caller]
fn assert_ok(socket: &mut Socket, message: Value) {
    let reply = socket.request(message);
    assert_eq!(reply["type"], "ok", "{reply}");
}

#[test]
fn who_is_kicked_is_told_and_stays_out_for_a_while() {
    let server = Plenum::dev();
    let (mut ada, mut bob) = (join(&server, "studio", "ada"), join(&server, "studio", "bob"));
    assert_ok(&mut ada, json!({"type": "kick", "participant": "bob"}));
    assert_closed(&mut bob, "kicked");
    let left = ada.wait_for("participant_left", SOON);
    assert_eq!((&left["participant"], &left["reason"]), (&json!("bob"), &json!("kicked")));
    let (mut again, reply) = try_join(&server, "studio", "bob");
    assert_error(&reply, "banned", 403);
    assert_eq!(again.next(SOON), Heard::Closed(Some(1008)));
}

#[test]
fn who_is_banned_cannot_come_back_by_any_door() {
    let server = Plenum::dev();
    let (mut ada, mut bob) = (join(&server, "studio", "ada"), join(&server, "studio", "bob"));
    assert_ok(&mut ada, json!({"type": "ban", "participant": "bob"}));
    assert_closed(&mut bob, "banned");
    assert_error(&try_join(&server, "studio", "bob").1, "banned", 403);
    let whip = server.request("POST", "/whip/studio?participant=bob").sdp("not even SDP").send();
    assert_eq!(whip.expect_problem(403)["type"], "urn:plenum:problem:banned");
}

#[test]
fn a_locked_room_lets_nobody_new_in_and_members_come_back() {
    let server = Plenum::dev();
    let mut ada = join(&server, "studio", "ada");
    let (bob, welcome) = super::join_with_welcome(&server, "studio", "bob");
    assert_ok(&mut ada, json!({"type": "lock"}));
    assert_eq!(ada.wait_for("room_updated", SOON)["room"]["locked"], true);
    assert_error(&try_join(&server, "studio", "eve").1, "room-locked", 403);
    for path in ["/whip/studio", "/whep/studio"] {
        let problem = server.request("POST", path).sdp("not even SDP").send().expect_problem(403);
        assert_eq!(problem["type"], "urn:plenum:problem:room-locked", "{path}");
    }
    drop(bob);
    let mut bob = Socket::connect(&server, "studio");
    assert_eq!(bob.request(json!({"type": "join", "resume": welcome["resume"]}))["resumed"], true);
    assert_ok(&mut ada, json!({"type": "unlock"}));
    join(&server, "studio", "eve");
}

#[test]
fn without_the_grant_nobody_moderates() {
    let server = Plenum::start(Options::config(CONFIG));
    let mut ada = join_with_token(&server, "ada", &["--publish", "--admin"]);
    let mut bob = join_with_token(&server, "bob", &["--publish"]);
    for message in [
        json!({"type": "kick", "participant": "ada"}),
        json!({"type": "ban", "participant": "ada"}),
        json!({"type": "lock"}),
        json!({"type": "unlock"}),
        json!({"type": "admit", "participant": "ada"}),
        json!({"type": "reject", "participant": "ada"}),
        json!({"type": "mute_participant", "participant": "ada"}),
        json!({"type": "request_unmute", "participant": "ada"}),
    ] {
        assert_error(&bob.request(message), "forbidden", 403);
    }
    ada.wait_for("participant_joined", SOON);
    assert_quiet(&mut ada);
    assert_ok(&mut ada, json!({"type": "kick", "participant": "bob"}));
    assert_closed(&mut bob, "kicked");
}

#[test]
fn in_the_lobby_one_waits_until_somebody_opens() {
    let config = format!("{CONFIG}\n[rooms]\nlobby = true\n");
    let server = Plenum::start(Options::config(config));
    let mut ada = join_with_token(&server, "ada", &["--publish", "--subscribe", "--admin"]);
    let mut wait = |identity: &str| {
        let mut socket = Socket::connect(&server, "studio");
        let token = token("studio", identity, &["--publish", "--subscribe"]);
        socket.send(&json!({"type": "join", "token": token, "id": "j"}));
        let lobby = socket.wait_for("lobby", SOON);
        assert_eq!(
            lobby["waiting"],
            json!([{"identity": identity, "name": identity}]),
            "it sees only itself"
        );
        loop {
            let lobby = ada.wait_for("lobby", SOON);
            let waiting = lobby["waiting"].as_array().expect("a list");
            if waiting.iter().any(|visitor| visitor["identity"] == identity) {
                return socket;
            }
        }
    };
    let (mut bob, mut eve) = (wait("bob"), wait("eve"));
    assert_error(&bob.request(json!({"type": "signal", "to": "ada", "payload": 1})), "not-admitted", 403);
    let offer = json!({"type": "offer", "sdp": offers::whip(), "tracks": {}});
    assert_error(&bob.request(offer), "not-admitted", 403);
    assert_ok(&mut ada, json!({"type": "admit", "participant": "bob"}));
    let welcome = bob.wait_for("welcome", SOON);
    assert_eq!((&welcome["id"], &welcome["participant"]["identity"]), (&json!("j"), &json!("bob")));
    assert_ok(&mut ada, json!({"type": "reject", "participant": "eve"}));
    assert_closed(&mut eve, "rejected");
    // A player of somebody who would have to wait does not walk around the lobby.
    let eve = token("studio", "eve", &["--subscribe"]);
    let whep = server.request("POST", "/whep/studio").bearer(&eve).sdp(&offers::whep()).send();
    assert_eq!(whep.expect_problem(403)["type"], "urn:plenum:problem:not-admitted");
}
