//! WHIP publishers as members.

use plenum_model::{MediaKind, Place};
use serde_json::json;

use super::super::*;
use super::stage::{Stage, admin, grant, identity};
use crate::whip::Publisher;
use crate::{Problem, Slug};

fn obs() -> Publisher {
    Publisher { identity: identity("obs"), name: None, grant: grant("obs") }
}

fn come(stage: &mut Stage, engine: u32) -> Result<Place, Problem> {
    let place = stage.new_place();
    let tracks = [("0".to_owned(), engine, MediaKind::Audio), ("1".to_owned(), engine + 1, MediaKind::Video)];
    let result = stage.conference.publisher_came(stage.now, obs(), place, &tracks);
    stage.settle();
    result.map(|()| place)
}

#[test]
fn a_publisher_is_a_participant_with_a_microphone_and_a_camera() {
    let mut stage = Stage::new(Settings::default());
    let ada = stage.join(grant("ada"));
    stage.deafen();
    let place = come(&mut stage, 0).unwrap();
    let heard = stage.heard(ada);
    assert_eq!(heard[0]["participant"]["kind"], "whip");
    let sources: Vec<_> = heard[1..].iter().map(|message| message["track"]["source"].clone()).collect();
    assert_eq!(sources, ["microphone", "camera"]);
    let view = stage.conference.participant(&identity("obs")).unwrap();
    assert_eq!((view.tracks.len(), stage.conference.publishers(), stage.conference.members()), (2, 1, 2));
    stage.conference.media_ended(stage.now, place);
    stage.settle();
    assert_eq!(
        stage.told(ada),
        json!({ "type": "participant_left", "participant": "obs", "reason": "left" })
    );
    assert_eq!(stage.orders, [], "the session has ended by itself");
}

#[test]
fn a_publisher_replaces_itself() {
    let mut stage = Stage::new(Settings::default());
    let ada = stage.join(grant("ada"));
    let old = come(&mut stage, 0).unwrap();
    stage.deafen();
    come(&mut stage, 2).unwrap();
    assert_eq!(
        stage.types(ada),
        ["participant_left", "participant_joined", "track_published", "track_published"]
    );
    stage.conference.media_ended(stage.now, old);
    stage.settle();
    assert_eq!(stage.conference.members(), 2);
}

#[test]
fn publishers_count_and_a_room_that_filled_up_meanwhile_ends_the_session() {
    let mut stage = Stage::new(Settings { max_participants: 1, ..Settings::default() });
    assert_eq!(stage.conference.check_publisher(stage.now, &identity("obs"), &grant("obs")), Ok(()));
    stage.join(grant("ada"));
    let problem = come(&mut stage, 0).unwrap_err();
    assert_eq!(problem.slug(), Slug::RoomFull);
    assert!(matches!(stage.orders[..], [Effect::EndMedia { .. }]));

    let mut stage = Stage::new(Settings { max_participants: 1, ..Settings::default() });
    come(&mut stage, 0).unwrap();
    assert_eq!(stage.try_join(super::stage::entrant(grant("ada"))).unwrap_err().slug(), Slug::RoomFull);
}

#[test]
fn a_publisher_can_be_muted_unmuted_and_kicked() {
    let mut stage = Stage::new(Settings::default());
    let ada = stage.join(admin("ada"));
    let place = come(&mut stage, 0).unwrap();
    stage.deafen();
    stage.conference.mute(&identity("obs"), None, true).unwrap();
    stage.conference.mute(&identity("obs"), Some("TR_2"), false).unwrap();
    stage.settle();
    assert_eq!(stage.types(ada), ["track_updated"; 3]);
    stage.say(ada, json!({ "type": "request_unmute", "participant": "obs" }));
    assert_eq!(stage.told(ada)["problem"], "urn:plenum:problem:participant-not-found");
    stage.say(ada, json!({ "type": "kick", "participant": "obs" }));
    assert_eq!(stage.orders.last(), Some(&Effect::EndMedia { place, reason: CloseReason::Kicked }));
    assert_eq!(come(&mut stage, 2).unwrap_err().slug(), Slug::Banned);
}

#[test]
fn nobody_resumes_as_a_publisher() {
    let mut stage = Stage::new(Settings::default());
    come(&mut stage, 0).unwrap();
    assert_eq!(stage.resume("1.00000000000000000000000000000000"), None);
}

#[test]
fn a_room_with_a_publisher_is_not_empty() {
    let mut stage = Stage::new(Settings::default());
    let place = come(&mut stage, 0).unwrap();
    stage.wait(10_000);
    assert!(!stage.conference.is_closed());
    stage.conference.media_ended(stage.now, place);
    stage.wait(300);
    assert!(stage.conference.is_closed());
}
