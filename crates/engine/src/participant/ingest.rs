//! What a publisher's packets become: whose line and layer, which format, captured when, a keyframe or not.

use std::sync::Arc;
use std::time::Instant;

use plenum_model::{Codec, MediaKind, limits};
use plenum_room::PacketHead;
use plenum_rtp::vp8::{self, Vp8Ids};
use plenum_rtp::{SenderReport, keyframe};
use str0m::rtp::{ExtensionValues, RtpPacket, Ssrc, Vp8Descriptor};

use super::{LineWay, Outputs, Participant, Told};

/// A packet that came in: what routing reads, and what it carries.
#[derive(Debug)]
pub(crate) struct Arrived {
    pub line: u8,
    pub head: PacketHead,
    pub body: Body,
}

/// What a packet carries besides its numbers; shared by all who get it.
#[derive(Debug)]
pub(crate) struct Body {
    pub payload: Arc<[u8]>,
    pub marker: bool,
    /// None if there is nothing to say, as of most video.
    pub extensions: Option<ExtensionValues>,
    pub captured_at: Instant,
    pub kind: MediaKind,
    /// The descriptor, with the numbers in it.
    pub vp8: Option<(Vp8Descriptor, Vp8Ids)>,
}

impl Body {
    /// The level of an audio packet that carries one, in -dBov (RFC 6464).
    pub fn audio_level(&self) -> Option<u8> {
        let level = self.extensions.as_ref()?.audio_level.filter(|_| self.kind == MediaKind::Audio)?;
        Some(level.unsigned_abs())
    }

    /// With a payload of its own, for another thread: reference counts stay on one core.
    pub fn copied(&self) -> Self {
        Self { payload: Arc::from(&self.payload[..]), extensions: self.extensions.clone(), ..*self }
    }
}

/// An SSRC that sends to us.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Source {
    pub ssrc: Ssrc,
    pub line: u8,
    pub layer: u8,
}

impl Participant {
    pub(super) fn digest_packet(&mut self, packet: RtpPacket, out: &mut Outputs) {
        let Some(source) = self.source_of(packet.header.ssrc) else { return };
        let line = &mut self.lines[usize::from(source.line)];
        let LineWay::In(incoming) = &mut line.way else { return };
        if incoming.muted || !self.allowed.publish {
            return;
        }
        let pt = packet.header.payload_type;
        let Some((_, format)) = line.formats.iter().find(|(known, _)| *known == pt) else { return };
        let arrival = packet.timestamp;
        let time = packet.time.numer();
        let report = packet
            .last_sender_info
            .map(|info| SenderReport { ntp: info.ntp_time, rtp: info.rtp_time.numer() as u32 });
        let clock = &mut incoming.clocks[usize::from(source.layer)];
        let captured_at = clock.captured_at(&mut self.clock, report, time as u32, arrival);
        if incoming.current.replace(*format) != Some(*format) {
            let track = incoming.track;
            out.told.push(Told::TrackStarted { track, kind: line.kind, format: *format });
        }
        let is_vp8 = format.codec == Codec::Vp8;
        let parsed = if is_vp8 { vp8::parse(&packet.payload) } else { None };
        let ids = parsed.map_or(Vp8Ids::default(), |payload| payload.ids);
        let head = PacketHead {
            layer: source.layer,
            seq: *packet.seq_no,
            time,
            arrival,
            format: *format,
            starts_keyframe: keyframe::starts_keyframe(format.codec, &packet.payload),
            picture_height: parsed.and_then(|payload| payload.height),
            vp8: ids,
            payload_len: packet.payload.len(),
        };
        let body = Body {
            marker: packet.header.marker,
            extensions: forwarded_extensions(packet.header.ext_vals),
            captured_at,
            kind: line.kind,
            vp8: is_vp8.then(|| Some((Vp8Descriptor::parse(&packet.payload).ok()?, ids))).flatten(),
            payload: packet.payload,
        };
        out.packets.push(Arrived { line: source.line, head, body });
    }

    /// Which line and layer an SSRC belongs to. str0m mapped it, by `a=ssrc`, mid, rid or payload type.
    fn source_of(&mut self, ssrc: Ssrc) -> Option<Source> {
        if let Some(known) = self.sources.iter().find(|source| source.ssrc == ssrc) {
            return Some(*known);
        }
        if self.sources.len() >= limits::SSRCS_PER_SESSION {
            return None;
        }
        let mut api = self.rtc.direct_api();
        let stream = api.stream_rx(&ssrc)?;
        let (mid, rid) = (stream.mid(), stream.rid());
        let index = self.lines.iter().position(|line| line.mid == mid)?;
        let line = &self.lines[index];
        let LineWay::In(incoming) = &line.way else { return None };
        let layer = match rid {
            Some(rid) => incoming.rids.iter().position(|known| *known == rid)?,
            None => 0,
        };
        if line.kind == MediaKind::Video && incoming.nack {
            // Without RTX (OBS) str0m would not ask; such publishers resend on the media SSRC.
            stream.suppress_nack(false);
        }
        let source = Source { ssrc, line: index as u8, layer: layer as u8 };
        // A publisher that changes its SSRC keeps one entry per layer.
        self.sources.retain(|known| (known.line, known.layer) != (source.line, source.layer));
        self.sources.push(source);
        Some(source)
    }
}

/// What a packet's extensions say about the media goes on; what they say about the hop does not.
fn forwarded_extensions(received: ExtensionValues) -> Option<ExtensionValues> {
    let ExtensionValues { audio_level, voice_activity, video_orientation, video_content_type, .. } = received;
    let says_nothing = audio_level.is_none()
        && voice_activity.is_none()
        && video_orientation.is_none()
        && video_content_type.is_none();
    (!says_nothing).then(|| ExtensionValues {
        audio_level,
        voice_activity,
        video_orientation,
        video_content_type,
        ..Default::default()
    })
}
