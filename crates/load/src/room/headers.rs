//! What a participant that decrypts nothing can tell: which RTP sequence numbers arrived on each stream.
//!
//! The server numbers a slot's packets without gaps across switches, so what is missing was lost. Who sent
//! it, and whether that is what the slot was said to hold, stays unknown.

use std::time::Duration;

use str0m::media::Pt;

use crate::ledger::{Ledger, SequenceLine};
use crate::meters::Meters;
use crate::viewer::{Count, rtp_header};

/// Arrivals on all slots of one participant.
#[derive(Debug)]
pub(crate) struct Headers {
    audio: Option<Pt>,
    video: Option<Pt>,
    streams: Vec<(u32, SequenceLine, Ledger)>,
    has_audio: bool,
    has_video: bool,
}

/// Numbers are counted from here, so that a packet overtaken by the first one has a number too.
const FIRST: u64 = 65_536;

impl Headers {
    /// Of slots that use these payload types.
    pub(crate) fn new(audio: Option<Pt>, video: Option<Pt>) -> Self {
        Self { audio, video, streams: Vec::new(), has_audio: false, has_video: false }
    }

    /// Takes a datagram as it came from the socket, `since_join` after the participant began to join. False
    /// when it is not media.
    pub(crate) fn receive(&mut self, since_join: Duration, datagram: &[u8], meters: &mut Meters) -> bool {
        let Some((ssrc, seq)) = rtp_header(datagram) else { return false };
        let pt = Some(Pt::from(datagram[1] & 0x7f));
        if pt == self.video {
            if !std::mem::replace(&mut self.has_video, true) {
                meters.first_video.record(since_join);
            }
        } else if pt == self.audio {
            self.has_audio = true;
        } else {
            // A resent packet: counting it would need its first two, encrypted bytes.
            return true;
        }
        self.record(ssrc, seq);
        true
    }

    fn record(&mut self, ssrc: u32, seq: u16) {
        if !self.streams.iter().any(|(known, ..)| *known == ssrc) {
            self.streams.push((ssrc, SequenceLine::new(seq, FIRST), Ledger::new()));
        }
        let Some((_, line, ledger)) = self.streams.iter_mut().find(|(known, ..)| *known == ssrc) else {
            return;
        };
        if let Some(index) = line.index_of(seq) {
            ledger.record(index);
        }
    }

    /// Whether any audio and any video has arrived.
    pub(crate) fn has_received(&self) -> (bool, bool) {
        (self.has_audio, self.has_video)
    }

    /// Packets so far.
    pub(crate) fn count(&self) -> Count {
        let mut count = Count::default();
        for (_, _, ledger) in &self.streams {
            count.expected += ledger.span();
            count.received += ledger.received();
            count.duplicates += ledger.duplicates();
        }
        count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn datagram(pt: u8, seq: u16, ssrc: u32) -> Vec<u8> {
        let mut bytes = vec![0x80, pt];
        bytes.extend(seq.to_be_bytes());
        bytes.extend([0; 4]);
        bytes.extend(ssrc.to_be_bytes());
        bytes.extend([0; 40]);
        bytes
    }

    #[test]
    fn gaps_of_every_stream_are_losses_and_resent_packets_are_not_counted() {
        let mut headers = Headers::new(Some(111.into()), Some(96.into()));
        let mut meters = Meters::new();
        let mut arrive =
            |pt, seq, ssrc| headers.receive(Duration::from_millis(70), &datagram(pt, seq, ssrc), &mut meters);
        for (pt, seq, ssrc) in [(96, 65_535, 1), (96, 1, 1), (111, 10, 2), (111, 11, 2), (97, 5, 3)] {
            assert!(arrive(pt, seq, ssrc));
        }
        assert!(!arrive(200, 1, 1), "a sender report");
        let count = headers.count();
        assert_eq!((count.expected, count.received, headers.has_received()), (5, 4, (true, true)));
        assert!(meters.first_video.quantiles().is_some_and(|q| (69.0..71.0).contains(&q.max)));
    }
}
