//! The media of a virtual publisher: frames and voices on a schedule, keyframes when asked.

use std::time::{Duration, Instant};

use str0m::Rtc;
use str0m::media::{Mid, Rid};
use str0m::rtp::{ExtensionValues, RtpWrite};

use crate::client::{OPUS_PT, VP8_PT};
use crate::payload::{self, Marker, Vp8Numbers};

/// A publisher ignores a keyframe request that follows this close on its last keyframe, as browsers do.
const KEYFRAME_SPACING: Duration = Duration::from_millis(300);
/// One Opus packet.
const VOICE_INTERVAL: Duration = Duration::from_millis(20);
const VOICE_BYTES: usize = 80;
/// What markers say of a screen instead of a simulcast layer.
const SCREEN_LAYER: u8 = 9;
/// Frames of a screen per second.
const SCREEN_FRAMES_PER_S: u32 = 5;

/// What a publisher sends.
#[derive(Debug, Clone, PartialEq)]
pub struct Media {
    /// Whether there is audio, at 50 packets per second.
    pub audio: bool,
    /// Video frames per second; 0 is no video.
    pub frames_per_s: u32,
    /// Packets of an ordinary frame; a keyframe has twice as many, and each further simulcast layer once more.
    pub packets_per_frame: u16,
    /// Bytes of payload per video packet.
    pub packet_bytes: usize,
    /// Simulcast layers by rid, the smallest first; none is one layer without a rid.
    pub rids: Vec<&'static str>,
    /// Whether lost packets are sent again (RFC 4588).
    pub rtx: bool,
    /// Whether keyframe requests are answered.
    pub obeys_requests: bool,
    /// Keyframes that come unasked: one in so many frames.
    pub keyframe_every: Option<u64>,
}

impl Media {
    /// A camera and a microphone as a browser sends them, at a low rate.
    pub fn camera() -> Self {
        Self {
            audio: true,
            frames_per_s: 25,
            packets_per_frame: 3,
            packet_bytes: 400,
            rids: Vec::new(),
            rtx: true,
            obeys_requests: true,
            keyframe_every: None,
        }
    }
}

/// The media of one publisher.
#[derive(Debug)]
pub(crate) struct Publisher {
    media: Media,
    streams: Vec<Stream>,
    paused: bool,
    /// How loud its voice is, in -dBov (RFC 6464).
    level: i8,
}

#[derive(Debug)]
struct Stream {
    mid: Mid,
    rid: Option<Rid>,
    is_video: bool,
    /// Nothing is sent on its line for now.
    is_idle: bool,
    packets_per_frame: u16,
    /// The marker of the next packet.
    next: Marker,
    interval: Duration,
    due: Option<Instant>,
    first_seq: u64,
    first_time: u32,
    first_picture: u16,
    keyframe_wanted: bool,
    last_keyframe: Option<Instant>,
    requests: Vec<Instant>,
}

impl Publisher {
    /// Whose streams go out on these lines, once [`Self::start`] was called.
    pub fn new(media: &Media, room: u16, number: u32, audio: Option<Mid>, video: Option<Mid>) -> Self {
        let mut streams: Vec<Stream> =
            audio.map(|mid| Stream::new(mid, None, room, number, 0, media)).into_iter().collect();
        if let Some(mid) = video {
            let layers = media.rids.len().max(1) as u8;
            streams.extend((0..layers).map(|layer| {
                let rid = media.rids.get(usize::from(layer)).map(|rid| Rid::from(*rid));
                Stream::new(mid, rid, room, number, layer, media).into_video(media)
            }));
        }
        Self { media: media.clone(), streams, paused: false, level: -20 }
    }

    /// It has a line for a screen too, which is idle.
    pub fn with_screen(mut self, room: u16, number: u32, mid: Mid) -> Self {
        let media = Media { frames_per_s: SCREEN_FRAMES_PER_S, packets_per_frame: 1, ..self.media.clone() };
        let stream =
            Stream { is_idle: true, ..Stream::new(mid, None, room, number, 0, &media).into_video(&media) };
        let next = Marker { layer: SCREEN_LAYER, ..stream.next };
        self.streams.push(Stream { next, ..stream });
        self
    }

    /// It sends the sound of its screen too, from now on.
    pub fn add_screen_audio(&mut self, now: Instant, room: u16, number: u32, mid: Mid) {
        let stream = Stream::new(mid, None, room, number, 0, &self.media);
        let next = Marker { layer: SCREEN_LAYER, ..stream.next };
        self.streams.push(Stream { next, due: Some(now), ..stream });
    }

    /// Whether something is to be sent on a line.
    pub fn is_sending(&self, mid: Mid) -> bool {
        self.streams.iter().any(|stream| stream.mid == mid && !stream.is_idle)
    }

    /// Stops sending on a line, or goes on, with a keyframe.
    pub fn set_idle(&mut self, now: Instant, mid: Mid, is_idle: bool) {
        for stream in self.streams.iter_mut().filter(|stream| stream.mid == mid) {
            if stream.is_idle && !is_idle {
                stream.due = stream.due.map(|due| due.max(now));
                stream.keyframe_wanted = true;
            }
            stream.is_idle = is_idle;
        }
    }

    /// How loud its voice is from now on, in -dBov (RFC 6464).
    pub fn set_level(&mut self, level: i8) {
        self.level = level;
    }

    /// Begins the schedule.
    pub fn start(&mut self, now: Instant, rtc: &mut Rtc) {
        for stream in &mut self.streams {
            stream.due = Some(now);
            if stream.is_video
                && let Some(tx) = rtc.direct_api().stream_tx_by_mid(stream.mid, stream.rid)
            {
                // No cap on the ratio, or high loss would go unrepaired on the way up.
                tx.set_rtx_cache(2_048, Duration::from_secs(3), None);
            }
        }
    }

    /// Stops or continues sending.
    pub fn pause(&mut self, now: Instant, paused: bool) {
        if self.paused && !paused {
            self.streams.iter_mut().for_each(|stream| stream.due = stream.due.map(|due| due.max(now)));
        }
        self.paused = paused;
    }

    /// When the next frame is due.
    pub fn due(&self) -> Option<Instant> {
        let busy = self.streams.iter().filter(|stream| !stream.is_idle);
        busy.filter_map(|stream| stream.due).min().filter(|_| !self.paused)
    }

    /// A keyframe was asked for.
    pub fn request_keyframe(&mut self, now: Instant, mid: Mid, rid: Option<Rid>) {
        for stream in self.streams.iter_mut().filter(|s| s.mid == mid && (rid.is_none() || s.rid == rid)) {
            stream.requests.push(now);
            let too_soon = stream.last_keyframe.is_some_and(|at| now.duration_since(at) < KEYFRAME_SPACING);
            stream.keyframe_wanted |= self.media.obeys_requests && !too_soon;
        }
    }

    /// The most requests for one layer within a second.
    pub fn most_requests_in_a_second(&self) -> usize {
        let from =
            |requests: &[Instant]| requests.partition_point(|at| *at < requests[0] + Duration::from_secs(1));
        let most = |stream: &Stream| (0..stream.requests.len()).map(|i| from(&stream.requests[i..])).max();
        self.streams.iter().filter_map(most).max().unwrap_or(0)
    }

    /// Writes what is due. Returns how many packets.
    pub fn write_due(&mut self, now: Instant, rtc: &mut Rtc) -> u64 {
        let mut written = 0;
        while let Some(due) = self.due().filter(|due| *due <= now) {
            for stream in self.streams.iter_mut().filter(|s| s.due == Some(due) && !s.is_idle) {
                written += stream.write_frame(now, &self.media, self.level, rtc);
            }
        }
        written
    }
}

impl Stream {
    fn new(mid: Mid, rid: Option<Rid>, room: u16, publisher: u32, layer: u8, media: &Media) -> Self {
        let next = Marker { room, publisher, layer, keyframe: true, part: 0, parts: 1, frame: 0, index: 0 };
        Self {
            mid,
            rid,
            is_video: false,
            is_idle: false,
            packets_per_frame: media.packets_per_frame * u16::from(layer + 1),
            next,
            interval: VOICE_INTERVAL,
            due: None,
            // RFC 3711, section 3.3.1: a start in the upper half could be taken for a roll-over.
            first_seq: fastrand::u64(0..0x8000),
            first_time: fastrand::u32(..),
            first_picture: fastrand::u16(..0x8000),
            keyframe_wanted: false,
            last_keyframe: None,
            requests: Vec::new(),
        }
    }

    fn into_video(self, media: &Media) -> Self {
        Self { is_video: true, interval: Duration::from_secs(1) / media.frames_per_s, ..self }
    }

    fn write_frame(&mut self, now: Instant, media: &Media, level: i8, rtc: &mut Rtc) -> u64 {
        self.due = self.due.map(|due| due + self.interval);
        let keyframe = !self.is_video || self.takes_keyframe(media);
        if keyframe {
            self.last_keyframe = Some(now);
        }
        let parts = match (self.is_video, keyframe) {
            (false, _) => 1,
            (true, false) => self.packets_per_frame,
            (true, true) => 2 * self.packets_per_frame,
        };
        let mut direct = rtc.direct_api();
        let Some(tx) = direct.stream_tx_by_mid(self.mid, self.rid) else { return 0 };
        for part in 0..parts {
            let marker = Marker { keyframe, part, parts, ..self.next };
            tx.write_rtp(self.packet(now, &marker, media, level));
            self.next.index += 1;
        }
        self.next.frame += 1;
        parts.into()
    }

    fn takes_keyframe(&mut self, media: &Media) -> bool {
        let is_due = self.next.frame == 0
            || media.keyframe_every.is_some_and(|every| self.next.frame.is_multiple_of(every));
        std::mem::take(&mut self.keyframe_wanted) || is_due
    }

    fn packet(&self, now: Instant, marker: &Marker, media: &Media, level: i8) -> RtpWrite {
        let seq = (self.first_seq + marker.index).into();
        let clock_rate = if self.is_video { 90_000 } else { 48_000 };
        let ticks = marker.frame as u128 * self.interval.as_nanos() * clock_rate / 1_000_000_000;
        let time = self.first_time.wrapping_add(ticks as u32);
        if self.is_video {
            let numbers = Vp8Numbers {
                picture_id: self.first_picture.wrapping_add(marker.frame as u16) & 0x7fff,
                tl0_pic_idx: marker.frame as u8,
            };
            let payload = payload::video(marker, numbers, media.packet_bytes);
            let is_last = marker.part + 1 == marker.parts;
            return RtpWrite::new(VP8_PT.into(), seq, time, now, payload).marker(is_last).nackable(true);
        }
        let level = ExtensionValues {
            audio_level: Some(level),
            voice_activity: Some(level > -60),
            ..ExtensionValues::default()
        };
        RtpWrite::new(OPUS_PT.into(), seq, time, now, payload::audio(marker, VOICE_BYTES)).ext_vals(level)
    }
}
