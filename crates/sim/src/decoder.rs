//! A video decoder as far as networks can tell: it needs a keyframe to start, every packet of a frame and
//! every frame after that; when one stays away it waits a little, then asks for a keyframe.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::payload::Marker;

/// How long a missing packet is waited for before a keyframe is asked for.
const PATIENCE: Duration = Duration::from_millis(200);
/// Between requests.
const REQUEST_INTERVAL: Duration = Duration::from_millis(500);
/// Frames that are kept while one before them is missing.
const FRAMES_KEPT: usize = 256;

#[derive(Debug)]
struct Frame {
    parts: u16,
    missing: u16,
    keyframe: bool,
    publisher: u32,
    number: u64,
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Decoder {
    /// By the number of their first packet.
    frames: BTreeMap<u64, Frame>,
    /// Where the next frame has to begin.
    next: Option<u64>,
    stalled_since: Option<Instant>,
    last_request: Option<Instant>,
    first_decoded: Option<Instant>,
    last_decoded: Option<Instant>,
    longest_gap: Duration,
    /// Publisher and number of each frame, in the order of decoding.
    decoded: Vec<(u32, u64)>,
}

impl Decoder {
    /// Takes a packet for the first time. Returns whether to ask for a keyframe now.
    pub fn receive(&mut self, now: Instant, seq: u64, marker: &Marker) -> bool {
        let Some(first) = seq.checked_sub(marker.part.into()) else { return false };
        if self.next.is_none_or(|next| first >= next) {
            let frame = self.frames.entry(first).or_insert(Frame {
                parts: marker.parts,
                missing: marker.parts,
                keyframe: marker.keyframe,
                publisher: marker.publisher,
                number: marker.frame,
            });
            frame.missing = frame.missing.saturating_sub(1);
            if self.frames.len() > FRAMES_KEPT {
                self.frames.pop_first();
            }
        }
        self.advance(now);
        self.wants_keyframe(now)
    }

    /// Frames decoded so far.
    pub fn decoded(&self) -> u64 {
        self.decoded.len() as u64
    }

    /// Which ones: publisher and number, in the order of decoding.
    pub fn frames(&self) -> &[(u32, u64)] {
        &self.decoded
    }

    /// When the first one was.
    pub fn first_decoded(&self) -> Option<Instant> {
        self.first_decoded
    }

    /// When the last one was.
    pub fn last_decoded(&self) -> Option<Instant> {
        self.last_decoded
    }

    /// The longest time between two, since the last call of [`Self::forget_gaps`].
    pub fn longest_gap(&self) -> Duration {
        self.longest_gap
    }

    /// Starts to measure gaps anew.
    pub fn forget_gaps(&mut self) {
        self.longest_gap = Duration::ZERO;
    }

    fn advance(&mut self, now: Instant) {
        while let Some(first) = self.decodable() {
            let Frame { parts, publisher, number, .. } = self.frames[&first];
            self.frames = self.frames.split_off(&(first + 1));
            self.next = Some(first + u64::from(parts));
            self.decoded.push((publisher, number));
            self.note_decoded(now);
        }
        let is_stalled = self.frames.values().any(|frame| frame.missing == 0);
        self.stalled_since = if is_stalled { self.stalled_since.or(Some(now)) } else { None };
    }

    /// The next frame in line if it is whole, else the first whole keyframe behind it.
    fn decodable(&self) -> Option<u64> {
        let in_line = self.next.filter(|next| self.frames.get(next).is_some_and(|frame| frame.missing == 0));
        in_line.or_else(|| {
            let whole = |(_, frame): &(&u64, &Frame)| frame.missing == 0 && frame.keyframe;
            self.frames.iter().find(whole).map(|(first, _)| *first)
        })
    }

    fn note_decoded(&mut self, now: Instant) {
        self.first_decoded.get_or_insert(now);
        if let Some(last) = self.last_decoded.replace(now) {
            self.longest_gap = self.longest_gap.max(now.duration_since(last));
        }
        self.stalled_since = None;
    }

    fn wants_keyframe(&mut self, now: Instant) -> bool {
        let is_lost = self.stalled_since.is_some_and(|since| now.duration_since(since) >= PATIENCE);
        let may_ask = self.last_request.is_none_or(|at| now.duration_since(at) >= REQUEST_INTERVAL);
        if is_lost && may_ask {
            self.last_request = Some(now);
        }
        is_lost && may_ask
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marker(keyframe: bool, part: u16) -> Marker {
        Marker { room: 0, publisher: 0, layer: 0, keyframe, part, parts: 2, frame: 0, index: 0 }
    }

    #[test]
    fn it_starts_at_a_keyframe_and_takes_packets_in_any_order() {
        let (mut decoder, now) = (Decoder::default(), Instant::now());
        for (seq, keyframe, part) in [(10, false, 0), (11, false, 1), (13, true, 1), (14, false, 0)] {
            decoder.receive(now, seq, &marker(keyframe, part));
        }
        assert_eq!(decoder.decoded(), 0);
        decoder.receive(now, 12, &marker(true, 0));
        decoder.receive(now, 15, &marker(false, 1));
        assert_eq!(decoder.decoded(), 2);
    }

    #[test]
    fn a_packet_that_stays_away_makes_it_ask_and_a_keyframe_makes_it_go_on() {
        let (mut decoder, start) = (Decoder::default(), Instant::now());
        let mut asked = 0;
        for (step, seq) in [10, 11, 13, 14, 15, 16, 17, 18, 19].into_iter().enumerate() {
            let now = start + Duration::from_millis(100 * step as u64);
            asked += u32::from(decoder.receive(now, seq, &marker(seq < 12, (seq % 2) as u16)));
        }
        assert_eq!((decoder.decoded(), asked), (1, 1));
        let later = start + Duration::from_secs(1);
        decoder.receive(later, 20, &marker(true, 0));
        decoder.receive(later, 21, &marker(true, 1));
        assert_eq!(decoder.decoded(), 2);
        assert_eq!(decoder.longest_gap(), Duration::from_millis(900));
    }
}
