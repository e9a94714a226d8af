//! One subscriber's view of a stream: sequence numbers, timestamps and VP8 picture ids that continue without
//! a seam, whatever source stands behind them.
//!
//! A receiver tolerates loss but neither jumps nor repetition: a sequence number that jumps looks like
//! loss, one that repeats is dropped as a replay, and since the roll-over counter of SRTP is not signalled
//! (RFC 3711, section 3.3.1), a stream that starts beyond the first 65,536 numbers is silence for ever. So
//! each subscription starts its own numbers and maps each source onto them.

use std::time::Instant;

use crate::vp8::Vp8Ids;

/// The numbers of a packet as its publisher sent them, extended beyond their roll-over.
#[derive(Debug, Clone, Copy)]
pub struct SourcePacket {
    /// Sequence number.
    pub seq: u64,
    /// RTP timestamp, in units of the clock rate.
    pub time: u64,
    /// VP8 only; empty otherwise.
    pub vp8: Vp8Ids,
    /// When it arrived.
    pub arrival: Instant,
}

/// The numbers of a packet as the subscriber sees them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Projected {
    /// Extended sequence number.
    pub seq: u64,
    /// RTP timestamp.
    pub time: u32,
    /// VP8 only: same fields and widths as the source's.
    pub vp8: Vp8Ids,
}

/// How many left-out packets are remembered, to place late ones between them.
const SKIPS: usize = 32;

/// Maps sources onto one outgoing stream.
#[derive(Debug)]
pub struct Rewriter {
    clock_rate: u32,
    /// The smallest step between the last packet of one source and the first of the next, in ticks.
    min_step: u32,
    next_seq: u64,
    /// Time and arrival of the newest packet sent.
    newest: Option<(u32, Instant)>,
    newest_ids: Vp8Ids,
    source: Option<Source>,
    first_time: u32,
}

#[derive(Debug)]
struct Source {
    first_in: u64,
    first_out: u64,
    highest_in: u64,
    time_offset: u32,
    picture_offset: u16,
    tl0_offset: u8,
    /// Packets left out since the start of this source, and the latest of them.
    skipped: u64,
    skips: [u64; SKIPS],
}

impl Rewriter {
    /// A stream that starts at `first_seq` and `first_time`. `min_step_ticks` is the duration of one frame.
    ///
    /// # Panics
    /// If `first_seq` is 32,768 or more: reordering around the first packets could then be taken for a
    /// roll-over.
    pub fn new(clock_rate: u32, min_step_ticks: u32, first_seq: u16, first_time: u32) -> Self {
        assert!(first_seq < 0x8000, "a stream starts in the lower half of its numbers");
        Self {
            clock_rate,
            min_step: min_step_ticks,
            next_seq: first_seq.into(),
            newest: None,
            newest_ids: Vp8Ids::default(),
            source: None,
            first_time,
        }
    }

    /// The next packet projected is the first of another source.
    pub fn switch_source(&mut self) {
        self.source = None;
    }

    /// The subscriber's numbers for `packet`. `None` if it must not be sent: it is older than the first packet
    /// of this source, was left out before, or is too old to be placed.
    pub fn project(&mut self, packet: &SourcePacket) -> Option<Projected> {
        if self.source.is_none() {
            self.source = Some(self.start_source(packet));
        }
        let source = self.source.as_mut().expect("just started");
        let out = Projected {
            seq: source.place(packet.seq)?,
            time: (packet.time as u32).wrapping_add(source.time_offset),
            vp8: source.continue_ids(packet.vp8),
        };
        source.highest_in = source.highest_in.max(packet.seq);
        if out.seq >= self.next_seq {
            self.next_seq = out.seq + 1;
            self.newest = Some((out.time, packet.arrival));
            self.newest_ids = out.vp8;
        }
        Some(out)
    }

    /// Leaves a packet out without leaving a gap. Out of order, the gap is there already and stays.
    pub fn skip(&mut self, seq: u64) {
        if let Some(source) = &mut self.source
            && seq > source.highest_in
        {
            source.highest_in = seq;
            source.skips[source.skipped as usize % SKIPS] = seq;
            source.skipped += 1;
        }
    }

    fn start_source(&self, packet: &SourcePacket) -> Source {
        let first_time = match self.newest {
            None => self.first_time,
            Some((time, at)) => {
                let elapsed = packet.arrival.saturating_duration_since(at);
                let ticks = (elapsed.as_nanos() * u128::from(self.clock_rate) / 1_000_000_000) as u32;
                time.wrapping_add(ticks.max(self.min_step))
            }
        };
        let next = |newest: Option<u16>, first: Option<u16>| match (newest, first) {
            (Some(newest), Some(first)) => newest.wrapping_add(1).wrapping_sub(first),
            _ => 0,
        };
        let tl0 = |ids: Vp8Ids| ids.tl0_pic_idx.map(u16::from);
        Source {
            first_in: packet.seq,
            first_out: self.next_seq,
            highest_in: packet.seq,
            time_offset: first_time.wrapping_sub(packet.time as u32),
            picture_offset: next(self.newest_ids.picture_id, packet.vp8.picture_id),
            tl0_offset: next(tl0(self.newest_ids), tl0(packet.vp8)) as u8,
            skipped: 0,
            skips: [0; SKIPS],
        }
    }
}

impl Source {
    fn place(&self, seq: u64) -> Option<u64> {
        let since_first = seq.checked_sub(self.first_in)?;
        let remembered = &self.skips[..self.skipped.min(SKIPS as u64) as usize];
        if seq > self.highest_in || remembered.is_empty() {
            return Some(self.first_out + since_first - self.skipped);
        }
        let later = remembered.iter().filter(|skip| **skip > seq).count();
        let forgotten_matter = self.skipped > SKIPS as u64 && later == SKIPS;
        if forgotten_matter || remembered.contains(&seq) {
            return None;
        }
        Some(self.first_out + since_first - (self.skipped - later as u64))
    }

    fn continue_ids(&self, ids: Vp8Ids) -> Vp8Ids {
        let mask = if ids.wide { 0x7fff } else { 0x7f };
        Vp8Ids {
            picture_id: ids.picture_id.map(|id| id.wrapping_add(self.picture_offset) & mask),
            wide: ids.wide,
            tl0_pic_idx: ids.tl0_pic_idx.map(|idx| idx.wrapping_add(self.tl0_offset)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn packet(seq: u64, time: u64, arrival: Instant) -> SourcePacket {
        SourcePacket { seq, time, vp8: Vp8Ids::default(), arrival }
    }

    fn video() -> Rewriter {
        Rewriter::new(90_000, 3_000, 100, 5_000)
    }

    #[test]
    fn a_late_joiner_of_a_long_stream_starts_below_the_first_roll_over() {
        let (mut r, now) = (video(), Instant::now());
        assert_eq!(r.project(&packet(70_000, 9_000_000_000, now)).unwrap().seq, 100);
        assert_eq!(r.project(&packet(70_001, 9_000_003_000, now)).unwrap().time, 8_000);
    }

    #[test]
    fn loss_and_reordering_of_the_source_are_kept() {
        let (mut r, now) = (video(), Instant::now());
        let out = |r: &mut Rewriter, seq| r.project(&packet(seq, 0, now)).map(|p| p.seq);
        assert_eq!(out(&mut r, 10), Some(100));
        assert_eq!(out(&mut r, 13), Some(103));
        assert_eq!(out(&mut r, 12), Some(102));
        assert_eq!(out(&mut r, 9), None, "older than the start");
    }

    #[test]
    fn a_skipped_packet_leaves_no_gap_and_late_ones_find_their_place() {
        let (mut r, now) = (video(), Instant::now());
        let out = |r: &mut Rewriter, seq| r.project(&packet(seq, 0, now)).map(|p| p.seq);
        out(&mut r, 10);
        r.skip(12);
        assert_eq!(out(&mut r, 13), Some(102));
        r.skip(14);
        assert_eq!(out(&mut r, 15), Some(103));
        assert_eq!(out(&mut r, 11), Some(101), "late, before both skips");
        assert_eq!(out(&mut r, 12), None, "was left out");
    }

    #[test]
    fn skipping_projects_like_a_stream_that_never_had_the_skipped_packets() {
        // Against a reference that renumbers with full knowledge, for in-order input with random skips.
        let mut random = 88_172_645_463_325_252_u64;
        let (mut r, now) = (video(), Instant::now());
        let mut expected = 100;
        r.project(&packet(1_000, 0, now));
        for seq in 1_001..5_000 {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            if random.is_multiple_of(3) {
                r.skip(seq);
            } else {
                expected += 1;
                assert_eq!(r.project(&packet(seq, 0, now)).unwrap().seq, expected);
            }
        }
    }

    #[test]
    fn a_packet_older_than_the_remembered_skips_is_not_sent() {
        let (mut r, now) = (video(), Instant::now());
        r.project(&packet(0, 0, now));
        for skipped in 0..=SKIPS as u64 {
            r.skip(10 + 2 * skipped);
            r.project(&packet(11 + 2 * skipped, 0, now));
        }
        assert_eq!(r.project(&packet(9, 0, now)), None);
        assert!(r.project(&packet(13, 0, now)).is_some());
    }

    #[test]
    fn a_switch_continues_numbers_and_lets_time_elapse() {
        let (mut r, now) = (video(), Instant::now());
        r.project(&packet(10, 1_000, now));
        r.switch_source();
        let later = now + Duration::from_millis(500);
        let first = r.project(&packet(60_000, 77, later)).unwrap();
        assert_eq!((first.seq, first.time), (101, 5_000 + 45_000));
        r.switch_source();
        let at_once = r.project(&packet(5, 0, later)).unwrap();
        assert_eq!((at_once.seq, at_once.time), (102, 50_000 + 3_000), "at least one frame");
    }

    #[test]
    fn vp8_ids_continue_over_a_switch_in_their_own_width() {
        let (mut r, now) = (video(), Instant::now());
        let vp8 = |id, wide, tl0| Vp8Ids { picture_id: Some(id), wide, tl0_pic_idx: Some(tl0) };
        let send = |r: &mut Rewriter, seq, ids| {
            r.project(&SourcePacket { seq, time: 0, vp8: ids, arrival: now }).unwrap().vp8
        };
        assert_eq!(send(&mut r, 1, vp8(0x7ffe, true, 255)), vp8(0x7ffe, true, 255), "unchanged at first");
        assert_eq!(send(&mut r, 2, vp8(0x7fff, true, 255)), vp8(0x7fff, true, 255));
        r.switch_source();
        assert_eq!(send(&mut r, 900, vp8(40, true, 9)), vp8(0, true, 0));
        assert_eq!(send(&mut r, 901, vp8(41, true, 9)), vp8(1, true, 0));
        r.switch_source();
        assert_eq!(send(&mut r, 5, vp8(100, false, 3)), vp8(2, false, 1));
    }
}
