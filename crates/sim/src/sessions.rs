//! The control plane's side of the simulation, and its book: who was admitted where, and how each one ended.

use std::collections::BTreeMap;
use std::time::Instant;

use plenum_engine::{Counters, Event};
use plenum_model::{CloseReason, Place, RoomName, Seats};

/// All sessions that ever were.
#[derive(Debug)]
pub(crate) struct Sessions {
    seats: Vec<Seats>,
    living: BTreeMap<Place, Living>,
    /// How many sessions keep a room on a shard: those that sit there, and those elsewhere whose home it is.
    kept: BTreeMap<(u16, RoomName), usize>,
    ended: BTreeMap<Place, (Instant, CloseReason)>,
    /// Rooms that were asked to panic.
    pub panics: u64,
}

#[derive(Debug)]
struct Living {
    room: RoomName,
    home: u16,
    is_connected: bool,
}

impl Living {
    /// The shards on which this session keeps its room.
    fn shards(&self, place: Place) -> impl Iterator<Item = u16> + use<> {
        let home = (self.home != place.shard).then_some(self.home);
        std::iter::once(place.shard).chain(home)
    }
}

impl Sessions {
    pub fn new(shards: u16) -> Self {
        Self {
            seats: (0..shards).map(Seats::new).collect(),
            living: BTreeMap::new(),
            kept: BTreeMap::new(),
            ended: BTreeMap::new(),
            panics: 0,
        }
    }

    pub fn reserve(&mut self, shard: u16) -> Place {
        self.seats[usize::from(shard)].reserve().expect("a free place")
    }

    pub fn admitted(&mut self, place: Place, room: RoomName, home: u16) {
        let living = Living { room, home, is_connected: false };
        for shard in living.shards(place) {
            *self.kept.entry((shard, living.room.clone())).or_default() += 1;
        }
        let former = self.living.insert(place, living);
        assert!(former.is_none(), "{place:?} is admitted twice");
    }

    /// An admission was refused. That may happen only while others of the room sit on the shard and know it by
    /// another home.
    pub fn refused(&mut self, place: Place, room: &RoomName, home: u16) {
        let knows_another = |(at, other): (&Place, &Living)| {
            at.shard == place.shard && other.room == *room && other.home != home
        };
        assert!(self.living.iter().any(knows_another), "{place:?} was refused");
        self.seats[usize::from(place.shard)].release(place);
    }

    /// Takes note of an event.
    pub fn hear(&mut self, now: Instant, event: &Event) {
        match event {
            Event::Ended { place, reason } => self.end(now, *place, *reason),
            Event::Connected { place, .. } => {
                let living = self.living.get_mut(place).expect("only the living connect");
                assert!(!std::mem::replace(&mut living.is_connected, true), "{place:?} connected twice");
            }
            Event::TrackStarted { place, .. }
            | Event::FirstPacket { place, .. }
            | Event::Slots { place, .. }
            | Event::Chat { place, .. }
            | Event::DataDropped { to: place, .. }
            | Event::Interrupted { place }
            | Event::Resumed { place } => {
                let is_connected = self.living.get(place).is_some_and(|living| living.is_connected);
                assert!(is_connected, "{event:?} of a session that is not connected, or over");
            }
            Event::Speakers { .. } | Event::RoomPanicked { .. } => {}
        }
    }

    fn end(&mut self, now: Instant, place: Place, reason: CloseReason) {
        assert!(self.forget(place).is_some(), "{place:?} ended ({reason:?}) but was not there");
        assert_eq!(self.ended.insert(place, (now, reason)), None, "{place:?} ended twice");
        self.seats[usize::from(place.shard)].release(place);
    }

    fn forget(&mut self, place: Place) -> Option<Living> {
        let session = self.living.remove(&place)?;
        for shard in session.shards(place) {
            let key = (shard, session.room.clone());
            let left = self.kept.get_mut(&key).expect("a room of the living");
            *left -= 1;
            if *left == 0 {
                self.kept.remove(&key);
            }
        }
        Some(session)
    }

    /// Why a session ended, if it did.
    pub fn end_of(&self, place: Place) -> Option<CloseReason> {
        self.ended.get(&place).map(|(_, reason)| *reason)
    }

    /// When a session ended, if it did.
    pub fn ended_at(&self, place: Place) -> Option<Instant> {
        self.ended.get(&place).map(|(at, _)| *at)
    }

    /// Whether a session goes on.
    pub fn is_living(&self, place: Place) -> bool {
        self.living.contains_key(&place)
    }

    /// How many are there.
    pub fn living(&self) -> usize {
        self.living.len()
    }

    /// Whether a shard's counters agree with the book. Rooms are compared while nothing that shards say to each
    /// other is on its way: then there is a room wherever somebody sits, and at each home of theirs.
    pub fn check(&self, shard: u16, counters: &Counters, is_silent: bool) {
        let Counters { handled_stun, handled_dtls, handled_rtp, handled_rtcp, .. } = counters;
        let accounted =
            handled_stun + handled_dtls + handled_rtp + handled_rtcp + counters.dropped.iter().sum::<u64>();
        assert_eq!(counters.received, accounted, "received = handled + dropped on shard {shard}");
        let seated = self.living.keys().filter(|place| place.shard == shard).count();
        assert_eq!(counters.participants, seated as u64, "participants of shard {shard}");
        if is_silent {
            let rooms = self.kept.keys().filter(|(on, _)| *on == shard).count();
            assert_eq!(counters.rooms, rooms as u64, "rooms of shard {shard}: {:?}", self.kept);
        }
        assert!(counters.panics <= self.panics, "a panic that nobody asked for");
    }
}
