//! Further offers in a call that goes on: more slots, new ICE credentials; and a new session in place of an old one.

use std::collections::BTreeSet;

use plenum_model::{CloseReason, Source};
use plenum_sim::{Attendance, Change, Media};

use crate::meeting::{FIVE, assert_slots_are_alive, for_five, meeting, others, seen};
use crate::{WIRE, ms, s};

#[test]
fn a_second_offer_adds_slots_while_media_flows() {
    let few = Attendance { slots: (1, 1), ..Attendance::usual() };
    let (mut world, people) = meeting(&FIVE, &few);
    let alice = people[0];
    world.forget_slot_gaps(alice);
    assert!(world.offer_again(alice, Change { slots: (3, 2), ..Change::default() }));
    world.run_for(s(2));
    assert!(world.is_settled(alice));
    assert_eq!(seen(&world, alice, Source::Camera), others(&people, alice));
    assert_eq!(seen(&world, alice, Source::Microphone).len(), 3);
    assert_slots_are_alive(&mut world, &people);
    let first = world.member(alice).slots().find(|(_, slot)| slot.longest_gap() > ms(0)).unwrap();
    assert!(first.1.longest_gap() < ms(200), "slot {} froze for {:?}", first.0, first.1.longest_gap());
    assert_eq!(world.shown(alice).len(), 7);
    world.finish();
}

#[test]
fn a_second_offer_may_restart_ice_and_add_slots_at_once() {
    let few = Attendance { slots: (1, 1), ..Attendance::usual() };
    let (mut world, people) = meeting(&FIVE[..3], &few);
    let alice = people[0];
    let before = world.ufrag_of_shard(alice).to_owned();
    world.forget_slot_gaps(alice);
    assert!(world.offer_again(alice, Change { slots: (1, 0), restart: true, ..Change::default() }));
    world.run_for(s(2));
    let after = world.ufrag_of_shard(alice).to_owned();
    assert_ne!(before, after);
    assert_eq!(before[..18], after[..18], "it names the same place");
    assert!(world.end_of(alice).is_none() && world.is_connected(alice));
    assert_eq!(seen(&world, alice, Source::Camera), others(&people, alice));
    assert_slots_are_alive(&mut world, &people);
    // Then it moves: only checks under the new credentials can follow it.
    world.rebind(alice);
    world.run_for(s(8));
    assert_slots_are_alive(&mut world, &people);
    assert!(
        world.offer_again(alice, Change { slots: (1, 0), ..Change::default() }),
        "and an offer after that"
    );
    world.run_for(s(1));
    assert_eq!(world.ufrag_of_shard(alice), after);
    assert_slots_are_alive(&mut world, &people);
    world.finish();
}

#[test]
fn a_patch_restarts_ice_of_a_participant_too() {
    let (mut world, people) = meeting(&["alice", "bob"], &for_five());
    assert!(world.restart_ice(people[0]));
    world.run_for(s(2));
    world.rebind(people[0]);
    world.run_for(s(8));
    assert_slots_are_alive(&mut world, &people);
    world.finish();
}

#[test]
fn the_same_identity_replaces_itself_over_whip_and_in_the_room() {
    let (mut world, people) = meeting(&["alice", "bob"], &for_five());
    let whip = world.publish(0, "alice", Media::camera(), WIRE);
    world.run_for(s(2));
    assert_eq!(world.end_of(people[0]), Some(CloseReason::Replaced));
    assert_eq!(seen(&world, people[1], Source::Camera), BTreeSet::from([whip]));
    let again = world.attend(0, "alice", &for_five(), WIRE);
    world.run_for(s(2));
    assert_eq!(world.end_of(whip), Some(CloseReason::Replaced));
    assert_eq!(seen(&world, people[1], Source::Camera), BTreeSet::from([again]));
    assert_slots_are_alive(&mut world, &[again, people[1]]);
    world.finish();
}

#[test]
fn a_second_offer_adds_a_line_to_send_on() {
    let (mut world, people) = meeting(&FIVE[..3], &for_five());
    let alice = people[0];
    let before = world.track(alice, Source::Camera);
    assert!(world.offer_again(alice, Change { screen_audio: true, ..Change::default() }));
    world.run_for(s(2));
    assert_eq!(world.track(alice, Source::Camera), before, "lines keep their tracks");
    for id in &people[1..] {
        assert_eq!(seen(&world, *id, Source::ScreenAudio), BTreeSet::from([alice]));
    }
    assert_slots_are_alive(&mut world, &people);
    world.mute(alice, Source::ScreenAudio, true);
    world.run_for(s(1));
    assert!(seen(&world, people[1], Source::ScreenAudio).is_empty());
    assert_slots_are_alive(&mut world, &people);
    world.finish();
}

#[test]
fn an_offer_that_contradicts_the_session_is_refused_and_changes_nothing() {
    let few = Attendance { slots: (1, 1), ..Attendance::usual() };
    let (mut world, people) = meeting(&FIVE[..2], &few);
    let [alice, bob] = [people[0], people[1]];
    let offer = world.offer_of(bob).clone();
    // Bob's lines have other names than Alice's: prepared for his session, they do not fit hers.
    let place = world.place(alice);
    let secret = *b"another secret, 24 bytes";
    let renegotiation =
        plenum_engine::prepare_renegotiation(place, &offer, &offer, Vec::new(), &[], secret).unwrap();
    let reply = world.command(0, plenum_engine::Command::Renegotiate(Box::new(renegotiation)));
    assert_eq!(reply, plenum_engine::Reply::Refused);
    world.run_for(s(2));
    assert_slots_are_alive(&mut world, &people);
    world.finish();
}
