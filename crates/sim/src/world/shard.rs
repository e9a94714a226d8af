//! One shard of a world: its engine, and what a thread would do around it.

use std::time::{Duration, Instant};

use plenum_engine::{Engine, EngineConfig, TransmitBatch};

use super::address_of;
use crate::rings::{Incoming, Rings};

/// Wake-ups of an engine per participant and virtual second; more would be a busy loop.
const WAKES_PER_PARTICIPANT: u64 = 500;

/// See the module.
pub(crate) struct Shard {
    pub number: u16,
    pub engine: Engine,
    pub batch: TransmitBatch,
    /// Its thread gets no time before this.
    pub stalled_until: Instant,
    /// The current second, and the wake-ups in it.
    wakes: (u64, u64),
}

impl Shard {
    pub fn new(number: u16, start: Instant, seed: u64) -> Self {
        let seed = seed.wrapping_add(u64::from(number) << 32);
        let config = EngineConfig { shard: number, candidates: vec![address_of(number)], seed };
        let (engine, batch) = (Engine::new(config, start), TransmitBatch::default());
        Self { number, engine, batch, stalled_until: start, wakes: (0, 0) }
    }

    pub fn is_stalled(&self, now: Instant) -> bool {
        self.stalled_until > now
    }

    /// When it has something to do by itself.
    pub fn next_step(&self, rings: &Rings) -> Option<Instant> {
        let deadline = self.engine.next_deadline();
        let next = deadline.into_iter().chain(rings.next_arrival(self.number)).min();
        next.map(|at| at.max(self.stalled_until))
    }

    /// Lets due timers fire; `elapsed` since the beginning of the world.
    pub fn wake(&mut self, now: Instant, elapsed: Duration) {
        if self.is_stalled(now) || self.engine.next_deadline().is_none_or(|deadline| deadline > now) {
            return;
        }
        self.engine.handle_timeout(now);
        let (second, (last, wakes)) = (elapsed.as_secs(), &mut self.wakes);
        if *last != second {
            (*last, *wakes) = (second, 0);
        }
        *wakes += 1;
        let limit = WAKES_PER_PARTICIPANT * (self.engine.counters().participants + 1);
        assert!(*wakes <= limit, "{wakes} wake-ups within one second: a busy loop");
    }

    /// Takes in what other shards have sent.
    pub fn take_relays(&mut self, now: Instant, rings: &mut Rings) {
        rings.take(now, self.number, |from, incoming| match incoming {
            Incoming::Message(message) => self.engine.handle_relay(now, from, message),
            Incoming::Loss => self.engine.handle_relay_loss(from),
        });
    }

    /// Lets the engine forward. Returns whether there was anything to do.
    pub fn flush(&mut self, now: Instant) -> bool {
        if !self.engine.wants_flush() {
            return false;
        }
        self.engine.flush(now, &mut self.batch);
        assert!(!self.engine.wants_flush(), "a flush that leaves something behind");
        true
    }

    /// Asserts that nothing is left to do.
    pub fn check_at_rest(&self, now: Instant) {
        let deadline = self.engine.next_deadline();
        let is_due = deadline.is_some_and(|at| at <= now) && !self.is_stalled(now);
        assert!(!is_due, "something is due on shard {} after its time was given", self.number);
    }
}
