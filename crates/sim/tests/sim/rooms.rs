//! Conferences: who sees and hears whom in slots, and that nobody notices others coming and going.

use std::collections::BTreeSet;

use plenum_engine::{Event, Reply};
use plenum_model::{Allowed, CloseReason, SlotDemand, Source};
use plenum_sim::{Attendance, Change, ClientId, Link, Media, Wire, World};

use crate::meeting::{FIVE, assert_slots_are_alive, for_five, meeting, others, seen};
use crate::{WIRE, ms, s};

#[test]
fn five_people_see_and_hear_each_other() {
    let (mut world, people) = meeting(&FIVE, &for_five());
    for id in &people {
        assert_eq!(seen(&world, *id, Source::Camera), others(&people, *id));
        assert_eq!(seen(&world, *id, Source::Microphone), others(&people, *id));
    }
    assert_slots_are_alive(&mut world, &people);
    world.finish();
}

#[test]
fn the_first_thing_after_being_connected_is_what_the_slots_show() {
    let (world, people) = meeting(&["alice"], &Attendance::usual());
    let place = world.place(people[0]);
    let told: Vec<&Event> = world.events().iter().map(|(_, event)| event).collect();
    let connected = told.iter().position(|e| matches!(e, Event::Connected { place: p, .. } if *p == place));
    let slots = told.iter().position(|e| matches!(e, Event::Slots { place: p, .. } if *p == place));
    assert!(connected < slots && slots.is_some(), "{told:?}");
    assert_eq!(world.shown(people[0]).len(), 7, "empty ones too: {:?}", world.shown(people[0]));
    world.finish();
}

#[test]
fn a_muted_track_leaves_the_slots_and_comes_back_unmuted() {
    let (mut world, people) = meeting(&FIVE, &for_five());
    let [alice, bob] = [people[0], people[1]];
    world.mute(alice, Source::Camera, true);
    world.run_for(ms(500));
    assert!(people[1..].iter().all(|id| !seen(&world, *id, Source::Camera).contains(&alice)));
    assert_slots_are_alive(&mut world, &people);
    world.mute(alice, Source::Camera, false);
    world.run_for(ms(500));
    assert_eq!(seen(&world, bob, Source::Camera), others(&people, bob));
    assert_slots_are_alive(&mut world, &people);
    world.finish();
}

#[test]
fn what_an_admin_has_muted_is_not_forwarded_though_it_is_still_sent() {
    let (mut world, people) = meeting(&["alice", "bob"], &for_five());
    let watching = world.watch(0, Some("alice"), WIRE);
    world.run_for(s(2));
    assert!(world.viewer(watching).decoded() > 20);
    assert_eq!(world.mute_at_shard(people[0], Source::Camera, true), Reply::Done);
    world.run_for(s(1));
    let before = world.viewer(watching).decoded();
    assert_slots_are_alive(&mut world, &people);
    assert_eq!(world.viewer(watching).decoded(), before);
    assert_eq!(world.mute_at_shard(people[0], Source::Camera, false), Reply::Done);
    world.run_for(s(1));
    assert!(world.viewer(watching).decoded() > before);
    assert_slots_are_alive(&mut world, &people);
    let of_bob = world.track(people[1], Source::Camera);
    let place = world.place(people[0]);
    let command = plenum_engine::Command::Mute { place, track: of_bob, muted: true };
    assert_eq!(world.command(0, command), Reply::NotFound, "somebody else's track");
    world.finish();
}

#[test]
fn a_pinned_person_stays_in_its_slot() {
    let few = Attendance { slots: (1, 3), ..Attendance::usual() };
    let (mut world, people) = meeting(&FIVE, &few);
    let alice = people[0];
    let mid = world.video_slots(alice).remove(0);
    let unseen = |id: &&ClientId| **id != alice && !seen(&world, alice, Source::Camera).contains(id);
    let erin = *people.iter().find(unseen).expect("one slot is not enough for all");
    assert_eq!(world.pin(alice, &mid, Some((erin, Source::Camera))), Reply::Done);
    world.run_for(ms(500));
    assert_eq!(world.slot_with(alice, (erin, Source::Camera)), Some(mid.clone()));
    assert_slots_are_alive(&mut world, &people);
    assert_eq!(world.pin(alice, "nowhere", None), Reply::NotFound);
    assert_eq!(world.pin(alice, &mid, Some((alice, Source::Camera))), Reply::NotFound, "oneself");
    world.close(erin);
    world.run_for(ms(500));
    assert!(
        world.shown(alice).iter().any(|(m, shown)| *m == mid && shown.is_some()),
        "a pin to nobody is none"
    );
    world.finish();
}

#[test]
fn who_begins_to_speak_is_soon_in_everyones_slots_and_marked() {
    let few = Attendance { slots: (2, 3), ..Attendance::usual() };
    let (mut world, people) = meeting(&["a", "b", "c", "d", "e", "f"], &few);
    people.iter().for_each(|id| world.set_level(*id, -90));
    world.run_for(s(3));
    assert_eq!(world.speaking(0), []);
    let is_unseen = |id: &ClientId| !people.iter().any(|p| seen(&world, *p, Source::Camera).contains(id));
    let last = *people.iter().find(|id| is_unseen(id)).expect("two slots show the same three to everyone");
    let rest: Vec<ClientId> = others(&people, last).into_iter().collect();
    world.set_level(last, -15);
    world.run_for(s(2));
    assert_eq!(world.speaking(0), [last]);
    for id in &rest {
        assert!(seen(&world, *id, Source::Camera).contains(&last), "{id:?} does not see who speaks");
        assert!(seen(&world, *id, Source::Microphone).contains(&last), "{id:?} does not hear who speaks");
    }
    world.set_level(last, -90);
    world.run_for(s(3));
    assert_eq!(world.speaking(0), [], "silent again");
    assert_slots_are_alive(&mut world, &people);
    world.finish();
}

#[test]
fn a_speaker_whose_packets_end_is_not_marked_for_ever() {
    let (mut world, people) = meeting(&["alice", "bob"], &Attendance::usual());
    assert_eq!(world.speaking(0).len(), 2);
    world.mute(people[0], Source::Microphone, true);
    world.pause(people[1], true);
    world.run_for(s(3));
    assert_eq!(world.speaking(0), []);
    world.finish();
}

#[test]
fn a_shared_screen_is_shown_first_and_its_end_is_seen() {
    let few = Attendance { slots: (1, 3), ..Attendance::usual() };
    let (mut world, people) = meeting(&FIVE, &few);
    let (carol, screen) = (people[2], (people[2], Source::Screen));
    for _ in 0..2 {
        world.mute(carol, Source::Screen, false);
        world.run_for(s(1));
        let viewers = people.iter().filter(|id| **id != carol);
        assert!(viewers.clone().all(|id| world.slot_with(*id, screen).is_some()));
        assert_slots_are_alive(&mut world, &people);
        world.mute(carol, Source::Screen, true);
        world.run_for(s(1));
        assert!(people.iter().all(|id| world.slot_with(*id, screen).is_none()));
    }
    assert_slots_are_alive(&mut world, &people);
    world.finish();
}

#[test]
fn twenty_who_come_and_go_are_not_noticed_by_those_inside() {
    let few = Attendance { slots: (2, 3), ..Attendance::usual() };
    let (mut world, people) = meeting(&["alice", "bob", "carol"], &few);
    people.iter().for_each(|id| world.forget_slot_gaps(*id));
    let answers: Vec<String> = people.iter().map(|id| world.ufrag_of_shard(*id).to_owned()).collect();
    let told: Vec<usize> = people.iter().map(|id| world.times_told_of_slots(*id)).collect();
    for number in 0..20 {
        let quiet = Media { audio: false, ..Media::camera() };
        let guest =
            world.attend(0, &format!("guest-{number}"), &Attendance { media: quiet, ..few.clone() }, WIRE);
        world.run_for(ms(700));
        world.close(guest);
    }
    world.run_for(ms(500));
    for ((id, answer), told) in people.iter().zip(answers).zip(told) {
        assert_eq!(world.ufrag_of_shard(*id), answer, "no answer but the first");
        assert_eq!(world.times_told_of_slots(*id), told, "slots that show others first do not change");
        assert_eq!(seen(&world, *id, Source::Camera), others(&people, *id));
        for (mid, slot) in world.member(*id).slots() {
            assert!(slot.longest_gap() < ms(200), "slot {mid} of {id:?} froze for {:?}", slot.longest_gap());
        }
    }
    assert_slots_are_alive(&mut world, &people);
    world.finish();
}

#[test]
fn who_comes_late_sees_everyone_at_once_and_who_leaves_is_gone_at_once() {
    let (mut world, mut people) = meeting(&FIVE[..4], &for_five());
    world.run_for(s(20));
    let joined = world.now();
    let late = world.attend(0, "late", &for_five(), WIRE);
    people.push(late);
    world.run_for(s(2));
    assert_eq!(seen(&world, late, Source::Camera), others(&people, late));
    for (mid, shown) in world.shown(late) {
        let Some((whose, Source::Camera)) = shown else { continue };
        let first = world.member(late).slot(&mid).first_decoded().unwrap() - joined;
        assert!(first < ms(700), "the picture of {whose:?} came after {first:?}");
        assert!(world.member(late).slot(&mid).starts_at_keyframe());
    }
    world.close(people[0]);
    world.run_for(ms(100));
    assert!(people[1..].iter().all(|id| !seen(&world, *id, Source::Camera).contains(&people[0])));
    assert_slots_are_alive(&mut world, &people[1..]);
    world.finish();
}

#[test]
fn who_falls_silent_ends_with_consent_and_leaves_the_slots() {
    let (mut world, people) = meeting(&["alice", "bob", "carol"], &for_five());
    world.crash(people[0]);
    world.run_for(s(35));
    assert_eq!(world.end_of(people[0]), Some(CloseReason::ConsentLost));
    assert_eq!(seen(&world, people[1], Source::Camera), BTreeSet::from([people[2]]));
    assert_slots_are_alive(&mut world, &people[1..]);
    world.finish();
}

#[test]
fn who_may_not_publish_is_not_forwarded_and_who_may_not_subscribe_gets_nothing() {
    let (mut world, people) = meeting(&["alice", "bob"], &for_five());
    let mute = Attendance { allowed: Allowed { publish: false, ..Allowed::ALL }, ..for_five() };
    let blind = Attendance { allowed: Allowed { subscribe: false, ..Allowed::ALL }, ..for_five() };
    let (mute, blind) = (world.attend(0, "mute", &mute, WIRE), world.attend(0, "blind", &blind, WIRE));
    let of_mute = world.watch(0, Some("mute"), WIRE);
    world.run_for(s(4));
    let all = [people[0], people[1], mute, blind];
    assert_eq!(seen(&world, mute, Source::Camera), BTreeSet::from([people[0], people[1], blind]));
    assert_eq!(seen(&world, people[0], Source::Camera), BTreeSet::from([people[1], blind]));
    assert_eq!(world.viewer(of_mute).video().received, 0);
    assert!(world.shown(blind).iter().all(|(_, shown)| shown.is_none()), "{:?}", world.shown(blind));
    let got = |world: &World| {
        world.member(blind).slots().map(|(_, s)| s.video().received + s.audio().received).sum::<u64>()
    };
    assert_eq!(got(&world), 0);
    assert_slots_are_alive(&mut world, &all);

    assert_eq!(world.allow(mute, Allowed::ALL), Reply::Done);
    assert_eq!(world.allow(blind, Allowed::ALL), Reply::Done);
    world.run_for(s(1));
    assert!(all.iter().all(|id| seen(&world, *id, Source::Camera) == others(&all, *id)));
    assert_slots_are_alive(&mut world, &all);
    assert!(world.viewer(of_mute).decoded() > 0);

    assert_eq!(world.allow(mute, Allowed { publish: false, ..Allowed::ALL }), Reply::Done);
    assert_eq!(world.allow(blind, Allowed { subscribe: false, ..Allowed::ALL }), Reply::Done);
    world.run_for(s(1));
    assert_eq!(seen(&world, people[0], Source::Camera), BTreeSet::from([people[1], blind]));
    let before = (got(&world), world.viewer(of_mute).video().received);
    assert_slots_are_alive(&mut world, &all);
    assert_eq!((got(&world), world.viewer(of_mute).video().received), before);
    world.finish();
}

#[test]
fn a_hidden_slot_costs_nothing_and_is_alive_when_it_is_shown_again() {
    let (mut world, people) = meeting(&["alice", "bob"], &for_five());
    let mid = world.slot_with(people[0], (people[1], Source::Camera)).unwrap();
    let hidden = SlotDemand { max_width: 0, max_height: 0, priority: 0 };
    assert_eq!(world.demand(people[0], &mid, hidden), Reply::Done);
    world.run_for(ms(500));
    let before = world.member(people[0]).slot(&mid).video().received;
    world.run_for(s(1));
    assert_eq!(world.member(people[0]).slot(&mid).video().received, before);
    assert_eq!(world.demand(people[0], &mid, SlotDemand::BEST), Reply::Done);
    world.run_for(ms(500));
    assert_slots_are_alive(&mut world, &people);
    assert_eq!(world.demand(people[0], "nowhere", hidden), Reply::NotFound);
    world.finish();
}

#[test]
fn what_is_asked_of_slots_before_they_are_served_is_kept() {
    let mut world = World::new(plenum_sim::seed(1));
    let few = Attendance { slots: (1, 1), ..Attendance::usual() };
    let people: Vec<ClientId> =
        ["alice", "bob"].iter().map(|name| world.attend(0, name, &few, WIRE)).collect();
    world.run_for(s(2));
    let [alice, bob] = [people[0], people[1]];
    // The second wish of each counts. Without it, both would see the same one.
    for (name, wishes) in [("first", [alice, bob]), ("second", [bob, alice])] {
        let late = world.attend(0, name, &few, WIRE);
        let mid = world.video_slots(late).remove(0);
        for wish in wishes {
            assert_eq!(world.pin(late, &mid, Some((wish, Source::Camera))), Reply::Done);
        }
        assert!(!world.is_connected(late));
        world.run_for(s(2));
        assert_eq!(world.slot_with(late, (wishes[1], Source::Camera)), Some(mid));
    }
    world.finish();
}

#[test]
fn one_who_only_looks_is_no_stream_to_be_watched() {
    let mut world = World::new(plenum_sim::seed(1));
    let looker = world.attend(0, "looker", &Attendance::silent(), WIRE);
    let main = world.watch(0, None, WIRE);
    world.run_for(s(2));
    let alice = world.publish(0, "alice", Media::camera(), WIRE);
    world.run_for(s(2));
    assert_eq!(world.viewer(main).publishers(), [alice.0]);
    assert_eq!(seen(&world, looker, Source::Camera), BTreeSet::from([alice]));
    world.finish();
}

#[test]
fn viewers_on_other_shards_see_a_participant_as_those_at_its_home_do() {
    let watched = |shards: u16| {
        let mut world = World::with_shards(plenum_sim::seed(1), shards, plenum_sim::Spread::RoundRobin);
        let people: Vec<ClientId> =
            ["alice", "bob"].iter().map(|name| world.attend(0, name, &for_five(), WIRE)).collect();
        let viewers: Vec<ClientId> = ["alice", "alice", "bob", "alice", "bob"]
            .iter()
            .map(|of| world.watch(0, Some(of), WIRE))
            .collect();
        world.run_for(s(5));
        world.mute(people[0], Source::Camera, true);
        world.run_for(s(3));
        world.mute(people[0], Source::Camera, false);
        world.run_for(s(3));
        world.close(people[1]);
        world.run_for(s(2));
        let frames: Vec<BTreeSet<(u32, u64)>> =
            viewers.iter().map(|id| world.viewer(*id).frames().iter().copied().collect()).collect();
        world.finish();
        frames
    };
    let (one, three) = (watched(1), watched(3));
    for (number, (at_home, elsewhere)) in one.iter().zip(&three).enumerate() {
        assert!(at_home.len() > 100, "viewer {number} saw {} frames", at_home.len());
        let different = at_home.symmetric_difference(elsewhere).count();
        assert!(different <= 24, "viewer {number}: {different} of {} frames differ", at_home.len());
    }
}

#[test]
fn a_meeting_over_bad_lines_goes_on_without_a_seam() {
    let mut world = World::new(plenum_sim::seed(1));
    let rough = Wire::of(
        Link { jitter: ms(20), reorder: 0.02, duplicate: 0.01, ..Link::delayed(40) }.with_loss(0.05),
    );
    let simulcast = Media { rids: vec!["q", "h", "f"], ..Media::camera() };
    let attendance = Attendance { media: simulcast, ..for_five() };
    let people: Vec<ClientId> = FIVE.iter().map(|name| world.attend(0, name, &attendance, rough)).collect();
    world.run_for(s(20));
    for id in &people {
        world.rewire(*id, WIRE);
    }
    world.run_for(s(3));
    assert_slots_are_alive(&mut world, &people);
    world.finish();
}

#[test]
fn a_meeting_replays_from_its_seed() {
    let run = || {
        let (mut world, people) = meeting(&FIVE, &for_five());
        world.mute(people[2], Source::Camera, true);
        for number in 0..50 {
            world.say(people[number % 5], "chat", &format!(r#"{{"payload":{number}}}"#));
        }
        world.set_level(people[3], -90);
        world.run_for(s(3));
        world.offer_again(people[4], Change { slots: (1, 1), restart: true, ..Change::default() });
        world.run_for(s(2));
        world.finish()
    };
    assert_eq!(run(), run());
}
