//! Joining, resuming, leaving, and the end of a room.

use serde_json::json;

use super::super::*;
use super::stage::{Stage, admin, entrant, grant, hidden};
use crate::room::{ClientMessage, Join, parse};
use crate::{Grant, Keyring, Slug};

fn join_of(text: &str) -> Join {
    match parse(text).unwrap().message {
        ClientMessage::Join(join) => join,
        other => panic!("{other:?}"),
    }
}

#[test]
fn who_comes_is_welcomed_with_everything_and_the_others_are_told() {
    let mut stage = Stage::new(Settings { metadata: "weekly".into(), ..Settings::default() });
    let ada = stage.join(Grant { metadata: Some("{\"seat\":1}".into()), ..grant("ada") });
    let welcome = stage.told(ada);
    assert_eq!(welcome["type"], "welcome");
    assert_eq!((&welcome["protocol"], &welcome["resumed"]), (&json!(1), &json!(false)));
    let me = json!({
        "id": "PA_1", "identity": "ada", "name": "ada", "kind": "room", "metadata": "{\"seat\":1}",
        "permissions": {
            "canPublish": true, "canSubscribe": true, "canPublishData": true, "admin": false, "hidden": false,
        },
        "joined_at": "2023-11-14T22:13:20.000Z",
    });
    assert_eq!(welcome["participant"], me);
    assert_eq!(
        welcome["room"],
        json!({ "name": "stage", "locked": false, "lobby": false, "metadata": "weekly" })
    );
    for empty in ["participants", "tracks", "chat"] {
        assert_eq!(welcome[empty], json!([]), "{empty}");
    }
    assert_eq!((&welcome["slots"], &welcome["ice_servers"]), (&json!({}), &json!([])));

    let grace = stage.join(grant("grace"));
    assert_eq!(stage.told(grace)["participants"], json!([me]));
    let joined = stage.told(ada);
    assert_eq!(
        (joined["type"].as_str(), &joined["participant"]["identity"]),
        (Some("participant_joined"), &json!("grace"))
    );
}

#[test]
fn leaving_is_answered_and_told_once() {
    let mut stage = Stage::new(Settings::default());
    let (ada, grace) = (stage.join(grant("ada")), stage.join(grant("grace")));
    stage.deafen();
    stage.say(grace, json!({ "type": "leave", "id": 1 }));
    stage.lose(grace);
    stage.wait(60);
    assert_eq!(stage.told(grace), json!({ "type": "closed", "reason": "left" }));
    assert_eq!(stage.hung_up[&grace], NORMAL_CLOSURE);
    assert_eq!(
        stage.told(ada),
        json!({ "type": "participant_left", "participant": "grace", "reason": "left" })
    );
}

#[test]
fn without_tokens_everybody_may_do_everything_and_names_become_identities() {
    let everything = Keyring::default();
    let room = plenum_model::RoomName::parse("stage").unwrap();
    let open =
        everything.authorize(std::time::SystemTime::UNIX_EPOCH, None, crate::Access::Join(&room)).unwrap();
    for (join, identity, name) in [
        (r#"{"type":"join","name":"Ada Lovelace"}"#, "ada-lovelace-x7k2", "Ada Lovelace"),
        (r#"{"type":"join","name":"Ада"}"#, "guest-x7k2", "Ада"),
        (r#"{"type":"join"}"#, "guest-x7k2", "guest-x7k2"),
        (r#"{"type":"join","name":" -- x -- "}"#, "x-x7k2", " -- x -- "),
        (r#"{"type":"join","name":"Ada","identity":"a.l"}"#, "a.l", "Ada"),
    ] {
        let mut stage = Stage::new(Settings::default());
        let entrant = Entrant::new(open.clone(), &join_of(join), "x7k2").unwrap();
        let socket = stage.try_join(entrant).unwrap();
        let me = &stage.told(socket)["participant"];
        assert_eq!((&me["identity"], &me["name"]), (&json!(identity), &json!(name)), "{join}");
        assert_eq!(me["permissions"]["admin"], true);
    }
}

#[test]
fn a_token_says_who_somebody_is() {
    let join = join_of(r#"{"type":"join","name":"Eve","identity":"ada","metadata":"mine"}"#);
    let named = Grant {
        name: Some(plenum_model::DisplayName::parse("Ada").unwrap()),
        metadata: Some("theirs".into()),
        ..grant("ada")
    };
    let mut stage = Stage::new(Settings::default());
    let socket = stage.try_join(Entrant::new(named, &join, "x").unwrap()).unwrap();
    let me = &stage.told(socket)["participant"];
    assert_eq!((&me["name"], &me["metadata"]), (&json!("Ada"), &json!("theirs")));

    let problem = Entrant::new(grant("grace"), &join, "x").unwrap_err();
    assert_eq!(problem.slug(), Slug::IdentityMismatch);
    let long = Grant { metadata: Some("x".repeat(16 * 1024 + 1)), ..grant("ada") };
    assert_eq!(Entrant::new(long, &join, "x").unwrap_err().slug(), Slug::MalformedRequest);
}

#[test]
fn the_same_identity_again_replaces_the_older_one() {
    let mut stage = Stage::new(Settings::default());
    let (ada, old) = (stage.join(grant("ada")), stage.join(grant("grace")));
    let place = stage.connect(old, 0);
    stage.deafen();
    let new = stage.join(grant("grace"));
    assert_eq!(stage.told(old), json!({ "type": "closed", "reason": "replaced" }));
    assert!(stage.orders.contains(&Effect::EndMedia { place, reason: CloseReason::Replaced }));
    assert_eq!(stage.types(ada), ["participant_left", "participant_joined"]);
    assert_eq!(stage.told(new)["participant"]["id"], "PA_3");
    assert_eq!(stage.conference.members(), 2);
}

#[test]
fn a_lost_socket_resumes_within_30_seconds_and_nobody_else_notices() {
    let mut stage = Stage::new(Settings::default());
    let (ada, grace) = (stage.join(grant("ada")), stage.join(grant("grace")));
    let token = stage.told(grace)["resume"].as_str().unwrap().to_owned();
    stage.connect(grace, 0);
    stage.deafen();
    stage.lose(grace);
    stage.wait(29);
    let again = stage.resume(&token).expect("resumed");
    let welcome = stage.told(again);
    assert_eq!((&welcome["resumed"], &welcome["participant"]["id"]), (&json!(true), &json!("PA_2")));
    assert_eq!(welcome["participants"][0]["identity"], "ada");
    assert_eq!(stage.heard(ada), Vec::<serde_json::Value>::new());
    assert_eq!(stage.orders, [], "media go on");
    // And once more: the token is good for the life of the membership.
    stage.lose(again);
    assert!(stage.resume(&token).is_some());
    stage.wait(300);
    assert_eq!(stage.conference.members(), 2);
}

#[test]
fn who_does_not_come_back_has_left_after_30_seconds() {
    let mut stage = Stage::new(Settings::default());
    let (ada, grace) = (stage.join(grant("ada")), stage.join(grant("grace")));
    let token = stage.told(grace)["resume"].as_str().unwrap().to_owned();
    let place = stage.connect(grace, 0);
    stage.deafen();
    stage.lose(grace);
    let deadline = stage.conference.next_deadline().unwrap();
    assert_eq!(deadline, stage.now + Duration::from_secs(30));
    stage.wait(30);
    assert_eq!(
        stage.told(ada),
        json!({ "type": "participant_left", "participant": "grace", "reason": "timeout" })
    );
    assert_eq!(stage.orders, [Effect::EndMedia { place, reason: CloseReason::Deleted }]);
    assert_eq!(stage.resume(&token), None);
}

#[test]
fn a_resume_before_the_server_noticed_takes_over_the_old_socket_in_silence() {
    let mut stage = Stage::new(Settings::default());
    let ada = stage.join(grant("ada"));
    let token = stage.told(ada)["resume"].as_str().unwrap().to_owned();
    let again = stage.resume(&token).unwrap();
    assert_eq!(stage.heard(ada), Vec::<serde_json::Value>::new());
    assert!(stage.hung_up.contains_key(&ada));
    // What is reported of the old socket afterwards concerns nobody.
    stage.lose(ada);
    stage.wait(60);
    assert_eq!(stage.conference.members(), 1);
    stage.deafen();
    stage.say(again, json!({ "type": "lock", "id": 1 }));
    assert_eq!(stage.types(again), ["error"]);
}

#[test]
fn a_resume_token_cannot_be_guessed_from_another_one() {
    let mut stage = Stage::new(Settings::default());
    let ada = stage.join(grant("ada"));
    let token = stage.told(ada)["resume"].as_str().unwrap().to_owned();
    for wrong in [
        "",
        ".",
        "1",
        "1.",
        "2.00",
        "+1.00",
        &token[..token.len() - 1],
        &format!("0{token}"),
        &format!("{token}0"),
    ] {
        assert_eq!(stage.resume(wrong), None, "{wrong:?}");
    }
}

#[test]
fn exactly_the_cap_gets_in() {
    let mut stage = Stage::new(Settings { max_participants: 12, ..Settings::default() });
    let mut full = 0;
    for number in 0..100 {
        match stage.try_join(entrant(grant(&format!("p{number}")))) {
            Ok(_) => {}
            Err(problem) => {
                assert_eq!(problem.slug(), Slug::RoomFull);
                full += 1;
            }
        }
    }
    assert_eq!((stage.conference.members(), full), (12, 88));
    // Coming again takes nobody's place.
    stage.join(grant("p0"));
    assert_eq!(stage.conference.members(), 12);
}

#[test]
fn a_hidden_member_sees_and_is_not_seen() {
    let mut stage = Stage::new(Settings::default());
    let ada = stage.join(grant("ada"));
    stage.deafen();
    let spy = stage.join(hidden("spy"));
    let welcome = stage.told(spy);
    assert_eq!(welcome["participants"][0]["identity"], "ada");
    assert_eq!(welcome["participant"]["permissions"]["canPublish"], false);
    let grace = stage.join(grant("grace"));
    assert_eq!(stage.told(grace)["participants"].as_array().unwrap().len(), 1);
    assert_eq!(stage.types(spy), ["participant_joined"]);
    stage.say(ada, json!({ "type": "signal", "to": "spy", "payload": 1 }));
    stage.say(spy, json!({ "type": "signal", "to": "ada", "payload": 1 }));
    stage.say(spy, json!({ "type": "update_metadata", "metadata": "x" }));
    assert_eq!(stage.types(spy), ["error", "participant_updated"]);
    stage.say(spy, json!({ "type": "leave" }));
    let heard = serde_json::to_string(&stage.heard(ada)).unwrap();
    assert!(heard.contains("participant_joined") && !heard.contains("PA_2"), "{heard}");
    assert!(!heard.contains("participant_left"), "{heard}");
    assert!(stage.conference.participant(&super::stage::identity("grace")).is_some());
}

#[test]
fn an_empty_room_closes_after_its_time_and_knows_nobody_any_more() {
    let mut stage = Stage::new(Settings::default());
    assert_eq!(stage.conference.next_deadline(), Some(stage.now + Duration::from_secs(300)));
    let ada = stage.join(grant("ada"));
    assert_eq!(stage.conference.next_deadline(), None);
    stage.wait(1_000);
    stage.say(ada, json!({ "type": "leave" }));
    stage.wait(299);
    assert!(!stage.conference.is_closed());
    stage.wait(1);
    assert_eq!(stage.orders.last(), Some(&Effect::Closed));
    assert_eq!(stage.conference.next_deadline(), None);
    assert_eq!(stage.try_join(entrant(grant("ada"))).unwrap_err().slug(), Slug::RoomNotFound);
}

#[test]
fn closing_the_room_sends_everybody_home() {
    let mut stage = Stage::new(Settings { lobby: true, ..Settings::default() });
    let (ada, grace) = (stage.join(admin("ada")), stage.join(grant("grace")));
    let place = stage.connect(ada, 0);
    stage.deafen();
    stage.conference.close(ClosedReason::RoomClosed);
    stage.conference.close(ClosedReason::RoomClosed);
    stage.settle();
    for socket in [ada, grace] {
        assert_eq!(stage.told(socket), json!({ "type": "closed", "reason": "room_closed" }));
    }
    assert_eq!(stage.orders, [Effect::EndMedia { place, reason: CloseReason::RoomClosed }, Effect::Closed]);
}

#[test]
fn on_drain_everybody_is_sent_on_one_after_the_other() {
    let mut stage = Stage::new(Settings::default());
    let sockets: Vec<_> = (0..4).map(|number| stage.join(grant(&format!("p{number}")))).collect();
    stage.deafen();
    stage.conference.reconnect("wss://b.example/v1/rooms/stage/connect", Duration::from_secs(2));
    stage.settle();
    let delays: Vec<_> = sockets.iter().map(|socket| stage.told(*socket)["after_ms"].clone()).collect();
    assert_eq!(delays, [0, 500, 1_000, 1_500]);
    assert_eq!(stage.conference.members(), 4, "they stay until they go");
}

#[test]
fn time_outs_without_end_are_no_reason_to_panic() {
    let mut stage = Stage::new(Settings {
        empty_timeout: Duration::MAX,
        departure_timeout: Duration::MAX,
        ..Settings::default()
    });
    let ada = stage.join(grant("ada"));
    stage.lose(ada);
    stage.wait(1_000_000);
    assert_eq!(stage.conference.members(), 1);
}

#[test]
fn what_is_said_to_many_is_written_once() {
    let mut stage = Stage::new(Settings::default());
    for number in 0..20 {
        stage.join(grant(&format!("p{number}")));
    }
    let arrival = stage.arrival();
    stage.conference.join(stage.now, entrant(grant("late")), arrival, [1; 16]).unwrap();
    let mut texts = Vec::new();
    while let Some(effect) = stage.conference.poll_effect() {
        if let Effect::Send { text, .. } = effect
            && text.contains("participant_joined")
        {
            texts.push(text);
        }
    }
    assert_eq!(texts.len(), 20);
    assert!(texts.iter().all(|text| std::sync::Arc::ptr_eq(text, &texts[0])));
}

#[test]
fn a_token_that_names_nobody_does_not_make_one_an_admin_who_is_in() {
    let mut stage = Stage::new(Settings { lobby: true, ..Settings::default() });
    let ada = stage.join(admin("ada"));
    stage.conference.set_locked(true);
    stage.settle();
    stage.deafen();
    let nameless = Grant { identity: None, ..grant("x") };
    let join = join_of(r#"{"type":"join","identity":"ada","name":"Eve"}"#);
    let eve = Entrant::new(nameless.clone(), &join, "x7k2").unwrap();
    assert_eq!(eve.identity().as_str(), "eve-x7k2");
    assert_eq!(stage.try_join(eve).unwrap_err().slug(), Slug::RoomLocked);
    // And be it by chance.
    stage.conference.set_locked(false);
    stage.join(admin("eve-x7k2"));
    let eve = Entrant::new(nameless, &join, "x7k2").unwrap();
    assert_eq!(stage.try_join(eve).unwrap_err().slug(), Slug::IdentityMismatch);
    assert!(!stage.types(ada).contains(&"closed".to_owned()));
}

#[test]
fn the_metadata_of_all_participants_has_a_bound() {
    let mut stage = Stage::new(Settings::default());
    let with = |name: &str, metadata: String| entrant(Grant { metadata: Some(metadata), ..grant(name) });
    for number in 0..64 {
        stage.try_join(with(&format!("p{number}"), "x".repeat(16 * 1024))).unwrap();
    }
    let problem = stage.try_join(with("late", "x".into())).unwrap_err();
    assert_eq!((problem.slug(), problem.status().as_u16()), (Slug::BodyTooLarge, 413));
    assert!(problem.detail().contains("1048576"), "{}", problem.detail());
    // Without any there is always room, and so is there for who comes again.
    let late = stage.join(grant("late"));
    stage.try_join(with("p7", "y".repeat(16 * 1024))).unwrap();
    stage.deafen();
    stage.say(late, json!({ "type": "update_metadata", "metadata": "x" }));
    assert_eq!(stage.told(late)["problem"], "urn:plenum:problem:body-too-large");
    let publisher = Grant { metadata: Some("x".into()), ..grant("obs") };
    let obs = super::stage::identity("obs");
    let problem = stage.conference.check_publisher(stage.now, &obs, &publisher).unwrap_err();
    assert_eq!(problem.slug(), Slug::BodyTooLarge);

    let less = stage.conference.set_profile(&super::stage::identity("p7"), None, Some("y".into()));
    assert_eq!(less, Ok(()));
    stage.settle();
    stage.deafen();
    // What is escaped in a message counts as what it takes there: 16,383 bytes are free.
    stage.say(late, json!({ "type": "update_metadata", "metadata": "\u{1}".repeat(2_731) }));
    assert_eq!(stage.told(late)["problem"], "urn:plenum:problem:body-too-large");
    stage.say(late, json!({ "type": "update_metadata", "metadata": "\u{1}".repeat(2_730) }));
    assert_eq!(stage.told(late)["type"], "participant_updated");
}
