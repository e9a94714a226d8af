//! What a viewer asks for its slots, and what it is told of them.

use plenum_model::{MediaKind, SlotDemand};

use crate::binding::Whose;
use crate::viewer::{Target, ViewerSlot};
use crate::{Room, Seat, TrackId};

/// What a viewer's slots show, by their lines.
pub type Shown = Vec<(u8, Option<TrackId>)>;

/// What was named is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    /// No such slot, or not yet: a viewer has none before it is connected.
    Slot,
    /// No such track, or none that could be shown there: one's own, or one of the other kind.
    Track,
}

impl Room {
    /// A viewer wants to see a track in a slot as long as there is something of it, or leaves the slot to the room.
    /// Pinned before to another slot, it moves.
    pub fn pin(&mut self, seat: Seat, line: u8, track: Option<TrackId>) -> Result<(), Missing> {
        let viewer = self.viewers.get_mut(&seat).filter(|viewer| viewer.target == Target::Slots);
        let viewer = viewer.ok_or(Missing::Slot)?;
        let kind: MediaKind = viewer.slot(line).ok_or(Missing::Slot)?.kind;
        if let Some(id) = track {
            let can_be_shown =
                self.tracks.get(&id).is_some_and(|t| t.kind() == kind && t.seat() != Some(seat));
            can_be_shown.then_some(()).ok_or(Missing::Track)?;
            viewer.unpin(id);
        }
        viewer.slot_mut(line).ok_or(Missing::Slot)?.pin = track;
        self.rebind(Whose::Of(seat));
        Ok(())
    }

    /// What a viewer has use for in a slot. Of a hidden one nothing is delivered, and nothing asked for.
    pub fn set_demand_of(&mut self, seat: Seat, line: u8, demand: SlotDemand) -> Result<(), Missing> {
        let slot =
            self.viewers.get_mut(&seat).and_then(|viewer| viewer.slot_mut(line)).ok_or(Missing::Slot)?;
        if let Some(parked) = &mut slot.parked {
            parked.set_demand(demand);
        } else if let Some(track) = slot.shows {
            match demand.is_nothing() {
                true => self.hide(seat, line, track, demand),
                false => self.with_track(track, |track| track.demand(seat, line, demand)).unwrap_or_default(),
            }
        }
        self.attach(seat);
        Ok(())
    }

    fn hide(&mut self, seat: Seat, line: u8, track: TrackId, demand: SlotDemand) {
        let is_it = |seat_of: Seat, line_of: u8| (seat_of, line_of) == (seat, line);
        let taken = self.with_track(track, |track| track.take_subscriptions(|s| is_it(s.seat(), s.line())));
        let slot: Option<&mut ViewerSlot> =
            self.viewers.get_mut(&seat).and_then(|viewer| viewer.slot_mut(line));
        if let (Some(slot), Some(mut subscription)) = (slot, taken.and_then(|mut taken| taken.pop())) {
            subscription.set_demand(demand);
            slot.parked = Some(subscription.unbound());
        }
    }

    /// The next viewer whose slots show something else than it was told: all its lines, with what they show.
    pub fn poll_slots(&mut self) -> Option<(Seat, Shown)> {
        let seat = self.changed.pop_first()?;
        let viewer = self.viewers.get(&seat)?;
        Some((seat, viewer.slots.iter().map(|slot| (slot.line, slot.shows)).collect()))
    }
}
