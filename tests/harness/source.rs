//! What a native publisher sends: numbered, signed packets that pass for VP8 and Opus.

use std::time::{Duration, Instant};

use str0m::Rtc;
use str0m::format::Codec;
use str0m::media::Pt;

/// Below 32,768: the roll-over counter of SRTP is not signalled.
const FIRST_SEQUENCE: u16 = 1_000;
const AUDIO_BYTES: usize = 80;

/// What a publisher sends.
#[derive(Debug, Clone, Copy)]
pub struct Media {
    /// Video packets per second; each is a frame of its own.
    pub video_rate: u32,
    /// Bytes of a video payload.
    pub video_bytes: usize,
    /// Audio packets per second.
    pub audio_rate: u32,
}

impl Default for Media {
    fn default() -> Self {
        Self { video_rate: 50, video_bytes: 600, audio_rate: 50 }
    }
}

/// Makes the packets of a publisher.
#[derive(Debug)]
pub(crate) struct Sender {
    media: Media,
    marker: u32,
    started: Option<Instant>,
    pub video: Line,
    audio: Line,
    pub keyframe_wanted: bool,
}

/// The next packet of one line.
#[derive(Debug)]
pub(crate) struct Line {
    pt: Pt,
    pub count: u32,
    due: Instant,
}

pub(crate) struct Packet {
    pub is_video: bool,
    pub pt: Pt,
    pub sequence: u64,
    pub time: u32,
    pub payload: Vec<u8>,
}

impl Sender {
    pub fn new(media: Media, marker: u32, rtc: &Rtc) -> Self {
        let pt = |codec| {
            let mut all = rtc.codec_config().params().iter();
            all.find(|params| params.spec().codec == codec).expect("the codec was negotiated").pt()
        };
        let line = |codec| Line { pt: pt(codec), count: 0, due: Instant::now() };
        let (video, audio) = (line(Codec::Vp8), line(Codec::Opus));
        Self { media, marker, started: None, video, audio, keyframe_wanted: true }
    }

    /// When the next packet is due.
    pub fn due(&self) -> Instant {
        self.video.due.min(self.audio.due)
    }

    /// The next packet if one is due.
    pub fn next(&mut self, now: Instant) -> Option<Packet> {
        if self.started.is_none() {
            self.started = Some(now);
            (self.video.due, self.audio.due) = (now, now);
        }
        if self.video.due <= now {
            let is_keyframe = self.keyframe_wanted || self.video.count.is_multiple_of(self.media.video_rate);
            self.keyframe_wanted = false;
            let payload = Payload { marker: self.marker, count: self.video.count };
            let bytes = payload.write_video(self.media.video_bytes, is_keyframe);
            return Some(self.video.packet(true, bytes, self.media.video_rate, 90_000));
        }
        if self.audio.due <= now {
            let payload = Payload { marker: self.marker, count: self.audio.count };
            let bytes = payload.write_audio();
            return Some(self.audio.packet(false, bytes, self.media.audio_rate, 48_000));
        }
        None
    }
}

impl Line {
    fn packet(&mut self, is_video: bool, payload: Vec<u8>, rate: u32, clock_rate: u32) -> Packet {
        let count = self.count;
        self.count += 1;
        self.due += Duration::from_secs(1) / rate;
        let sequence = u64::from(FIRST_SEQUENCE) + u64::from(count);
        let time = (u64::from(count) * u64::from(clock_rate) / u64::from(rate)) as u32;
        Packet { is_video, pt: self.pt, sequence, time, payload }
    }
}

/// What a payload says: whose it is, and the how manyth. In its last eight bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Payload {
    pub marker: u32,
    pub count: u32,
}

impl Payload {
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let tail: [u8; 8] = bytes.last_chunk().copied()?;
        let number = |at: usize| u32::from_be_bytes([tail[at], tail[at + 1], tail[at + 2], tail[at + 3]]);
        Some(Self { marker: number(0), count: number(4) })
    }

    /// A whole VP8 frame in one packet (RFC 7741, sections 4.2 and 4.3), with a 15-bit picture id.
    fn write_video(self, length: usize, is_keyframe: bool) -> Vec<u8> {
        let picture = (self.count % 0x8000) as u16 | 0x8000;
        let mut bytes = vec![0x90, 0x80, (picture >> 8) as u8, picture as u8];
        if is_keyframe {
            bytes.extend_from_slice(&[0x10, 0, 0, 0x9d, 0x01, 0x2a, 0x80, 0x02, 0x68, 0x01]);
        } else {
            bytes.extend_from_slice(&[0x11, 0, 0]);
        }
        self.pad_and_sign(bytes, length)
    }

    /// An Opus packet (RFC 6716, section 3.1) of one 20 ms frame.
    fn write_audio(self) -> Vec<u8> {
        self.pad_and_sign(vec![0xfc], AUDIO_BYTES)
    }

    fn pad_and_sign(self, mut bytes: Vec<u8>, length: usize) -> Vec<u8> {
        bytes.resize(length - 8, 0xaa);
        bytes.extend_from_slice(&self.marker.to_be_bytes());
        bytes.extend_from_slice(&self.count.to_be_bytes());
        bytes
    }
}
