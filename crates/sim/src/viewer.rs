//! What a virtual viewer makes of what it receives: a ledger per line, a decoder, and complaints.

use std::time::{Duration, Instant};

use str0m::rtp::{RtpPacket, Ssrc};

use crate::client::{OPUS_PT, VP8_PT};
use crate::decoder::Decoder;
use crate::ledger::{Ledger, Received};
use crate::payload;

/// The receiving half of a client.
#[derive(Debug)]
pub struct Viewer {
    room: u16,
    audio: Line,
    video: Line,
    decoder: Decoder,
    complaints: Vec<String>,
    last_audio: Option<Instant>,
}

#[derive(Debug, Default)]
struct Line {
    ssrc: Option<Ssrc>,
    ledger: Ledger,
}

/// How much of a line arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Count {
    /// Sequence numbers from the first to the last received.
    pub expected: u64,
    /// Of them, received.
    pub received: u64,
}

impl Count {
    /// Numbers that stayed away, whatever the reason.
    pub fn missing(&self) -> u64 {
        self.expected - self.received
    }

    /// The share of numbers that stayed away.
    pub fn missing_share(&self) -> f64 {
        self.missing() as f64 / self.expected.max(1) as f64
    }
}

impl Viewer {
    pub(crate) fn new(room: u16) -> Self {
        Self {
            room,
            audio: Line::default(),
            video: Line::default(),
            decoder: Decoder::default(),
            complaints: Vec::new(),
            last_audio: None,
        }
    }

    /// Of one slot: its sources come and go.
    pub(crate) fn of_slot(room: u16) -> Self {
        let line = || Line { ssrc: None, ledger: Ledger::of_slot() };
        Self { audio: line(), video: line(), ..Self::new(room) }
    }

    /// Takes a packet. Returns whether to ask for a keyframe of its stream.
    pub(crate) fn receive(&mut self, now: Instant, packet: &RtpPacket) -> bool {
        match *packet.header.payload_type {
            VP8_PT => self.receive_video(now, packet),
            OPUS_PT => {
                self.receive_audio(now, packet);
                false
            }
            other => {
                self.complain(format!("payload type {other} was not negotiated"));
                false
            }
        }
    }

    fn receive_video(&mut self, now: Instant, packet: &RtpPacket) -> bool {
        let Some((marker, numbers)) = payload::read_video(&packet.payload) else {
            self.complain(format!("video was changed on the way: {:?}", packet.header));
            return false;
        };
        let received = Received { time: packet.header.timestamp, marker, vp8: Some(numbers) };
        let is_new = self.note(packet, received);
        if packet.header.marker != (marker.part + 1 == marker.parts) {
            self.complain(format!("a wrong marker bit on {marker:?}"));
        }
        is_new && self.decoder.receive(now, *packet.seq_no, &marker)
    }

    fn receive_audio(&mut self, now: Instant, packet: &RtpPacket) {
        let Some(marker) = payload::read_audio(&packet.payload) else {
            return self.complain(format!("audio was changed on the way: {:?}", packet.header));
        };
        self.last_audio = Some(now);
        self.note(packet, Received { time: packet.header.timestamp, marker, vp8: None });
    }

    /// Returns whether the packet is new.
    fn note(&mut self, packet: &RtpPacket, received: Received) -> bool {
        let line = if received.vp8.is_some() { &mut self.video } else { &mut self.audio };
        let ssrc = *line.ssrc.get_or_insert(packet.header.ssrc);
        let result = line.ledger.record(*packet.seq_no, received);
        if ssrc != packet.header.ssrc {
            self.complain("a line that changed its SSRC".to_owned());
        }
        if received.marker.room != self.room {
            self.complain(format!("a packet of room {} in room {}", received.marker.room, self.room));
        }
        result.unwrap_or_else(|what| {
            self.complain(what);
            false
        })
    }

    fn complain(&mut self, what: String) {
        if self.complaints.len() < 10 {
            self.complaints.push(what);
        }
    }

    /// Everything that was wrong with what arrived.
    pub fn verify(&self) -> Result<(), String> {
        if let Some(first) = self.complaints.first() {
            return Err(first.clone());
        }
        self.video.ledger.verify().map_err(|what| format!("video: {what}"))?;
        self.audio.ledger.verify().map_err(|what| format!("audio: {what}"))
    }

    /// Video packets.
    pub fn video(&self) -> Count {
        count(&self.video.ledger)
    }

    /// Audio packets.
    pub fn audio(&self) -> Count {
        count(&self.audio.ledger)
    }

    /// Whether the first video packet in order starts a keyframe.
    pub fn starts_at_keyframe(&self) -> bool {
        let first = self.video.ledger.first();
        first.is_some_and(|(_, packet)| packet.marker.keyframe && packet.marker.part == 0)
    }

    /// The extended number of the first video packet.
    pub fn first_video_number(&self) -> Option<u64> {
        self.video.ledger.first().map(|(number, _)| number)
    }

    /// Whose video was seen, in the order of their coming.
    pub fn publishers(&self) -> Vec<u32> {
        self.video.ledger.publishers()
    }

    /// Whose voice was heard, in the order of their coming.
    pub fn speakers(&self) -> Vec<u32> {
        self.audio.ledger.publishers()
    }

    /// Frames that could be decoded.
    pub fn decoded(&self) -> u64 {
        self.decoder.decoded()
    }

    /// Which ones: number of the publisher and of the frame, in the order of decoding.
    pub fn frames(&self) -> &[(u32, u64)] {
        self.decoder.frames()
    }

    /// Which voices were heard: number of the publisher and of the audio frame, in order.
    pub fn voices(&self) -> impl Iterator<Item = (u32, u64)> {
        self.audio.ledger.frames()
    }

    /// When the first frame was decoded.
    pub fn first_decoded(&self) -> Option<Instant> {
        self.decoder.first_decoded()
    }

    /// When the last frame was decoded.
    pub fn last_decoded(&self) -> Option<Instant> {
        self.decoder.last_decoded()
    }

    /// When the last audio packet came.
    pub fn last_audio(&self) -> Option<Instant> {
        self.last_audio
    }

    /// The longest time between two decoded frames since [`Self::forget_gaps`].
    pub fn longest_gap(&self) -> Duration {
        self.decoder.longest_gap()
    }

    /// Starts to measure gaps anew.
    pub fn forget_gaps(&mut self) {
        self.decoder.forget_gaps();
    }
}

fn count(ledger: &Ledger) -> Count {
    Count { expected: ledger.expected(), received: ledger.received() }
}
