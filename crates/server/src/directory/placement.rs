//! Which shard a newcomer goes to. A room has a home, the least loaded shard at the time it was opened, where
//! its publishers sit; its viewers sit there too until the room outgrows it, and then wherever it is quietest,
//! fed by relay. A shard that is overloaded takes nobody: those inside come first.

use std::sync::Arc;

use plenum_model::Place;

/// The places of one shard.
pub trait Seating: Send + Sync {
    /// Takes a place, unless all are taken.
    fn reserve(&self) -> Option<Place>;
    /// Gives a place back; twice does no harm.
    fn release(&self, place: Place);
    /// How many are taken.
    fn taken(&self) -> usize;
    /// The share of the last second that it was busy, 0 to 1.
    fn busy_ratio(&self) -> f64;
}

/// Busier than this, a shard takes no newcomers.
const OVERLOADED: f64 = 0.9;
/// Busier than this, a room's home leaves its new viewers to quieter shards.
const OUTGROWN: f64 = 0.6;

/// All shards.
pub struct Placement {
    shards: Vec<Arc<dyn Seating>>,
    spill_after: usize,
}

impl Placement {
    /// Viewers of a room go to other shards once `spill_after` of them are at its home.
    pub fn new(shards: Vec<Arc<dyn Seating>>, spill_after: usize) -> Self {
        Self { shards, spill_after }
    }

    /// Where a new room is opened.
    pub fn home(&self) -> u16 {
        self.quietest()
    }

    /// A place for a publisher.
    pub fn seat_publisher(&self, home: u16) -> Option<Place> {
        self.reserve(home)
    }

    /// A place for a viewer of a room that has `viewers_at_home` there.
    pub fn seat_viewer(&self, home: u16, viewers_at_home: usize) -> Option<Place> {
        let outgrown = viewers_at_home >= self.spill_after || self.busy(home) > OUTGROWN;
        let first = if outgrown { self.quietest() } else { home };
        self.reserve(first).or_else(|| self.reserve(self.quietest()))
    }

    /// Gives a place back.
    pub fn release(&self, place: Place) {
        self.shards[usize::from(place.shard)].release(place);
    }

    #[cfg(test)]
    pub(super) fn taken(&self) -> usize {
        self.shards.iter().map(|shard| shard.taken()).sum()
    }

    fn reserve(&self, shard: u16) -> Option<Place> {
        let is_overloaded = self.busy(shard) > OVERLOADED;
        if is_overloaded { None } else { self.shards[usize::from(shard)].reserve() }
    }

    fn busy(&self, shard: u16) -> f64 {
        self.shards[usize::from(shard)].busy_ratio()
    }

    /// By load in tenths, since it wavers, then by places taken.
    fn quietest(&self) -> u16 {
        let load = |shard: &u16| {
            let tenths = (self.busy(*shard) * 10.0) as u32;
            (tenths, self.shards[usize::from(*shard)].taken())
        };
        (0..self.shards.len() as u16).min_by_key(load).expect("there is at least one shard")
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use plenum_model::Seats;

    use super::*;

    struct Bench {
        seats: Mutex<Seats>,
        busy: f64,
    }

    impl Seating for Bench {
        fn reserve(&self) -> Option<Place> {
            self.seats.lock().unwrap().reserve()
        }

        fn release(&self, place: Place) {
            self.seats.lock().unwrap().release(place);
        }

        fn taken(&self) -> usize {
            self.seats.lock().unwrap().taken()
        }

        fn busy_ratio(&self) -> f64 {
            self.busy
        }
    }

    fn placement(busy: &[f64], spill_after: usize) -> Placement {
        let bench = |(shard, busy): (usize, &f64)| {
            Arc::new(Bench { seats: Mutex::new(Seats::new(shard as u16)), busy: *busy }) as Arc<dyn Seating>
        };
        Placement::new(busy.iter().enumerate().map(bench).collect(), spill_after)
    }

    fn shard(place: Option<Place>) -> Option<u16> {
        place.map(|place| place.shard)
    }

    #[test]
    fn rooms_are_opened_on_the_quietest_shard() {
        let placement = placement(&[0.01, 0.02], 10);
        assert_eq!(placement.home(), 0);
        placement.seat_publisher(0);
        assert_eq!(placement.home(), 1);
    }

    #[test]
    fn viewers_stay_at_home_until_the_room_has_outgrown_it() {
        let placement = placement(&[0.1, 0.1], 3);
        assert_eq!(shard(placement.seat_viewer(0, 2)), Some(0));
        assert_eq!(shard(placement.seat_viewer(0, 3)), Some(1));
    }

    #[test]
    fn a_busy_home_leaves_its_viewers_to_others() {
        assert_eq!(shard(placement(&[0.7, 0.1], 100).seat_viewer(0, 1)), Some(1));
        assert_eq!(shard(placement(&[0.7], 100).seat_viewer(0, 1)), Some(0), "if there are others");
    }

    #[test]
    fn an_overloaded_shard_takes_nobody() {
        let placement = placement(&[0.95, 0.95], 100);
        assert_eq!(shard(placement.seat_publisher(0)), None);
        assert_eq!(shard(placement.seat_viewer(0, 0)), None);
    }

    #[test]
    fn a_publisher_goes_home_however_quiet_it_is_elsewhere() {
        assert_eq!(shard(placement(&[0.8, 0.0], 1).seat_publisher(0)), Some(0));
    }
}
