//! How much somebody may say, in messages, and have said to others, in bytes: two buckets that fill again with time.

use std::time::Instant;

use plenum_model::limits::{
    MESSAGES_AT_ONCE, MESSAGES_PER_SECOND, RELAYED_BYTES_AT_ONCE, RELAYED_BYTES_PER_SECOND,
};

use crate::{Problem, Slug};

/// What is left for one member.
#[derive(Debug, Clone, Copy)]
pub(super) struct Allowance {
    messages: Bucket,
    /// Of what others are sent because of it, counted once however many they are: each of them has to take it in.
    bytes: Bucket,
}

impl Allowance {
    /// Full.
    pub(super) fn new(now: Instant) -> Self {
        Self {
            messages: Bucket::full(now, MESSAGES_AT_ONCE, MESSAGES_PER_SECOND),
            bytes: Bucket::full(now, RELAYED_BYTES_AT_ONCE, RELAYED_BYTES_PER_SECOND),
        }
    }

    /// One message: 429 when it is one too many.
    pub(super) fn take(&mut self, now: Instant) -> Result<(), Problem> {
        let what = format!("at most {MESSAGES_PER_SECOND} messages a second are taken");
        self.messages.take(now, 1.0).map_err(|wait_s| too_many(what, wait_s))
    }

    /// So many bytes to others: 429 when they are too many.
    pub(super) fn take_bytes(&mut self, now: Instant, bytes: usize) -> Result<(), Problem> {
        let what = format!("at most {RELAYED_BYTES_PER_SECOND} bytes a second are passed on to others");
        self.bytes.take(now, bytes as f64).map_err(|wait_s| too_many(what, wait_s))
    }
}

#[derive(Debug, Clone, Copy)]
struct Bucket {
    left: f64,
    most: f64,
    per_second: f64,
    at: Instant,
}

impl Bucket {
    fn full(now: Instant, most: u32, per_second: u32) -> Self {
        Self { left: most.into(), most: most.into(), per_second: per_second.into(), at: now }
    }

    /// All of it or nothing; the error is the time until there would be enough, in seconds.
    fn take(&mut self, now: Instant, amount: f64) -> Result<(), f64> {
        let elapsed = now.saturating_duration_since(self.at).as_secs_f64();
        self.left = (self.left + elapsed * self.per_second).min(self.most);
        self.at = self.at.max(now);
        if self.left < amount {
            return Err((amount - self.left) / self.per_second);
        }
        self.left -= amount;
        Ok(())
    }
}

fn too_many(what: String, wait_s: f64) -> Problem {
    Problem::new(Slug::TooManyRequests, what).with_retry_after(wait_s.ceil() as u32)
}
