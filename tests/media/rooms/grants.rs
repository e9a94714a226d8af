//! Grants: what a token does not allow does not work by any path.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jsonwebtoken::{EncodingKey, Header, encode};
use plenum_tests::room::{Joining, Member};
use plenum_tests::{Options, Plenum, offers, wait_until};
use serde_json::{Value, json};

use super::{SOON, wait_for_sight};
use crate::together;

const SECRET: &str = "a-secret-of-at-least-32-characters";
const CONFIG: &str = "[auth]\nkeys = { devkey = \"a-secret-of-at-least-32-characters\" }\n";

/// A token for the room `studio` with these grants besides `roomJoin`.
fn token(identity: &str, grants: Value) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is after 1970").as_secs();
    let mut video = json!({"room": "studio", "roomJoin": true});
    for (name, value) in grants.as_object().expect("grants are an object") {
        video[name] = value.clone();
    }
    let claims = json!({"iss": "devkey", "sub": identity, "exp": now + 600, "video": video});
    encode(&Header::default(), &claims, &EncodingKey::from_secret(SECRET.as_bytes()))
        .expect("claims are JSON")
}

fn join(server: &Plenum, joining: Joining, grants: Value) -> Result<Member, Value> {
    let token = token(&joining.identity, grants);
    Member::try_join(server, "studio", joining.token(&token))
}

#[test]
fn without_can_publish_nothing_is_published_by_any_path() {
    let _guard = together();
    let server = Plenum::start(Options::config(CONFIG));
    let grants = json!({"canPublish": false, "canSubscribe": true, "canPublishData": false});
    let error = join(&server, Joining::named("eve").camera(), grants.clone()).expect_err("lines to send on");
    assert_eq!(error["status"], 403, "{error}");
    assert!(error["type"].is_string() && error["detail"].is_string(), "{error}");
    let whip = server.request("POST", "/whip/studio").bearer(&token("eve", grants));
    whip.sdp(&offers::whip()).send().expect_problem(403);
    let open =
        join(&server, Joining::named("ada").camera(), json!({"canPublish": true, "canSubscribe": true}));
    let open = open.expect("ada may");
    open.wait_until_connected();
    let view = open.view();
    assert!(view.tracks.values().all(|track| track.participant == "ada"), "{:?}", view.tracks);
}

#[test]
fn without_can_publish_data_nothing_that_is_said_arrives() {
    let _guard = together();
    let server = Plenum::start(Options::config(CONFIG));
    let all = json!({"canPublish": true, "canSubscribe": true, "canPublishData": true});
    let ada = join(&server, Joining::named("ada"), all).expect("ada may");
    let grants = json!({"canPublish": true, "canSubscribe": true, "canPublishData": false});
    let eve = join(&server, Joining::named("eve"), grants).expect("eve may come");
    for member in [&ada, &eve] {
        member.wait_until_connected();
        member.wait_for_topic("chat");
    }
    eve.say("chat", json!("psst"), None);
    wait_until("it is on its way", SOON, || eve.look(|account| account.said == 1));
    ada.say("chat", json!("hello"), None);
    wait_until("who may speak is heard", SOON, || eve.look(|account| !account.texts("chat").is_empty()));
    // What eve said went before what ada said, and both take the same way.
    std::thread::sleep(Duration::from_millis(300));
    let heard = ada.look(|account| account.texts("chat").to_vec());
    assert!(heard.iter().all(|text| text["from"] != "eve"), "{heard:?}");
}

#[test]
fn without_can_subscribe_nothing_is_seen() {
    let _guard = together();
    let server = Plenum::start(Options::config(CONFIG));
    let all = json!({"canPublish": true, "canSubscribe": true, "canPublishData": true});
    let ada = join(&server, Joining::named("ada").camera(), all.clone()).expect("ada may");
    let bob = join(&server, Joining::named("bob").camera(), all).expect("bob may");
    let grants = json!({"canPublish": true, "canSubscribe": false});
    let error =
        join(&server, Joining::named("eve").camera(), grants.clone()).expect_err("lines to receive on");
    assert_eq!(error["status"], 403, "{error}");
    let eve =
        join(&server, Joining::named("eve").camera().slots(0, 0), grants.clone()).expect("eve may send");
    for member in [&ada, &bob, &eve] {
        member.wait_until_connected();
    }
    wait_for_sight(&ada, &bob, SOON);
    wait_for_sight(&ada, &eve, SOON);
    assert!(eve.view().occupants().is_empty());
    let whep = server.request("POST", "/whep/studio").bearer(&token("eve", grants));
    whep.sdp(&offers::whep()).send().expect_problem(403);
}

#[test]
fn who_is_hidden_is_not_shown_to_others() {
    let _guard = together();
    let server = Plenum::start(Options::config(CONFIG));
    let grants = json!({"canPublish": false, "canSubscribe": true, "hidden": true});
    let all = json!({"canPublish": true, "canSubscribe": true});
    let ada = join(&server, Joining::named("ada").camera(), all).expect("ada may");
    ada.wait_until_connected();
    let mut ghost = plenum_tests::room::Socket::connect(&server, "studio");
    let joining = Joining::named("ghost").token(&token("ghost", grants));
    let welcome = ghost.request(joining.request());
    assert_eq!(welcome["type"], "welcome", "{welcome}");
    assert!(welcome["participants"].to_string().contains("ada"), "{welcome}");
    let late = join(&server, Joining::named("late"), json!({"canPublish": true, "canSubscribe": true}));
    let late = late.expect("late may");
    wait_until("ada sees who came last", SOON, || ada.view().participants.contains_key("late"));
    for member in [&ada, &late] {
        assert!(!member.view().participants.contains_key("ghost"), "{:?}", member.view().participants);
    }
}
