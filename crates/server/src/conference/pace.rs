//! How fast one WebSocket may talk. Whoever is faster costs everybody in the room, since most messages are told to
//! all of them.

use std::time::Instant;

/// Messages per second in the long run.
const PER_SECOND: f64 = 200.0;
/// Messages at once.
const BURST: f64 = 400.0;
/// A long message counts once more for each of these bytes: reading it costs accordingly.
const BYTES_PER_MESSAGE: usize = 16 * 1024;

/// A bucket of tokens, one per message.
#[derive(Debug)]
pub struct Pace {
    tokens: f64,
    since: Instant,
}

impl Pace {
    /// Full.
    pub fn new(now: Instant) -> Self {
        Self { tokens: BURST, since: now }
    }

    /// Whether a message of so many bytes may come now.
    pub fn allows(&mut self, now: Instant, bytes: usize) -> bool {
        let gained = now.saturating_duration_since(self.since).as_secs_f64() * PER_SECOND;
        self.tokens = (self.tokens + gained).min(BURST);
        self.since = now;
        let cost = 1.0 + (bytes / BYTES_PER_MESSAGE) as f64;
        let allowed = self.tokens >= cost;
        if allowed {
            self.tokens -= cost;
        }
        allowed
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn burst(pace: &mut Pace, now: Instant, bytes: usize) -> usize {
        (0..10_000).take_while(|_| pace.allows(now, bytes)).count()
    }

    #[test]
    fn four_hundred_at_once_and_then_two_hundred_a_second() {
        let start = Instant::now();
        let mut pace = Pace::new(start);
        assert_eq!(burst(&mut pace, start, 100), 400);
        assert_eq!(burst(&mut pace, start + Duration::from_millis(500), 100), 100);
        assert_eq!(
            burst(&mut pace, start + Duration::from_secs(60), 100),
            400,
            "no more than that is saved up"
        );
    }

    #[test]
    fn long_messages_count_for_several() {
        let start = Instant::now();
        assert_eq!(burst(&mut Pace::new(start), start, 384 * 1024), 16);
        assert_eq!(burst(&mut Pace::new(start), start, 127_000), 50, "an offer with 28 slots");
    }
}
