//! One source in one slot for a while: what arrived of it, and whether that is what was announced.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::broadcast::Feed;
use crate::clock;
use crate::ledger::{Arrival, Ledger};
use crate::meters::Meters;
use crate::payload::{Marker, Origin};

/// How far message and media may be apart when a slot changes: one travels by TCP, the other waits for a
/// keyframe, and until it is here the former source goes on.
pub(crate) const GRACE: Duration = Duration::from_secs(2);

/// A stream of somebody in the room.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    /// Who sends it.
    pub origin: Origin,
    /// What is sent.
    pub feed: Arc<Feed>,
}

impl Source {
    /// Whether this is the same stream.
    pub(crate) fn is(&self, other: &Source) -> bool {
        Arc::ptr_eq(&self.feed, &other.feed)
    }
}

/// A source in a slot.
#[derive(Debug)]
pub(crate) struct Stretch {
    /// What is in it.
    pub source: Source,
    /// When the server said so; `None` while it has not.
    named_at: Option<Instant>,
    first_at: Option<Instant>,
    last_at: Option<Instant>,
    /// It takes another one's place.
    follows: bool,
    longest_gap: Duration,
    ledger: Ledger,
}

/// How a stretch is to be judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// What was announced came.
    Right,
    /// It did not, or it was never announced.
    Wrong,
    /// Too short to tell, or nothing was sent.
    Open,
}

impl Stretch {
    /// Not announced so far; in the place of another one if it `follows`.
    pub(crate) fn unnamed(source: Source, follows: bool) -> Self {
        Self {
            source,
            named_at: None,
            first_at: None,
            last_at: None,
            follows,
            longest_gap: Duration::ZERO,
            ledger: Ledger::new(),
        }
    }

    /// Notes that the server announced it at `now`.
    pub(crate) fn name(&mut self, now: Instant) {
        self.named_at.get_or_insert(now);
    }

    /// Takes a packet of its source that arrived at `at`; the last one in the slot, whoever sent it, came at
    /// `before`.
    pub(crate) fn receive(
        &mut self,
        at: Instant,
        before: Option<Instant>,
        marker: Marker,
        meters: &mut Meters,
    ) {
        if self.first_at.is_none() {
            self.first_at = Some(at);
            if let Some(before) = before.filter(|_| self.follows) {
                meters.switch_gap.record(at.saturating_duration_since(before));
            }
        }
        if let Some(last) = self.last_at.replace(at) {
            self.longest_gap = self.longest_gap.max(at.saturating_duration_since(last));
        }
        if self.source.feed.counts(marker.index) && self.ledger.record(marker.index) == Arrival::New {
            let latency_ns = clock::ns(at).saturating_sub(marker.sent_ns);
            meters.latency.record(Duration::from_nanos(latency_ns));
        }
    }

    /// Packets that should have arrived so far: to the last one sent while it is in the slot, to the last
    /// one that came once it is not, since nobody knows where the server stopped.
    pub(crate) fn expected(&self, is_over: bool) -> u64 {
        match self.source.feed.sent().checked_sub(1) {
            Some(last) if !is_over => self.ledger.expected(last),
            _ => self.ledger.span(),
        }
    }

    /// What has arrived.
    pub(crate) fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// The longest time between two packets.
    pub(crate) fn longest_gap(&self) -> Duration {
        self.longest_gap
    }

    /// Whether it was right until `now`.
    pub(crate) fn verdict(&self, now: Instant) -> Verdict {
        let Some(named_at) = self.named_at else {
            let lasted = self.last_at.zip(self.first_at).map(|(last, first)| last - first);
            return if lasted.is_some_and(|lasted| lasted > GRACE) { Verdict::Wrong } else { Verdict::Open };
        };
        let feed = &self.source.feed;
        let waited = |until: Instant| until.saturating_duration_since(named_at).min(feed.age(until));
        match self.first_at {
            Some(first) if waited(first) <= GRACE => Verdict::Right,
            Some(_) => Verdict::Wrong,
            None if feed.is_silent() || waited(now) <= GRACE => Verdict::Open,
            None => Verdict::Wrong,
        }
    }
}
