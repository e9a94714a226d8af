//! The control plane's side of the simulation, and its book: who was admitted where, and how each one ended.

use std::collections::BTreeMap;

use plenum_engine::{Counters, Event};
use plenum_model::{CloseReason, Place, RoomName, Seats};

/// All sessions that ever were.
#[derive(Debug)]
pub(crate) struct Sessions {
    pub seats: Seats,
    living: BTreeMap<Place, RoomName>,
    per_room: BTreeMap<RoomName, usize>,
    ended: BTreeMap<Place, CloseReason>,
    /// Rooms that were asked to panic.
    pub panics: u64,
}

impl Sessions {
    pub fn new(shard: u16) -> Self {
        Self {
            seats: Seats::new(shard),
            living: BTreeMap::new(),
            per_room: BTreeMap::new(),
            ended: BTreeMap::new(),
            panics: 0,
        }
    }

    pub fn admitted(&mut self, place: Place, room: RoomName) {
        *self.per_room.entry(room.clone()).or_default() += 1;
        let former = self.living.insert(place, room);
        assert_eq!(former, None, "{place:?} is admitted twice");
    }

    /// Takes note of an event.
    pub fn hear(&mut self, event: &Event) {
        match event {
            Event::Ended { place, reason } => self.end(*place, *reason),
            Event::Connected { place, .. }
            | Event::TrackStarted { place, .. }
            | Event::FirstPacket { place, .. }
            | Event::Interrupted { place }
            | Event::Resumed { place } => {
                assert!(self.living.contains_key(place), "{event:?} of a session that is over");
            }
            Event::RoomPanicked { .. } => {}
        }
    }

    fn end(&mut self, place: Place, reason: CloseReason) {
        let room = self.living.remove(&place);
        let room = room.unwrap_or_else(|| panic!("{place:?} ended ({reason:?}) but was not there"));
        let left = self.per_room.get_mut(&room).expect("a room of the living");
        *left -= 1;
        if *left == 0 {
            self.per_room.remove(&room);
        }
        assert_eq!(self.ended.insert(place, reason), None, "{place:?} ended twice");
        self.seats.release(place);
    }

    /// Why a session ended, if it did.
    pub fn end_of(&self, place: Place) -> Option<CloseReason> {
        self.ended.get(&place).copied()
    }

    /// How many are there.
    pub fn living(&self) -> usize {
        self.living.len()
    }

    /// Whether the shard's counters agree with the book.
    pub fn check(&self, counters: &Counters) {
        let Counters { handled_stun, handled_dtls, handled_rtp, handled_rtcp, .. } = counters;
        let accounted =
            handled_stun + handled_dtls + handled_rtp + handled_rtcp + counters.dropped.iter().sum::<u64>();
        assert_eq!(counters.received, accounted, "received = handled + dropped");
        assert_eq!(counters.participants, self.living.len() as u64, "participants");
        assert_eq!(counters.rooms, self.per_room.len() as u64, "rooms");
        assert!(counters.panics <= self.panics, "a panic that nobody asked for");
    }
}
