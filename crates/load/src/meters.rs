//! Distributions of what is measured in time.

use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;

/// The longest time told apart; anything above counts as this.
const LONGEST: Duration = Duration::from_secs(120);

/// A distribution of durations, in microseconds with three digits.
#[derive(Debug, Clone)]
pub(crate) struct Durations(Histogram<u64>);

/// Points of a distribution, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Quantiles {
    /// Half of all values are at most this.
    pub p50: f64,
    /// 99 % of all values are at most this.
    pub p99: f64,
    /// 99.9 % of all values are at most this.
    pub p99_9: f64,
    /// The largest value.
    pub max: f64,
}

impl Durations {
    /// No values.
    pub(crate) fn new() -> Self {
        let longest_us = LONGEST.as_micros() as u64;
        Self(Histogram::new_with_bounds(1, longest_us, 3).expect("bounds of a histogram are constant"))
    }

    /// Adds a value.
    pub(crate) fn record(&mut self, value: Duration) {
        self.0.saturating_record(value.as_micros() as u64);
    }

    /// Adds all values of `other`.
    pub(crate) fn merge(&mut self, other: &Durations) {
        self.0.add(&other.0).expect("all histograms have the same bounds");
    }

    /// `None` without values.
    pub(crate) fn quantiles(&self) -> Option<Quantiles> {
        let ms = |us: u64| us as f64 / 1_000.0;
        let at = |quantile: f64| ms(self.0.value_at_quantile(quantile).min(self.0.max()));
        (!self.0.is_empty()).then(|| Quantiles {
            p50: at(0.5),
            p99: at(0.99),
            p99_9: at(0.999),
            max: ms(self.0.max()),
        })
    }
}

/// What a media thread measures in time.
#[derive(Debug, Clone)]
pub(crate) struct Meters {
    /// From writing a packet to its arrival at a viewer's socket.
    pub latency: Durations,
    /// From the POST, or the WebSocket's first byte, until ICE and DTLS are up.
    pub join: Durations,
    /// From a viewer's POST to its first media packet.
    pub first_packet: Durations,
    /// From a viewer's POST to its first video packet.
    pub first_video: Durations,
    /// From the last packet of one source in a slot to the first of the next.
    pub switch_gap: Durations,
}

impl Meters {
    /// No values.
    pub(crate) fn new() -> Self {
        let [latency, join, first_packet, first_video, switch_gap] =
            std::array::from_fn(|_| Durations::new());
        Self { latency, join, first_packet, first_video, switch_gap }
    }

    /// Adds all values of `other`.
    pub(crate) fn merge(&mut self, other: &Meters) {
        self.latency.merge(&other.latency);
        self.join.merge(&other.join);
        self.first_packet.merge(&other.first_packet);
        self.first_video.merge(&other.first_video);
        self.switch_gap.merge(&other.switch_gap);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_milliseconds_and_survive_merging() {
        let mut low = Durations::new();
        let mut high = Durations::new();
        assert_eq!(low.quantiles(), None);
        for us in 1..=500u64 {
            low.record(Duration::from_micros(us * 10));
            high.record(Duration::from_micros((us + 500) * 10));
        }
        low.merge(&high);
        let all = low.quantiles().unwrap();
        assert!((all.p50 - 5.0).abs() < 0.02, "{all:?}");
        assert!((all.p99 - 9.9).abs() < 0.02, "{all:?}");
        assert!((all.max - 10.0).abs() < 0.02, "{all:?}");
        assert!(all.p50 <= all.p99 && all.p99 <= all.p99_9 && all.p99_9 <= all.max);
    }

    #[test]
    fn a_value_beyond_the_bounds_is_the_largest_known() {
        let mut durations = Durations::new();
        durations.record(Duration::from_secs(900));
        assert!(durations.quantiles().unwrap().max >= 120_000.0);
    }
}
