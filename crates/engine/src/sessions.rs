//! How sessions begin, change and end, and what keeps one room's misfortune from the others.

use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use plenum_model::{CloseReason, Place, RoomName, limits};
use plenum_room::{Room, Target};

use crate::command::{Admission, Event, Reply, Role};
use crate::engine::{Engine, RoomState};
use crate::negotiate::IceRestart;
use crate::participant::Participant;
use crate::relay::RelayMessage;

impl Engine {
    pub(crate) fn admit(&mut self, now: Instant, admission: Admission) -> Reply {
        let Admission { place, room, home, identity, role, peer } = admission;
        let slot = place.slot as usize;
        if self.participants.len() <= slot {
            self.participants.resize_with(slot + 1, || None);
        }
        if self.participants[slot].is_some() || place.shard != self.config.shard {
            return Reply::Refused;
        }
        let mut replaced = None;
        if role.publishes()
            && let Some(key) = self.by_name.get(&room)
            && let Some(former) = self.rooms[*key].room.publisher(&identity)
        {
            replaced = self.participants[former as usize].as_ref().map(|participant| participant.place);
            self.end(now, former, CloseReason::Replaced);
        }
        // Only now: with its last participant the room has gone.
        let key = self.room_key(&room, home);
        if self.rooms[key].membership.home_shard != home {
            return Reply::Refused;
        }
        let candidates = peer.remote_candidates.clone();
        let mut participant = Box::new(Participant::new(now, place, identity.clone(), key, peer));
        if let Role::Participant { allowed, .. } = role {
            participant.allowed = allowed;
        }
        let state = &mut self.rooms[key].room;
        if role.publishes() {
            let tracks = state.publish(place.slot, identity, &participant.published_lines(0));
            participant.set_tracks(0, &tracks);
        }
        // The lines that it receives on follow when it is connected: until then str0m would keep whatever is
        // written to it.
        match role {
            Role::Publisher => {}
            Role::Viewer { of } => {
                state.watch(place.slot, of.map_or(Target::Main, Target::Participant), Vec::new());
            }
            Role::Participant { .. } => state.watch(place.slot, Target::Slots, Vec::new()),
        }
        let tracks = participant.tracks();
        self.participants[slot] = Some(participant);
        self.counters.participants += 1;
        self.tell_published(key, place.slot);
        self.expect(now, place.slot, &candidates);
        self.note_wish(key);
        self.give_time(now, place.slot);
        Reply::Admitted { replaced, tracks }
    }

    /// The room of this name, made if there is none. One that has moved to another home, and has nobody left,
    /// is made anew.
    pub(crate) fn room_key(&mut self, name: &RoomName, home_shard: u16) -> usize {
        if let Some(key) = self.by_name.get(name).copied() {
            let state = &self.rooms[key];
            if state.membership.home_shard == home_shard || state.room.seats().next().is_some() {
                return key;
            }
            self.remove_room(key, CloseReason::RoomClosed);
        }
        self.generations = self.generations.wrapping_add(1);
        let key = self.rooms.insert(RoomState::new(Room::new(name.clone()), home_shard, self.generations));
        self.by_name.insert(name.clone(), key);
        self.counters.rooms += 1;
        if home_shard != self.config.shard {
            let mirror = self.room_ref(key);
            self.send(home_shard, RelayMessage::Join { room: name.clone(), mirror });
        }
        key
    }

    pub(crate) fn expect(&mut self, now: Instant, slot: u32, candidates: &[SocketAddr]) {
        for candidate in candidates.iter().take(limits::REMOTE_CANDIDATES) {
            if self.addresses.expect(*candidate, slot)
                && let Some(participant) = &mut self.participants[slot as usize]
                && participant.addresses.iter().all(|(known, _)| known != candidate)
            {
                participant.addresses.push((*candidate, now));
            }
        }
    }

    pub(crate) fn add_candidates(&mut self, now: Instant, place: Place, candidates: &[SocketAddr]) -> Reply {
        let Some(slot) = self.slot_of(place) else { return Reply::NotFound };
        self.with(slot, |participant| participant.add_candidates(candidates));
        self.expect(now, slot, candidates);
        self.give_time(now, slot);
        Reply::Done
    }

    pub(crate) fn restart_ice(&mut self, now: Instant, restart: IceRestart) -> Reply {
        let Some(slot) = self.slot_of(restart.place) else { return Reply::NotFound };
        let candidates = restart.reoffer.remote_candidates.clone();
        let restarted = self.with(slot, |participant| participant.accept(restart.reoffer));
        self.expect(now, slot, &candidates);
        self.give_time(now, slot);
        match restarted {
            Some(Ok(_)) => Reply::Done,
            Some(Err(error)) => {
                tracing::debug!(slot, %error, "ICE restart refused");
                Reply::Refused
            }
            None => Reply::NotFound,
        }
    }

    /// Works with one participant under the guard of its room.
    fn with<R>(&mut self, slot: u32, work: impl FnOnce(&mut Participant) -> R) -> Option<R> {
        let room = self.participants[slot as usize].as_ref()?.room;
        self.guarded(room, |engine| engine.participants[slot as usize].as_mut().map(|p| work(p)))?
    }

    pub(crate) fn close_room(&mut self, now: Instant, room: &RoomName, reason: CloseReason) -> Reply {
        let Some(key) = self.by_name.get(room).copied() else { return Reply::NotFound };
        let seats: Vec<u32> = self.rooms[key].room.seats().collect();
        seats.into_iter().for_each(|slot| self.end(now, slot, reason));
        // Viewers on other shards have kept it.
        if let Some(key) = self.by_name.get(room).copied() {
            self.remove_room(key, reason);
        }
        Reply::Done
    }

    /// Ends a session: the one way, whatever the reason. Guarded, and without effect on one that is over.
    pub(crate) fn end(&mut self, now: Instant, slot: u32, reason: CloseReason) {
        if let Some(Some(participant)) = self.participants.get(slot as usize) {
            let room = participant.room;
            self.guarded(room, |engine| engine.end_in_room(now, slot, reason));
        }
    }

    pub(crate) fn end_in_room(&mut self, now: Instant, slot: u32, reason: CloseReason) {
        let Some(mut participant) = self.participants[slot as usize].take() else { return };
        // Consent lost is leave to send revoked (RFC 7675, section 5.1); others are told.
        if !matches!(reason, CloseReason::ConsentLost | CloseReason::SetupTimeout) {
            participant.say_goodbye(now, &mut self.outputs.transmits);
        }
        self.forget(&participant, reason);
        let key = participant.room;
        let tracks = self.rooms[key].room.tracks_of(slot);
        self.rooms[key].room.leave(slot);
        if let Some(tracks) = tracks {
            self.tell_unpublished(key, &tracks);
        }
        if self.rooms[key].room.is_empty() {
            self.remove_room(key, reason);
        } else {
            self.note_wish(key);
        }
    }

    fn forget(&mut self, participant: &Participant, reason: CloseReason) {
        for (address, _) in &participant.addresses {
            self.addresses.forget(address, participant.place.slot);
        }
        self.counters.participants -= 1;
        self.events.push_back(Event::Ended { place: participant.place, reason });
    }

    pub(crate) fn remove_room(&mut self, key: usize, reason: CloseReason) -> RoomName {
        let state = self.rooms.remove(key);
        // The key may be given to another room before the flush.
        self.fanout.forget_room(key);
        self.by_name.remove(state.room.name());
        self.counters.rooms -= 1;
        self.tell_closed(key, &state, reason);
        state.room.name().clone()
    }

    /// Does a room's work. If it panics, the room is dropped with everyone in it, and the shard goes on.
    pub(crate) fn guarded<R>(&mut self, key: usize, work: impl FnOnce(&mut Self) -> R) -> Option<R> {
        match catch_unwind(AssertUnwindSafe(|| work(self))) {
            Ok(result) => Some(result),
            Err(_) => {
                self.drop_room(key);
                None
            }
        }
    }

    fn drop_room(&mut self, key: usize) {
        self.counters.panics += 1;
        // What the broken participant had left here must not be taken for the next one's.
        self.outputs.packets.clear();
        self.outputs.told.clear();
        if !self.rooms.contains(key) {
            return;
        }
        // The room's own list may be what broke: look at everyone.
        let lost: Vec<_> =
            self.participants.iter_mut().filter_map(|p| p.take_if(|p| p.room == key)).collect();
        for participant in lost {
            self.forget(&participant, CloseReason::Panicked);
            // Whatever state it is in, its end must not be another panic.
            let _ = catch_unwind(AssertUnwindSafe(|| drop(participant)));
        }
        let room = self.remove_room(key, CloseReason::Panicked);
        tracing::error!(%room, "a panic in this room's work: the room was dropped");
        self.events.push_back(Event::RoomPanicked { room });
    }
}
