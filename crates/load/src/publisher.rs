//! The sending half of a session: packets of a fixed size on a fixed schedule.

use std::sync::Arc;
use std::time::{Duration, Instant};

use str0m::Rtc;
use str0m::media::{KeyframeRequest, MediaKind, Mid, Pt};
use str0m::rtp::{ExtensionValues, RtpWrite};

use crate::broadcast::{Broadcast, Feed};
use crate::clock;
use crate::payload::{self, Marker, Origin, Prefix};
use crate::room::conversation::Voice;

/// A generator that was held up longer than this goes on from where it is, instead of flooding the
/// server with what it missed.
const MOST_BEHIND: Duration = Duration::from_millis(200);
/// RFC 6464: a voice at -20 dBov, of whoever takes part in no conversation.
const AUDIO_LEVEL: i8 = -20;
/// A level from which on a packet holds voice.
const VOICE_FROM: i8 = -50;

/// Sends one broadcast.
pub(crate) struct Publisher {
    streams: Vec<Outgoing>,
    /// Its part in a conversation; without one it always speaks.
    voice: Option<Voice>,
}

impl Publisher {
    /// Sends nothing before [`Publisher::start`].
    pub(crate) fn new(broadcast: &Broadcast, negotiated: &[(Mid, Pt)]) -> Self {
        let streams = broadcast
            .feeds
            .iter()
            .zip(negotiated)
            .map(|(feed, (mid, pt))| Outgoing::new(broadcast.origin, feed.clone(), *mid, *pt))
            .collect();
        Self { streams, voice: None }
    }

    /// Speaks when it is its turn.
    pub(crate) fn with_voice(self, voice: Voice) -> Self {
        Self { voice: Some(voice), ..self }
    }

    /// Begins the schedule at `now`.
    pub(crate) fn start(&mut self, now: Instant, rtc: &mut Rtc) {
        for stream in &mut self.streams {
            stream.start(now, rtc);
        }
    }

    /// When the next packet is due.
    pub(crate) fn next_send(&self) -> Option<Instant> {
        self.streams.iter().filter_map(Outgoing::next_send).min()
    }

    /// Writes what is due to `rtc`, which then needs a time-out and a drain. True when there was something.
    pub(crate) fn write_due(&mut self, now: Instant, rtc: &mut Rtc) -> bool {
        let level = self.voice.as_ref().map_or(AUDIO_LEVEL, |voice| voice.level(now));
        let mut wrote = false;
        for stream in &mut self.streams {
            wrote |= stream.write_due(now, level, rtc);
        }
        wrote
    }

    /// The next frame of that stream will be a keyframe.
    pub(crate) fn request_keyframe(&mut self, request: KeyframeRequest) {
        for stream in self.streams.iter_mut().filter(|s| s.mid == request.mid) {
            stream.keyframe_wanted = true;
        }
    }

    /// What is sent from here on does not count any more.
    pub(crate) fn end_counting(&self) {
        for stream in &self.streams {
            stream.feed.end_counting();
        }
    }

    /// Packets sent that count.
    pub(crate) fn sent(&self) -> u64 {
        self.streams.iter().map(|s| s.feed.sent()).sum()
    }
}

/// One stream with its place on the schedule.
struct Outgoing {
    origin: Origin,
    feed: Arc<Feed>,
    mid: Mid,
    pt: Pt,
    /// When frame 0 was due, moved on by every hold-up.
    began: Option<Instant>,
    frame: u64,
    first_seq: u64,
    first_time: u32,
    keyframe_wanted: bool,
}

impl Outgoing {
    fn new(origin: Origin, feed: Arc<Feed>, mid: Mid, pt: Pt) -> Self {
        Self {
            origin,
            feed,
            mid,
            pt,
            began: None,
            frame: 0,
            // RFC 3711, section 3.3.1: a start in the lower half keeps a reordered first packet out of the
            // previous roll-over.
            first_seq: fastrand::u64(0..32_768),
            first_time: fastrand::u32(..),
            keyframe_wanted: true,
        }
    }

    fn start(&mut self, now: Instant, rtc: &mut Rtc) {
        self.began = Some(now);
        let second = (self.feed.rate.packets_per_s as usize).clamp(256, 4_096);
        if let Some(stream) = rtc.direct_api().stream_tx_by_mid(self.mid, None) {
            stream.set_rtx_cache(second, Duration::from_secs(3), None);
        }
    }

    fn next_send(&self) -> Option<Instant> {
        if self.feed.is_silent() {
            return None;
        }
        let packets = self.frame * u64::from(self.feed.burst);
        let since = Duration::from_nanos(packets * 1_000_000_000 / u64::from(self.feed.rate.packets_per_s));
        Some(self.began? + since)
    }

    fn write_due(&mut self, now: Instant, level: i8, rtc: &mut Rtc) -> bool {
        self.forgive_hold_up(now);
        let mut wrote = false;
        while self.next_send().is_some_and(|due| due <= now) {
            self.write_frame(now, level, rtc);
            wrote = true;
        }
        wrote
    }

    fn forgive_hold_up(&mut self, now: Instant) {
        if let (Some(due), Some(began)) = (self.next_send(), &mut self.began) {
            let behind = now.saturating_duration_since(due);
            if behind > MOST_BEHIND {
                *began += behind;
            }
        }
    }

    fn write_frame(&mut self, now: Instant, level: i8, rtc: &mut Rtc) {
        let burst = u64::from(self.feed.burst);
        let first = self.frame * burst;
        let keyframe = std::mem::take(&mut self.keyframe_wanted);
        self.feed.set_sent(now, first + burst);
        let mut direct = rtc.direct_api();
        if let Some(stream) = direct.stream_tx_by_mid(self.mid, None) {
            for index in first..first + burst {
                let last_of_frame = index + 1 == first + burst;
                let packet = self.packet(now, index, index == first, last_of_frame, keyframe);
                stream.write_rtp(packet.ext_vals(extensions(self.is_video(), level)));
            }
        }
        self.frame += 1;
    }

    fn packet(&self, now: Instant, index: u64, starts: bool, ends: bool, keyframe: bool) -> RtpWrite {
        let is_video = self.is_video();
        let prefix = match is_video {
            true => Prefix::Vp8 { picture: self.frame as u16 & 0x7fff, starts_frame: starts, keyframe },
            false => Prefix::Opus,
        };
        let marker = Marker { origin: self.origin, index, sent_ns: clock::ns(now) };
        let payload = payload::encode(prefix, marker, self.feed.rate.payload_bytes);
        let seq = (self.first_seq + index).into();
        RtpWrite::new(self.pt, seq, self.time(), now, payload).marker(is_video && ends).nackable(is_video)
    }

    fn is_video(&self) -> bool {
        self.feed.kind == MediaKind::Video
    }

    fn time(&self) -> u32 {
        let clock_rate = if self.is_video() { 90_000 } else { 48_000 };
        let packets = self.frame * u64::from(self.feed.burst);
        let ticks = packets * clock_rate / u64::from(self.feed.rate.packets_per_s);
        self.first_time.wrapping_add(ticks as u32)
    }
}

fn extensions(is_video: bool, level: i8) -> ExtensionValues {
    let mut values = ExtensionValues::default();
    if !is_video {
        values.audio_level = Some(level);
        values.voice_activity = Some(level >= VOICE_FROM);
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::Rate;

    fn outgoing(packets_per_s: u32, burst: u32) -> Outgoing {
        let rate = Rate { packets_per_s, payload_bytes: 200 };
        let feed = Arc::new(Feed::new(MediaKind::Video, rate, burst));
        Outgoing::new(Origin { run: 1, room: 0, publisher: 0 }, feed, "0".into(), 96.into())
    }

    fn packets_written(stream: &mut Outgoing, began: Instant, step: Duration, steps: u32) -> u64 {
        stream.began = Some(began);
        let mut rtc = Rtc::new(began);
        for i in 0..steps {
            stream.write_due(began + step * i, AUDIO_LEVEL, &mut rtc);
        }
        stream.feed.sent()
    }

    #[test]
    fn the_average_rate_is_exact_whatever_the_burst_and_the_wake_ups() {
        let now = Instant::now();
        for burst in [1, 4, 25] {
            for step_ms in [1, 7, 50] {
                let mut stream = outgoing(250, burst);
                let steps = 10_000 / step_ms as u32;
                let sent = packets_written(&mut stream, now, Duration::from_millis(step_ms), steps);
                assert!(sent.abs_diff(2_500) <= 25, "burst {burst}, step {step_ms} ms: {sent} packets");
            }
        }
    }

    #[test]
    fn a_hold_up_is_not_made_up_for_by_a_flood() {
        let now = Instant::now();
        let mut stream = outgoing(1_000, 1);
        assert_eq!(packets_written(&mut stream, now, Duration::from_secs(10), 2), 2);
    }

    #[test]
    fn timestamps_follow_the_schedule() {
        let mut stream = outgoing(250, 5);
        stream.first_time = u32::MAX;
        stream.frame = 50;
        assert_eq!(stream.time(), 90_000 - 1);
    }
}
