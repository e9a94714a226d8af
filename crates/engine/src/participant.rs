//! One participant of a shard: its `Rtc`, its lines, its addresses, its deadlines. It knows nothing of rooms:
//! packets leave as [`Arrived`] values, and deliveries come in as numbers plus a shared payload.

mod channels;
mod ingest;
mod lines;
mod offers;
mod path;
mod reports;

pub(crate) use channels::Said;
pub(crate) use ingest::{Arrived, Body};
pub(crate) use lines::{SlotWish, Wish};

use std::net::SocketAddr;
use std::time::Instant;

use plenum_model::{Allowed, CloseReason, Format, IceCredentials, Identity, MediaKind, Place, limits};
use plenum_room::{Delivery, TrackId};
use plenum_rtp::vp8::Vp8Ids;
use plenum_rtp::{Projected, PublisherClock};
use str0m::crypto::Sha1HmacProvider;
use str0m::media::{KeyframeRequestKind, Pt};
use str0m::net::{Protocol, Receive};
use str0m::rtp::{RtpWrite, Ssrc, Vp8Descriptor, Vp8Patch};
use str0m::{Event as RtcEvent, IceConnectionState, Input, Output, Rtc, RtcError};

use crate::demux::{self, Kind};
use crate::negotiate::{self, Peer};
use crate::{Class, Counters, Relay, Transmit, stun};
use channels::Channels;
use ingest::Source;
use lines::{Line, LineWay};
use path::Path;
use reports::Reported;

/// What comes out of participants; reused from drain to drain.
#[derive(Debug, Default)]
pub(crate) struct Outputs {
    /// Datagrams to send.
    pub transmits: Vec<Transmit>,
    /// Messages to other shards.
    pub relays: Vec<Relay>,
    /// Packets to forward.
    pub packets: Vec<Arrived>,
    /// The rest.
    pub told: Vec<Told>,
}

/// What a participant tells its shard after it was given input.
#[derive(Debug)]
pub(crate) enum Told {
    KeyframeWanted { line: u8 },
    Connected,
    Interrupted,
    Resumed,
    TrackStarted { track: TrackId, kind: MediaKind, format: Format },
    Said(Said),
    Ended(CloseReason),
}

/// One participant.
pub(crate) struct Participant {
    pub place: Place,
    /// Who it is.
    pub identity: Identity,
    /// Its room's key in the engine.
    pub room: usize,
    pub admitted_at: Instant,
    /// Whether the current flush has already noted it.
    pub touched: bool,
    /// The entry of the timer heap that counts.
    pub scheduled: Option<Instant>,
    pub addresses: Vec<(SocketAddr, Instant)>,
    pub first_packet_sent: bool,
    /// What it may do.
    pub allowed: Allowed,
    /// What it wants of its slots.
    pub wishes: Vec<SlotWish>,
    rtc: Rtc,
    lines: Vec<Line>,
    sources: Vec<Source>,
    clock: PublisherClock,
    connected: bool,
    interrupted: bool,
    rtc_deadline: Instant,
    /// When a check of ours was last answered, and how many had been by then.
    last_response: (Instant, u64),
    path: Path,
    reported: Reported,
    channels: Channels,
    /// What the peer's STUN responses are made with.
    remote_ice: IceCredentials,
    hmac: &'static dyn Sha1HmacProvider,
}

impl Participant {
    pub fn new(now: Instant, place: Place, identity: Identity, room: usize, peer: Peer) -> Self {
        Self {
            place,
            identity,
            room,
            admitted_at: now,
            touched: false,
            scheduled: None,
            addresses: Vec::new(),
            first_packet_sent: false,
            allowed: Allowed::ALL,
            wishes: Vec::new(),
            rtc: peer.rtc,
            lines: peer.lines.into_iter().map(Line::new).collect(),
            sources: Vec::new(),
            clock: PublisherClock::default(),
            connected: false,
            interrupted: false,
            rtc_deadline: now,
            last_response: (now, 0),
            path: Path::new(now),
            reported: Reported::default(),
            channels: Channels::default(),
            remote_ice: peer.remote_ice,
            hmac: peer.hmac,
        }
    }

    /// Whether the packet is meant for this participant: for STUN, MESSAGE-INTEGRITY and ufrags verify.
    pub fn accepts(&self, input: &Input<'_>) -> bool {
        self.rtc.accepts(input)
    }

    /// A STUN response that lacks its mapped address, with `mapped` in that place, if it is the peer's.
    pub fn complete_response(&self, contents: &[u8], mapped: SocketAddr) -> Option<Vec<u8>> {
        stun::with_mapped_address(contents, mapped, &self.remote_ice.pwd, self.hmac)
    }

    /// Takes a datagram. Call [`Self::drain`] afterwards, every time: a received packet waits in one slot.
    pub fn receive(&mut self, now: Instant, receive: Receive<'_>) -> Result<(), RtcError> {
        self.path.heard(now, receive.source);
        self.rtc.handle_input(Input::Receive(now, receive))
    }

    /// Lets time pass. Call [`Self::drain`] afterwards.
    pub fn pass_time(&mut self, now: Instant) -> Result<(), RtcError> {
        self.rtc.handle_input(Input::Timeout(now))
    }

    /// Writes packets to one of its lines; they leave with the next [`Self::pass_time`] and drain. `bodies` are
    /// those that the deliveries point into. Returns whether they could be written.
    pub fn send(&mut self, line: u8, deliveries: &[Delivery], bodies: &[Body]) -> bool {
        let Some(line) = self.lines.get_mut(usize::from(line)) else { return false };
        let LineWay::Out { ssrc, written } = &mut line.way else { return false };
        let mut api = self.rtc.direct_api();
        let Some(stream) = api.stream_tx(ssrc) else { return false };
        for delivery in deliveries {
            let (pt, _) = line.formats[usize::from(delivery.format)];
            stream.write_rtp(outgoing(pt, &delivery.numbers, &bodies[delivery.packet]));
        }
        *written += deliveries.len() as u64;
        true
    }

    /// Asks the peer for a keyframe of one layer.
    pub fn request_keyframe(&mut self, line: u8, layer: u8) -> bool {
        let wanted = self.sources.iter().find(|s| s.line == line && s.layer == layer);
        let Some(ssrc) = wanted.map(|source| source.ssrc) else { return false };
        let mut api = self.rtc.direct_api();
        let Some(stream) = api.stream_rx(&ssrc) else { return false };
        stream.request_keyframe(KeyframeRequestKind::Pli);
        true
    }

    /// Uses more of the peer's candidates.
    pub fn add_candidates(&mut self, candidates: &[SocketAddr]) {
        negotiate::add_remote_candidates(&mut self.rtc, candidates);
    }

    /// Says goodbye (RTCP BYE, DTLS close_notify) into `out`.
    pub fn say_goodbye(&mut self, now: Instant, out: &mut Vec<Transmit>) {
        if self.connected && self.rtc.close().is_ok() && self.pass_time(now).is_ok() {
            while let Ok(output) = self.rtc.poll_output() {
                match output {
                    Output::Transmit(transmit) => out.push(into_transmit(&self.lines, transmit)),
                    Output::Event(_) => {}
                    Output::Timeout(_) => break,
                }
            }
        }
    }

    /// Polls everything the `Rtc` has to give after input.
    pub fn drain(&mut self, now: Instant, counters: &mut Counters, out: &mut Outputs) {
        loop {
            match self.rtc.poll_output() {
                Ok(Output::Transmit(transmit)) => {
                    let is_stun = transmit.contents.first().is_some_and(|byte| *byte < 2);
                    if !is_stun {
                        self.path.sent_to(now, transmit.destination);
                    }
                    out.transmits.push(into_transmit(&self.lines, transmit));
                }
                Ok(Output::Event(event)) => self.digest(now, event, counters, out),
                Ok(Output::Timeout(at)) => {
                    self.rtc_deadline = at;
                    break;
                }
                // Errors caused by input are not fatal: the set-up deadline and consent decide.
                Err(error) => {
                    tracing::debug!(place = ?self.place, %error, "peer error");
                    self.rtc_deadline = now + limits::KEYFRAME_REQUEST_INTERVAL;
                    break;
                }
            }
        }
        if !self.rtc.is_alive() {
            out.told.push(Told::Ended(CloseReason::PeerClosed));
        }
    }

    /// Whether ICE and DTLS have been up.
    pub fn is_connected(&self) -> bool {
        self.connected
    }

    /// When this participant wants to be woken at the latest.
    pub fn deadline(&self) -> Instant {
        self.rtc_deadline.min(self.end_of_patience())
    }

    /// Why the session is over, if it is: not connected in time, or no consent for too long.
    pub fn is_overdue(&self, now: Instant) -> Option<CloseReason> {
        let reason = if self.connected { CloseReason::ConsentLost } else { CloseReason::SetupTimeout };
        (now >= self.end_of_patience()).then_some(reason)
    }

    fn end_of_patience(&self) -> Instant {
        match self.connected {
            true => self.last_response.0 + limits::CONSENT_TIMEOUT,
            false => self.admitted_at + limits::SETUP_DEADLINE,
        }
    }

    fn digest(&mut self, now: Instant, event: RtcEvent, counters: &mut Counters, out: &mut Outputs) {
        match event {
            RtcEvent::RtpPacket(packet) => self.digest_packet(packet, out),
            RtcEvent::KeyframeRequest(request) => {
                if let Some(line) = self.lines.iter().position(|line| line.mid == request.mid) {
                    out.told.push(Told::KeyframeWanted { line: line as u8 });
                }
            }
            RtcEvent::Connected => {
                self.connected = true;
                self.last_response.0 = now;
                out.told.push(Told::Connected);
            }
            RtcEvent::IceConnectionStateChange(state) => self.digest_ice(state, &mut out.told),
            RtcEvent::PeerStats(stats) => self.digest_peer_stats(now, &stats),
            RtcEvent::MediaEgressStats(stats) => self.digest_egress(&stats, counters),
            RtcEvent::MediaIngressStats(stats) => self.digest_ingress(&stats, counters),
            RtcEvent::ChannelOpen(id, label) => self.open_channel(id, &label),
            RtcEvent::ChannelData(message) => self.digest_message(message, counters, out),
            RtcEvent::ChannelClose(id) => self.channels.close(id),
            _ => {}
        }
    }

    fn digest_ice(&mut self, state: IceConnectionState, told: &mut Vec<Told>) {
        match state {
            IceConnectionState::Disconnected if self.connected && !self.interrupted => {
                self.interrupted = true;
                told.push(Told::Interrupted);
            }
            IceConnectionState::Connected | IceConnectionState::Completed if self.interrupted => {
                self.interrupted = false;
                told.push(Told::Resumed);
            }
            _ => {}
        }
    }
}

/// A packet under the numbers of its subscriber.
fn outgoing(pt: Pt, numbers: &Projected, body: &Body) -> RtpWrite {
    let packet = RtpWrite::new(pt, numbers.seq.into(), numbers.time, body.captured_at, body.payload.clone())
        .marker(body.marker)
        .nackable(body.kind == MediaKind::Video);
    let packet = match &body.extensions {
        Some(extensions) => packet.ext_vals(extensions.clone()),
        None => packet,
    };
    // Until the source is switched for the first time, the numbers in the payload are the subscriber's.
    let renumbered = body.vp8.filter(|(_, ids)| *ids != numbers.vp8);
    match renumbered.and_then(|(descriptor, _)| vp8_patch(descriptor, &numbers.vp8)) {
        Some(patch) => packet.vp8_patch(patch),
        None => packet,
    }
}

fn vp8_patch(descriptor: Vp8Descriptor, ids: &Vp8Ids) -> Option<Vp8Patch> {
    let mut patch = descriptor.patch();
    if let Some(id) = ids.picture_id {
        patch = patch.picture_id(id);
    }
    if let Some(idx) = ids.tl0_pic_idx {
        patch = patch.tl0_pic_idx(idx);
    }
    patch.build().ok()
}

fn into_transmit(lines: &[Line], transmit: str0m::net::Transmit) -> Transmit {
    debug_assert_eq!(transmit.proto, Protocol::Udp);
    Transmit {
        destination: transmit.destination,
        class: class_of(lines, &transmit.contents),
        contents: transmit.contents.into(),
    }
}

/// An RTP packet tells its line by its SSRC (RFC 3550, section 5.1). One that is of no line is a retransmission,
/// and only video is retransmitted.
fn class_of(lines: &[Line], contents: &[u8]) -> Class {
    if demux::classify(contents) != Some(Kind::Rtp) {
        return Class::Control;
    }
    let sent_as = contents[8..].first_chunk().map(|bytes| Ssrc::from(u32::from_be_bytes(*bytes)));
    let of_line = |line: &&Line| matches!(line.way, LineWay::Out { ssrc, .. } if Some(ssrc) == sent_as);
    match lines.iter().find(of_line).map(|line| line.kind) {
        Some(MediaKind::Audio) => Class::Audio,
        Some(MediaKind::Video) | None => Class::Video,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(mid: &str, kind: MediaKind, ssrc: u32) -> Line {
        let way = LineWay::Out { ssrc: ssrc.into(), written: 0 };
        Line { mid: mid.into(), kind, formats: Vec::new(), way }
    }

    fn datagram(first: u8, second: u8, ssrc: u32) -> Vec<u8> {
        let mut bytes = vec![0; 40];
        bytes[..2].copy_from_slice(&[first, second]);
        bytes[8..12].copy_from_slice(&ssrc.to_be_bytes());
        bytes
    }

    #[test]
    fn rtp_is_of_the_class_of_its_line_whatever_its_payload_type_and_everything_else_is_control() {
        let lines = [line("0", MediaKind::Audio, 7), line("1", MediaKind::Video, 8)];
        for payload_type in [0, 63, 96, 127, 0x80 | 111] {
            assert_eq!(class_of(&lines, &datagram(0x90, payload_type, 7)), Class::Audio);
            assert_eq!(class_of(&lines, &datagram(0x80, payload_type, 8)), Class::Video);
        }
        let retransmission = datagram(0x80, 97, 9);
        assert_eq!(class_of(&lines, &retransmission), Class::Video);
        for (first, second) in [(0, 1), (1, 1), (22, 254), (0x80, 200), (0x81, 206)] {
            assert_eq!(class_of(&lines, &datagram(first, second, 7)), Class::Control, "{first}");
        }
        assert_eq!(class_of(&lines, &[]), Class::Control);
    }
}
