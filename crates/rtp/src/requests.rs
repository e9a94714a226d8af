//! Keyframe requests towards one layer of one publisher, however many subscribers ask.
//!
//! A PLI storm triples a publisher's quantiser, so requests are coalesced to one per
//! [`limits::KEYFRAME_REQUEST_INTERVAL`]; and a publisher may drop a request that follows too close on the
//! last one, so while somebody still waits the request is repeated.

use std::time::Instant;

use plenum_model::limits;

/// Coalesces and repeats.
#[derive(Debug, Clone, Default)]
pub struct KeyframeRequests {
    wanted: bool,
    last_sent: Option<Instant>,
}

impl KeyframeRequests {
    /// Somebody needs a keyframe.
    pub fn want(&mut self) {
        self.wanted = true;
    }

    /// A keyframe has begun: nothing is outstanding.
    pub fn satisfied(&mut self) {
        self.wanted = false;
    }

    /// Whether to send a request now.
    pub fn poll(&mut self, now: Instant) -> bool {
        if !self.wanted || self.next_at().is_some_and(|at| now < at) {
            return false;
        }
        self.wanted = false;
        self.last_sent = Some(now);
        true
    }

    /// Whether somebody waits.
    pub fn is_wanted(&self) -> bool {
        self.wanted
    }

    /// The earliest time of the next request; `None` if it could be sent at once.
    pub fn next_at(&self) -> Option<Instant> {
        self.last_sent.map(|at| at + limits::KEYFRAME_REQUEST_INTERVAL)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_storm_becomes_at_most_three_requests_per_second() {
        let start = Instant::now();
        let mut requests = KeyframeRequests::default();
        let sent = (0..1_000)
            .filter(|ms| {
                requests.want();
                requests.poll(start + Duration::from_millis(*ms))
            })
            .count();
        assert!((2..=limits::KEYFRAME_REQUESTS_PER_SECOND as usize).contains(&sent), "{sent}");
    }

    #[test]
    fn a_request_that_comes_too_early_is_sent_later_not_dropped() {
        let start = Instant::now();
        let mut requests = KeyframeRequests::default();
        requests.want();
        assert!(requests.poll(start));
        requests.want();
        assert!(!requests.poll(start + Duration::from_millis(100)));
        assert!(requests.poll(start + limits::KEYFRAME_REQUEST_INTERVAL));
    }

    #[test]
    fn a_keyframe_ends_the_asking() {
        let start = Instant::now();
        let mut requests = KeyframeRequests::default();
        requests.want();
        requests.satisfied();
        assert!(!requests.poll(start));
    }
}
