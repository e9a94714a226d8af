//! A client: an `Rtc` that offers, as browsers do, with an address, and something to send or to check.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use plenum_model::Source;
use str0m::change::{SdpAnswer, SdpApi, SdpPendingOffer};
use str0m::format::{Codec, CodecConfig, CodecSpec, FormatParams, PayloadParams};
use str0m::media::{Direction, Frequency, KeyframeRequestKind, MediaKind, Mid, Simulcast, SimulcastLayer};
use str0m::net::{Protocol, Receive};
use str0m::{Candidate, Event, Input, Output, Rtc, RtcConfig};

use crate::identity;
use crate::member::{Attendance, Member, channel_config};
use crate::network::Datagram;
use crate::publisher::{Media, Publisher};
use crate::viewer::Viewer;

pub(crate) const OPUS_PT: u8 = 111;
pub(crate) const VP8_PT: u8 = 96;
const RTX_PT: u8 = 97;
/// The shortest time between two wake-ups of a client that are not caused by a datagram.
const TICK: Duration = Duration::from_millis(1);

/// What a client does.
#[derive(Debug)]
pub(crate) enum Part {
    Publisher(Box<Publisher>),
    Viewer(Box<Viewer>),
    Member(Box<Member>),
}

/// What is new in a further offer.
#[derive(Debug, Clone, Copy, Default)]
pub struct Change {
    /// More slots, for video and for audio.
    pub slots: (usize, usize),
    /// A line on which the sound of a screen is sent.
    pub screen_audio: bool,
    /// New ICE credentials.
    pub restart: bool,
}

/// How far a client has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    Connecting,
    Connected,
    /// Its peer said goodbye.
    Closed,
    /// Neither sends nor receives any more.
    Silent,
}

pub(crate) struct Client {
    /// The address of its candidate.
    pub inner: SocketAddr,
    /// The address that the shard sees.
    pub outer: SocketAddr,
    pub part: Part,
    pub state: State,
    /// When it has to be woken at the latest.
    pub deadline: Instant,
    rtc: Rtc,
    pending: Option<SdpPendingOffer>,
}

/// The address of the candidate of client `number`.
pub(crate) fn address(number: u32) -> SocketAddr {
    let [_, b, c, d] = number.to_be_bytes();
    (Ipv4Addr::new(10, b, c, d), 5_000).into()
}

impl Client {
    /// A WHIP client with its offer.
    pub fn publisher(now: Instant, room: u16, number: u32, media: &Media) -> (Self, String) {
        let mut rtc = build(now, number, media.rtx);
        let mut changes = rtc.sdp_api();
        let mut add = |kind, simulcast| {
            changes.add_media(kind, Direction::SendOnly, Some("camera".to_owned()), None, simulcast)
        };
        let audio = media.audio.then(|| add(MediaKind::Audio, None));
        let video = (media.frames_per_s > 0).then(|| add(MediaKind::Video, simulcast(&media.rids)));
        let (offer, pending) = changes.apply().expect("a publisher sends something");
        let part = Part::Publisher(Box::new(Publisher::new(media, room, number, audio, video)));
        (Self::new(now, rtc, number, part, pending), offer.to_sdp_string())
    }

    /// A WHEP client with its offer.
    pub fn viewer(now: Instant, room: u16, number: u32) -> (Self, String) {
        let mut rtc = build(now, number, true);
        let mut changes = rtc.sdp_api();
        for kind in [MediaKind::Audio, MediaKind::Video] {
            changes.add_media(kind, Direction::RecvOnly, None, None, None);
        }
        let (offer, pending) = changes.apply().expect("two lines");
        let part = Part::Viewer(Box::new(Viewer::new(room)));
        (Self::new(now, rtc, number, part, pending), offer.to_sdp_string())
    }

    /// A participant of a conference with its first offer: lines to send on, idle ones among them, one for data
    /// channels, and slots.
    pub fn member(now: Instant, room: u16, number: u32, attendance: &Attendance) -> (Self, String) {
        let media = &attendance.media;
        let mut rtc = build(now, number, media.rtx);
        let mut changes = rtc.sdp_api();
        let mut send = |kind, simulcast| changes.add_media(kind, Direction::SendOnly, None, None, simulcast);
        let microphone = send(MediaKind::Audio, None);
        let camera = send(MediaKind::Video, simulcast(&media.rids));
        let screen = send(MediaKind::Video, None);
        let topics: Vec<_> = attendance
            .topics
            .iter()
            .map(|t| (changes.add_channel_with_config(channel_config(t)), *t))
            .collect();
        let slots = add_slots(&mut changes, attendance.slots);
        let (offer, pending) = changes.apply().expect("lines");
        let (audio, video) = (media.audio.then_some(microphone), (media.frames_per_s > 0).then_some(camera));
        let publisher = Publisher::new(media, room, number, audio, video).with_screen(room, number, screen);
        let sources =
            vec![(Source::Microphone, microphone), (Source::Camera, camera), (Source::Screen, screen)];
        let mut member = Member::new(room, publisher, sources);
        member.add_slots(slots);
        topics.into_iter().for_each(|(id, topic)| member.add_topic(id, topic));
        (Self::new(now, rtc, number, Part::Member(Box::new(member)), pending), offer.to_sdp_string())
    }

    /// Another offer of a participant.
    pub fn offer_again(&mut self, now: Instant, number: u32, change: Change) -> String {
        let mut changes = self.rtc.sdp_api();
        let mids = add_slots(&mut changes, change.slots);
        let sound = change
            .screen_audio
            .then(|| changes.add_media(MediaKind::Audio, Direction::SendOnly, None, None, None));
        if change.restart {
            changes.ice_restart(true);
        }
        let (offer, pending) = changes.apply().expect("something changes");
        self.pending = Some(pending);
        if let Part::Member(member) = &mut self.part {
            member.add_slots(mids);
            sound.into_iter().for_each(|mid| member.add_screen_audio(now, number, mid));
        }
        offer.to_sdp_string()
    }

    /// Opens a data channel later on; the line is there.
    pub fn open_topic(&mut self, now: Instant, topic: &str) {
        let id = self.rtc.direct_api().create_data_channel(channel_config(topic));
        if let Part::Member(member) = &mut self.part {
            member.add_topic(id, topic);
        }
        self.deadline = now;
    }

    fn new(now: Instant, rtc: Rtc, number: u32, part: Part, pending: SdpPendingOffer) -> Self {
        let inner = address(number);
        let state = State::Connecting;
        Self { inner, outer: inner, part, state, deadline: now, rtc, pending: Some(pending) }
    }

    /// Whether it still takes part.
    pub fn is_active(&self) -> bool {
        matches!(self.state, State::Connecting | State::Connected)
    }

    /// Whether its last offer was answered.
    pub fn is_settled(&self) -> bool {
        self.pending.is_none()
    }

    /// Takes the answer to its last offer.
    pub fn accept(&mut self, now: Instant, answer: &str) {
        let Some(pending) = self.pending.take() else { return };
        let answer = SdpAnswer::from_sdp_string(answer).expect("the answer is SDP");
        self.rtc.sdp_api().accept_answer(pending, answer).expect("the answer fits the offer");
        self.deadline = now;
    }

    /// Chooses new ICE credentials. Returns the offer that says so.
    pub fn restart_ice(&mut self) -> String {
        let mut changes = self.rtc.sdp_api();
        changes.ice_restart(true);
        let (offer, pending) = changes.apply().expect("a restart is a change");
        self.pending = Some(pending);
        offer.to_sdp_string()
    }

    /// Takes a datagram. Call [`Self::advance`] afterwards.
    pub fn receive(&mut self, now: Instant, source: SocketAddr, contents: &[u8], out: &mut Vec<Datagram>) {
        let Ok(receive) = Receive::new(Protocol::Udp, source, self.inner, contents) else { return };
        let input = Input::Receive(now, receive);
        if self.rtc.accepts(&input) {
            // What a datagram is wrong about shows in what the client then lacks.
            let _ = self.rtc.handle_input(input);
            self.drain(now, out);
        }
    }

    /// Does what is due at `now`.
    pub fn advance(&mut self, now: Instant, out: &mut Vec<Datagram>) {
        match &mut self.part {
            Part::Publisher(publisher) => {
                publisher.write_due(now, &mut self.rtc);
            }
            Part::Member(member) => {
                member.publisher.write_due(now, &mut self.rtc);
                member.speak(&mut self.rtc);
            }
            Part::Viewer(_) => {}
        }
        let _ = self.rtc.handle_input(Input::Timeout(now));
        self.drain(now, out);
    }

    fn drain(&mut self, now: Instant, out: &mut Vec<Datagram>) {
        let rtc_deadline = loop {
            match self.rtc.poll_output() {
                Ok(Output::Timeout(at)) => break at,
                Ok(Output::Transmit(transmit)) => out.push(Datagram {
                    source: self.outer,
                    destination: transmit.destination,
                    contents: transmit.contents.into(),
                }),
                Ok(Output::Event(event)) => self.digest(now, event),
                Err(_) => break now + Duration::from_secs(1),
            }
        };
        let media_deadline = match &self.part {
            Part::Publisher(publisher) => publisher.due(),
            Part::Member(member) if member.has_something_to_say() => Some(now),
            Part::Member(member) => member.publisher.due(),
            Part::Viewer(_) => None,
        };
        self.deadline = media_deadline.map_or(rtc_deadline, |due| due.min(rtc_deadline)).max(now + TICK);
    }

    fn digest(&mut self, now: Instant, event: Event) {
        match (event, &mut self.part) {
            (Event::Connected, part) => {
                self.state = State::Connected;
                match part {
                    Part::Publisher(publisher) => publisher.start(now, &mut self.rtc),
                    Part::Member(member) => member.publisher.start(now, &mut self.rtc),
                    Part::Viewer(_) => {}
                }
            }
            (Event::Closed, _) => self.state = State::Closed,
            (Event::KeyframeRequest(request), Part::Publisher(publisher)) => {
                publisher.request_keyframe(now, request.mid, request.rid);
            }
            (Event::RtpPacket(packet), Part::Viewer(viewer)) => {
                if viewer.receive(now, &packet)
                    && let Some(stream) = self.rtc.direct_api().stream_rx(&packet.header.ssrc)
                {
                    stream.request_keyframe(KeyframeRequestKind::Pli);
                }
            }
            (event, Part::Member(member)) => digest_member(now, event, member, &mut self.rtc),
            _ => {}
        }
    }
}

fn digest_member(now: Instant, event: Event, member: &mut Member, rtc: &mut Rtc) {
    match event {
        Event::KeyframeRequest(request) => {
            member.publisher.request_keyframe(now, request.mid, request.rid);
        }
        Event::RtpPacket(packet) => {
            let mut api = rtc.direct_api();
            if let Some(stream) = api.stream_rx(&packet.header.ssrc)
                && member.receive(now, &stream.mid(), &packet)
            {
                stream.request_keyframe(KeyframeRequestKind::Pli);
            }
        }
        Event::ChannelOpen(id, _) => member.channel_opened(id),
        Event::ChannelData(message) => member.hear(now, message),
        Event::ChannelClose(id) => member.channel_closed(id),
        _ => {}
    }
}

fn add_slots(changes: &mut SdpApi<'_>, (video, audio): (usize, usize)) -> Vec<Mid> {
    let kinds = [(MediaKind::Video, video), (MediaKind::Audio, audio)];
    let kinds = kinds.into_iter().flat_map(|(kind, count)| std::iter::repeat_n(kind, count));
    kinds.map(|kind| changes.add_media(kind, Direction::RecvOnly, None, None, None)).collect()
}

fn build(now: Instant, number: u32, rtx: bool) -> Rtc {
    let (provider, certificate) = identity::of_client();
    let mut config = RtcConfig::new()
        .set_crypto_provider(provider)
        .set_dtls_cert(certificate)
        .set_rtp_mode(true)
        .set_rtcp_report_interval_audio(Duration::from_secs(1));
    *config.codec_config() = CodecConfig::new_from_payload_params(vec![opus(), vp8(rtx)]);
    let mut rtc = config.build(now);
    let candidate = Candidate::host(address(number), Protocol::Udp).expect("an address of a host");
    rtc.add_local_candidate(candidate);
    rtc
}

fn opus() -> PayloadParams {
    let spec = CodecSpec {
        codec: Codec::Opus,
        clock_rate: Frequency::FORTY_EIGHT_KHZ,
        channels: Some(2),
        format: FormatParams { min_p_time: Some(10), use_inband_fec: Some(true), ..Default::default() },
    };
    PayloadParams::new(OPUS_PT.into(), None, spec)
}

fn vp8(rtx: bool) -> PayloadParams {
    let spec = CodecSpec {
        codec: Codec::Vp8,
        clock_rate: Frequency::NINETY_KHZ,
        channels: None,
        format: FormatParams::default(),
    };
    PayloadParams::new(VP8_PT.into(), rtx.then(|| RTX_PT.into()), spec)
}

fn simulcast(rids: &[&str]) -> Option<Simulcast> {
    let send = rids.iter().map(|rid| SimulcastLayer::new(rid)).collect();
    (!rids.is_empty()).then_some(Simulcast { send, recv: Vec::new() })
}
