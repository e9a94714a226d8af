//! Slots: everybody's video in one, the speakers' audio, pins and mutes.

use std::time::{Duration, Instant};

use plenum_tests::room::{Joining, Member};
use plenum_tests::{Plenum, wait_for, wait_until};
use serde_json::json;

use super::{AT_ONCE, SOON, assert_slots_hold_what_was_said, cameras, wait_for_all_sights, wait_for_sight};
use crate::{alone, together};

#[test]
fn everybody_sees_every_camera_at_once() {
    let _guard = alone();
    let server = Plenum::dev();
    let members = cameras(&server, "stage", &["ada", "bob", "cleo", "dan", "eve"]);
    let last = members.last().unwrap().began;
    wait_for_all_sights(&members, &members, (last + AT_ONCE).saturating_duration_since(Instant::now()));
    for member in &members {
        let view = member.view();
        assert_eq!(view.participants.len(), 4, "{:?}", view.participants);
        assert_eq!(assert_slots_hold_what_was_said(member, &members), 4 + 3, "{:?}", view.slots);
    }
}

#[test]
fn twenty_participants_with_five_cameras_lose_nothing_and_every_slot_is_right() {
    let _guard = alone();
    let server = Plenum::dev();
    let mut members = cameras(&server, "hall", &["cam-0", "cam-1", "cam-2", "cam-3", "cam-4"]);
    for i in 0..15 {
        members.push(Member::join(&server, "hall", Joining::named(&format!("mic-{i}"))));
    }
    wait_for_all_sights(&members, &members[..5], SOON);
    members.iter().for_each(Member::forget);
    // The account that follows is of five seconds of media, in which the speaker changes twice.
    for speaker in [3, 11] {
        members[speaker].speak(true);
        std::thread::sleep(Duration::from_millis(2_500));
        members[speaker].speak(false);
    }
    for member in &members {
        assert_slots_hold_what_was_said(member, &members);
        let account = member.account();
        let cameras = if member.identity.starts_with("cam") { 4 } else { 5 };
        let seen = account.videos().filter(|(_, slot)| slot.last.is_some()).count();
        assert_eq!(seen, cameras, "{} sees", member.identity);
        assert_eq!((account.missing(), account.duplicates()), (0, 0), "{}", member.identity);
        assert_eq!(member.view().answers, 1, "{} exchanges SDP once", member.identity);
    }
}

#[test]
fn who_speaks_is_heard_and_named() {
    let _guard = together();
    let server = Plenum::dev();
    let members: Vec<Member> = (0..6)
        .map(|i| Member::join(&server, "choir", Joining::named(&format!("voice-{i}")).slots(0, 2)))
        .collect();
    for speaker in [4, 1] {
        members[speaker].speak(true);
        let since = Instant::now();
        for listener in members.iter().filter(|other| other.identity != members[speaker].identity) {
            let name = &members[speaker].identity;
            wait_until(&format!("{} hears {name}", listener.identity), SOON, || {
                let slots = listener.account().slots;
                let is_heard = |slot: &plenum_tests::room::SlotAccount| {
                    slot.last.is_some_and(|last| last.marker == members[speaker].marker && last.at > since)
                };
                listener.view().speakers.first() == Some(name) && slots.values().any(is_heard)
            });
        }
        members[speaker].speak(false);
    }
}

#[test]
fn a_muted_camera_sends_nothing_more_and_leaves_its_slots() {
    let _guard = together();
    let server = Plenum::dev();
    let members = cameras(&server, "stage", &["ada", "bob"]);
    let (ada, bob) = (&members[0], &members[1]);
    wait_for_sight(bob, ada, SOON);
    ada.mute("camera", true);
    wait_until("the slot is empty", Duration::from_secs(1), || bob.view().slot_of("ada", "camera").is_none());
    bob.forget();
    let since = Instant::now();
    wait_until("a second of audio", SOON, || {
        bob.look(|account| {
            account
                .slots
                .values()
                .any(|slot| slot.flows.get(&ada.marker).is_some_and(|f| f.counts.len() > 50))
        })
    });
    assert_eq!(bob.look(|account| account.video_packets_of(ada.marker)), 0, "{:?}", since.elapsed());
    let track = bob.view().track_of("ada", "camera").expect("a muted camera stays published");
    assert!(bob.view().tracks[&track].muted);
    ada.mute("camera", false);
    wait_for_sight(bob, ada, AT_ONCE);
    assert_slots_hold_what_was_said(bob, &members);
}

#[test]
fn a_pin_brings_the_track_and_holds_it() {
    let _guard = together();
    let server = Plenum::dev();
    let mut members = cameras(&server, "stage", &["ada", "bob", "cleo", "dan"]);
    members.push(Member::join(&server, "stage", Joining::named("eve").slots(2, 1)));
    let eve = &members[4];
    wait_until("two slots are filled", SOON, || eve.view().occupants().len() >= 2);
    let hidden = members[..4].iter().find(|m| eve.view().slot_of(&m.identity, "camera").is_none()).unwrap();
    let view = eve.view();
    let track = view.track_of(&hidden.identity, "camera").unwrap();
    let is_video = |mid: &str| eve.look(|account| account.slots[mid].is_video);
    let slot = view.slots.keys().find(|mid| is_video(mid)).unwrap().clone();
    let reply = eve.request(json!({"type": "pin", "slot": slot, "track": track}));
    assert_eq!(reply["type"], "ok", "{reply}");
    wait_for_sight(eve, hidden, AT_ONCE);
    assert_eq!(eve.view().slots[&slot], Some(track.clone()));
    // Whoever speaks takes the other slot, not the pinned one.
    for speaker in members[..4].iter().filter(|m| m.identity != hidden.identity) {
        speaker.speak(true);
        wait_for("the speaker is seen", SOON, || eve.view().slot_of(&speaker.identity, "camera"));
        assert_eq!(eve.view().slots[&slot], Some(track.clone()));
        speaker.speak(false);
    }
    let problem = eve.request(json!({"type": "pin", "slot": "no-such", "track": track}));
    assert_eq!((&problem["type"], &problem["status"]), (&json!("error"), &json!(404)), "{problem}");
    let problem = eve.request(json!({"type": "pin", "slot": slot, "track": "TR_999"}));
    assert_eq!((&problem["type"], &problem["status"]), (&json!("error"), &json!(404)), "{problem}");
}
