//! Who is in which slot, and who is muted, pinned, or speaks.

use super::*;

#[test]
fn everyone_sees_and_hears_everyone_else_and_never_themselves() {
    let mut conference = Conference::of(4, 3, 3);
    assert_eq!(conference.shown(0), "c1 c2 c3 m1 m2 m3");
    assert_eq!(conference.shown(3), "c0 c1 c2 m0 m1 m2");
    conference.room.leave(1);
    assert_eq!(conference.shown(0), "- c2 c3 - m2 m3", "nobody else moves");
    conference.join(3, 3);
    assert_eq!(conference.shown(0), "c4 c2 c3 m4 m2 m3");
    assert_eq!(conference.room.seats().collect::<Vec<_>>(), [0, 2, 3, 4], "each once");
}

#[test]
fn slots_are_told_when_they_come_and_then_only_when_they_change() {
    let mut conference = Conference::new();
    conference.room.publish(7, name("first"), &[]);
    conference.room.watch(7, Target::Slots, Vec::new());
    assert_eq!(conference.room.poll_slots(), None, "not connected yet");
    conference.room.add_lines(7, vec![viewer_line(10, Codec::Vp8)]);
    assert_eq!(conference.room.poll_slots(), Some((7, vec![(10, None)])), "though there is nobody else");
    assert_eq!(conference.room.poll_slots(), None);
    let camera = conference.room.publish(8, name("second"), &[video_line(1)])[0];
    assert_eq!(conference.room.poll_slots(), Some((7, vec![(10, Some(camera))])));
    conference.room.publish(9, name("third"), &[video_line(1)]);
    assert_eq!(conference.room.poll_slots(), None, "no slot is left for it");
    conference.room.add_lines(7, vec![viewer_line(11, Codec::Vp8)]);
    assert_eq!(conference.room.poll_slots().unwrap().1.len(), 2);
}

#[test]
fn a_screen_comes_before_every_camera_and_its_sound_before_every_voice() {
    let mut conference = Conference::of(5, 2, 2);
    conference.speak(2_000, &[1, 2]);
    assert_eq!(conference.shown(0), "c1 c2 m1 m2");
    conference.mute(4, Source::Screen, false);
    conference.mute(4, Source::ScreenAudio, false);
    let shown = conference.shown(0);
    assert!(shown.contains("s4") && shown.contains("a4"), "{shown}");
    assert_eq!(conference.shown(4), "c2 c1 m2 m1", "not to whoever shares it");
    conference.mute(4, Source::Screen, true);
    assert!(!conference.shown(0).contains("s4"));
}

#[test]
fn muted_tracks_leave_slots_and_come_back_without_moving_anyone() {
    let mut conference = Conference::of(4, 3, 3);
    assert!(conference.mute(1, Source::Camera, true));
    assert!(!conference.mute(1, Source::Camera, true), "no change");
    assert_eq!(conference.shown(0), "- c2 c3 m1 m2 m3");
    conference.mute(1, Source::Camera, false);
    assert_eq!(conference.shown(0), "c1 c2 c3 m1 m2 m3");
}

#[test]
fn nothing_of_a_muted_track_is_forwarded_and_unmuting_asks_for_a_keyframe() {
    let mut conference = Conference::of(2, 1, 1);
    let camera = conference.track(0, Source::Camera);
    let now = conference.now();
    assert!(conference.room.poll_keyframe(now).is_some());
    assert!(conference.room.poll_keyframe(now).is_some());
    assert_eq!(sent(&mut conference.room, camera, &[head(1, true, now)]), [(1, 7)]);
    conference.mute(0, Source::Camera, true);
    assert_eq!(sent(&mut conference.room, camera, &[head(2, true, now)]), []);
    let later = now + Duration::from_secs(1);
    assert_eq!(conference.room.poll_keyframe(later), None);
    conference.mute(0, Source::Camera, false);
    let wish = conference.room.poll_keyframe(later).unwrap();
    assert_eq!((wish.track, wish.origin), (camera, Origin::Here { seat: 0, line: 1 }));
    let packets = [head(3, false, later), head(4, true, later)];
    assert_eq!(sent(&mut conference.room, camera, &packets), [(1, 8)], "under numbers that go on");
}

#[test]
fn a_speaker_who_is_not_seen_takes_one_slot_and_the_others_stay() {
    let mut conference = Conference::of(6, 3, 3);
    conference.speak(2_000, &[1]);
    conference.speak(2_000, &[2]);
    assert_eq!(conference.shown(0), "c1 c2 c3 m1 m2 m3");
    conference.speak(2_000, &[5]);
    assert_eq!(conference.shown(0), "c1 c2 c5 m1 m2 m5");
    conference.speak(2_000, &[3]);
    assert_eq!(conference.shown(0), "c3 c2 c5 m3 m2 m5", "for the one who spoke longest ago");
    conference.speak(2_000, &[2]);
    assert_eq!(conference.shown(0), "c3 c2 c5 m3 m2 m5", "whoever is shown already moves nobody");
}

#[test]
fn the_first_words_are_heard_and_a_short_one_shows_no_picture() {
    let mut conference = Conference::of(6, 2, 3);
    conference.speak(2_000, &[1, 2]);
    conference.speak(40, &[1, 2, 5]);
    assert_eq!(conference.shown(0), "c1 c2 m1 m2 m5", "within 40 ms");
    conference.speak(2_000, &[1, 2]);
    assert_eq!(conference.shown(0), "c1 c2 m1 m2 m5");
}

#[test]
fn a_fourth_voice_waits_until_one_of_three_falls_silent() {
    let mut conference = Conference::of(6, 1, 3);
    conference.speak(2_000, &[1, 2, 3]);
    conference.speak(2_000, &[1, 2, 3, 4]);
    assert!(conference.shown(0).ends_with("m1 m2 m3"));
    conference.speak(1_000, &[1, 3, 4]);
    assert!(conference.shown(0).ends_with("m1 m4 m3"));
}

#[test]
fn when_all_voices_fit_they_stay_whoever_speaks() {
    let mut conference = Conference::of(4, 3, 3);
    conference.shown(0);
    for speaker in [3, 1, 2, 3, 1] {
        conference.speak(1_500, &[speaker]);
        assert_eq!(conference.room.poll_slots(), None);
    }
}

#[test]
fn a_pinned_track_stays_whoever_speaks_and_the_pin_outlives_a_mute() {
    let mut conference = Conference::of(6, 2, 1);
    let pinned = conference.track(4, Source::Camera);
    assert_eq!(conference.room.pin(0, 10, Some(pinned)), Ok(()));
    assert_eq!(conference.shown(0), "c4 c1 m1", "the first of the others has the other slot");
    conference.speak(2_000, &[1]);
    conference.speak(2_000, &[3]);
    assert_eq!(conference.shown(0), "c4 c3 m3");
    conference.mute(4, Source::Camera, true);
    assert_eq!(conference.shown(0), "c1 c3 m3", "meanwhile the slot is not wasted");
    conference.mute(4, Source::Camera, false);
    assert_eq!(conference.shown(0), "c4 c3 m3");
    conference.room.pin(0, 11, Some(pinned)).unwrap();
    assert_eq!(conference.shown(0), "c3 c4 m3", "pinned elsewhere, it moves");
    conference.room.pin(0, 11, None).unwrap();
    conference.room.leave(4);
    assert_eq!(conference.shown(0), "c3 c1 m3");
}

#[test]
fn what_cannot_be_pinned_is_refused() {
    let mut conference = Conference::of(3, 1, 1);
    let (own, other) = (conference.track(0, Source::Camera), conference.track(1, Source::Camera));
    let voice = conference.track(1, Source::Microphone);
    let room = &mut conference.room;
    assert_eq!(room.pin(0, 99, Some(other)), Err(Missing::Slot));
    assert_eq!(room.pin(77, 10, Some(other)), Err(Missing::Slot));
    for track in [own, voice, TrackId(999)] {
        assert_eq!(room.pin(0, 10, Some(track)), Err(Missing::Track));
    }
    room.watch(50, Target::Main, vec![viewer_line(10, Codec::Vp8)]);
    assert_eq!(room.pin(50, 10, Some(other)), Err(Missing::Slot), "a player has no slots");
    assert_eq!(room.set_demand_of(0, 99, HIDDEN), Err(Missing::Slot));
}

#[test]
fn who_speaks_is_told_by_the_track_and_ends_with_a_mute() {
    let mut conference = Conference::of(3, 1, 1);
    assert_eq!(conference.room.poll_speakers(), None);
    conference.speak(400, &[2]);
    let voice = conference.track(2, Source::Microphone);
    assert_eq!(conference.room.poll_speakers(), Some(vec![voice]));
    conference.mute(2, Source::Microphone, true);
    assert_eq!(conference.room.poll_speakers(), Some(vec![]));
    conference.speak(400, &[2]);
    assert_eq!(conference.room.poll_speakers(), None, "levels of a muted track say nothing");
    conference.mute(0, Source::ScreenAudio, false);
    let music = conference.track(0, Source::ScreenAudio);
    for _ in 0..50 {
        conference.ms += 20;
        conference.room.hear(conference.now(), music, LOUD);
    }
    assert_eq!(conference.room.poll_speakers(), None, "a screen's sound is no voice");
}

#[test]
fn speaking_ends_at_a_deadline_when_nobody_sends_any_more() {
    let mut conference = Conference::of(2, 1, 1);
    conference.speak(1_000, &[0]);
    while conference.room.poll_keyframe(conference.now()).is_some() {}
    conference.room.poll_speakers();
    let at = conference.room.next_deadline().unwrap();
    assert!(at < conference.now() + Duration::from_secs(2));
    conference.room.handle_timeout(at);
    assert_eq!(conference.room.poll_speakers(), Some(vec![]));
    assert_eq!(conference.room.next_deadline(), None);
}

#[test]
fn lines_added_later_are_seen_and_ids_are_not_used_again() {
    let mut conference = Conference::of(2, 2, 0);
    let added = conference.room.add_published_lines(1, &[published_line(4, Source::Camera, 1)]);
    assert_eq!(conference.room.origin_of(added[0]), Some(Origin::Here { seat: 1, line: 4 }));
    assert!(conference.tracks.iter().flatten().all(|track| *track != added[0]));
    conference.listen();
    let camera = conference.track(1, Source::Camera);
    assert_eq!(conference.told[&0], [(10, Some(camera)), (11, Some(added[0]))]);
    assert_eq!(conference.room.tracks_of(1).unwrap().len(), 5);
    assert!(conference.room.add_published_lines(99, &[video_line(1)]).is_empty());
    assert_eq!(TrackId::from_number(added[0].number()), added[0]);
}
