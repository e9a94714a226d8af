//! Whether each slot gets what the server says is in it.
//!
//! The server announces by message what its media then shows, and the two overtake each other. So a slot
//! knows its occupant, the one before, and one that came unannounced; packets of each are counted on their
//! own, and judged when the grace is over.

#[cfg(test)]
mod tests;

use std::time::{Duration, Instant};

use str0m::media::{MediaKind, Mid};

use super::stretch::{GRACE, Source, Stretch, Verdict};
use crate::meters::Meters;
use crate::payload::{self, Marker, Mismatch};
use crate::viewer::Count;

/// What the server says is in a slot.
#[derive(Debug, Clone)]
pub(crate) enum Occupant {
    /// Nothing.
    Nobody,
    /// A stream of this run.
    Known(Source),
    /// A track of somebody else.
    Stranger,
}

/// All slots of one participant.
#[derive(Debug)]
pub(crate) struct Slots {
    run: u32,
    room: u16,
    slots: Vec<Slot>,
    /// Somebody who is no load generator takes part; what they send cannot be judged.
    has_strangers: bool,
    past: Past,
}

/// How slots were filled.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Fillings {
    /// Sources in slots that could be judged.
    pub expected: u64,
    /// Those of which media came in time.
    pub right: u64,
    /// Those of which none came, and media that was never announced.
    pub wrong: u64,
    /// Times that one source took another's place.
    pub switches: u64,
    /// The longest time without a packet of a video in a slot.
    pub longest_video_gap: Duration,
}

#[derive(Debug)]
struct Slot {
    mid: Mid,
    kind: MediaKind,
    occupant: Option<Stretch>,
    former: Option<(Stretch, Instant)>,
    early: Option<Stretch>,
    last_arrival: Option<Instant>,
}

/// What is over and counted.
#[derive(Debug, Default)]
struct Past {
    count: Count,
    fillings: Fillings,
    /// Packets of no load generator: media may be faster than the word that somebody else is in the slot.
    unmarked: u64,
}

impl Slots {
    /// Empty slots of a participant in room `room` of run `run`.
    pub(crate) fn new(run: u32, room: u16, lines: &[(Mid, MediaKind)]) -> Self {
        let slot = |(mid, kind): &(Mid, MediaKind)| Slot {
            mid: *mid,
            kind: *kind,
            occupant: None,
            former: None,
            early: None,
            last_arrival: None,
        };
        Self {
            run,
            room,
            slots: lines.iter().map(slot).collect(),
            has_strangers: false,
            past: Past::default(),
        }
    }

    /// Takes what the server said at `now`.
    pub(crate) fn assign(&mut self, now: Instant, occupants: &[(Mid, Occupant)]) {
        for (mid, occupant) in occupants {
            let Some(slot) = self.slots.iter_mut().find(|slot| slot.mid == *mid) else { continue };
            self.has_strangers |= matches!(occupant, Occupant::Stranger);
            match occupant {
                Occupant::Known(source) => slot.enter(now, source, &mut self.past),
                Occupant::Nobody | Occupant::Stranger => slot.vacate(now, &mut self.past),
            }
        }
        self.past.fillings.wrong += self.doubles();
    }

    /// Slots that hold what another one holds already.
    fn doubles(&self) -> u64 {
        let sources: Vec<&Source> = self
            .slots
            .iter()
            .filter_map(|slot| slot.occupant.as_ref())
            .map(|stretch| &stretch.source)
            .collect();
        let is_double = |(i, source): (usize, &&Source)| sources[..i].iter().any(|other| other.is(source));
        sources.iter().enumerate().filter(|double| is_double((double.0, double.1))).count() as u64
    }

    /// Takes a decrypted payload that arrived at `at` on the line `mid`. `find` knows who sends what.
    pub(crate) fn receive(
        &mut self,
        at: Instant,
        mid: Mid,
        payload: &[u8],
        meters: &mut Meters,
        find: impl Fn(Marker, MediaKind) -> Option<Source>,
    ) {
        let Some(slot) = self.slots.iter_mut().find(|slot| slot.mid == mid) else {
            self.past.count.foreign += 1;
            return;
        };
        let marker = match payload::decode(slot.kind == MediaKind::Video, payload) {
            Ok(marker) => marker,
            Err(Mismatch::Corrupt) => return self.past.count.corrupt += 1,
            Err(Mismatch::NotGenerated) => return self.past.unmarked += 1,
        };
        let is_ours = (marker.origin.run, marker.origin.room) == (self.run, self.room);
        if !is_ours || !slot.receive(at, marker, meters, &mut self.past, find) {
            self.past.count.foreign += 1;
        }
    }

    /// Slots of this kind that have an occupant.
    pub(crate) fn filled(&self, kind: MediaKind) -> usize {
        self.slots.iter().filter(|slot| slot.kind == kind && slot.occupant.is_some()).count()
    }

    /// Slots of this kind.
    pub(crate) fn lines(&self, kind: MediaKind) -> usize {
        self.slots.iter().filter(|slot| slot.kind == kind).count()
    }

    /// Whether anything of this kind has arrived.
    pub(crate) fn has_received(&self, kind: MediaKind) -> bool {
        self.slots.iter().any(|slot| slot.kind == kind && slot.last_arrival.is_some())
    }

    /// Packets so far.
    pub(crate) fn count(&self) -> Count {
        let mut count = self.past.count;
        if !self.has_strangers {
            count.foreign += self.past.unmarked;
        }
        for slot in &self.slots {
            let current = slot.occupant.iter().map(|stretch| (stretch, false));
            let over = slot.former.iter().map(|(stretch, _)| stretch).chain(&slot.early);
            for (stretch, is_over) in current.chain(over.map(|stretch| (stretch, true))) {
                count.add(stretch, is_over);
            }
        }
        count
    }

    /// Fillings as they would be judged at `now`.
    pub(crate) fn fillings(&self, now: Instant) -> Fillings {
        let mut fillings = self.past.fillings;
        for slot in &self.slots {
            let former = slot.former.iter().map(|(stretch, ended)| (stretch, *ended));
            let others = slot.occupant.iter().chain(&slot.early).map(|stretch| (stretch, now));
            former.chain(others).for_each(|(stretch, until)| fillings.add(slot.kind, stretch, until));
        }
        fillings
    }

    /// Empties all slots: who leaves at `now` expects nothing more.
    pub(crate) fn vacate(&mut self, now: Instant) {
        self.slots.iter_mut().for_each(|slot| slot.vacate(now, &mut self.past));
    }
}

impl Slot {
    fn enter(&mut self, now: Instant, source: &Source, past: &mut Past) {
        if self.occupant.as_ref().is_some_and(|stretch| stretch.source.is(source)) {
            return;
        }
        let was_taken = self.occupant.is_some();
        past.fillings.switches += u64::from(was_taken);
        self.vacate(now, past);
        // Who comes back begins anew: nobody knows what was left out meanwhile.
        if self.former.as_ref().is_some_and(|(stretch, _)| stretch.source.is(source)) {
            self.close_former(past);
        }
        let early = self.early.take_if(|stretch| stretch.source.is(source));
        let mut stretch = early.unwrap_or_else(|| Stretch::unnamed(source.clone(), was_taken));
        stretch.name(now);
        self.occupant = Some(stretch);
    }

    fn vacate(&mut self, now: Instant, past: &mut Past) {
        if let Some(stretch) = self.occupant.take() {
            self.close_former(past);
            self.former = Some((stretch, now));
        }
    }

    fn close_former(&mut self, past: &mut Past) {
        if let Some((stretch, ended)) = self.former.take() {
            past.close(self.kind, &stretch, ended);
        }
    }

    /// False when nobody in this room sends such a packet.
    fn receive(
        &mut self,
        at: Instant,
        marker: Marker,
        meters: &mut Meters,
        past: &mut Past,
        find: impl Fn(Marker, MediaKind) -> Option<Source>,
    ) -> bool {
        if self.former.as_ref().is_some_and(|(_, ended)| at > *ended + GRACE) {
            self.close_former(past);
        }
        let before = self.last_arrival;
        let sends = |stretch: &&mut Stretch| stretch.source.origin == marker.origin;
        let former = self.former.as_mut().map(|(stretch, _)| stretch);
        let mut known = self.occupant.as_mut().into_iter().chain(former).chain(self.early.as_mut());
        if let Some(stretch) = known.find(sends) {
            stretch.receive(at, before, marker, meters);
        } else {
            let Some(source) = find(marker, self.kind) else { return false };
            let mut stretch = Stretch::unnamed(source, self.occupant.is_some());
            stretch.receive(at, before, marker, meters);
            if let Some(given_up) = self.early.replace(stretch) {
                past.close(self.kind, &given_up, at);
            }
        }
        self.last_arrival = Some(at);
        true
    }
}

impl Past {
    fn close(&mut self, kind: MediaKind, stretch: &Stretch, until: Instant) {
        self.count.add(stretch, true);
        self.fillings.add(kind, stretch, until);
    }
}

impl Count {
    fn add(&mut self, stretch: &Stretch, is_over: bool) {
        self.expected += stretch.expected(is_over);
        self.received += stretch.ledger().received();
        self.duplicates += stretch.ledger().duplicates();
    }
}

impl Fillings {
    fn add(&mut self, kind: MediaKind, stretch: &Stretch, until: Instant) {
        let verdict = stretch.verdict(until);
        self.expected += u64::from(verdict != Verdict::Open);
        self.right += u64::from(verdict == Verdict::Right);
        self.wrong += u64::from(verdict == Verdict::Wrong);
        if kind == MediaKind::Video {
            self.longest_video_gap = self.longest_video_gap.max(stretch.longest_gap());
        }
    }

    /// Adds those of another participant.
    pub(crate) fn merge(&mut self, other: Fillings) {
        self.expected += other.expected;
        self.right += other.right;
        self.wrong += other.wrong;
        self.switches += other.switches;
        self.longest_video_gap = self.longest_video_gap.max(other.longest_video_gap);
    }
}
