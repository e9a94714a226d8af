//! The receiving half of a WHEP session: whether everything arrived, unchanged, from the right publisher.
//!
//! A *checked* viewer lets str0m decrypt every packet and reads the marker in it. The others do so only
//! until they know where the numbers of each stream begin; from then on they count RTP headers, which
//! costs a tenth. They ask for no retransmissions, because str0m does not see their media any more.

use std::sync::Arc;
use std::time::{Duration, Instant};

use str0m::media::{MediaKind, Mid, Pt};
use str0m::rtp::RtpPacket;

use crate::broadcast::{Broadcast, Feed};
use crate::clock;
use crate::ledger::{Arrival, Ledger, SequenceLine};
use crate::meters::Meters;
use crate::payload::{self, Marker, Mismatch, Origin};

/// Counts what arrives of one broadcast.
pub(crate) struct Viewer {
    origin: Origin,
    streams: Vec<Incoming>,
    checked: bool,
    arrived_any: bool,
    foreign: u64,
    corrupt: u64,
}

/// What has arrived so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Count {
    /// Packets that should have arrived.
    pub expected: u64,
    /// Packets that did.
    pub received: u64,
    /// Packets that arrived again.
    pub duplicates: u64,
    /// Packets of another room, publisher or generator.
    pub foreign: u64,
    /// Packets that were changed on the way.
    pub corrupt: u64,
}

struct Incoming {
    feed: Arc<Feed>,
    pt: Pt,
    ledger: Ledger,
    /// Once known: the SSRC of the stream and its line of sequence numbers.
    line: Option<(u32, SequenceLine)>,
}

impl Viewer {
    /// Has received nothing.
    pub(crate) fn new(broadcast: &Broadcast, negotiated: &[(Mid, Pt)], checked: bool) -> Self {
        let incoming = |(feed, (_, pt)): (&Arc<Feed>, &(Mid, Pt))| Incoming {
            feed: feed.clone(),
            pt: *pt,
            ledger: Ledger::new(),
            line: None,
        };
        Self {
            origin: broadcast.origin,
            streams: broadcast.feeds.iter().zip(negotiated).map(incoming).collect(),
            checked,
            arrived_any: false,
            foreign: 0,
            corrupt: 0,
        }
    }

    /// Takes a decrypted packet that arrived at `at`; the session was asked for at `posted`.
    pub(crate) fn receive(&mut self, at: Instant, posted: Instant, packet: &RtpPacket, meters: &mut Meters) {
        // Padding that probes for bandwidth has no payload.
        if packet.payload.is_empty() {
            return;
        }
        let pt = packet.header.payload_type;
        let Some(stream) = self.streams.iter_mut().find(|stream| stream.pt == pt) else {
            self.foreign += 1;
            return;
        };
        let marker = match payload::decode(stream.is_video(), &packet.payload) {
            Ok(marker) if marker.origin == self.origin => marker,
            Err(Mismatch::Corrupt) => return self.corrupt += 1,
            Ok(_) | Err(Mismatch::NotGenerated) => return self.foreign += 1,
        };
        let since_post = at.saturating_duration_since(posted);
        if !std::mem::replace(&mut self.arrived_any, true) {
            meters.first_packet.record(since_post);
        }
        stream.receive(at, since_post, marker, packet, meters);
    }

    /// Takes a datagram as it came from the socket. True when its header was all that was needed.
    pub(crate) fn receive_header(&mut self, datagram: &[u8]) -> bool {
        if self.checked || self.streams.iter().any(|stream| stream.line.is_none()) {
            return false;
        }
        let Some((ssrc, seq)) = rtp_header(datagram) else {
            return false;
        };
        // A resent packet is not on any of the lines: its SSRC is another, its number encrypted.
        for stream in &mut self.streams {
            stream.receive_header(ssrc, seq);
        }
        true
    }

    /// What has arrived so far.
    pub(crate) fn count(&self) -> Count {
        let mut count = Count { foreign: self.foreign, corrupt: self.corrupt, ..Count::default() };
        for stream in &self.streams {
            let sent = stream.feed.sent();
            count.expected += sent.checked_sub(1).map_or(0, |last| stream.ledger.expected(last));
            count.received += stream.ledger.received();
            count.duplicates += stream.ledger.duplicates();
        }
        count
    }

    /// The first stream of which nothing has arrived.
    pub(crate) fn missing(&self) -> Option<MediaKind> {
        self.streams.iter().find(|stream| stream.ledger.received() == 0).map(|stream| stream.feed.kind)
    }
}

impl Incoming {
    fn is_video(&self) -> bool {
        self.feed.kind == MediaKind::Video
    }

    fn receive(
        &mut self,
        at: Instant,
        since_post: Duration,
        marker: Marker,
        packet: &RtpPacket,
        meters: &mut Meters,
    ) {
        if self.line.is_none() {
            let line = SequenceLine::new(packet.header.sequence_number, marker.index);
            self.line = Some((*packet.header.ssrc, line));
            if self.is_video() {
                meters.first_video.record(since_post);
            }
        }
        if self.feed.counts(marker.index) && self.ledger.record(marker.index) == Arrival::New {
            let latency_ns = clock::ns(at).saturating_sub(marker.sent_ns);
            meters.latency.record(Duration::from_nanos(latency_ns));
        }
    }

    fn receive_header(&mut self, ssrc: u32, seq: u16) {
        if let Some((own, line)) = &mut self.line
            && *own == ssrc
            && let Some(index) = line.index_of(seq)
            && self.feed.counts(index)
        {
            self.ledger.record(index);
        }
    }
}

/// SSRC and sequence number of an RTP packet; `None` for STUN, DTLS and RTCP (RFC 5761, section 4; RFC 7983).
pub(crate) fn rtp_header(datagram: &[u8]) -> Option<(u32, u16)> {
    let [first, second, s0, s1, _, _, _, _, c0, c1, c2, c3, ..] = *datagram else {
        return None;
    };
    let is_rtp = first & 0xc0 == 0x80 && !(64..96).contains(&(second & 0x7f));
    is_rtp.then(|| (u32::from_be_bytes([c0, c1, c2, c3]), u16::from_be_bytes([s0, s1])))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::Rate;

    fn counting_viewer() -> (Viewer, Arc<Feed>) {
        let feed = Arc::new(Feed::new(MediaKind::Video, Rate { packets_per_s: 50, payload_bytes: 100 }, 1));
        let origin = Origin { run: 1, room: 2, publisher: 3 };
        let broadcast = Broadcast { origin, feeds: vec![feed.clone()] };
        let mut viewer = Viewer::new(&broadcast, &[("0".into(), 96.into())], false);
        viewer.streams[0].ledger.record(10);
        viewer.streams[0].line = Some((7, SequenceLine::new(65_535, 10)));
        feed.set_sent(Instant::now(), 11);
        (viewer, feed)
    }

    fn datagram(first: u8, pt: u8, seq: u16, ssrc: u32) -> Vec<u8> {
        let mut bytes = vec![first, pt];
        bytes.extend(seq.to_be_bytes());
        bytes.extend([0; 4]);
        bytes.extend(ssrc.to_be_bytes());
        bytes.extend([0; 40]);
        bytes
    }

    #[test]
    fn headers_are_enough_to_tell_what_is_missing() {
        let (mut viewer, feed) = counting_viewer();
        feed.set_sent(Instant::now(), 15);
        for seq in [0, 1, 3, 3] {
            assert!(viewer.receive_header(&datagram(0x80, 96, seq, 7)));
        }
        let count = viewer.count();
        assert_eq!((count.expected, count.received, count.duplicates), (5, 4, 1));
    }

    #[test]
    fn another_ssrc_is_not_counted_and_control_packets_go_to_str0m() {
        let (mut viewer, _) = counting_viewer();
        assert!(viewer.receive_header(&datagram(0x80, 97, 0, 8)), "a resent packet");
        assert!(!viewer.receive_header(&datagram(0x81, 200, 0, 7)), "a sender report");
        assert!(!viewer.receive_header(&datagram(0x00, 1, 0, 7)), "STUN");
        assert!(!viewer.receive_header(&datagram(0x17, 0, 0, 7)), "DTLS");
        assert!(!viewer.receive_header(&[0x80, 96, 0]), "cut short");
        assert_eq!(viewer.count().received, 1);
    }

    #[test]
    fn until_every_stream_has_begun_and_for_checked_viewers_str0m_sees_all() {
        let (mut viewer, _) = counting_viewer();
        viewer.checked = true;
        assert!(!viewer.receive_header(&datagram(0x80, 96, 0, 7)));
        viewer.checked = false;
        viewer.streams[0].line = None;
        assert!(!viewer.receive_header(&datagram(0x80, 96, 0, 7)));
    }

    #[test]
    fn packets_sent_after_the_end_are_no_part_of_the_count() {
        let (mut viewer, feed) = counting_viewer();
        feed.end_counting();
        feed.set_sent(Instant::now(), 13);
        viewer.receive_header(&datagram(0x80, 96, 0, 7));
        assert_eq!((viewer.count().expected, viewer.count().received), (1, 1));
    }
}
