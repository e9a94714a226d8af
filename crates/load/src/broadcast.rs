//! What one publisher or participant sends, known to it and to those who watch: streams with their rates,
//! and how far each has got.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use str0m::media::MediaKind;

use crate::args::{Args, Rate};
use crate::clock;
use crate::payload::Origin;

/// All that one publisher or participant sends.
#[derive(Debug, Clone)]
pub(crate) struct Broadcast {
    /// What its payloads are marked with.
    pub origin: Origin,
    /// Its streams.
    pub feeds: Vec<Arc<Feed>>,
}

impl Broadcast {
    /// The streams that `args` asks of every publisher.
    pub(crate) fn new(origin: Origin, args: &Args) -> Self {
        Self::with_video(origin, args, args.video)
    }

    /// The same without video.
    pub(crate) fn audio_only(origin: Origin, args: &Args) -> Self {
        Self::with_video(origin, args, Rate::OFF)
    }

    fn with_video(origin: Origin, args: &Args, video: Rate) -> Self {
        let video = (MediaKind::Video, video, args.burst);
        let audio = (MediaKind::Audio, args.audio, 1);
        let feeds = [video, audio]
            .into_iter()
            .filter(|(_, rate, _)| rate.is_on())
            .map(|(kind, rate, burst)| Arc::new(Feed::new(kind, rate, burst)))
            .collect();
        Self { origin, feeds }
    }

    /// Its stream of that kind.
    pub(crate) fn feed(&self, kind: MediaKind) -> Option<&Arc<Feed>> {
        self.feeds.iter().find(|feed| feed.kind == kind)
    }
}

/// One stream.
#[derive(Debug)]
pub(crate) struct Feed {
    /// Audio or video.
    pub kind: MediaKind,
    /// Packets per second and their size.
    pub rate: Rate,
    /// Packets per frame, sent back to back.
    pub burst: u32,
    sent: AtomicU64,
    /// When the first packet was sent, in nanoseconds of [`clock`]; 0 before.
    began_ns: AtomicU64,
    counted: AtomicU64,
    silent: AtomicBool,
}

impl Feed {
    /// Nothing sent yet, everything counts.
    pub(crate) fn new(kind: MediaKind, rate: Rate, burst: u32) -> Self {
        Self {
            kind,
            rate,
            burst,
            sent: AtomicU64::new(0),
            began_ns: AtomicU64::new(0),
            counted: AtomicU64::new(u64::MAX),
            silent: AtomicBool::new(false),
        }
    }

    /// Notes at `now` that `packets` have been sent. Called before they are, so that no viewer is ahead of it.
    pub(crate) fn set_sent(&self, now: Instant, packets: u64) {
        if self.sent.swap(packets, Ordering::AcqRel) == 0 {
            self.began_ns.store(clock::ns(now).max(1), Ordering::Release);
        }
    }

    /// For how long it has been sent at `now`.
    pub(crate) fn age(&self, now: Instant) -> Duration {
        match self.began_ns.load(Ordering::Acquire) {
            0 => Duration::ZERO,
            began => Duration::from_nanos(clock::ns(now).saturating_sub(began)),
        }
    }

    /// Stops the stream, or lets it go on from where it stopped.
    pub(crate) fn set_silent(&self, silent: bool) {
        self.silent.store(silent, Ordering::Release);
    }

    /// Whether nothing is to be sent.
    pub(crate) fn is_silent(&self) -> bool {
        self.silent.load(Ordering::Acquire)
    }

    /// Ends counting with what has been sent. Only the thread that sends may call this, for then no packet
    /// beyond is under way; what it sends from here on shows the viewers the losses before.
    pub(crate) fn end_counting(&self) {
        let sent = self.sent.load(Ordering::Acquire);
        let _ = self.counted.compare_exchange(u64::MAX, sent, Ordering::AcqRel, Ordering::Acquire);
    }

    /// Whether packet `index` belongs to the measurement.
    pub(crate) fn counts(&self, index: u64) -> bool {
        index < self.counted.load(Ordering::Acquire)
    }

    /// Packets sent that count.
    pub(crate) fn sent(&self) -> u64 {
        self.sent.load(Ordering::Acquire).min(self.counted.load(Ordering::Acquire))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_behind_the_end_do_not_count() {
        let rate = Rate { packets_per_s: 50, payload_bytes: 120 };
        let feed = Feed::new(MediaKind::Audio, rate, 1);
        feed.set_sent(Instant::now(), 10);
        assert!(feed.counts(9) && feed.counts(10));
        feed.end_counting();
        feed.set_sent(Instant::now(), 12);
        feed.end_counting();
        assert!(feed.counts(9) && !feed.counts(10));
        assert_eq!(feed.sent(), 10);
    }
}
