//! The lock, and the ways around it that are none.

use serde_json::json;

use super::super::*;
use super::stage::{Stage, admin, entrant, grant, hidden, identity};
use crate::{Grant, Slug};

#[test]
fn a_locked_room_lets_nobody_new_in_and_members_come_again() {
    let mut stage = Stage::new(Settings::default());
    let (ada, grace) = (stage.join(admin("ada")), stage.join(grant("grace")));
    let token = stage.heard(grace)[0]["resume"].as_str().unwrap().to_owned();
    stage.deafen();
    stage.say(ada, json!({ "type": "lock", "id": 1 }));
    assert_eq!(stage.types(ada), ["room_updated", "ok"]);
    assert_eq!(stage.told(grace)["room"]["locked"], true);
    for name in ["eve", "boss"] {
        let problem = stage.try_join(entrant(admin(name))).unwrap_err();
        assert_eq!((problem.slug(), problem.status().as_u16()), (Slug::RoomLocked, 403));
    }
    stage.lose(grace);
    assert!(stage.resume(&token).is_some());
    stage.join(grant("grace"));
    stage.say(ada, json!({ "type": "unlock" }));
    stage.join(grant("eve"));
}

#[test]
fn locking_twice_is_told_once() {
    let mut stage = Stage::new(Settings::default());
    let ada = stage.join(admin("ada"));
    stage.deafen();
    stage.say(ada, json!({ "type": "lock" }));
    stage.say(ada, json!({ "type": "lock" }));
    assert_eq!(stage.types(ada), ["room_updated"]);
}

#[test]
fn whip_and_whep_do_not_lead_around_the_door() {
    let mut stage = Stage::new(Settings { lobby: true, ..Settings::default() });
    let ada = stage.join(admin("ada"));
    let eve = grant("eve");
    let encoder = Grant { can_subscribe: false, identity: None, ..grant("x") };
    let publisher = |stage: &Stage, name: &str, grant: &Grant| {
        stage.conference.check_publisher(stage.now, &identity(name), grant).map_err(|problem| problem.slug())
    };
    let viewer = |stage: &Stage, grant: &Grant| {
        stage.conference.check_viewer(stage.now, grant).map_err(|problem| problem.slug())
    };
    assert_eq!(publisher(&stage, "eve", &eve), Err(Slug::NotAdmitted));
    assert_eq!(publisher(&stage, "obs", &encoder), Ok(()), "an encoder cannot wait, and sees nothing");
    assert_eq!(publisher(&stage, "spy", &hidden("spy")), Err(Slug::Forbidden));
    assert_eq!(viewer(&stage, &eve), Err(Slug::NotAdmitted));
    assert_eq!(viewer(&stage, &grant("ada")), Ok(()), "a member may watch");
    assert_eq!(viewer(&stage, &admin("boss")), Ok(()));

    stage.say(ada, json!({ "type": "lock" }));
    assert_eq!(publisher(&stage, "obs", &encoder), Err(Slug::RoomLocked));
    assert_eq!(publisher(&stage, "ada", &admin("ada")), Ok(()), "who is in may come another way");
    assert_eq!(viewer(&stage, &admin("boss")), Err(Slug::RoomLocked));
    stage.say(ada, json!({ "type": "ban", "participant": "eve" }));
    assert_eq!(publisher(&stage, "eve", &eve), Err(Slug::Banned));
    assert_eq!(viewer(&stage, &eve), Err(Slug::Banned));
}

#[test]
fn settings_change_as_a_whole_or_not_at_all() {
    let mut stage = Stage::new(Settings::default());
    let ada = stage.join(grant("ada"));
    stage.deafen();
    let long = SettingsChange {
        max_participants: Some(1),
        metadata: Some("x".repeat(16 * 1024 + 1)),
        ..SettingsChange::default()
    };
    assert_eq!(stage.conference.change_settings(stage.now, long).unwrap_err().slug(), Slug::MalformedRequest);
    assert_eq!(stage.conference.settings(), &Settings::default());
    let change =
        SettingsChange { max_participants: Some(1), metadata: Some("x".into()), ..SettingsChange::default() };
    stage.conference.change_settings(stage.now, change).unwrap();
    stage.settle();
    assert_eq!(stage.told(ada)["room"]["metadata"], "x");
    assert_eq!(stage.try_join(entrant(grant("eve"))).unwrap_err().slug(), Slug::RoomFull);
}

#[test]
fn without_tokens_the_lobby_holds_for_whip_and_whep() {
    let mut stage = Stage::new(Settings { lobby: true, ..Settings::default() });
    let open = Grant { identity: None, vouched: false, ..admin("x") };
    let publisher = |stage: &Stage, name: &str| {
        stage.conference.check_publisher(stage.now, &identity(name), &open).map_err(|problem| problem.slug())
    };
    let viewer =
        |stage: &Stage| stage.conference.check_viewer(stage.now, &open).map_err(|problem| problem.slug());
    assert_eq!((publisher(&stage, "obs"), viewer(&stage)), (Ok(()), Ok(())), "nobody is there to open");
    stage.try_join(entrant(Grant { identity: Some(identity("ada")), ..open.clone() })).unwrap();
    assert_eq!(publisher(&stage, "obs"), Err(Slug::NotAdmitted));
    assert_eq!(viewer(&stage), Err(Slug::NotAdmitted));
}

#[test]
fn a_token_that_names_nobody_takes_nobodys_place_over_whip() {
    let mut stage = Stage::new(Settings { lobby: true, ..Settings::default() });
    stage.join(admin("ada"));
    stage.join(grant("waiting"));
    let nameless = Grant { identity: None, can_subscribe: false, ..grant("x") };
    let mut come = |name: &str, grant: &Grant| {
        let place = stage.new_place();
        let publisher = crate::whip::Publisher { identity: identity(name), name: None, grant: grant.clone() };
        let checked = stage.conference.check_publisher(stage.now, &identity(name), grant);
        let came = stage.conference.publisher_came(stage.now, publisher, place, &[]);
        stage.settle();
        assert_eq!(checked, came, "{name}");
        came.map_err(|problem| problem.slug())
    };
    assert_eq!(come("obs", &Grant { can_subscribe: false, ..grant("obs") }), Ok(()));
    for name in ["ada", "waiting", "obs"] {
        assert_eq!(come(name, &nameless), Err(Slug::IdentityMismatch), "{name}");
    }
    // Encoders with nothing but a stream key come again.
    assert_eq!(come("whip", &nameless), Ok(()));
    assert_eq!(come("whip", &nameless), Ok(()));
    assert_eq!(stage.conference.members(), 3);
}
