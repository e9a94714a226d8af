//! Which packets of one stream a viewer has, told by their numbers in the payload.
//!
//! Counting starts with the first packet that arrives: what was sent before is nobody's loss. Order does
//! not matter, and a packet counts once. RTP sequence numbers are extended here as well, for viewers that
//! only look at headers.

/// Packets back from the newest that can still be told apart; older arrivals count as lost.
const WINDOW: u64 = 4_096;
const WORDS: usize = (WINDOW / 64) as usize;

/// What an arrival meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Arrival {
    /// Not seen before.
    New,
    /// Seen before.
    Duplicate,
    /// Older than the viewer's first packet, or too old to tell; not counted.
    Outside,
}

/// Arrivals of one stream at one viewer.
#[derive(Debug)]
pub(crate) struct Ledger {
    first: Option<u64>,
    newest: u64,
    received: u64,
    duplicates: u64,
    /// One bit per packet in the window, at its number modulo [`WINDOW`].
    seen: [u64; WORDS],
}

impl Ledger {
    /// Nothing has arrived.
    pub(crate) fn new() -> Self {
        Self { first: None, newest: 0, received: 0, duplicates: 0, seen: [0; WORDS] }
    }

    /// Takes note of packet `index`.
    pub(crate) fn record(&mut self, index: u64) -> Arrival {
        let Some(first) = self.first else {
            self.first = Some(index);
            self.newest = index;
            return self.count(index);
        };
        if index > self.newest {
            self.advance(index);
            return self.count(index);
        }
        if index < first || self.newest - index >= WINDOW {
            return Arrival::Outside;
        }
        if self.is_seen(index) {
            self.duplicates += 1;
            return Arrival::Duplicate;
        }
        self.count(index)
    }

    /// Packets that should be here when `last` was the last one sent.
    pub(crate) fn expected(&self, last: u64) -> u64 {
        self.first.map_or(0, |first| (last + 1).saturating_sub(first))
    }

    /// Packets from the first that arrived to the newest: what should be here of a stretch whose end is
    /// known only by what came last.
    pub(crate) fn span(&self) -> u64 {
        self.expected(self.newest)
    }

    /// Different packets that arrived.
    pub(crate) fn received(&self) -> u64 {
        self.received
    }

    /// Arrivals of packets that were here already.
    pub(crate) fn duplicates(&self) -> u64 {
        self.duplicates
    }

    fn count(&mut self, index: u64) -> Arrival {
        let (word, bit) = place(index);
        self.seen[word] |= bit;
        self.received += 1;
        Arrival::New
    }

    fn is_seen(&self, index: u64) -> bool {
        let (word, bit) = place(index);
        self.seen[word] & bit != 0
    }

    fn advance(&mut self, newest: u64) {
        if newest - self.newest >= WINDOW {
            self.seen = [0; WORDS];
        } else {
            for skipped in self.newest + 1..newest {
                let (word, bit) = place(skipped);
                self.seen[word] &= !bit;
            }
            let (word, bit) = place(newest);
            self.seen[word] &= !bit;
        }
        self.newest = newest;
    }
}

fn place(index: u64) -> (usize, u64) {
    ((index % WINDOW / 64) as usize, 1 << (index % 64))
}

/// Packet numbers behind the sequence numbers of one SSRC, once one packet has shown both.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SequenceLine {
    newest_seq: u16,
    newest_index: u64,
}

impl SequenceLine {
    /// `seq` is packet `index`.
    pub(crate) fn new(seq: u16, index: u64) -> Self {
        Self { newest_seq: seq, newest_index: index }
    }

    /// The packet that `seq` stands for; `None` when it is older than packet 0.
    pub(crate) fn index_of(&mut self, seq: u16) -> Option<u64> {
        let step = seq.wrapping_sub(self.newest_seq) as i16;
        let index = self.newest_index.checked_add_signed(step.into())?;
        if step > 0 {
            *self = Self::new(seq, index);
        }
        Some(index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ledger_of(indexes: impl IntoIterator<Item = u64>) -> Ledger {
        let mut ledger = Ledger::new();
        for index in indexes {
            ledger.record(index);
        }
        ledger
    }

    #[test]
    fn counting_starts_at_the_first_packet_that_arrived() {
        let ledger = ledger_of(1_000..1_100);
        assert_eq!((ledger.received(), ledger.expected(1_099)), (100, 100));
        assert_eq!(ledger.expected(1_109), 110, "ten sent, not arrived");
        assert_eq!(ledger_of([]).expected(50), 0);
        assert_eq!((ledger.span(), ledger_of([]).span(), ledger_of([4, 9]).span()), (100, 0, 6));
    }

    #[test]
    fn a_packet_older_than_the_first_is_not_counted() {
        let mut ledger = ledger_of([10, 11]);
        assert_eq!(ledger.record(9), Arrival::Outside);
        assert_eq!((ledger.received(), ledger.expected(11)), (2, 2));
    }

    #[test]
    fn reordering_is_no_loss_and_a_second_arrival_is_a_duplicate() {
        let mut ledger = ledger_of([0, 3, 1, 4]);
        assert_eq!(ledger.record(2), Arrival::New);
        assert_eq!(ledger.record(2), Arrival::Duplicate);
        assert_eq!(ledger.record(4), Arrival::Duplicate);
        assert_eq!((ledger.received(), ledger.duplicates(), ledger.expected(4)), (5, 2, 5));
    }

    #[test]
    fn a_gap_stays_open_and_can_be_filled_until_the_window_has_passed() {
        let mut ledger = ledger_of((0..WINDOW).filter(|i| *i != 5 && *i != 6));
        assert_eq!(ledger.record(5), Arrival::New);
        ledger.record(WINDOW + 6);
        assert_eq!(ledger.record(6), Arrival::Outside);
        assert_eq!((ledger.received(), ledger.expected(WINDOW + 6)), (WINDOW, WINDOW + 7));
    }

    #[test]
    fn old_marks_do_not_survive_a_turn_of_the_window() {
        let mut ledger = ledger_of(0..10);
        ledger.record(WINDOW + 9);
        for index in WINDOW..WINDOW + 9 {
            assert_eq!(ledger.record(index), Arrival::New, "packet {index}");
        }
        let mut ledger = ledger_of(0..10);
        ledger.record(5 * WINDOW);
        assert_eq!(ledger.record(4 * WINDOW + 3), Arrival::New);
    }

    #[test]
    fn any_order_with_loss_and_duplicates_counts_like_a_set() {
        let seed = std::env::var("PLENUM_SEED").map_or_else(|_| fastrand::u64(..), |s| s.parse().unwrap());
        let mut random = fastrand::Rng::with_seed(seed);
        let mut ledger = Ledger::new();
        let mut set = std::collections::BTreeSet::new();
        for newest in 100..20_000u64 {
            let late = if random.f32() < 0.1 { random.u64(0..90) } else { 0 };
            let index = newest - late;
            if random.f32() < 0.1 || set.first().is_some_and(|first| index < *first) {
                continue;
            }
            let expected = if set.insert(index) { Arrival::New } else { Arrival::Duplicate };
            assert_eq!(ledger.record(index), expected, "PLENUM_SEED={seed} packet {index}");
        }
        assert_eq!(ledger.received(), set.len() as u64, "PLENUM_SEED={seed}");
    }

    #[test]
    fn sequence_numbers_wrap_and_may_be_reordered_around_the_wrap() {
        let mut line = SequenceLine::new(65_534, 100);
        let arrivals = [(65_535, 101), (1, 103), (0, 102), (2, 104), (65_533, 99)];
        for (seq, index) in arrivals {
            assert_eq!(line.index_of(seq), Some(index), "sequence number {seq}");
        }
        let mut line = SequenceLine::new(10, 0);
        assert_eq!(line.index_of(9), None);
        let mut far = SequenceLine::new(0, 0);
        for index in (0..300_000u64).step_by(7) {
            assert_eq!(far.index_of(index as u16), Some(index));
        }
    }
}
