//! Who speaks when: one speaker at a time, for some seconds, then the next.
//!
//! Everybody sends audio all the time, as browsers do without discontinuous transmission; what differs is
//! the level that RFC 6464 lets a server read without decoding.

use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long one speaks.
const TURN: Duration = Duration::from_secs(4);
/// Level of who speaks, in dBov.
const VOICE: i8 = -22;
/// Level of who listens: a quiet room, not digital silence.
const BACKGROUND: i8 = -78;

/// The order of speakers in one room.
#[derive(Debug)]
pub(crate) struct Conversation {
    began: Instant,
    seats: u64,
    /// Between one speaker's seat and the next one's; without common divisor with `seats`, so that all speak.
    stride: u64,
}

/// One participant's part in it.
#[derive(Debug, Clone)]
pub(crate) struct Voice {
    conversation: Arc<Conversation>,
    seat: u64,
}

impl Conversation {
    /// A conversation of `seats` participants from `now` on.
    pub(crate) fn new(now: Instant, seats: u64) -> Self {
        let seats = seats.max(1);
        let stride = (seats / 2 + 1..).find(|stride| gcd(*stride, seats) == 1).unwrap_or(1);
        Self { began: now, seats, stride }
    }

    /// The seat of who speaks at `now`.
    fn speaker(&self, now: Instant) -> u64 {
        let turn = now.saturating_duration_since(self.began).as_millis() / TURN.as_millis();
        (turn as u64).wrapping_mul(self.stride) % self.seats
    }
}

impl Voice {
    /// Of the participant in `seat`; a seat beyond the conversation's only listens.
    pub(crate) fn new(conversation: Arc<Conversation>, seat: u64) -> Self {
        Self { conversation, seat }
    }

    /// Level at `now`, in dBov.
    pub(crate) fn level(&self, now: Instant) -> i8 {
        if self.conversation.speaker(now) == self.seat { VOICE } else { BACKGROUND }
    }
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn everybody_speaks_once_a_round_and_never_two_at_a_time() {
        let now = Instant::now();
        for seats in [1, 2, 3, 5, 12, 60] {
            let conversation = Arc::new(Conversation::new(now, seats));
            let voices: Vec<Voice> =
                (0..seats + 2).map(|seat| Voice::new(conversation.clone(), seat)).collect();
            let mut spoke = BTreeSet::new();
            for turn in 0..seats {
                let at = now + TURN * turn as u32 + Duration::from_millis(1);
                let speaking: Vec<u64> =
                    voices.iter().filter(|v| v.level(at) == VOICE).map(|v| v.seat).collect();
                assert_eq!(speaking.len(), 1, "{seats} seats, turn {turn}");
                spoke.extend(speaking);
            }
            assert_eq!(spoke.len() as u64, seats);
        }
    }
}
