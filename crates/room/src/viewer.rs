//! Whoever receives: what it watches, and for each of its lines what that shows at the moment.

use plenum_model::{Identity, MediaKind};

use crate::subscription::{Subscription, ViewerLine};
use crate::{Seat, TrackId};

/// Whom a viewer watches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// The room's main stream: the only publisher, else the one who speaks, else the first.
    Main,
    /// One participant, present or not yet: its camera, else its screen.
    Participant(Identity),
    /// Everyone else, as far as there are lines.
    Slots,
}

/// A line of a viewer.
#[derive(Debug)]
pub(crate) struct ViewerSlot {
    pub line: u8,
    pub kind: MediaKind,
    /// Which of the viewer's lines of this kind it is.
    pub ordinal: usize,
    /// What the viewer wants to see in it.
    pub pin: Option<TrackId>,
    pub shows: Option<TrackId>,
    /// Its subscription while nothing is delivered: it shows nothing, or is hidden.
    pub parked: Option<Subscription>,
}

#[derive(Debug)]
pub(crate) struct Viewer {
    pub target: Target,
    pub slots: Vec<ViewerSlot>,
}

impl Viewer {
    pub fn new(target: Target) -> Self {
        Self { target, slots: Vec::new() }
    }

    pub fn add_line(&mut self, seat: Seat, line: ViewerLine) {
        self.slots.push(ViewerSlot {
            line: line.line,
            kind: line.kind,
            ordinal: line.ordinal.into(),
            pin: None,
            shows: None,
            parked: Some(Subscription::new(seat, line)),
        });
    }

    pub fn slot(&self, line: u8) -> Option<&ViewerSlot> {
        self.slots.iter().find(|slot| slot.line == line)
    }

    pub fn slot_mut(&mut self, line: u8) -> Option<&mut ViewerSlot> {
        self.slots.iter_mut().find(|slot| slot.line == line)
    }

    /// Pins a track nowhere any more.
    pub fn unpin(&mut self, track: TrackId) {
        for slot in &mut self.slots {
            slot.pin = slot.pin.filter(|pin| *pin != track);
        }
    }
}

impl ViewerSlot {
    /// What is to be attached to the track it shows, if anything is.
    pub fn take_ready(&mut self) -> Option<(TrackId, Subscription)> {
        let track = self.shows?;
        Some((track, self.parked.take_if(|subscription| !subscription.demand().is_nothing())?))
    }
}
