//! Media sessions: offers and their answers, in whatever order they come, and slots.

use plenum_model::Allowed;
use serde_json::{Value, json};

use super::super::*;
use super::stage::{Stage, grant, identity, idle, offer, offer_with_screen, tracks};
use crate::{Grant, Problem, Slug};

#[test]
fn an_offer_of_the_same_certificate_goes_on_and_of_another_one_replaces() {
    let mut stage = Stage::new(Settings::default());
    let (ada, eve) = (stage.join(grant("ada")), stage.join(grant("eve")));
    let ticket = stage.offer(ada, &offer(), &tracks(&[("1", "camera", false)])).unwrap();
    assert_eq!((ticket.goes, &ticket.identity, ticket.allowed), (Goes::New, &identity("ada"), Allowed::ALL));
    let place = stage.admit(ticket, 0);

    let mut more = offer_with_screen("a");
    more.fingerprint = offer().fingerprint;
    let ticket = stage.offer(ada, &more, &idle()).unwrap();
    assert_eq!(ticket.goes, Goes::On(place));
    assert_eq!(ticket.terms.len(), 1, "lines of before are as they are");
    stage.deafen();
    stage.admit(ticket, 2);
    assert_eq!(stage.told(ada)["tracks"], json!({ "0": "TR_1", "1": "TR_2", "5": "TR_3" }));
    assert_eq!(stage.heard(eve), Vec::<Value>::new());

    let ticket = stage.offer(ada, &offer_with_screen("b"), &tracks(&[("1", "camera", false)])).unwrap();
    assert_eq!(ticket.goes, Goes::Replace(place));
    let new = stage.admit(ticket, 10);
    assert_eq!(stage.types(eve), ["track_unpublished", "track_published"]);
    assert_eq!(stage.orders, [Effect::EndMedia { place, reason: CloseReason::Replaced }]);
    // The end of the old session is nobody's.
    stage.deafen();
    stage.conference.media_ended(stage.now, place);
    stage.settle();
    assert_eq!(stage.heard(ada), Vec::<Value>::new());
    stage.conference.media_ended(stage.now, new);
    stage.settle();
    assert_eq!(stage.types(ada), ["track_unpublished", "slots"]);
}

#[test]
fn a_session_that_ends_leaves_a_member_that_may_offer_again() {
    let mut stage = Stage::new(Settings::default());
    let (ada, eve) = (stage.join(grant("ada")), stage.join(grant("eve")));
    let place = stage.connect(ada, 0);
    stage.say(ada, json!({ "type": "mute", "track": "TR_1", "muted": false }));
    stage.conference.media_slots(place, &[("2".into(), None)]);
    stage.deafen();
    stage.conference.media_ended(stage.now, place);
    stage.settle();
    assert_eq!(stage.told(eve), json!({ "type": "track_unpublished", "track": "TR_1" }));
    assert_eq!(stage.heard(ada).last(), Some(&json!({ "type": "slots", "slots": {} })));
    stage.say(ada, json!({ "type": "pin", "slot": "2", "track": null }));
    assert_eq!(stage.told(ada)["problem"], "urn:plenum:problem:no-media");
    let ticket = stage.offer(ada, &offer_with_screen("1"), &idle()).unwrap();
    assert_eq!(ticket.goes, Goes::New);
}

#[test]
fn who_is_gone_when_its_answer_is_ready_gets_no_session() {
    let mut stage = Stage::new(Settings::default());
    let ada = stage.join(grant("ada"));
    let ticket = stage.offer(ada, &offer(), &idle()).unwrap();
    stage.say(ada, json!({ "type": "leave" }));
    stage.deafen();
    let place = stage.admit(ticket, 0);
    assert_eq!(stage.orders, [Effect::EndMedia { place, reason: CloseReason::Deleted }]);
}

#[test]
fn the_newest_offer_counts() {
    let mut stage = Stage::new(Settings::default());
    let ada = stage.join(grant("ada"));
    let first = stage.offer(ada, &offer_with_screen("a"), &idle()).unwrap();
    let second = stage.offer(ada, &offer_with_screen("b"), &idle()).unwrap();
    stage.deafen();
    let place = stage.admit(first, 0);
    assert_eq!(stage.orders, [Effect::EndMedia { place, reason: CloseReason::Replaced }]);
    stage.admit(second, 10);
    assert_eq!(stage.types(ada), ["answer"]);
}

#[test]
fn a_session_that_ended_during_its_renegotiation_is_not_brought_back() {
    let mut stage = Stage::new(Settings::default());
    let ada = stage.join(grant("ada"));
    let place = stage.connect(ada, 0);
    let ticket = stage.offer(ada, &offer_with_screen("1"), &idle()).unwrap();
    stage.conference.media_ended(stage.now, place);
    stage.deafen();
    stage.admit(ticket, 5);
    let heard = stage.heard(ada);
    assert_eq!(heard.last().unwrap()["problem"], "urn:plenum:problem:no-media");
}

#[test]
fn permissions_that_changed_meanwhile_reach_the_engine() {
    let mut stage = Stage::new(Settings::default());
    let (ada, eve) = (stage.join(grant("ada")), stage.join(grant("eve")));
    let ticket = stage.offer(ada, &offer(), &tracks(&[("1", "camera", false)])).unwrap();
    let change = PermissionsChange { can_publish: Some(false), ..PermissionsChange::default() };
    stage.conference.set_permissions(&identity("ada"), change).unwrap();
    stage.settle();
    stage.deafen();
    let place = stage.admit(ticket, 0);
    let allowed = Allowed { publish: false, ..Allowed::ALL };
    assert_eq!(
        stage.orders,
        [Effect::Allow { place, allowed }, Effect::Mute { place, track: 1, muted: true }]
    );
    assert_eq!(stage.heard(eve), Vec::<Value>::new());
}

#[test]
fn an_offer_needs_its_grants() {
    let mut stage = Stage::new(Settings::default());
    let ada = stage.join(Grant { can_publish: false, ..grant("ada") });
    let problem = stage.offer(ada, &offer(), &idle()).unwrap_err();
    assert_eq!(
        (problem.slug(), problem.detail()),
        (Slug::Forbidden, "line \"0\" sends, which needs canPublish")
    );
    let mut watching = offer();
    watching.lines.retain(|line| !line.direction.sends() || line.kind.is_none());
    assert!(stage.offer(ada, &watching, &idle()).is_ok());
    assert_eq!(stage.offer(SocketId(99), &offer(), &idle()).unwrap_err().slug(), Slug::NotJoined);
}

#[test]
fn a_refused_offer_is_told_with_its_id() {
    let mut stage = Stage::new(Settings::default());
    let ada = stage.join(grant("ada"));
    let id = Some(crate::room::RequestId::Number(3));
    let ticket = stage.conference.offered(stage.now, ada, id, &offer(), &idle()).unwrap();
    stage.deafen();
    stage.conference.media_refused(ticket, &Problem::new(Slug::Overloaded, "full").with_retry_after(2));
    stage.settle();
    let error = stage.told(ada);
    assert_eq!((&error["id"], &error["status"], &error["retry_after"]), (&json!(3), &json!(503), &json!(2)));
}

#[test]
fn early_candidates_wait_for_the_session() {
    let mut stage = Stage::new(Settings::default());
    let ada = stage.join(grant("ada"));
    let candidate = |port: u16| json!({ "type": "candidate", "candidate": format!("candidate:1 1 udp 1 192.0.2.1 {port} typ host") });
    stage.say(ada, candidate(1_000));
    assert_eq!(stage.heard(ada).last().unwrap()["problem"], "urn:plenum:problem:no-media");
    let ticket = stage.offer(ada, &offer(), &idle()).unwrap();
    for port in 1_000..1_020 {
        stage.say(ada, candidate(port));
    }
    stage.say(ada, json!({ "type": "candidate", "candidate": "" }));
    let place = stage.admit(ticket, 0);
    let Some(Effect::AddCandidates { place: at, candidates }) = stage.orders.pop() else { panic!() };
    assert_eq!((at, candidates.len()), (place, plenum_model::limits::REMOTE_CANDIDATES));
    stage.say(ada, candidate(2_000));
    stage.say(ada, json!({ "type": "candidate", "candidate": "candidate:1 1 udp 1 x.local 9 typ host" }));
    stage.say(ada, json!({ "type": "candidate", "candidate": null }));
    assert_eq!(stage.orders.len(), 1, "{:?}", stage.orders);
}

#[test]
fn pins_and_demands_are_for_slots_that_are_there() {
    let mut stage = Stage::new(Settings::default());
    let (ada, eve) = (stage.join(grant("ada")), stage.join(grant("eve")));
    stage.connect(ada, 0);
    let place = stage.connect(eve, 10);
    stage.say(ada, json!({ "type": "mute", "track": "TR_2", "muted": false }));
    stage.deafen();
    stage.say(eve, json!({ "type": "pin", "slot": "2", "track": "TR_2" }));
    stage.say(eve, json!({ "type": "pin", "slot": "2", "track": null }));
    stage.say(
        eve,
        json!({ "type": "demand", "slot": "3", "max_width": 320, "max_height": 180, "priority": 1 }),
    );
    let demand = plenum_model::SlotDemand { max_width: 320, max_height: 180, priority: 1 };
    assert_eq!(
        stage.orders,
        [
            Effect::Pin { place, mid: "2".into(), track: Some(1) },
            Effect::Pin { place, mid: "2".into(), track: None },
            Effect::Demand { place, mid: "3".into(), demand },
        ]
    );
    assert_eq!(stage.heard(eve), Vec::<Value>::new(), "no id, no reply");
    for (slot, track, slug) in [
        ("0", "TR_2", "slot-not-found"),
        ("4", "TR_2", "slot-not-found"),
        ("9", "TR_2", "slot-not-found"),
        ("2", "TR_1", "track-not-found"),
        ("2", "TR_4", "track-not-found"),
        ("2", "TR_99", "track-not-found"),
    ] {
        stage.say(eve, json!({ "type": "pin", "slot": slot, "track": track }));
        assert_eq!(stage.told(eve)["problem"], format!("urn:plenum:problem:{slug}"), "{slot} {track}");
    }
    stage.say(ada, json!({ "type": "mute", "track": "TR_1", "muted": false }));
    stage.deafen();
    stage.say(eve, json!({ "type": "pin", "slot": "2", "track": "TR_1" }));
    assert_eq!(stage.told(eve)["detail"], "TR_1 is audio, slot 2 is not");
}

#[test]
fn slots_are_told_in_names_and_again_when_a_name_comes_late() {
    let mut stage = Stage::new(Settings::default());
    let (ada, eve) = (stage.join(grant("ada")), stage.join(grant("eve")));
    let place = stage.connect(eve, 0);
    let ticket = stage.offer(ada, &offer(), &tracks(&[("1", "camera", false)])).unwrap();
    stage.deafen();
    // The engine is ahead: it forwards what the conference has not been told of yet.
    let slots = [("2".to_owned(), Some(11)), ("3".to_owned(), None)];
    stage.conference.media_slots(place, &slots);
    stage.settle();
    assert_eq!(stage.told(eve), json!({ "type": "slots", "slots": { "2": null, "3": null } }));
    stage.admit(ticket, 10);
    let heard = stage.heard(eve);
    assert_eq!(heard[0]["type"], "track_published");
    assert_eq!(heard[1], json!({ "type": "slots", "slots": { "2": "TR_5", "3": null } }));
    assert_eq!(heard.len(), 2);
}

#[test]
fn interrupted_media_are_told_to_all_and_to_those_who_come() {
    let mut stage = Stage::new(Settings::default());
    let (ada, eve) = (stage.join(grant("ada")), stage.join(grant("eve")));
    let place = stage.connect(ada, 0);
    stage.deafen();
    stage.conference.media_interrupted(place);
    stage.conference.media_interrupted(place);
    stage.settle();
    let lost = json!({ "type": "quality", "participant": "ada", "quality": "lost" });
    assert_eq!((stage.told(ada), stage.told(eve)), (lost.clone(), lost.clone()));
    let late = stage.join(grant("late"));
    assert_eq!(stage.heard(late).last(), Some(&lost));
    stage.deafen();
    stage.conference.media_resumed(place);
    stage.settle();
    assert_eq!(stage.told(eve)["quality"], "good");
}

#[test]
fn speakers_are_people_and_the_same_ones_are_told_once() {
    let mut stage = Stage::new(Settings::default());
    let (ada, eve) = (stage.join(grant("ada")), stage.join(grant("eve")));
    for (socket, first) in [(ada, 0), (eve, 10)] {
        let unmuted = tracks(&[("0", "microphone", false), ("1", "camera", true)]);
        let ticket = stage.offer(socket, &offer_with_screen(&first.to_string()), &unmuted).unwrap();
        stage.admit(ticket, first);
    }
    stage.deafen();
    stage.conference.media_speakers(&[10, 0, 10, 77]);
    stage.conference.media_speakers(&[10, 0]);
    stage.settle();
    assert_eq!(stage.told(ada), json!({ "type": "speakers", "speakers": ["eve", "ada"] }));
    let late = stage.join(grant("late"));
    assert_eq!(stage.types(late), ["welcome", "speakers"]);
    stage.say(eve, json!({ "type": "leave" }));
    stage.deafen();
    stage.conference.media_speakers(&[]);
    stage.settle();
    assert_eq!(stage.told(ada)["speakers"], json!([]));
    // Who has left speaks no more, whatever the engine has not said yet.
    stage.conference.media_speakers(&[0]);
    stage.say(ada, json!({ "type": "leave" }));
    let later = stage.join(grant("later"));
    assert_eq!(stage.types(later), ["welcome"]);
}

#[test]
fn a_sender_learns_what_was_dropped_and_which_layers_are_watched() {
    let mut stage = Stage::new(Settings::default());
    let (ada, eve) = (stage.join(grant("ada")), stage.join(grant("eve")));
    let (from, to) = (stage.connect(ada, 0), stage.connect(eve, 10));
    stage.deafen();
    stage.conference.media_data_dropped(from, "board", to, 12);
    stage.conference.media_layers(from, 1, &[("q".into(), true), ("f".into(), false)]);
    stage.conference.media_layers(from, 11, &[("q".into(), true)]);
    stage.settle();
    assert_eq!(
        stage.heard(ada),
        [
            json!({ "type": "data_dropped", "topic": "board", "to": "eve", "messages": 12 }),
            json!({ "type": "layers", "track": "TR_2", "rids": { "f": false, "q": true } }),
        ]
    );
    assert_eq!(stage.heard(eve), Vec::<Value>::new());
}
