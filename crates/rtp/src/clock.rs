//! When a packet was captured, on our clock: what sender reports to subscribers must say, so that voices and
//! lips stay together.
//!
//! Arrival times are no measure: they carry the jitter of the uplink. The publisher's sender reports tie its
//! RTP timestamps to its own wall clock, the same for audio and video; one offset per publisher ties that
//! clock to ours. Until the first report, time runs from the first packet at the clock rate.

use std::time::{Duration, Instant, SystemTime};

/// The publisher's wall clock against ours: one offset for all its tracks, fixed at the first report.
#[derive(Debug, Clone, Default)]
pub struct PublisherClock {
    origin: Option<(SystemTime, Instant)>,
}

/// What a sender report says (RFC 3550, section 6.4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SenderReport {
    /// The publisher's wall clock.
    pub ntp: SystemTime,
    /// The RTP timestamp of that moment.
    pub rtp: u32,
}

impl PublisherClock {
    /// Our time for the publisher's `ntp`; `now` fixes the offset at the first call.
    fn local(&mut self, ntp: SystemTime, now: Instant) -> Option<Instant> {
        let (origin_ntp, origin) = *self.origin.get_or_insert((ntp, now));
        match ntp.duration_since(origin_ntp) {
            Ok(after) => origin.checked_add(after),
            Err(before) => origin.checked_sub(before.duration()),
        }
    }
}

/// One track's timestamps against our clock.
#[derive(Debug, Clone)]
pub struct SourceClock {
    clock_rate: u32,
    report: Option<SenderReport>,
    /// A timestamp and its moment on our clock.
    anchor: Option<(u32, Instant)>,
}

impl SourceClock {
    /// A track whose timestamps count `clock_rate` per second.
    pub fn new(clock_rate: u32) -> Self {
        Self { clock_rate, report: None, anchor: None }
    }

    /// When the packet with timestamp `time`, arriving `now`, was captured. `report` is the publisher's latest.
    pub fn captured_at(
        &mut self,
        publisher: &mut PublisherClock,
        report: Option<SenderReport>,
        time: u32,
        now: Instant,
    ) -> Instant {
        if let Some(report) = report
            && self.report != Some(report)
        {
            self.report = Some(report);
            self.anchor = publisher.local(report.ntp, now).map(|at| (report.rtp, at)).or(self.anchor);
        }
        let (anchor_time, at) = *self.anchor.get_or_insert((time, now));
        // Modulo 2^32: the report and the packet may lie on either side of a roll-over.
        let ticks = time.wrapping_sub(anchor_time) as i32;
        let nanos = u64::from(ticks.unsigned_abs()) * 1_000_000_000 / u64::from(self.clock_rate);
        let distance = Duration::from_nanos(nanos);
        let captured = if ticks >= 0 { at.checked_add(distance) } else { at.checked_sub(distance) };
        captured.filter(|at| is_near(*at, now)).unwrap_or_else(|| {
            // Clocks that drifted apart for hours, a jump, or a lie: start over.
            self.anchor = Some((time, now));
            publisher.origin = None;
            now
        })
    }
}

/// How far a capture time may lie from the arrival before it is not believed.
const BELIEVABLE: Duration = Duration::from_secs(10);

fn is_near(a: Instant, b: Instant) -> bool {
    a.saturating_duration_since(b).max(b.saturating_duration_since(a)) <= BELIEVABLE
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn jitter_of_the_uplink_does_not_reach_the_capture_time() {
        let start = Instant::now();
        let (mut publisher, mut video) = (PublisherClock::default(), SourceClock::new(90_000));
        let first = video.captured_at(&mut publisher, None, 0, start);
        let jittered = video.captured_at(&mut publisher, None, 9_000, start + 163 * MS);
        assert_eq!(jittered - first, 100 * MS);
    }

    #[test]
    fn audio_and_video_captured_together_get_the_same_time_however_they_arrive() {
        let start = Instant::now();
        let ntp = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000);
        let mut publisher = PublisherClock::default();
        let (mut audio, mut video) = (SourceClock::new(48_000), SourceClock::new(90_000));
        let audio_report = SenderReport { ntp, rtp: 480_000 };
        let video_report = SenderReport { ntp: ntp + 300 * MS, rtp: 7_000 };
        // Both 1 s after `ntp`; the video packet arrives 80 ms later than the audio packet.
        let a = audio.captured_at(&mut publisher, Some(audio_report), 528_000, start);
        let v = video.captured_at(&mut publisher, Some(video_report), 7_000 + 63_000, start + 80 * MS);
        assert_eq!(a, v);
    }

    #[test]
    fn a_report_from_before_the_roll_over_of_timestamps_counts() {
        let start = Instant::now();
        let report = SenderReport { ntp: SystemTime::UNIX_EPOCH, rtp: u32::MAX - 8_999 };
        let at =
            SourceClock::new(90_000).captured_at(&mut PublisherClock::default(), Some(report), 9_000, start);
        assert_eq!(at, start + 200 * MS);
    }

    #[test]
    fn an_absurd_report_does_not_break_time() {
        let now = Instant::now();
        let report = SenderReport { ntp: SystemTime::UNIX_EPOCH, rtp: 1 << 31 };
        let mut publisher = PublisherClock { origin: Some((SystemTime::now(), now)) };
        assert_eq!(SourceClock::new(90_000).captured_at(&mut publisher, Some(report), 0, now), now);
    }
}
