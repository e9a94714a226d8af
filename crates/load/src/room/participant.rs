//! The media end of a participant: it sends like a publisher and receives on slots.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use str0m::Rtc;
use str0m::change::SdpApi;
use str0m::media::{Direction, MediaKind, Mid, Pt};
use str0m::rtp::RtpPacket;

use super::conversation::Voice;
use super::headers::Headers;
use super::message::Line;
use super::slots::{Fillings, Occupant, Slots};
use crate::args::SlotCounts;
use crate::broadcast::Broadcast;
use crate::cast::Cast;
use crate::meters::Meters;
use crate::publisher::Publisher;
use crate::viewer::Count;

/// What a participant comes with.
#[derive(Debug, Clone)]
pub(crate) struct Part {
    /// What it sends.
    pub broadcast: Broadcast,
    /// When it speaks.
    pub voice: Voice,
    /// What it can receive.
    pub slots: SlotCounts,
    /// Who else is there.
    pub cast: Arc<Cast>,
    /// Others in the room that send video all the time.
    pub others_with_video: usize,
    /// Decrypt and check everything.
    pub checked: bool,
}

/// The lines of its offer.
#[derive(Debug, Clone)]
pub(crate) struct Lines {
    microphone: Mid,
    camera: Mid,
    screen: Mid,
    screen_audio: Mid,
    slots: Vec<(Mid, MediaKind)>,
}

/// A participant whose offer was answered.
pub(crate) struct Participant {
    publisher: Publisher,
    reception: Reception,
    cast: Arc<Cast>,
    others_with_video: usize,
    first_packet: bool,
    first_video: bool,
}

enum Reception {
    Checked(Slots),
    Counted(Headers),
}

impl Lines {
    /// Adds all lines to an offer.
    pub(crate) fn add(changes: &mut SdpApi<'_>, slots: SlotCounts) -> Self {
        let mut line = |kind, direction, stream: &str| {
            changes.add_media(kind, direction, Some(stream.to_owned()), None, None)
        };
        let (audio, video) = (MediaKind::Audio, MediaKind::Video);
        let microphone = line(audio, Direction::SendOnly, "camera");
        let camera = line(video, Direction::SendOnly, "camera");
        let screen = line(video, Direction::SendOnly, "screen");
        let screen_audio = line(audio, Direction::SendOnly, "screen");
        let kinds = std::iter::repeat_n(video, slots.video).chain(std::iter::repeat_n(audio, slots.audio));
        let slots = kinds.map(|kind| (line(kind, Direction::RecvOnly, "slot"), kind)).collect();
        Self { microphone, camera, screen, screen_audio, slots }
    }

    /// What the sending lines are for, when `broadcast` is sent.
    pub(crate) fn describe(&self, broadcast: &Broadcast) -> BTreeMap<String, Line> {
        let lacks = |kind| broadcast.feed(kind).is_none();
        let lines = [
            (self.microphone, "microphone", lacks(MediaKind::Audio)),
            (self.camera, "camera", lacks(MediaKind::Video)),
            (self.screen, "screen", true),
            (self.screen_audio, "screen_audio", true),
        ];
        lines.into_iter().map(|(mid, source, muted)| (mid.to_string(), Line { source, muted })).collect()
    }

    /// Every line that something is sent or received on, those of the broadcast first and in its order.
    pub(crate) fn used(&self, broadcast: &Broadcast) -> Vec<Mid> {
        let sending = broadcast.feeds.iter().map(|feed| match feed.kind {
            MediaKind::Audio => self.microphone,
            MediaKind::Video => self.camera,
        });
        sending.chain(self.slots.iter().map(|(mid, _)| *mid)).collect()
    }
}

impl Participant {
    /// With the payload types of the lines that [`Lines::used`] named.
    pub(crate) fn new(part: Part, lines: &Lines, negotiated: &[(Mid, Pt)]) -> Self {
        let (sending, receiving) = negotiated.split_at(part.broadcast.feeds.len());
        let origin = part.broadcast.origin;
        let pt = |kind| {
            let mut slots = receiving.iter().zip(&lines.slots);
            slots.find(|(_, (_, of))| *of == kind).map(|((_, pt), _)| *pt)
        };
        let reception = match part.checked {
            true => Reception::Checked(Slots::new(origin.run, origin.room, &lines.slots)),
            false => Reception::Counted(Headers::new(pt(MediaKind::Audio), pt(MediaKind::Video))),
        };
        Self {
            publisher: Publisher::new(&part.broadcast, sending).with_voice(part.voice),
            reception,
            cast: part.cast,
            others_with_video: part.others_with_video,
            first_packet: false,
            first_video: false,
        }
    }

    /// The sending half.
    pub(crate) fn publisher(&self) -> &Publisher {
        &self.publisher
    }

    /// The sending half.
    pub(crate) fn publisher_mut(&mut self) -> &mut Publisher {
        &mut self.publisher
    }

    /// Takes a datagram as it came from the socket. True when its header was all that was needed.
    pub(crate) fn receive_header(
        &mut self,
        at: Instant,
        joined: Instant,
        datagram: &[u8],
        meters: &mut Meters,
    ) -> bool {
        match &mut self.reception {
            Reception::Checked(_) => false,
            Reception::Counted(headers) => {
                headers.receive(at.saturating_duration_since(joined), datagram, meters)
            }
        }
    }

    /// Takes a decrypted packet that arrived at `at`; joining began at `joined`.
    pub(crate) fn receive(
        &mut self,
        at: Instant,
        joined: Instant,
        packet: &RtpPacket,
        rtc: &mut Rtc,
        meters: &mut Meters,
    ) {
        // Padding that probes for bandwidth has no payload.
        let Reception::Checked(slots) = &mut self.reception else { return };
        if packet.payload.is_empty() {
            return;
        }
        let Some(mid) = rtc.direct_api().stream_rx(&packet.header.ssrc).map(|stream| stream.mid()) else {
            return;
        };
        let find = |marker: crate::payload::Marker, kind| self.cast.find_source(marker.origin, kind);
        slots.receive(at, mid, &packet.payload, meters, find);
        let since_join = at.saturating_duration_since(joined);
        if !std::mem::replace(&mut self.first_packet, true) {
            meters.first_packet.record(since_join);
        }
        if !self.first_video && slots.has_received(MediaKind::Video) {
            self.first_video = true;
            meters.first_video.record(since_join);
        }
    }

    /// Takes what the server said about the slots at `now`.
    pub(crate) fn assign(&mut self, now: Instant, occupants: &[(Mid, Occupant)]) {
        if let Reception::Checked(slots) = &mut self.reception {
            slots.assign(now, occupants);
        }
    }

    /// Expects nothing more from `now` on.
    pub(crate) fn leave(&mut self, now: Instant) {
        if let Reception::Checked(slots) = &mut self.reception {
            slots.vacate(now);
        }
    }

    /// What has arrived so far.
    pub(crate) fn count(&self) -> Count {
        match &self.reception {
            Reception::Checked(slots) => slots.count(),
            Reception::Counted(headers) => headers.count(),
        }
    }

    /// How its slots were filled until `now`.
    pub(crate) fn fillings(&self, now: Instant) -> Fillings {
        match &self.reception {
            Reception::Checked(slots) => slots.fillings(now),
            Reception::Counted(_) => Fillings::default(),
        }
    }

    /// Whether anything was in a slot that should not have been there, or the other way round.
    pub(crate) fn mistakes(&self, now: Instant) -> Option<String> {
        let wrong = self.fillings(now).wrong;
        (wrong > 0).then(|| format!("{wrong} slots without what they were said to hold"))
    }

    /// What it should have by now and has not.
    pub(crate) fn lacks(&self, now: Instant) -> Option<String> {
        if let Some(mistakes) = self.mistakes(now) {
            return Some(mistakes);
        }
        match &self.reception {
            Reception::Checked(slots) => {
                let expected = self.others_with_video.min(slots.lines(MediaKind::Video));
                let filled = slots.filled(MediaKind::Video);
                (filled < expected).then(|| format!("{filled} of {expected} videos in slots"))
            }
            Reception::Counted(headers) => {
                let is_missing = self.others_with_video > 0 && !headers.has_received().1;
                is_missing.then(|| "no video arrived".into())
            }
        }
    }
}
