//! WHIP publishers are participants like others, and obey the same doors.

use plenum_tests::{Options, Plenum, offers};
use serde_json::json;

use super::{SOON, assert_closed, assert_error, join, join_with_welcome, try_join};
use crate::Session;

#[track_caller]
fn publish(server: &Plenum, path: &str) -> Session {
    let offer = offers::whip();
    let response = server.request("POST", path).sdp(&offer).send();
    Session::from(offer, &response.expect(201))
}

#[test]
fn a_whip_publisher_is_seen_as_a_participant_with_its_tracks() {
    let server = Plenum::dev();
    let mut ada = join(&server, "studio", "ada");
    let obs = publish(&server, "/whip/studio?participant=obs&name=The%20stage");
    let joined = &ada.wait_for("participant_joined", SOON)["participant"];
    assert_eq!((&joined["identity"], &joined["kind"]), (&json!("obs"), &json!("whip")));
    assert_eq!(joined["name"], "The stage");
    let mut sources: Vec<String> = (0..2)
        .map(|_| {
            let track = ada.wait_for("track_published", SOON)["track"].clone();
            assert_eq!((&track["participant"], &track["muted"]), (&json!("obs"), &json!(false)));
            format!("{} {}", track["kind"].as_str().unwrap(), track["source"].as_str().unwrap())
        })
        .collect();
    sources.sort();
    assert_eq!(sources, ["audio microphone", "video camera"]);
    let (_bob, welcome) = join_with_welcome(&server, "studio", "bob");
    assert_eq!(super::identities(&welcome), ["ada", "bob", "obs"]);
    assert_eq!(welcome["tracks"].as_array().unwrap().len(), 2);
    server.request("DELETE", &obs.path).send().expect(200);
    assert_eq!(ada.wait_for("participant_left", SOON)["participant"], "obs");
}

#[test]
fn a_publisher_in_an_empty_room_is_there_for_who_comes_later() {
    let server = Plenum::dev();
    publish(&server, "/whip/studio?participant=obs");
    let (mut ada, welcome) = join_with_welcome(&server, "studio", "ada");
    assert_eq!(super::identities(&welcome), ["ada", "obs"]);
    assert_eq!(ada.request(json!({"type": "kick", "participant": "obs"}))["type"], "ok");
    assert_eq!(ada.wait_for("participant_left", SOON)["reason"], "kicked");
    plenum_tests::wait_until("its session is over", SOON, || {
        server.scrape().sum_where("plenum_sessions", &[("kind", "whip")]) == 0.0
    });
    let again = server.request("POST", "/whip/studio?participant=obs").sdp(&offers::whip()).send();
    again.expect_problem(403);
}

#[test]
fn an_identity_is_there_once_over_whip_and_in_the_room() {
    let server = Plenum::dev();
    let mut bob = join(&server, "studio", "bob");
    let mut ada = join(&server, "studio", "ada");
    let session = publish(&server, "/whip/studio?participant=ada");
    assert_closed(&mut ada, "replaced");
    assert_eq!(session.status(&server), 204);
    join(&server, "studio", "ada");
    plenum_tests::wait_until("the WHIP session is over", SOON, || session.status(&server) == 404);
    let coming: Vec<_> = (0..3).map(|_| bob.wait_for("participant_joined", SOON)).collect();
    let kinds: Vec<_> = coming.iter().map(|joined| joined["participant"]["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["room", "whip", "room"]);
}

#[test]
fn a_full_room_is_full_for_publishers_too() {
    let server = Plenum::start(Options::config("[rooms]\nmax_participants = 2\n").argument("--dev"));
    let _ada = join(&server, "studio", "ada");
    publish(&server, "/whip/studio?participant=obs");
    let whip = server.request("POST", "/whip/studio?participant=more").sdp("not even SDP").send();
    assert_eq!(whip.expect_problem(409)["type"], "urn:plenum:problem:room-full");
    assert_error(&try_join(&server, "studio", "bob").1, "room-full", 409);
    // Who is there may come again.
    publish(&server, "/whip/studio?participant=obs");
    // Players are no participants.
    let whep = server.request("POST", "/whep/studio").sdp(&offers::whep()).send();
    whep.expect(201);
}
