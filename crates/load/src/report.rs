//! The outcome of a run, for scripts (JSON) and for people.

use std::fmt;

use serde::Serialize;

use crate::costs::Costs;
use crate::meters::Quantiles;
use crate::tally::Tally;

/// Failures listed by name; more are only counted.
const NAMED_FAILURES: usize = 10;

/// What a run has measured.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Report {
    /// Publishers that were connected at the end.
    pub publishers: usize,
    /// Viewers that were connected at the end.
    pub viewers: usize,
    /// Packets that publishers sent.
    pub sent: u64,
    /// Packets that viewers should have received, each from its first packet on.
    pub expected: u64,
    /// Packets that viewers received, each counted once.
    pub received: u64,
    /// `expected` without `received`.
    pub lost: u64,
    /// `lost` over `expected`, 0 to 1.
    pub loss: f64,
    /// Packets that a viewer received again.
    pub duplicates: u64,
    /// Packets of another room, publisher or generator that a viewer received.
    pub foreign: u64,
    /// Packets that were changed on the way.
    pub corrupt: u64,
    /// Datagrams lost in the generator's own receive buffers: when not 0, so much of `lost` may be its fault.
    pub generator_overflow: u64,
    /// Datagrams that the generator could not send.
    pub generator_unsent: u64,
    /// From writing a packet to its arrival at a viewer's socket, by viewers that decrypt.
    pub latency_ms: Option<Quantiles>,
    /// From POST until ICE and DTLS are up.
    pub join_ms: Option<Quantiles>,
    /// From a viewer's POST to its first media packet.
    pub first_packet_ms: Option<Quantiles>,
    /// From a viewer's POST to its first video packet.
    pub first_video_ms: Option<Quantiles>,
    /// Seconds measured after the joins.
    pub measured_s: f64,
    /// CPU time of the generator over packets received in that time.
    pub client_cpu_us_per_packet: Option<f64>,
    /// CPU time of the server over packets received in that time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server_cpu_us_per_packet: Option<f64>,
    /// CPU time of the server over that time; 1 is one core.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server_cores: Option<f64>,
    /// Growth of the server's resident memory from before the viewers until the end, over viewers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server_rss_kb_per_viewer: Option<f64>,
    /// Sessions that failed in any way.
    pub failed: usize,
    /// The first of them, with reasons.
    pub failures: Vec<String>,
}

impl Report {
    /// From what publishers and viewers have done, what it cost, and what failed besides sessions.
    pub(crate) fn new(publishers: Tally, viewers: Tally, costs: Costs, mut failures: Vec<String>) -> Self {
        let (publishing, viewing) = (publishers.connected, viewers.connected);
        let mut all = publishers;
        all.merge(viewers);
        failures.append(&mut all.failures);
        let failed = failures.len();
        failures.truncate(NAMED_FAILURES);
        let lost = all.expected.saturating_sub(all.received);
        Self {
            publishers: publishing,
            viewers: viewing,
            sent: all.sent,
            expected: all.expected,
            received: all.received,
            lost,
            loss: if all.expected == 0 { 0.0 } else { lost as f64 / all.expected as f64 },
            duplicates: all.duplicates,
            foreign: all.foreign,
            corrupt: all.corrupt,
            generator_overflow: all.overflow,
            generator_unsent: all.unsent,
            latency_ms: all.meters.latency.quantiles(),
            join_ms: all.meters.join.quantiles(),
            first_packet_ms: all.meters.first_packet.quantiles(),
            first_video_ms: all.meters.first_video.quantiles(),
            measured_s: costs.measured_s,
            client_cpu_us_per_packet: costs.client_cpu_us_per_packet,
            server_cpu_us_per_packet: costs.server_cpu_us_per_packet,
            server_cores: costs.server_cores,
            server_rss_kb_per_viewer: costs.server_rss_kb_per_viewer,
            failed,
            failures,
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { publishers, viewers, sent, expected, received, lost, measured_s, .. } = self;
        writeln!(f, "{publishers} publishers, {viewers} viewers, measured for {measured_s:.1} s")?;
        writeln!(f, "sent            {sent}")?;
        writeln!(f, "received        {received} of {expected}, {lost} lost ({:.4} %)", self.loss * 100.0)?;
        for (name, count) in [
            ("duplicates", self.duplicates),
            ("foreign", self.foreign),
            ("corrupt", self.corrupt),
            ("overflow here", self.generator_overflow),
            ("unsent here", self.generator_unsent),
        ] {
            if count > 0 {
                writeln!(f, "{name:<15} {count}")?;
            }
        }
        for (name, quantiles) in [
            ("latency", self.latency_ms),
            ("join", self.join_ms),
            ("first packet", self.first_packet_ms),
            ("first video", self.first_video_ms),
        ] {
            if let Some(q) = quantiles {
                let Quantiles { p50, p99, p99_9, max } = q;
                writeln!(f, "{name:<15} p50 {p50:.2}  p99 {p99:.2}  p99.9 {p99_9:.2}  max {max:.2} ms")?;
            }
        }
        for (name, cost, unit) in [
            ("server CPU", self.server_cpu_us_per_packet, "us per packet received"),
            ("", self.server_cores, "cores"),
            ("server memory", self.server_rss_kb_per_viewer, "KiB per viewer"),
            ("generator CPU", self.client_cpu_us_per_packet, "us per packet received"),
        ] {
            if let Some(cost) = cost {
                writeln!(f, "{name:<15} {cost:.2} {unit}")?;
            }
        }
        write!(f, "failed          {}", self.failed)?;
        for failure in &self.failures {
            write!(f, "\n  {failure}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn tally(connected: usize, expected: u64, received: u64) -> Tally {
        Tally { connected, expected, received, ..Tally::new() }
    }

    #[test]
    fn the_json_has_the_documented_keys() {
        let mut viewers = tally(2, 1_000, 990);
        viewers.meters.latency.record(Duration::from_millis(3));
        viewers.meters.join.record(Duration::from_millis(20));
        viewers.meters.first_packet.record(Duration::from_millis(25));
        let costs = Costs { server_cpu_us_per_packet: Some(2.5), ..Costs::default() };
        let report = Report::new(tally(1, 0, 0), viewers, costs, vec!["viewer 3: refused".into()]);
        let json = serde_json::to_value(&report).unwrap();
        for key in ["sent", "expected", "received", "failed"] {
            assert!(json[key].is_u64(), "{key}");
        }
        assert_eq!(json["loss"], 0.01);
        for key in ["latency_ms", "join_ms", "first_packet_ms"] {
            for quantile in ["p50", "p99", "p99_9", "max"] {
                assert!(json[key][quantile].is_f64(), "{key}.{quantile}");
            }
        }
        assert_eq!(json["server_cpu_us_per_packet"], 2.5);
        assert_eq!((report.failed, report.viewers, report.publishers), (1, 2, 1));
    }

    #[test]
    fn server_keys_are_left_out_when_no_server_was_watched() {
        let report = Report::new(tally(1, 0, 0), tally(0, 0, 0), Costs::default(), Vec::new());
        let json = serde_json::to_value(&report).unwrap();
        assert!(json.get("server_cpu_us_per_packet").is_none());
        assert_eq!((&json["loss"], &json["latency_ms"]), (&0.0.into(), &serde_json::Value::Null));
    }

    #[test]
    fn more_failures_than_are_named_are_still_counted() {
        let failures = (0..50).map(|i| format!("viewer {i}: refused")).collect();
        let report = Report::new(tally(0, 0, 0), tally(0, 0, 0), Costs::default(), failures);
        assert_eq!((report.failed, report.failures.len()), (50, NAMED_FAILURES));
    }
}
