//! What a stretch of time has cost server and generator.

use tokio::time::Instant;

use crate::args::Args;
use crate::process::{self, Usage};
use crate::tally::Tally;

/// Costs between two moments, over what was received in between.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Costs {
    /// Seconds between the two.
    pub measured_s: f64,
    /// Of the generator.
    pub client_cpu_us_per_packet: Option<f64>,
    /// Of the server.
    pub server_cpu_us_per_packet: Option<f64>,
    /// CPU time of the server over that time.
    pub server_cores: Option<f64>,
    /// Growth of the server's resident memory since before the viewers, over viewers.
    pub server_rss_kb_per_viewer: Option<f64>,
}

/// What everybody has used and received at one moment.
pub(crate) struct Moment {
    at: Instant,
    received: u64,
    own: Option<Usage>,
    server: Option<Usage>,
}

impl Moment {
    /// Observes now; what was received by then is what `viewed` says.
    pub(crate) fn now(args: &Args, viewed: &Tally) -> Self {
        Self {
            at: Instant::now(),
            received: viewed.received,
            own: process::usage(std::process::id()).ok(),
            server: args.server_pid.and_then(|pid| process::usage(pid).ok()),
        }
    }

    /// From `self` to `after`. Memory is compared with `before_viewers` and shared among `viewers`.
    pub(crate) fn costs_until(&self, after: &Moment, before_viewers: Option<Usage>, viewers: usize) -> Costs {
        let measured_s = (after.at - self.at).as_secs_f64();
        let received = after.received.saturating_sub(self.received);
        let cpu_us = |before: Option<Usage>, after: Option<Usage>| {
            Some(after?.cpu.saturating_sub(before?.cpu).as_secs_f64() * 1e6)
        };
        let per_packet = |us: f64| (received > 0).then(|| us / received as f64);
        let server_us = cpu_us(self.server, after.server);
        let grown_kib = before_viewers.zip(after.server).map(|(b, a)| a.rss_kib as f64 - b.rss_kib as f64);
        Costs {
            measured_s,
            client_cpu_us_per_packet: cpu_us(self.own, after.own).and_then(per_packet),
            server_cpu_us_per_packet: server_us.and_then(per_packet),
            server_cores: server_us.map(|us| us / 1e6 / measured_s),
            server_rss_kb_per_viewer: grown_kib.filter(|_| viewers > 0).map(|kib| kib / viewers as f64),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn costs_are_over_what_was_received_in_between() {
        let usage = |ms, rss_kib| Some(Usage { cpu: Duration::from_millis(ms), rss_kib });
        let at = Instant::now();
        let before = Moment { at, received: 1_000, own: usage(10, 0), server: usage(100, 7_000) };
        let later = at + Duration::from_secs(2);
        let after = Moment { at: later, received: 3_000, own: usage(20, 0), server: usage(110, 9_000) };
        let costs = before.costs_until(&after, usage(0, 5_000), 10);
        assert_eq!(costs.server_cpu_us_per_packet, Some(5.0));
        assert_eq!(costs.client_cpu_us_per_packet, Some(5.0));
        assert_eq!((costs.server_cores, costs.server_rss_kb_per_viewer), (Some(0.005), Some(400.0)));
    }
}
