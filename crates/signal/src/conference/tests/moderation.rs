//! Kicking, banning, muting, asking, and what members may do.

use serde_json::{Value, json};

use super::super::*;
use super::stage::{Stage, admin, entrant, grant, hidden, identity};
use crate::{Grant, Slug};

#[test]
fn who_is_kicked_is_gone_at_once_and_stays_out_for_a_minute() {
    let mut stage = Stage::new(Settings::default());
    let (ada, eve) = (stage.join(admin("ada")), stage.join(grant("eve")));
    let token = stage.heard(eve)[0]["resume"].as_str().unwrap().to_owned();
    let place = stage.connect(eve, 0);
    stage.deafen();
    stage.say(ada, json!({ "type": "kick", "participant": "eve", "id": 1 }));
    assert_eq!(stage.told(eve), json!({ "type": "closed", "reason": "kicked" }));
    let end = Effect::EndMedia { place, reason: CloseReason::Kicked };
    assert_eq!(stage.orders, [Effect::EndViewers { identity: identity("eve") }, end]);
    let heard = stage.heard(ada);
    assert_eq!(heard[0], json!({ "type": "participant_left", "participant": "eve", "reason": "kicked" }));
    assert_eq!(heard[1], json!({ "type": "ok", "id": 1 }));

    assert_eq!(stage.resume(&token), None);
    let problem = stage.try_join(entrant(grant("eve"))).unwrap_err();
    assert_eq!((problem.slug(), problem.status().as_u16()), (Slug::Banned, 403));
    assert_eq!(problem.retry_after(), Some(61));
    stage.wait(60);
    stage.join(grant("eve"));
}

#[test]
fn a_ban_is_for_the_rooms_life_whether_or_not_somebody_is_there() {
    let mut stage = Stage::new(Settings { lobby: true, ..Settings::default() });
    let (ada, eve) = (stage.join(admin("ada")), stage.join(grant("eve")));
    stage.deafen();
    stage.say(ada, json!({ "type": "ban", "participant": "eve" }));
    stage.say(ada, json!({ "type": "ban", "participant": "mallory" }));
    assert_eq!(stage.told(eve), json!({ "type": "closed", "reason": "banned" }));
    stage.wait(100_000);
    for name in ["eve", "mallory"] {
        assert_eq!(stage.try_join(entrant(admin(name))).unwrap_err().slug(), Slug::Banned);
    }
    stage.conference.unban(&identity("eve")).unwrap();
    stage.join(grant("eve"));
    assert_eq!(stage.conference.unban(&identity("grace")).unwrap_err().slug(), Slug::ParticipantNotFound);
}

#[test]
fn moderation_is_for_admins() {
    let mut stage = Stage::new(Settings::default());
    let (ada, eve) = (stage.join(grant("ada")), stage.join(grant("eve")));
    stage.deafen();
    for kind in ["kick", "ban", "admit", "reject", "mute_participant", "request_unmute", "lock", "unlock"] {
        stage.say(eve, json!({ "type": kind, "participant": "ada", "id": kind }));
        let error = stage.told(eve);
        assert_eq!((&error["problem"], &error["id"]), (&json!("urn:plenum:problem:forbidden"), &json!(kind)));
    }
    assert_eq!(stage.heard(ada), Vec::<Value>::new());
}

#[test]
fn an_admin_mutes_and_the_member_may_unmute() {
    let mut stage = Stage::new(Settings::default());
    let (ada, eve) = (stage.join(admin("ada")), stage.join(grant("eve")));
    let place = stage.connect(eve, 0);
    for track in ["TR_1", "TR_2"] {
        stage.say(eve, json!({ "type": "mute", "track": track, "muted": false }));
    }
    stage.deafen();
    stage.say(ada, json!({ "type": "mute_participant", "participant": "eve", "track": "TR_1" }));
    let updated = stage.told(eve);
    assert_eq!((&updated["type"], &updated["track"]["muted"]), (&json!("track_updated"), &json!(true)));
    assert_eq!(stage.orders, [Effect::Mute { place, track: 0, muted: true }]);
    assert_eq!(stage.types(ada), ["track_updated"]);

    stage.say(ada, json!({ "type": "mute_participant", "participant": "eve" }));
    assert_eq!(stage.told(eve)["track"]["id"], "TR_2", "the other one is muted already");
    stage.say(eve, json!({ "type": "mute", "track": "TR_1", "muted": false }));
    assert_eq!(stage.told(eve)["track"]["muted"], false);
    // Nobody is made to be heard.
    let problem = stage.conference.mute(&identity("eve"), None, false).unwrap_err();
    assert_eq!(problem.slug(), Slug::Forbidden);
    let problem = stage.conference.mute(&identity("eve"), Some("TR_9"), true).unwrap_err();
    assert_eq!(problem.slug(), Slug::TrackNotFound);
}

#[test]
fn asking_to_unmute_names_who_asks_unless_hidden() {
    let mut stage = Stage::new(Settings::default());
    let (ada, spy) = (stage.join(admin("ada")), stage.join(Grant { admin: true, ..hidden("spy") }));
    let eve = stage.join(grant("eve"));
    stage.connect(eve, 0);
    stage.deafen();
    stage.say(ada, json!({ "type": "request_unmute", "participant": "eve", "track": "TR_1" }));
    assert_eq!(stage.told(eve), json!({ "type": "unmute_requested", "from": "ada", "track": "TR_1" }));
    stage.say(spy, json!({ "type": "request_unmute", "participant": "eve" }));
    assert_eq!(stage.told(eve), json!({ "type": "unmute_requested" }));
}

#[test]
fn taking_publish_away_ends_what_is_published_for_everybody_at_once() {
    let mut stage = Stage::new(Settings::default());
    let (ada, eve) = (stage.join(grant("ada")), stage.join(grant("eve")));
    let place = stage.connect(eve, 0);
    stage.say(eve, json!({ "type": "mute", "track": "TR_2", "muted": false }));
    stage.deafen();
    let change = PermissionsChange { can_publish: Some(false), ..PermissionsChange::default() };
    stage.conference.set_permissions(&identity("eve"), change).unwrap();
    stage.conference.set_permissions(&identity("eve"), change).unwrap();
    stage.settle();
    for socket in [ada, eve] {
        let heard = stage.heard(socket);
        assert_eq!(heard[0], json!({ "type": "track_unpublished", "track": "TR_2" }));
        assert_eq!(heard[1]["participant"]["permissions"]["canPublish"], false);
        assert_eq!(heard.len(), 2);
    }
    let allowed = plenum_model::Allowed { publish: false, subscribe: true, data: true };
    assert_eq!(
        stage.orders,
        [Effect::Mute { place, track: 1, muted: true }, Effect::Allow { place, allowed }]
    );
    stage.say(eve, json!({ "type": "mute", "track": "TR_2", "muted": false }));
    assert_eq!(stage.told(eve)["problem"], "urn:plenum:problem:forbidden");
    // What is in the SDP already may stay there: an ICE restart goes through.
    assert!(stage.offer(eve, &super::stage::offer_with_screen("2"), &Default::default()).is_ok());
    let problem =
        stage.offer(eve, &super::stage::offer_with_screen("other"), &Default::default()).unwrap_err();
    assert_eq!(problem.slug(), Slug::Forbidden);

    let change = PermissionsChange { can_publish: Some(true), ..PermissionsChange::default() };
    stage.conference.set_permissions(&identity("eve"), change).unwrap();
    stage.deafen();
    stage.say(eve, json!({ "type": "mute", "track": "TR_2", "muted": false }));
    assert!(stage.types(ada).contains(&"track_published".to_owned()));
}

#[test]
fn hiding_is_leaving_to_the_others_and_showing_is_coming() {
    let mut stage = Stage::new(Settings::default());
    let (ada, eve) = (stage.join(grant("ada")), stage.join(grant("eve")));
    stage.connect(eve, 0);
    stage.say(eve, json!({ "type": "mute", "track": "TR_1", "muted": false }));
    stage.deafen();
    let hide = |hidden| PermissionsChange { hidden: Some(hidden), ..PermissionsChange::default() };
    stage.conference.set_permissions(&identity("eve"), hide(true)).unwrap();
    stage.settle();
    assert_eq!(stage.types(ada), ["participant_left"]);
    assert_eq!(stage.types(eve), ["track_unpublished", "participant_updated"]);
    stage.conference.set_permissions(&identity("eve"), hide(false)).unwrap();
    stage.settle();
    assert_eq!(stage.types(ada), ["participant_joined"]);
    assert_eq!(stage.types(eve), ["participant_updated"]);
}

#[test]
fn what_stands_in_a_token_is_not_the_members_to_change() {
    let mut stage = Stage::new(Settings::default());
    let ada = stage.join(Grant { metadata: Some("role: host".into()), ..grant("ada") });
    let eve = stage.join(grant("eve"));
    stage.deafen();
    stage.say(ada, json!({ "type": "update_metadata", "metadata": "role: owner" }));
    assert_eq!(stage.told(ada)["problem"], "urn:plenum:problem:forbidden");
    stage.say(ada, json!({ "type": "update_metadata", "name": "Ada", "metadata": "role: host" }));
    assert_eq!(stage.told(ada)["participant"]["name"], "Ada");
    assert_eq!(stage.types(eve), ["participant_updated"]);
    stage.say(ada, json!({ "type": "update_metadata", "name": "Ada", "id": 1 }));
    assert_eq!(stage.types(eve), Vec::<String>::new(), "nothing has changed");
    // Servers may: they issued it.
    stage.conference.set_profile(&identity("ada"), None, Some("role: guest".into())).unwrap();
    stage.settle();
    assert_eq!(stage.told(eve)["participant"]["metadata"], "role: guest");
    let problem = stage.conference.set_profile(&identity("ada"), None, Some("x".repeat(20_000))).unwrap_err();
    assert_eq!(problem.slug(), Slug::MalformedRequest);
}

#[test]
fn who_only_watches_is_thrown_out_as_well() {
    let mut stage = Stage::new(Settings::default());
    let ada = stage.join(admin("ada"));
    stage.deafen();
    let end = Effect::EndViewers { identity: identity("eve") };
    // Viewers are not known here: whether anybody was meant is for the server to say.
    let problem = stage.conference.kick(stage.now, &identity("eve")).unwrap_err();
    assert_eq!(problem.slug(), Slug::ParticipantNotFound);
    stage.settle();
    assert_eq!(stage.orders, std::slice::from_ref(&end));
    assert_eq!(stage.conference.check_viewer(stage.now, &grant("eve")).unwrap_err().slug(), Slug::Banned);
    stage.say(ada, json!({ "type": "ban", "participant": "eve", "id": 1 }));
    assert_eq!(stage.orders, [end.clone(), end]);
    assert_eq!(stage.told(ada)["type"], "ok");
}

#[test]
fn who_publishes_while_it_waits_is_thrown_out_of_both() {
    let mut stage = Stage::new(Settings { lobby: true, ..Settings::default() });
    stage.join(admin("ada"));
    let place = stage.new_place();
    let eve = crate::whip::Publisher { identity: identity("eve"), name: None, grant: grant("eve") };
    stage.conference.publisher_came(stage.now, eve, place, &[]).unwrap();
    let waiting = stage.join(grant("eve"));
    stage.deafen();
    stage.conference.kick(stage.now, &identity("eve")).unwrap();
    stage.settle();
    assert_eq!(stage.told(waiting)["reason"], "kicked");
    assert_eq!(stage.orders.last(), Some(&Effect::EndMedia { place, reason: CloseReason::Kicked }));
    assert_eq!((stage.conference.members(), stage.conference.waiting().len()), (1, 0));
}

#[test]
fn what_was_taken_away_is_not_had_back_by_joining_again() {
    let mut stage = Stage::new(Settings { lobby: true, ..Settings::default() });
    stage.join(admin("ada"));
    stage.join(admin("eve"));
    let nothing = PermissionsChange {
        can_publish: Some(false),
        can_subscribe: Some(false),
        can_publish_data: Some(false),
        ..PermissionsChange::default()
    };
    let no_admin = PermissionsChange { admin: Some(false), ..PermissionsChange::default() };
    for change in [nothing, no_admin] {
        stage.conference.set_permissions(&identity("eve"), change).unwrap();
    }
    stage.settle();
    assert!(stage.orders.contains(&Effect::EndViewers { identity: identity("eve") }));
    let now = stage.now;
    let slug = |result: Result<(), crate::Problem>| result.map_err(|problem| problem.slug());
    let publisher =
        |stage: &Stage| slug(stage.conference.check_publisher(now, &identity("eve"), &admin("eve")));
    let viewer = |stage: &Stage| slug(stage.conference.check_viewer(now, &admin("eve")));
    assert_eq!((publisher(&stage), viewer(&stage)), (Err(Slug::Forbidden), Err(Slug::Forbidden)));

    let again = stage.join(admin("eve"));
    let permissions = stage.heard(again)[0]["participant"]["permissions"].clone();
    for what in ["canPublish", "canSubscribe", "canPublishData", "admin"] {
        assert_eq!(permissions[what], false, "{what}");
    }
    // Nor by leaving first: and who is no admin any more waits like everybody else.
    stage.say(again, json!({ "type": "leave" }));
    assert_eq!((publisher(&stage), viewer(&stage)), (Err(Slug::Forbidden), Err(Slug::Forbidden)));
    let again = stage.join(admin("eve"));
    assert_eq!(stage.types(again), ["lobby"]);
    stage.conference.admit(stage.now, &identity("eve")).unwrap();
    stage.settle();
    assert_eq!(stage.heard(again)[0]["participant"]["permissions"], permissions);

    let publish = PermissionsChange { can_publish: Some(true), ..PermissionsChange::default() };
    stage.conference.set_permissions(&identity("eve"), publish).unwrap();
    stage.settle();
    assert_eq!(publisher(&stage), Ok(()));
}
