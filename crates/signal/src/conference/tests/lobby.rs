//! Waiting to be let in.

use serde_json::{Value, json};

use super::super::*;
use super::stage::{Stage, admin, entrant, grant, identity};
use crate::Slug;

fn with_lobby() -> Stage {
    Stage::new(Settings { lobby: true, ..Settings::default() })
}

#[test]
fn who_waits_sees_only_itself_and_admins_see_all() {
    let mut stage = with_lobby();
    let ada = stage.join(admin("ada"));
    assert_eq!(stage.types(ada), ["welcome"]);
    let grace = stage.join(grant("grace"));
    let eve = stage.join(grant("eve"));
    assert_eq!(
        stage.told(grace),
        json!({ "type": "lobby", "waiting": [{ "identity": "grace", "name": "grace" }] })
    );
    assert_eq!(stage.told(eve)["waiting"], json!([{ "identity": "eve", "name": "eve" }]));
    let seen: Vec<_> =
        stage.heard(ada).iter().map(|message| message["waiting"].as_array().unwrap().len()).collect();
    assert_eq!(seen, [1, 2]);
    assert_eq!(stage.conference.members(), 1);
}

#[test]
fn who_is_admitted_is_welcomed_in_reply_to_its_join() {
    let mut stage = with_lobby();
    let ada = stage.join(admin("ada"));
    let mut arrival = stage.arrival();
    let grace = arrival.socket;
    arrival.id = Some(crate::room::RequestId::Number(7));
    stage.conference.join(stage.now, entrant(grant("grace")), arrival, [7; 16]).unwrap();
    stage.settle();
    stage.deafen();
    stage.say(ada, json!({ "type": "admit", "participant": "grace", "id": 1 }));
    let heard = stage.heard(grace);
    let welcome = heard.last().unwrap();
    assert_eq!((&welcome["type"], &welcome["id"]), (&json!("welcome"), &json!(7)));
    assert_eq!(stage.types(ada), ["lobby", "participant_joined", "ok"]);
    assert_eq!(stage.conference.waiting(), []);
}

#[test]
fn who_is_rejected_is_told_and_gone() {
    let mut stage = with_lobby();
    let (ada, grace) = (stage.join(admin("ada")), stage.join(grant("grace")));
    stage.deafen();
    stage.say(ada, json!({ "type": "reject", "participant": "grace" }));
    assert_eq!(stage.told(grace), json!({ "type": "closed", "reason": "rejected" }));
    assert_eq!(stage.told(ada), json!({ "type": "lobby", "waiting": [] }));
    stage.say(ada, json!({ "type": "admit", "participant": "grace" }));
    assert_eq!(stage.told(ada)["problem"], "urn:plenum:problem:participant-not-found");
}

#[test]
fn who_waits_can_do_nothing_but_leave() {
    let mut stage = with_lobby();
    let (ada, grace) = (stage.join(admin("ada")), stage.join(grant("grace")));
    stage.deafen();
    for message in [
        json!({ "type": "signal", "to": "ada", "payload": 1 }),
        json!({ "type": "kick", "participant": "ada" }),
        json!({ "type": "update_metadata", "metadata": "x" }),
    ] {
        stage.say(grace, message);
        assert_eq!(stage.told(grace)["problem"], "urn:plenum:problem:not-admitted");
    }
    let problem = stage.offer(grace, &super::stage::offer(), &Default::default()).unwrap_err();
    assert_eq!(problem.slug(), Slug::NotAdmitted);
    assert_eq!(stage.heard(ada), Vec::<Value>::new());
    stage.say(grace, json!({ "type": "leave" }));
    assert_eq!(stage.told(grace), json!({ "type": "closed", "reason": "left" }));
    assert_eq!(stage.told(ada)["waiting"], json!([]));
}

#[test]
fn who_waits_sees_nothing_of_the_room() {
    let mut stage = with_lobby();
    let ada = stage.join(admin("ada"));
    let grace = stage.join(grant("grace"));
    stage.deafen();
    stage.connect(ada, 0);
    stage.say(ada, json!({ "type": "mute", "track": "TR_1", "muted": false }));
    stage.conference.media_speakers(&[0]);
    stage.join(admin("boss"));
    stage.conference.set_locked(true);
    stage.settle();
    assert_eq!(stage.heard(grace), Vec::<Value>::new());
}

#[test]
fn those_who_wait_do_not_count_and_a_full_room_cannot_admit() {
    let mut stage = Stage::new(Settings { lobby: true, max_participants: 2, ..Settings::default() });
    let ada = stage.join(admin("ada"));
    let (grace, eve) = (stage.join(grant("grace")), stage.join(grant("eve")));
    stage.say(ada, json!({ "type": "admit", "participant": "grace" }));
    stage.deafen();
    stage.say(ada, json!({ "type": "admit", "participant": "eve" }));
    assert_eq!(stage.told(ada)["problem"], "urn:plenum:problem:room-full");
    assert_eq!(stage.conference.waiting().len(), 1, "eve still waits");
    stage.say(grace, json!({ "type": "leave" }));
    stage.deafen();
    stage.say(ada, json!({ "type": "admit", "participant": "eve" }));
    assert_eq!(stage.types(eve), ["welcome"]);
}

#[test]
fn a_member_that_comes_again_does_not_wait_again() {
    let mut stage = with_lobby();
    let (ada, grace) = (stage.join(admin("ada")), stage.join(grant("grace")));
    stage.say(ada, json!({ "type": "admit", "participant": "grace" }));
    stage.deafen();
    let again = stage.join(grant("grace"));
    assert_eq!(stage.types(again), ["welcome"]);
    assert_eq!(stage.told(grace)["reason"], "replaced");
}

#[test]
fn the_same_identity_waits_once() {
    let mut stage = with_lobby();
    let (first, second) = (stage.join(grant("grace")), stage.join(grant("grace")));
    assert_eq!(stage.types(first), ["lobby", "closed"]);
    assert_eq!(stage.types(second), ["lobby"]);
    assert_eq!(stage.conference.waiting().len(), 1);
}

#[test]
fn who_waits_and_loses_its_socket_has_to_ask_again() {
    let mut stage = with_lobby();
    let (ada, grace) = (stage.join(admin("ada")), stage.join(grant("grace")));
    stage.deafen();
    stage.lose(grace);
    assert_eq!(stage.told(ada), json!({ "type": "lobby", "waiting": [] }));
}

#[test]
fn without_tokens_the_first_one_opens_the_door_for_the_others() {
    let mut stage = with_lobby();
    let open = |name| Entrant { vouched: false, ..entrant(admin(name)) };
    let first = stage.try_join(open("first")).unwrap();
    let second = stage.try_join(open("second")).unwrap();
    assert_eq!(stage.types(first), ["welcome", "lobby"]);
    assert_eq!(stage.types(second), ["lobby"]);
    assert_eq!(stage.conference.members(), 1);
    let third = stage.try_join(open("third")).unwrap();
    stage.say(first, json!({ "type": "admit", "participant": "second" }));
    assert_eq!(stage.types(second), ["welcome", "lobby"], "an admin, too, from now on");
    assert_eq!(stage.types(third), ["lobby"]);
}

#[test]
fn without_a_lobby_those_who_wait_come_in_as_far_as_there_is_room() {
    let mut stage = Stage::new(Settings { lobby: true, max_participants: 2, ..Settings::default() });
    let ada = stage.join(admin("ada"));
    let (grace, eve) = (stage.join(grant("grace")), stage.join(grant("eve")));
    stage.deafen();
    let change = SettingsChange { lobby: Some(false), ..SettingsChange::default() };
    stage.conference.change_settings(stage.now, change).unwrap();
    stage.settle();
    assert_eq!(stage.types(ada), ["room_updated", "participant_joined", "lobby"]);
    assert_eq!(stage.types(grace), ["welcome"]);
    assert_eq!(stage.types(eve), ["error", "closed"]);
}

#[test]
fn a_lobby_takes_256() {
    let mut stage = with_lobby();
    for number in 0..256 {
        stage.join(grant(&format!("p{number}")));
    }
    assert_eq!(stage.try_join(entrant(grant("late"))).unwrap_err().slug(), Slug::Overloaded);
}

#[test]
fn a_new_admin_is_shown_the_lobby() {
    let mut stage = with_lobby();
    let boss = stage.join(admin("boss"));
    let (ada, _eve) = (stage.join(grant("ada")), stage.join(grant("eve")));
    stage.say(boss, json!({ "type": "admit", "participant": "ada" }));
    stage.deafen();
    let change = PermissionsChange { admin: Some(true), ..PermissionsChange::default() };
    stage.conference.set_permissions(&identity("ada"), change).unwrap();
    stage.settle();
    assert_eq!(stage.types(ada), ["participant_updated", "lobby"]);
}

#[test]
fn publishing_first_does_not_lead_past_the_door() {
    let mut stage = with_lobby();
    let ada = stage.join(admin("ada"));
    let place = stage.new_place();
    let encoder = crate::Grant { can_subscribe: false, ..grant("eve") };
    assert_eq!(stage.conference.check_publisher(stage.now, &identity("eve"), &encoder), Ok(()));
    let publisher = crate::whip::Publisher { identity: identity("eve"), name: None, grant: encoder };
    stage.conference.publisher_came(stage.now, publisher, place, &[]).unwrap();
    let eve = stage.join(grant("eve"));
    assert_eq!(stage.types(eve), ["lobby"]);
    stage.deafen();
    stage.say(ada, json!({ "type": "admit", "participant": "eve" }));
    assert_eq!(stage.types(eve), ["welcome"]);
    assert_eq!(stage.orders, [Effect::EndMedia { place, reason: CloseReason::Replaced }]);
    assert_eq!(stage.types(ada), ["lobby", "participant_left", "participant_joined"]);
    assert_eq!(stage.conference.members(), 2);
}

#[test]
fn publishing_first_does_not_lead_past_the_lock() {
    let mut stage = Stage::new(Settings { max_participants: 1, ..Settings::default() });
    let place = stage.new_place();
    let publisher = crate::whip::Publisher { identity: identity("eve"), name: None, grant: grant("eve") };
    stage.conference.publisher_came(stage.now, publisher, place, &[]).unwrap();
    stage.conference.set_locked(true);
    assert_eq!(stage.try_join(entrant(grant("eve"))).unwrap_err().slug(), Slug::RoomLocked);
    stage.conference.set_locked(false);
    // It takes its own place, even in a full room.
    stage.join(grant("eve"));
}
