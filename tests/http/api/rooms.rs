//! Rooms as a backend runs them: made, configured, watched over, closed.

use std::time::Duration;

use plenum_tests::peer::{Media, Peer};
use plenum_tests::room::{Joining, Member, Socket};
use plenum_tests::{Options, Plenum, wait_until};
use serde_json::{Value, json};

use super::{ask, guarded, json_request, slug, token};

const SOON: Duration = Duration::from_secs(5);

fn get(server: &Plenum, path: &str) -> Value {
    ask(server, "GET", path, Value::Null).expect(200).json()
}

/// Identities of a list of participants.
fn identities(list: &Value) -> Vec<&str> {
    let participants = list["participants"].as_array().expect("a list");
    participants.iter().map(|one| one["identity"].as_str().expect("an identity")).collect()
}

/// What the server says to somebody who wants in.
fn refused(server: &Plenum, room: &str, identity: &str) -> Value {
    let mut socket = Socket::connect(server, room);
    let join = json!({"type": "join", "protocol": 1, "identity": identity});
    let reply = socket.request(join);
    assert_eq!(reply["type"], "error", "{reply}");
    reply
}

#[test]
fn a_room_lives_from_its_making_to_its_closing() {
    let server = Plenum::dev();
    let settings = json!({"name": "demo", "max_participants": 3, "metadata": "board", "empty_timeout": 60,
        "departure_timeout": 5});
    let made = ask(&server, "POST", "/v1/rooms", settings).expect(201);
    assert_eq!(made.location(), "/v1/rooms/demo");
    let room = made.json();
    assert_eq!([&room["empty_timeout"], &room["departure_timeout"], &room["max_participants"]], [60, 5, 3]);

    let mut ada = Socket::connect(&server, "demo");
    assert_eq!(ada.join("ada")["room"]["metadata"], "board");
    let mut eve = Socket::connect(&server, "demo");
    eve.join("eve");
    assert_eq!(identities(&get(&server, "/v1/rooms/demo/participants")), ["ada", "eve"]);
    assert_eq!(get(&server, "/v1/rooms")["rooms"][0]["participants"], 2);

    // What is said of somebody is told to everybody.
    let change = json!({"permissions": {"canPublish": false}, "name": "Eve E.", "metadata": "guest"});
    let changed = ask(&server, "PATCH", "/v1/rooms/demo/participants/eve", change).expect(200).json();
    assert_eq!(changed["name"], "Eve E.");
    assert_eq!(
        [&changed["permissions"]["canPublish"], &changed["permissions"]["canSubscribe"]],
        [false, true]
    );
    let told = |socket: &mut Socket| loop {
        let participant = socket.wait_for("participant_updated", SOON)["participant"].clone();
        if participant["permissions"]["canPublish"] == false && participant["metadata"] == "guest" {
            return participant["name"].clone();
        }
    };
    assert_eq!([told(&mut ada), told(&mut eve)], ["Eve E.", "Eve E."]);

    let locked =
        ask(&server, "PATCH", "/v1/rooms/demo", json!({"locked": true, "metadata": "closed"})).expect(200);
    assert_eq!([&locked.json()["locked"], &locked.json()["max_participants"]], [&json!(true), &json!(3)]);
    while ada.wait_for("room_updated", SOON)["room"]["locked"] != true {}
    assert!(refused(&server, "demo", "ian")["problem"].as_str().unwrap().ends_with("room-locked"));

    ask(&server, "DELETE", "/v1/rooms/demo", Value::Null).expect(204);
    for socket in [&mut ada, &mut eve] {
        assert_eq!(socket.wait_for("closed", SOON)["reason"], "room_closed");
    }
    ask(&server, "GET", "/v1/rooms/demo", Value::Null).expect_problem(404);
    assert_eq!(get(&server, "/v1/rooms"), json!({"rooms": []}));
}

#[test]
fn who_is_kicked_is_out_for_a_while_and_who_is_banned_for_good() {
    let server = Plenum::dev();
    let mut ada = Socket::connect(&server, "demo");
    ada.join("ada");
    let mut eve = Socket::connect(&server, "demo");
    eve.join("eve");
    let mut ian = Socket::connect(&server, "demo");
    ian.join("ian");
    ask(&server, "DELETE", "/v1/rooms/demo/participants/eve", Value::Null).expect(204);
    assert_eq!(eve.wait_for("closed", SOON)["reason"], "kicked");
    let again = refused(&server, "demo", "eve");
    assert!(
        again["problem"].as_str().unwrap().ends_with("banned") && again["retry_after"].is_u64(),
        "{again}"
    );
    ask(&server, "DELETE", "/v1/rooms/demo/participants/ian?ban=true", Value::Null).expect(204);
    assert_eq!(ian.wait_for("closed", SOON)["reason"], "banned");
    assert!(refused(&server, "demo", "ian")["retry_after"].is_null());
    let left = |socket: &mut Socket| socket.wait_for("participant_left", SOON)["participant"].clone();
    assert_eq!([left(&mut ada), left(&mut ada)], ["eve", "ian"]);
    assert_eq!(identities(&get(&server, "/v1/rooms/demo/participants")), ["ada"]);
    // A ban is for whoever comes, a kick for who is there.
    ask(&server, "DELETE", "/v1/rooms/demo/participants/zoe?ban=true", Value::Null).expect(204);
    let nobody = ask(&server, "DELETE", "/v1/rooms/demo/participants/zoe", Value::Null).expect_problem(404);
    assert_eq!(slug(&nobody), "participant-not-found");
    ask(&server, "DELETE", "/v1/rooms/demo/participants/ada?ban=maybe", Value::Null).expect_problem(400);
}

#[test]
fn who_waits_in_the_lobby_is_admitted_or_sent_away() {
    let server = Plenum::dev();
    ask(&server, "POST", "/v1/rooms", json!({"name": "demo", "lobby": true})).expect(201);
    let mut host = Socket::connect(&server, "demo");
    host.join("host");
    let wait = |identity: &str| {
        let mut socket = Socket::connect(&server, "demo");
        socket.send(&json!({"type": "join", "protocol": 1, "identity": identity, "name": "N. N."}));
        socket.wait_for("lobby", SOON);
        socket
    };
    let (mut ada, mut eve) = (wait("ada"), wait("eve"));
    let waiting = get(&server, "/v1/rooms/demo/participants?kind=waiting");
    assert_eq!(identities(&waiting), ["ada", "eve"]);
    assert_eq!(
        [&waiting["participants"][0]["kind"], &waiting["participants"][0]["name"]],
        ["waiting", "N. N."]
    );
    assert_eq!(identities(&get(&server, "/v1/rooms/demo/participants")), ["host"]);
    let door = |identity: &str, body: Value| {
        ask(&server, "PATCH", &format!("/v1/rooms/demo/participants/{identity}"), body)
    };
    door("ada", json!({"admitted": true, "muted": true})).expect_problem(400);
    assert_eq!(door("ada", json!({"admitted": true})).expect(200).json()["kind"], "room");
    ada.wait_for("welcome", SOON);
    door("eve", json!({"admitted": false})).expect(204);
    assert_eq!(eve.wait_for("closed", SOON)["reason"], "rejected");
    door("eve", json!({"admitted": true})).expect_problem(404);
    assert_eq!(identities(&get(&server, "/v1/rooms/demo/participants")), ["host", "ada"]);
}

#[test]
fn muting_stops_media_and_nobody_is_unmuted_from_afar() {
    let server = Plenum::dev();
    let ada = Member::join(&server, "demo", Joining::named("ada").camera());
    let eve = Member::join(&server, "demo", Joining::named("eve").silent());
    wait_until("eve sees ada's tracks", SOON, || eve.view().tracks.len() == 2);
    let path = "/v1/rooms/demo/participants/ada";
    let muted = |view: &Value| -> Vec<bool> {
        let tracks = view["tracks"].as_array().expect("a list");
        tracks.iter().map(|track| track["muted"].as_bool().expect("true or false")).collect()
    };
    let one = ask(&server, "PATCH", path, json!({"muted": {"microphone": true}})).expect(200).json();
    let microphone = one["tracks"].as_array().unwrap().iter().find(|track| track["source"] == "microphone");
    assert_eq!(microphone.expect("it stays published")["muted"], true);
    assert_eq!(muted(&one).iter().filter(|muted| **muted).count(), 1);
    assert_eq!(muted(&ask(&server, "PATCH", path, json!({"muted": true})).expect(200).json()), [true, true]);
    wait_until("eve is told", SOON, || eve.view().tracks.values().all(|track| track.muted));

    let asked = ask(&server, "PATCH", path, json!({"muted": {"microphone": false}})).expect(200).json();
    assert_eq!(muted(&asked), [true, true], "only ada opens her microphone");
    wait_until("ada is asked", SOON, || {
        ada.message(|message| message["type"] == "unmute_requested").is_some()
    });
    let request = ada.message(|message| message["type"] == "unmute_requested").unwrap();
    assert_eq!(request["track"], ada.own_track("microphone"));
    let missing = ask(&server, "PATCH", path, json!({"muted": {"screen": false}})).expect_problem(404);
    assert_eq!(slug(&missing), "track-not-found");
}

#[test]
fn a_whip_publisher_is_muted_and_unmuted() {
    let server = Plenum::dev();
    let _publisher = Peer::publish(&server, "demo", Media::default());
    let viewer = Peer::watch(&server, "demo");
    viewer.wait_for_video(10, Duration::from_secs(10));
    let list = get(&server, "/v1/rooms/demo/participants?kind=whip");
    let identity = identities(&list)[0].to_owned();
    let mute = |muted: bool| {
        let path = format!("/v1/rooms/demo/participants/{identity}");
        let view = ask(&server, "PATCH", &path, json!({"muted": muted})).expect(200).json();
        assert!(view["tracks"].as_array().unwrap().iter().all(|track| track["muted"] == muted), "{view}");
    };
    mute(true);
    mute(false);
    assert_eq!(get(&server, "/v1/rooms/demo/participants?kind=room"), json!({"participants": []}));
}

#[test]
fn closing_a_room_ends_all_sessions_in_it() {
    let server = Plenum::dev();
    let publisher = Peer::publish(&server, "demo", Media::default());
    let viewer = Peer::watch(&server, "demo");
    viewer.wait_for_video(10, Duration::from_secs(10));
    let elsewhere = Peer::publish(&server, "elsewhere", Media::default());
    let member = Member::join(&server, "demo", Joining::named("ada"));
    assert_eq!(get(&server, "/v1/rooms/demo")["viewers"], 1);
    ask(&server, "DELETE", "/v1/rooms/demo", Value::Null).expect(204);
    wait_until("all sessions of the room have ended", Duration::from_secs(2), || {
        server.scrape().sum("plenum_sessions") == 1.0
    });
    assert_eq!(member.view().closed.as_deref(), Some("room_closed"));
    assert_eq!(get(&server, "/v1/rooms")["rooms"].as_array().map(Vec::len), Some(1));
    drop((publisher, viewer, elsewhere));
}

#[test]
fn hidden_participants_are_shown_to_moderators_only() {
    let server = guarded();
    let ghost = token(json!({"room": "demo", "roomJoin": true, "hidden": true}));
    let mut socket = Socket::connect(&server, "demo");
    let welcome = socket.request(json!({"type": "join", "protocol": 1, "token": ghost}));
    assert_eq!(welcome["type"], "welcome", "{welcome}");
    let see = |video: Value, path: &str| server.request("GET", path).bearer(&token(video)).send();
    let (guest, boss) =
        (json!({"room": "demo", "roomJoin": true}), json!({"room": "demo", "roomAdmin": true}));
    let list = "/v1/rooms/demo/participants";
    assert_eq!(see(guest.clone(), list).expect(200).json(), json!({"participants": []}));
    assert_eq!(see(boss.clone(), list).expect(200).json()["participants"][0]["identity"], "backend");
    assert_eq!(see(guest.clone(), "/v1/rooms/demo").expect(200).json()["participants"], 0);
    let one = "/v1/rooms/demo/participants/backend";
    assert_eq!([see(guest, one).status, see(boss, one).status], [404, 200]);
}

#[test]
fn where_rooms_are_made_by_the_api_only_nobody_else_opens_one() {
    let server = Plenum::start(Options::config("[rooms]\nauto_create = false\n").argument("--dev"));
    assert!(refused(&server, "demo", "ada")["problem"].as_str().unwrap().ends_with("room-not-found"));
    ask(&server, "POST", "/v1/rooms", json!({"name": "demo"})).expect(201);
    Socket::connect(&server, "demo").join("ada");
}

#[test]
fn a_room_of_the_api_ends_when_nobody_came_in_time() {
    let server = Plenum::dev();
    ask(&server, "POST", "/v1/rooms", json!({"name": "demo", "empty_timeout": 1})).expect(201);
    wait_until("the room is gone", SOON, || ask(&server, "GET", "/v1/rooms/demo", Value::Null).status == 404);
}

#[test]
fn a_draining_server_makes_no_rooms_and_still_closes_them() {
    let server = guarded();
    let all = token(json!({"roomCreate": true}));
    let make =
        |name: &str| json_request(&server, "POST", "/v1/rooms", json!({"name": name})).bearer(&all).send();
    make("demo").expect(201);
    let guest = token(json!({"room": "demo", "roomJoin": true}));
    let mut socket = Socket::connect(&server, "demo");
    socket.request(json!({"type": "join", "protocol": 1, "token": guest}));
    server.signal(libc::SIGTERM);
    wait_until("the server drains", SOON, || server.admin("/readyz").status == 503);
    let refused = make("more");
    assert!(refused.header("retry-after").is_some());
    assert_eq!(slug(&refused.expect_problem(503)), "draining");
    server.request("DELETE", "/v1/rooms/demo").bearer(&all).send().expect(204);
    assert_eq!(socket.wait_for("closed", SOON)["reason"], "room_closed");
}
