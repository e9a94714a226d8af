//! Publishing: what others learn of a track, and when.

use serde_json::json;

use super::super::*;
use super::stage::{Stage, grant, idle, offer_with_screen, tracks};

#[test]
fn idle_lines_are_not_seen_until_they_are_used() {
    let mut stage = Stage::new(Settings::default());
    let (ada, eve) = (stage.join(grant("ada")), stage.join(grant("eve")));
    stage.deafen();
    let place = stage.connect(ada, 7);
    let answer = stage.told(ada);
    assert_eq!(
        answer,
        json!({ "type": "answer", "sdp": "v=0", "tracks": { "0": "TR_1", "1": "TR_2", "5": "TR_3" } })
    );
    assert_eq!(stage.types(eve), Vec::<String>::new());

    stage.say(ada, json!({ "type": "mute", "track": "TR_2", "muted": false, "id": 1 }));
    let published = json!({
        "type": "track_published",
        "track": { "id": "TR_2", "participant": "ada", "kind": "video", "source": "camera", "muted": false },
    });
    assert_eq!(stage.told(eve), published);
    assert_eq!(stage.heard(ada), [published, json!({ "type": "ok", "id": 1 })]);
    assert_eq!(stage.orders, [Effect::Mute { place, track: 8, muted: false }]);
}

#[test]
fn a_camera_stays_published_when_muted_and_a_screen_does_not() {
    let mut stage = Stage::new(Settings::default());
    let (ada, eve) = (stage.join(grant("ada")), stage.join(grant("eve")));
    stage.connect(ada, 0);
    stage.deafen();
    for (track, expected) in [
        ("TR_2", ["track_published", "track_updated", "track_updated"]),
        ("TR_3", ["track_published", "track_unpublished", "track_published"]),
    ] {
        for muted in [false, true, false] {
            stage.say(ada, json!({ "type": "mute", "track": track, "muted": muted }));
        }
        assert_eq!(stage.types(eve), expected);
    }
}

#[test]
fn muting_twice_is_told_once() {
    let mut stage = Stage::new(Settings::default());
    let (ada, eve) = (stage.join(grant("ada")), stage.join(grant("eve")));
    stage.connect(ada, 0);
    stage.deafen();
    for muted in [true, false, false, true, true] {
        stage.say(ada, json!({ "type": "mute", "track": "TR_1", "muted": muted }));
    }
    assert_eq!(stage.types(eve), ["track_published", "track_updated"]);
    assert_eq!(stage.orders.len(), 2);
}

#[test]
fn what_starts_unmuted_is_published_with_the_answer() {
    let mut stage = Stage::new(Settings::default());
    let (ada, eve) = (stage.join(grant("ada")), stage.join(grant("eve")));
    stage.deafen();
    let request = tracks(&[("0", "microphone", false), ("1", "camera", true)]);
    let ticket = stage.offer(ada, &offer_with_screen("a"), &request).unwrap();
    // A line that nothing was said of is idle, and taken for a camera.
    assert_eq!(ticket.terms.iter().map(|terms| terms.muted).collect::<Vec<_>>(), [false, true, true]);
    stage.admit(ticket, 0);
    assert_eq!(stage.types(ada), ["answer", "track_published"]);
    assert_eq!(stage.told(eve)["track"]["source"], "microphone");
    assert_eq!(stage.orders, [], "the engine knows from the offer");
}

#[test]
fn a_source_must_fit_its_line() {
    let mut stage = Stage::new(Settings::default());
    let ada = stage.join(grant("ada"));
    let wrong = tracks(&[("0", "camera", false)]);
    let problem = stage.offer(ada, &offer_with_screen("a"), &wrong).unwrap_err();
    assert_eq!(problem.detail(), "line \"0\" is audio, which a camera is not");
}

#[test]
fn nobody_mutes_a_track_that_is_not_theirs() {
    let mut stage = Stage::new(Settings::default());
    let (ada, eve) = (stage.join(grant("ada")), stage.join(grant("eve")));
    stage.connect(ada, 0);
    stage.deafen();
    for track in ["TR_1", "TR_01", "TR_+1", "TR_9", "tr_1", "1", "TR_99999999999"] {
        stage.say(eve, json!({ "type": "mute", "track": track, "muted": false }));
        assert_eq!(stage.told(eve)["problem"], "urn:plenum:problem:track-not-found", "{track}");
    }
}

#[test]
fn a_late_joiner_finds_what_is_published_and_its_owner_when_it_resumes() {
    let mut stage = Stage::new(Settings::default());
    let ada = stage.join(grant("ada"));
    let token = stage.heard(ada)[0]["resume"].as_str().unwrap().to_owned();
    stage.connect(ada, 0);
    stage.say(ada, json!({ "type": "mute", "track": "TR_2", "muted": false }));
    stage.deafen();
    let eve = stage.join(grant("eve"));
    let tracks = stage.told(eve)["tracks"].clone();
    assert_eq!((tracks.as_array().unwrap().len(), &tracks[0]["id"]), (1, &json!("TR_2")));
    let again = stage.resume(&token).unwrap();
    assert_eq!(stage.told(again)["tracks"], tracks);
}

#[test]
fn ids_are_never_used_again() {
    let mut stage = Stage::new(Settings::default());
    let ada = stage.join(grant("ada"));
    stage.connect(ada, 0);
    stage.deafen();
    let ticket = stage.offer(ada, &offer_with_screen("another certificate"), &idle()).unwrap();
    // A room of the engine that began again counts from the start.
    stage.admit(ticket, 0);
    assert_eq!(stage.told(ada)["tracks"], json!({ "0": "TR_4", "1": "TR_5", "5": "TR_6" }));
}
