//! The outcome of a run, for scripts (JSON) and for people.

use std::fmt;

use serde::Serialize;

use crate::costs::Costs;
use crate::meters::Quantiles;
use crate::room::Meeting;
use crate::room::slots::Fillings;
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
    /// Participants of the room protocol that were connected at the end.
    pub participants: usize,
    /// Packets that publishers and participants sent.
    pub sent: u64,
    /// Packets that viewers and participants should have received, each from the first packet of a stream on;
    /// of what was in a slot, to the last one before the next source.
    pub expected: u64,
    /// Packets that they received, each counted once.
    pub received: u64,
    /// `expected` without `received`.
    pub lost: u64,
    /// `lost` over `expected`, 0 to 1.
    pub loss: f64,
    /// Packets that one of them received again.
    pub duplicates: u64,
    /// Packets of another room, publisher or generator that one of them received.
    pub foreign: u64,
    /// Packets that were changed on the way.
    pub corrupt: u64,
    /// Datagrams lost in the generator's own receive buffers: when not 0, so much of `lost` may be its fault.
    pub generator_overflow: u64,
    /// Datagrams that the generator could not send.
    pub generator_unsent: u64,
    /// What participants found in their slots; without participants, nothing.
    pub slots: Option<SlotReport>,
    /// Times that one source took another's place in a slot.
    pub switches: u64,
    /// From the last packet of the one to the first of the other.
    pub switch_gap_ms: Option<Quantiles>,
    /// The longest time that a video in a slot stood still.
    pub longest_video_gap_ms: Option<f64>,
    /// Offers and answers of participants beyond the first, of all of them together.
    pub sdp_exchanged: u64,
    /// Participants that came and left while it was measured.
    pub churned: u64,
    /// From writing a packet to its arrival at a socket, by those who decrypt.
    pub latency_ms: Option<Quantiles>,
    /// From POST, or from connecting to the room, until ICE and DTLS are up.
    pub join_ms: Option<Quantiles>,
    /// From there to the first media packet.
    pub first_packet_ms: Option<Quantiles>,
    /// From there to the first video packet.
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
    /// Growth of the server's resident memory from before viewers and participants until the end, over both.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server_rss_kb_per_viewer: Option<f64>,
    /// Sessions that failed in any way.
    pub failed: usize,
    /// The first of them, with reasons.
    pub failures: Vec<String>,
}

/// Sources in slots, each from its announcement to the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct SlotReport {
    /// Those that lasted long enough to be judged.
    pub expected: u64,
    /// Those whose media came in time, and no other.
    pub right: u64,
    /// Those of which none came, media that was never announced, and sources in two slots at once.
    pub wrong: u64,
}

impl Report {
    /// From what all sessions have done, what came of the rooms, what it cost, and what failed besides sessions.
    pub(crate) fn new(mut all: Tally, meeting: Meeting, costs: Costs, mut failures: Vec<String>) -> Self {
        failures.append(&mut all.failures);
        let failed = failures.len();
        failures.truncate(NAMED_FAILURES);
        let lost = all.expected.saturating_sub(all.received);
        let Fillings { expected, right, wrong, switches, longest_video_gap } = all.fillings;
        let slots = meeting.took_place.then_some(SlotReport { expected, right, wrong });
        Self {
            publishers: all.publishers,
            viewers: all.viewers,
            participants: all.participants,
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
            slots,
            switches,
            switch_gap_ms: all.meters.switch_gap.quantiles(),
            longest_video_gap_ms: slots.map(|_| longest_video_gap.as_secs_f64() * 1_000.0),
            sdp_exchanged: meeting.sdp_exchanged,
            churned: meeting.churned,
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
        let Self { publishers, viewers, participants, sent, expected, received, lost, measured_s, .. } = self;
        write!(f, "{publishers} publishers, {viewers} viewers, ")?;
        writeln!(f, "{participants} participants, measured for {measured_s:.1} s")?;
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
        if let Some(SlotReport { expected, right, wrong }) = self.slots {
            writeln!(
                f,
                "slots           {right} right of {expected}, {wrong} wrong, {} switches",
                self.switches
            )?;
            let longest = self.longest_video_gap_ms.unwrap_or_default();
            writeln!(f, "video           never longer than {longest:.0} ms without a packet")?;
            writeln!(f, "came and left   {}, SDP exchanged again {}", self.churned, self.sdp_exchanged)?;
        }
        for (name, quantiles) in [
            ("switch gap", self.switch_gap_ms),
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
            ("server memory", self.server_rss_kb_per_viewer, "KiB per viewer and participant"),
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
    use serde_json::Value;
    use std::time::Duration;

    fn tally(viewers: usize, expected: u64, received: u64) -> Tally {
        Tally { publishers: 1, viewers, expected, received, ..Tally::new() }
    }

    #[test]
    fn the_json_has_the_documented_keys() {
        let mut all = tally(2, 1_000, 990);
        all.meters.latency.record(Duration::from_millis(3));
        all.meters.join.record(Duration::from_millis(20));
        all.meters.first_packet.record(Duration::from_millis(25));
        let costs = Costs { server_cpu_us_per_packet: Some(2.5), ..Costs::default() };
        let report = Report::new(all, Meeting::default(), costs, vec!["viewer 3: refused".into()]);
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
        assert_eq!((&json["server_cpu_us_per_packet"], &json["slots"]), (&2.5.into(), &Value::Null));
        assert_eq!((report.failed, report.viewers, report.publishers), (1, 2, 1));
    }

    #[test]
    fn rooms_add_what_was_in_their_slots() {
        let fillings = Fillings {
            expected: 10,
            right: 9,
            wrong: 1,
            switches: 4,
            longest_video_gap: Duration::from_millis(80),
        };
        let mut all = Tally { participants: 3, fillings, ..Tally::new() };
        all.meters.switch_gap.record(Duration::from_millis(40));
        let meeting = Meeting { took_place: true, sdp_exchanged: 2, churned: 7 };
        let json = serde_json::to_value(Report::new(all, meeting, Costs::default(), Vec::new())).unwrap();
        assert_eq!(json["slots"], serde_json::json!({"expected": 10, "right": 9, "wrong": 1}));
        assert_eq!((&json["participants"], &json["switches"]), (&3.into(), &4.into()));
        assert_eq!((&json["sdp_exchanged"], &json["churned"]), (&2.into(), &7.into()));
        assert!(json["switch_gap_ms"]["max"].is_f64() && json["longest_video_gap_ms"] == 80.0);
    }

    #[test]
    fn server_keys_are_left_out_when_no_server_was_watched() {
        let report = Report::new(tally(0, 0, 0), Meeting::default(), Costs::default(), Vec::new());
        let json = serde_json::to_value(&report).unwrap();
        assert!(json.get("server_cpu_us_per_packet").is_none());
        assert_eq!((&json["loss"], &json["latency_ms"]), (&0.0.into(), &Value::Null));
    }

    #[test]
    fn more_failures_than_are_named_are_still_counted() {
        let failures = (0..50).map(|i| format!("viewer {i}: refused")).collect();
        let report = Report::new(tally(0, 0, 0), Meeting::default(), Costs::default(), failures);
        assert_eq!((report.failed, report.failures.len()), (50, NAMED_FAILURES));
    }
}
