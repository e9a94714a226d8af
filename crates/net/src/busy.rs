//! How much of its time a shard works: the part of the last full second that it did not wait.

use std::time::{Duration, Instant};

/// Between two looks at the clock for [`BusyTime::ratio`], and so between two snapshots.
const INTERVAL: Duration = Duration::from_secs(1);

/// Keeps the books of waiting and working.
#[derive(Debug)]
pub(crate) struct BusyTime {
    started: Instant,
    waited: Duration,
    interval_began: Instant,
    waited_before: Duration,
    ratio: f64,
}

impl BusyTime {
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            started: now,
            waited: Duration::ZERO,
            interval_began: now,
            waited_before: Duration::ZERO,
            ratio: 0.0,
        }
    }

    /// The thread waited for so long.
    pub(crate) fn add_wait(&mut self, waited: Duration) {
        self.waited += waited;
    }

    /// If a second is over: works out its ratio, begins the next one, and says so.
    pub(crate) fn end_interval(&mut self, now: Instant) -> bool {
        let interval = now.saturating_duration_since(self.interval_began);
        if interval < INTERVAL {
            return false;
        }
        let waited = self.waited - self.waited_before;
        self.ratio = interval.saturating_sub(waited).as_secs_f64() / interval.as_secs_f64();
        (self.interval_began, self.waited_before) = (now, self.waited);
        true
    }

    /// Busy part of the last full interval, 0 to 1.
    pub(crate) fn ratio(&self) -> f64 {
        self.ratio
    }

    /// Time busy, and time altogether, since the start.
    pub(crate) fn totals(&self, now: Instant) -> (Duration, Duration) {
        let wall = now.saturating_duration_since(self.started);
        (wall.saturating_sub(self.waited), wall)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quarter_of_a_second_of_work_is_a_ratio_of_a_quarter() {
        let start = Instant::now();
        let mut time = BusyTime::new(start);
        time.add_wait(Duration::from_millis(750));
        assert!(!time.end_interval(start + Duration::from_millis(999)));
        assert!(time.end_interval(start + Duration::from_millis(1_000)));
        assert!((time.ratio() - 0.25).abs() < 1e-9, "{}", time.ratio());
    }

    #[test]
    fn each_second_stands_for_itself_and_the_totals_for_all() {
        let start = Instant::now();
        let mut time = BusyTime::new(start);
        time.add_wait(Duration::from_millis(1_000));
        assert!(time.end_interval(start + Duration::from_millis(1_000)));
        assert!(time.end_interval(start + Duration::from_millis(2_000)));
        assert!((time.ratio() - 1.0).abs() < 1e-9, "{}", time.ratio());
        let (busy, wall) = time.totals(start + Duration::from_millis(2_000));
        assert_eq!((busy, wall), (Duration::from_millis(1_000), Duration::from_millis(2_000)));
    }
}
