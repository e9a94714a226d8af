//! The media end of a member: one thread, one socket, one `Rtc`.

use std::collections::{BTreeMap, VecDeque};
use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, AtomicI8, Ordering};
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use str0m::change::{SdpAnswer, SdpPendingOffer};
use str0m::channel::{ChannelConfig, ChannelId, Reliability};
use str0m::media::{Direction, MediaKind, Mid};
use str0m::net::{Protocol, Receive};
use str0m::rtp::{ExtensionValues, RtpWrite, SeqNo};
use str0m::{Candidate, Event, Input, Output, Rtc};

use super::account::{Account, SlotAccount};
use super::member::Joining;
use crate::source::{Packet, Payload, Sender};

const MIN_SLEEP: Duration = Duration::from_micros(200);
const MAX_SLEEP: Duration = Duration::from_millis(20);
/// Level of a microphone that nobody speaks into, in dBov.
pub(super) const QUIET: i8 = -80;
/// Level of one that somebody does.
pub(super) const LOUD: i8 = -20;
/// Datagrams read before something else gets its turn.
const BATCH: usize = 32;

/// An offer of a member, and what it takes to use the answer.
pub(super) struct Prepared {
    rtc: Rtc,
    socket: UdpSocket,
    pending: SdpPendingOffer,
    lines: Lines,
    pub offer: String,
    /// What the sending lines are for, as the protocol wants it.
    pub tracks: Value,
}

#[derive(Debug, Clone)]
struct Lines {
    microphone: Mid,
    camera: Mid,
    slots: BTreeMap<Mid, bool>,
}

/// What a test tells the thread.
#[derive(Debug)]
pub(super) enum Order {
    /// A message on a topic.
    Say { topic: String, is_binary: bool, message: Vec<u8> },
    /// Read no more DTLS: nothing on data channels is acknowledged, while ICE and media go on.
    Stall,
    /// Close the DTLS association.
    Close,
}

/// Shared with the test.
#[derive(Debug, Default)]
pub(super) struct Shared {
    pub account: Mutex<Account>,
    pub stop: AtomicBool,
    /// Level of what the microphone hears, in dBov.
    pub level: AtomicI8,
}

impl Prepared {
    pub fn new(joining: &Joining) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("loopback has free ports");
        let mut rtc = Rtc::builder()
            .clear_codecs()
            .enable_opus(true, false)
            .enable_vp8(true)
            .set_rtp_mode(true)
            .build(Instant::now());
        let mut changes = rtc.sdp_api();
        let mut line = |kind, direction| changes.add_media(kind, direction, Some("m".into()), None, None);
        let (audio, video) = (MediaKind::Audio, MediaKind::Video);
        let microphone = line(audio, Direction::SendOnly);
        let camera = line(video, Direction::SendOnly);
        let screen = line(video, Direction::SendOnly);
        let screen_audio = line(audio, Direction::SendOnly);
        let kinds =
            std::iter::repeat_n(video, joining.slots.0).chain(std::iter::repeat_n(audio, joining.slots.1));
        let slots = kinds.map(|kind| (line(kind, Direction::RecvOnly), kind == video)).collect();
        for topic in &joining.topics {
            changes.add_channel_with_config(channel(topic));
        }
        let (offer, pending) = changes.apply().expect("new lines need an offer");
        rtc.add_local_candidate(Candidate::host(address(&socket), "udp").expect("a host candidate"));
        let tracks = json!({
            microphone.to_string(): {"source": "microphone", "muted": !joining.microphone},
            camera.to_string(): {"source": "camera", "muted": !joining.camera},
            screen.to_string(): {"source": "screen", "muted": true},
            screen_audio.to_string(): {"source": "screen_audio", "muted": true},
        });
        let lines = Lines { microphone, camera, slots };
        Self { rtc, socket, pending, lines, offer: offer.to_sdp_string(), tracks }
    }

    /// Starts the thread that carries out `orders`.
    #[track_caller]
    pub fn start(
        mut self,
        answer: &str,
        joining: &Joining,
        marker: u32,
        orders: Receiver<Order>,
        shared: Arc<Shared>,
    ) -> std::thread::JoinHandle<()> {
        let answer = SdpAnswer::from_sdp_string(answer).expect("the answer is SDP");
        self.rtc.sdp_api().accept_answer(self.pending, answer).expect("the answer fits the offer");
        let slot = |is_video: &bool| SlotAccount { is_video: *is_video, ..SlotAccount::default() };
        shared.account.lock().unwrap().slots =
            self.lines.slots.iter().map(|(mid, is_video)| (mid.to_string(), slot(is_video))).collect();
        let running = Running {
            destination: address(&self.socket),
            sender: Sender::new(joining.media, marker, &self.rtc),
            sends_video: joining.camera,
            sends_audio: joining.microphone,
            rtc: self.rtc,
            socket: self.socket,
            lines: self.lines,
            channels: BTreeMap::new(),
            outbox: VecDeque::new(),
            orders,
            shared,
            stalled: false,
        };
        std::thread::spawn(move || running.run())
    }
}

/// `lossy:` topics are neither ordered nor sent again.
fn channel(topic: &str) -> ChannelConfig {
    let is_lossy = topic.starts_with("lossy:");
    ChannelConfig {
        label: topic.to_owned(),
        ordered: !is_lossy,
        reliability: match is_lossy {
            true => Reliability::MaxRetransmits { retransmits: 0 },
            false => Reliability::Reliable,
        },
        ..ChannelConfig::default()
    }
}

/// What the thread owns.
struct Running {
    rtc: Rtc,
    socket: UdpSocket,
    destination: SocketAddr,
    lines: Lines,
    sender: Sender,
    sends_video: bool,
    sends_audio: bool,
    channels: BTreeMap<String, ChannelId>,
    outbox: VecDeque<(String, bool, Vec<u8>)>,
    orders: Receiver<Order>,
    shared: Arc<Shared>,
    stalled: bool,
}

impl Running {
    fn run(mut self) {
        let mut buffer = vec![0; 2_000];
        self.advance(Instant::now());
        while !self.shared.stop.load(Ordering::Relaxed) && self.rtc.is_alive() {
            self.obey();
            self.send_due(Instant::now());
            self.say();
            self.advance(Instant::now());
            let deadline = self.drain();
            self.receive(deadline, &mut buffer);
        }
        self.shared.account.lock().unwrap().over = true;
    }

    fn obey(&mut self) {
        while let Ok(order) = self.orders.try_recv() {
            match order {
                Order::Say { topic, is_binary, message } => {
                    self.outbox.push_back((topic, is_binary, message))
                }
                Order::Stall => self.stalled = true,
                Order::Close => {
                    let _ = self.rtc.close();
                    self.drain();
                }
            }
        }
    }

    fn advance(&mut self, now: Instant) {
        // An error ends the member's media, which `Account::over` says.
        let _ = self.rtc.handle_input(Input::Timeout(now));
    }

    fn send_due(&mut self, now: Instant) {
        if !self.shared.account.lock().unwrap().connected {
            return;
        }
        while let Some(packet) = self.sender.next(now) {
            let is_sent = if packet.is_video { self.sends_video } else { self.sends_audio };
            if is_sent {
                self.write(packet, now);
            }
        }
    }

    fn write(&mut self, packet: Packet, now: Instant) {
        let mid = if packet.is_video { self.lines.camera } else { self.lines.microphone };
        let mut extensions = ExtensionValues::default();
        if !packet.is_video {
            let level = self.shared.level.load(Ordering::Relaxed);
            extensions.audio_level = Some(level);
            extensions.voice_activity = Some(level == LOUD);
        }
        if let Some(stream) = self.rtc.direct_api().stream_tx_by_mid(mid, None) {
            let write =
                RtpWrite::new(packet.pt, SeqNo::from(packet.sequence), packet.time, now, packet.payload);
            stream.write_rtp(write.marker(true).nackable(packet.is_video).ext_vals(extensions));
        }
        self.advance(now);
        self.drain();
    }

    /// Hands to SCTP what it takes.
    fn say(&mut self) {
        while let Some((topic, is_binary, message)) = self.outbox.front() {
            let Some(mut channel) = self.channels.get(topic).and_then(|id| self.rtc.channel(*id)) else {
                return;
            };
            match channel.write(*is_binary, message) {
                Ok(true) => {
                    self.outbox.pop_front();
                    self.shared.account.lock().unwrap().said += 1;
                }
                Ok(false) | Err(_) => return,
            }
        }
    }

    fn drain(&mut self) -> Instant {
        loop {
            match self.rtc.poll_output() {
                Ok(Output::Timeout(at)) => return at,
                Ok(Output::Transmit(transmit)) => {
                    // Loopback refuses only when the server is gone, which the member finds out by itself.
                    let _ = self.socket.send_to(&transmit.contents, transmit.destination);
                }
                Ok(Output::Event(event)) => self.note(event),
                Err(_) => return Instant::now() + MAX_SLEEP,
            }
        }
    }

    fn note(&mut self, event: Event) {
        let mut account = self.shared.account.lock().unwrap();
        match event {
            Event::Connected => account.connected = true,
            Event::Closed => account.over = true,
            Event::KeyframeRequest(request) if request.mid == self.lines.camera => {
                self.sender.keyframe_wanted = true;
            }
            Event::RtpPacket(packet) => {
                let stream = self.rtc.direct_api().stream_rx(&packet.header.ssrc).map(|stream| stream.mid());
                let slot = stream.and_then(|mid| account.slots.get_mut(&mid.to_string()));
                if let Some((slot, payload)) = slot.zip(Payload::read(&packet.payload)) {
                    slot.record(packet.timestamp, &payload);
                }
            }
            Event::ChannelOpen(id, topic) => {
                account.topics.entry(topic.clone()).or_default().open = true;
                self.channels.insert(topic, id);
            }
            Event::ChannelData(data) => {
                let topic = self.channels.iter().find(|(_, id)| **id == data.id).map(|(topic, _)| topic);
                let topic = topic.expect("data comes on channels that are open").clone();
                account.topics.entry(topic).or_default().record(data.binary, &data.data);
            }
            _ => {}
        }
    }

    /// Waits for datagrams until there is something else to do.
    fn receive(&mut self, deadline: Instant, buffer: &mut [u8]) {
        let now = Instant::now();
        let mut sleep =
            deadline.min(self.sender.due()).saturating_duration_since(now).clamp(MIN_SLEEP, MAX_SLEEP);
        for _ in 0..BATCH {
            self.socket.set_read_timeout(Some(sleep)).expect("a timeout can be set");
            let Ok((length, source)) = self.socket.recv_from(buffer) else { return };
            let datagram = &buffer[..length];
            // RFC 7983, section 7: 20 to 63 is DTLS.
            if self.stalled && datagram.first().is_some_and(|first| (20..64).contains(first)) {
                continue;
            }
            if let Ok(receive) = Receive::new(Protocol::Udp, source, self.destination, datagram) {
                let _ = self.rtc.handle_input(Input::Receive(Instant::now(), receive));
                self.drain();
            }
            sleep = MIN_SLEEP;
            if self.sender.due() <= Instant::now() {
                return;
            }
        }
    }
}

fn address(socket: &UdpSocket) -> SocketAddr {
    socket.local_addr().expect("a bound socket has an address")
}
