//! What participants ask of their room, and what it tells them: tracks muted, slots pinned and measured, who is
//! shown where, who speaks.

use std::time::Instant;

use plenum_model::{Allowed, Place, SlotDemand};
use plenum_room::{Missing, Room, Seat, TrackId};

use crate::command::{Event, Reply};
use crate::engine::Engine;
use crate::negotiate::Renegotiation;
use crate::participant::{Participant, SlotWish, Wish};

impl Engine {
    /// Answers another offer. New lines are in the room with the answer, those that are there stay untouched.
    pub(crate) fn renegotiate(&mut self, now: Instant, renegotiation: Renegotiation) -> Reply {
        let candidates = renegotiation.reoffer.remote_candidates.clone();
        let place = renegotiation.place;
        let reply = self.in_session(place, |engine, slot, key| {
            let Some(participant) = &mut engine.participants[slot as usize] else { return Reply::NotFound };
            let first = participant.line_count();
            let Some(answer) = participant.renegotiate(renegotiation) else { return Reply::Refused };
            engine.add_lines(slot, key, first);
            let tracks = engine.participants[slot as usize].as_ref().map(|p| p.tracks()).unwrap_or_default();
            Reply::Answered { answer, tracks }
        });
        if let Some(slot) = self.slot_of(place) {
            self.expect(now, slot, &candidates);
            self.give_time(now, slot);
        }
        reply
    }

    /// Tells a participant's lines from `first` on to its room.
    fn add_lines(&mut self, slot: u32, key: usize, first: usize) {
        let Some(participant) = &mut self.participants[slot as usize] else { return };
        let room = &mut self.rooms[key].room;
        let published = participant.published_lines(first);
        if !published.is_empty() {
            let tracks = room.add_published_lines(slot, &published);
            participant.set_tracks(first, &tracks);
        }
        // Before that, all of its lines are still to be told.
        if participant.is_connected() {
            room.add_lines(slot, participant.viewer_lines(first, &mut self.random));
            if !participant.allowed.subscribe {
                grant(room, slot, participant);
            }
        }
        if !published.is_empty() {
            self.tell_published(key, slot);
        }
    }

    pub(crate) fn mute(&mut self, place: Place, track: TrackId, muted: bool) -> Reply {
        self.in_session(place, |engine, slot, key| {
            let Some(participant) = &mut engine.participants[slot as usize] else { return Reply::NotFound };
            let Some(silent) = participant.set_muted(track, muted) else { return Reply::NotFound };
            engine.rooms[key].room.set_muted(track, silent);
            engine.tell_published(key, slot);
            Reply::Done
        })
    }

    pub(crate) fn pin(&mut self, place: Place, mid: &str, track: Option<TrackId>) -> Reply {
        self.wish(place, mid, Wish::Pin(track))
    }

    pub(crate) fn demand(&mut self, place: Place, mid: &str, demand: SlotDemand) -> Reply {
        self.wish(place, mid, Wish::Demand(demand))
    }

    fn wish(&mut self, place: Place, mid: &str, wish: Wish) -> Reply {
        self.in_session(place, |engine, slot, key| {
            let Some(participant) = &mut engine.participants[slot as usize] else { return Reply::NotFound };
            let Some(line) = participant.slot(mid) else { return Reply::NotFound };
            let wish = SlotWish { line, wish };
            // Otherwise it is granted when it can be.
            if participant.is_connected() && participant.allowed.subscribe {
                let room = &mut engine.rooms[key].room;
                if fulfil(room, slot, wish).is_err() {
                    return Reply::NotFound;
                }
            }
            participant.keep_wish(wish);
            Reply::Done
        })
    }

    /// A participant is connected: whatever it receives on is served from now on.
    pub(crate) fn begin_to_serve(&mut self, slot: u32, key: usize) {
        let Some(participant) = &mut self.participants[slot as usize] else { return };
        let room = &mut self.rooms[key].room;
        room.add_lines(slot, participant.viewer_lines(0, &mut self.random));
        if !participant.allowed.subscribe || !participant.wishes.is_empty() {
            grant(room, slot, participant);
        }
        self.note_wish(key);
    }

    /// A participant may do more or less from now on.
    pub(crate) fn allow(&mut self, place: Place, allowed: Allowed) -> Reply {
        self.in_session(place, |engine, slot, key| {
            let Some(participant) = &mut engine.participants[slot as usize] else { return Reply::NotFound };
            participant.allowed = allowed;
            let room = &mut engine.rooms[key].room;
            for (track, silent) in participant.silences() {
                room.set_muted(track, silent);
            }
            grant(room, slot, participant);
            // No more lines, but with them the room tells again what all show.
            room.add_lines(slot, Vec::new());
            engine.tell_published(key, slot);
            Reply::Done
        })
    }

    /// Tells what has changed in the slots of a room, and who speaks there.
    pub(crate) fn tell_slots(&mut self, key: usize) {
        let room = &mut self.rooms[key].room;
        while let Some((seat, slots)) = room.poll_slots() {
            let Some(Some(participant)) = self.participants.get(seat as usize) else { continue };
            let may_see = participant.allowed.subscribe;
            let named = |(line, track): (u8, Option<TrackId>)| {
                Some((participant.mid(line)?, track.filter(|_| may_see)))
            };
            let slots = slots.into_iter().filter_map(named).collect();
            self.events.push_back(Event::Slots { place: participant.place, slots });
        }
        if let Some(speaking) = room.poll_speakers() {
            self.events.push_back(Event::Speakers { room: room.name().clone(), speaking });
        }
    }

    /// Works for one session under the guard of its room, and looks at the room's wishes afterwards.
    fn in_session(&mut self, place: Place, work: impl FnOnce(&mut Self, u32, usize) -> Reply) -> Reply {
        let Some(slot) = self.slot_of(place) else { return Reply::NotFound };
        let Some(key) = self.participants[slot as usize].as_ref().map(|p| p.room) else {
            return Reply::NotFound;
        };
        let reply = self.guarded(key, |engine| work(engine, slot, key));
        self.note_wish(key);
        reply.unwrap_or(Reply::NotFound)
    }
}

/// Brings a participant's wishes into force. One who may not receive has no use for any of its slots: the numbers of
/// their packets go on when it may again.
fn grant(room: &mut Room, seat: Seat, participant: &Participant) {
    let may_see = participant.allowed.subscribe;
    for line in participant.slots() {
        let demand = if may_see { participant.demand(line) } else { SlotDemand::NOTHING };
        // A line that the room does not know yet is granted when it does.
        let _ = room.set_demand_of(seat, line, demand);
    }
    for wish in participant.wishes.iter().filter(|wish| may_see && matches!(wish.wish, Wish::Pin(_))) {
        // Whose track it was may have left meanwhile.
        let _ = fulfil(room, seat, *wish);
    }
}

fn fulfil(room: &mut Room, seat: Seat, SlotWish { line, wish }: SlotWish) -> Result<(), Missing> {
    match wish {
        Wish::Pin(track) => room.pin(seat, line, track),
        Wish::Demand(demand) => room.set_demand_of(seat, line, demand),
    }
}
