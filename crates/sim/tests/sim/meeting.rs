//! A meeting to begin with, and what can be asked about its slots.

use std::collections::BTreeSet;

use plenum_model::Source;
use plenum_sim::{Attendance, ClientId, World};

use crate::{WIRE, s};

/// People with these names, all in room 0, connected and with their slots filled.
pub fn meeting(names: &[&str], attendance: &Attendance) -> (World, Vec<ClientId>) {
    let mut world = World::new(plenum_sim::seed(1));
    let people: Vec<ClientId> = names.iter().map(|name| world.attend(0, name, attendance, WIRE)).collect();
    world.run_for(s(4));
    assert!(people.iter().all(|id| world.is_connected(*id)), "not everyone is connected after 4 s");
    (world, people)
}

/// Their usual names.
pub const FIVE: [&str; 5] = ["alice", "bob", "carol", "dave", "erin"];

/// Slots for everyone among five.
pub fn for_five() -> Attendance {
    Attendance { slots: (4, 4), ..Attendance::usual() }
}

/// Whose `source` a participant has in its slots.
pub fn seen(world: &World, id: ClientId, source: Source) -> BTreeSet<ClientId> {
    world
        .shown(id)
        .into_iter()
        .filter_map(|(_, shown)| shown)
        .filter(|(_, s)| *s == source)
        .map(|(whose, _)| whose)
        .collect()
}

/// Everyone but one.
pub fn others(people: &[ClientId], id: ClientId) -> BTreeSet<ClientId> {
    people.iter().copied().filter(|other| *other != id).collect()
}

/// Asserts that in every slot that shows something, this is decoded or heard right now, and nothing else.
pub fn assert_slots_are_alive(world: &mut World, people: &[ClientId]) {
    let counts = |world: &World, id: ClientId| -> Vec<(String, u64, u64)> {
        let slots = world.member(id).slots();
        slots.map(|(mid, slot)| (mid.to_owned(), slot.decoded(), slot.audio().received)).collect()
    };
    let before: Vec<_> = people.iter().map(|id| counts(world, *id)).collect();
    world.run_for(s(1));
    for (id, before) in people.iter().zip(before) {
        for ((mid, pictures, voices), (_, pictures_now, voices_now)) in
            before.into_iter().zip(counts(world, *id))
        {
            let shown = world.shown(*id).into_iter().find(|(m, _)| *m == mid).and_then(|(_, shown)| shown);
            let got = (pictures_now - pictures, voices_now - voices);
            let enough = match shown {
                Some((_, Source::Camera)) => got.0 > 20 && got.1 == 0,
                Some((_, Source::Screen)) => got.0 > 3 && got.1 == 0,
                Some((_, Source::Microphone | Source::ScreenAudio)) => got.1 > 40 && got.0 == 0,
                None => got == (0, 0),
            };
            assert!(enough, "slot {mid} of {id:?} with {shown:?} got {got:?} within a second");
            let slot = world.member(*id).slot(&mid);
            let last = slot.publishers().last().or(slot.speakers().last()).copied();
            assert!(
                shown.is_none() || shown.map(|(whose, _)| whose.0) == last,
                "slot {mid}: {shown:?}, {last:?}"
            );
        }
    }
}
