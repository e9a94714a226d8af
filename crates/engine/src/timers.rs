//! The deadlines of a shard in one heap. An entry is never removed: it is ignored when it fires and its owner
//! has another one by then, so an idle participant costs nothing but its due timers.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Instant;

/// Who is to be woken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Timer {
    Participant { slot: u32, epoch: u32 },
    Room { key: usize },
    DropReports,
}

/// Deadlines, the earliest first.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    heap: BinaryHeap<Reverse<(Instant, Timer)>>,
}

impl Timers {
    /// Adds a deadline.
    pub fn add(&mut self, at: Instant, timer: Timer) {
        self.heap.push(Reverse((at, timer)));
    }

    /// The next entry that is due, with its time.
    pub fn pop_due(&mut self, now: Instant) -> Option<(Instant, Timer)> {
        let Reverse((at, _)) = self.heap.peek()?;
        if *at > now {
            return None;
        }
        self.heap.pop().map(|Reverse(entry)| entry)
    }

    /// The earliest deadline, stale ones included.
    pub fn next(&self) -> Option<Instant> {
        self.heap.peek().map(|Reverse((at, _))| *at)
    }
}
