//! A media session between its admission by the shard and the conference's hearing of it. What the shard reports of it
//! meanwhile waits, so that the conference hears everything in order.

use std::sync::Arc;
use std::time::Instant;

use plenum_model::Place;
use plenum_signal::conference::Conference;

use super::{Hall, Halls};

/// Dropped before [`Self::seated`], it is as if the session had never been expected.
pub struct Expected {
    halls: Arc<Halls>,
    hall: Arc<Hall>,
    place: Place,
    seated: bool,
}

impl Expected {
    /// To be called before the shard is told of the session.
    pub fn new(halls: Arc<Halls>, hall: Arc<Hall>, place: Place) -> Self {
        hall.expect(place);
        halls.seat(place, &hall);
        Self { halls, hall, place, seated: false }
    }

    /// Tells the conference of the admission, then what was reported since.
    pub fn seated<T>(mut self, admit: impl FnOnce(&mut Conference, Instant) -> T) -> T {
        self.seated = true;
        self.hall.seated(self.place, admit)
    }
}

impl Drop for Expected {
    fn drop(&mut self) {
        if !self.seated {
            self.halls.release(self.place);
            self.hall.unseated(self.place);
        }
    }
}

impl std::fmt::Debug for Expected {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Expected({:?})", self.place)
    }
}
