//! WHEP viewers as a moderator deals with them: the conference does not know them, and rules made in it hold for them.

use std::time::Duration;

use plenum_tests::http::Response;
use plenum_tests::room::Socket;
use plenum_tests::{Plenum, offers, wait_until};
use serde_json::{Value, json};

use super::{ask, guarded, slug, token_of};

const SOON: Duration = Duration::from_secs(5);

fn guest(server: &Plenum, method: &str, path: &str, identity: &str, offer: &str) -> Response {
    let hidden = identity == "ghost";
    let grants =
        json!({"room": "demo", "roomJoin": true, "canPublish": true, "canSubscribe": true, "hidden": hidden});
    server.request(method, path).bearer(&token_of(identity, grants)).sdp(offer).send()
}

/// The path of a session that watches as `identity`.
#[track_caller]
fn watch(server: &Plenum, identity: &str) -> String {
    guest(server, "POST", "/whep/demo", identity, &offers::whep()).expect(201).location()
}

#[track_caller]
fn publish(server: &Plenum, identity: &str) {
    guest(server, "POST", "/whip/demo", identity, &offers::whip()).expect(201);
}

fn boss(server: &Plenum, method: &str, path: &str) -> Response {
    let token = token_of("boss", json!({"room": "demo", "roomAdmin": true}));
    server.request(method, path).bearer(&token).send()
}

#[track_caller]
fn wait_until_over(server: &Plenum, session: &str) {
    wait_until("the session is over", SOON, || server.request("GET", session).send().status == 404);
}

#[track_caller]
fn assert_kept_out(server: &Plenum, identity: &str) {
    let refused = guest(server, "POST", "/whep/demo", identity, &offers::whep()).expect_problem(403);
    assert_eq!(slug(&refused), "banned");
}

#[test]
fn a_viewer_that_is_removed_or_banned_sees_nothing_any_more() {
    let server = guarded();
    publish(&server, "camera");
    let (first, second, other) = (watch(&server, "eve"), watch(&server, "eve"), watch(&server, "ian"));
    boss(&server, "DELETE", "/v1/rooms/demo/participants/eve").expect(204);
    wait_until_over(&server, &first);
    wait_until_over(&server, &second);
    assert_kept_out(&server, "eve");
    server.request("GET", &other).send().expect(204);
    boss(&server, "DELETE", "/v1/rooms/demo/participants/eve").expect_problem(404);
    boss(&server, "DELETE", "/v1/rooms/demo/participants/ian?ban=true").expect(204);
    wait_until_over(&server, &other);
    assert_kept_out(&server, "ian");
}

#[test]
fn a_member_that_is_kicked_or_banned_in_the_room_does_not_go_on_watching_beside_it() {
    let server = guarded();
    publish(&server, "camera");
    let join = |identity: &str, grants: Value| {
        let mut socket = Socket::connect(&server, "demo");
        let token = token_of(identity, grants);
        assert_eq!(socket.request(json!({"type": "join", "protocol": 1, "token": token}))["type"], "welcome");
        socket
    };
    let mut ada = join("ada", json!({"room": "demo", "roomJoin": true, "roomAdmin": true}));
    for (verb, identity) in [("kick", "eve"), ("ban", "ian")] {
        let mut member = join(identity, json!({"room": "demo", "roomJoin": true, "canSubscribe": true}));
        let session = watch(&server, identity);
        assert_eq!(ada.request(json!({"type": verb, "participant": identity}))["type"], "ok", "{verb}");
        member.wait_for("closed", SOON);
        wait_until_over(&server, &session);
        assert_kept_out(&server, identity);
    }
}

#[test]
fn viewers_without_a_name_are_removed_by_the_one_they_share() {
    let server = Plenum::dev();
    server.request("POST", "/whip/demo").sdp(&offers::whip()).send().expect(201);
    let watch = || server.request("POST", "/whep/demo").sdp(&offers::whep()).send().expect(201);
    let sessions = [watch().location(), watch().location()];
    ask(&server, "DELETE", "/v1/rooms/demo/participants/whep", Value::Null).expect(204);
    sessions.iter().for_each(|session| wait_until_over(&server, session));
}

#[test]
fn what_was_decided_in_a_room_holds_as_long_as_somebody_watches_it() {
    let server = guarded();
    let make = token_of("backend", json!({"roomCreate": true}));
    let room = json!({"name": "demo", "empty_timeout": 1}).to_string();
    server.request("POST", "/v1/rooms").bearer(&make).body("application/json", room).send().expect(201);
    publish(&server, "camera");
    let session = watch(&server, "ian");
    for identity in ["camera", "eve"] {
        boss(&server, "DELETE", &format!("/v1/rooms/demo/participants/{identity}?ban=true")).expect(204);
    }
    // Two time-outs of the empty room: that nothing happens can only be waited for.
    std::thread::sleep(Duration::from_millis(2_500));
    server.request("GET", &session).send().expect(204);
    assert_kept_out(&server, "eve");
    server.request("DELETE", &session).send().expect(200);
    wait_until("the room is gone", SOON, || boss(&server, "GET", "/v1/rooms/demo").status == 404);
}

#[test]
fn a_hidden_viewer_is_shown_to_moderators_only() {
    let server = guarded();
    publish(&server, "camera");
    watch(&server, "eve");
    watch(&server, "ghost");
    let list = "/v1/rooms/demo/participants?kind=whep";
    let seen = |list: Value| -> Vec<(String, bool)> {
        let viewers = list["participants"].as_array().expect("a list").iter();
        let seen = viewers.map(|one| (&one["identity"], &one["permissions"]["hidden"]));
        seen.map(|(identity, hidden)| (identity.as_str().unwrap().into(), hidden == true)).collect()
    };
    let member = guest(&server, "GET", list, "eve", "").expect(200).json();
    assert_eq!(seen(member), [("eve".to_owned(), false)]);
    let moderator = boss(&server, "GET", list).expect(200).json();
    assert_eq!(seen(moderator), [("eve".to_owned(), false), ("ghost".to_owned(), true)]);
    assert_eq!(guest(&server, "GET", "/v1/rooms/demo", "eve", "").expect(200).json()["viewers"], 1);
}
