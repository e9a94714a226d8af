//! How much somebody may say: a bucket of messages that fills again with time.

use std::time::Instant;

use plenum_model::limits::{MESSAGES_AT_ONCE, MESSAGES_PER_SECOND};

use crate::{Problem, Slug};

/// What is left for one member.
#[derive(Debug, Clone, Copy)]
pub(super) struct Allowance {
    messages: f64,
    at: Instant,
}

impl Allowance {
    /// Full.
    pub(super) fn new(now: Instant) -> Self {
        Self { messages: MESSAGES_AT_ONCE.into(), at: now }
    }

    /// One message: 429 when it is one too many.
    pub(super) fn take(&mut self, now: Instant) -> Result<(), Problem> {
        let elapsed = now.saturating_duration_since(self.at).as_secs_f64();
        let filled = self.messages + elapsed * f64::from(MESSAGES_PER_SECOND);
        self.messages = filled.min(MESSAGES_AT_ONCE.into());
        self.at = self.at.max(now);
        if self.messages < 1.0 {
            let detail = format!("at most {MESSAGES_PER_SECOND} messages a second are taken");
            return Err(Problem::new(Slug::TooManyRequests, detail).with_retry_after(1));
        }
        self.messages -= 1.0;
        Ok(())
    }
}
