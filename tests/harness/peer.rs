//! A native WebRTC peer: publishes numbered packets over WHIP, or watches over WHEP and keeps account of
//! what arrived.
//!
//! Every payload carries its publisher's marker and a count from 0, so that loss, duplication and
//! cross-talk are judged by content, whatever the server does to sequence numbers. One thread and one
//! socket per peer: a few dozen at most. What it takes to load a server is `plenum load`.

use std::collections::BTreeSet;
use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use str0m::change::{SdpAnswer, SdpPendingOffer};
use str0m::media::{Direction, MediaKind, Mid};
use str0m::net::{Protocol, Receive};
use str0m::rtp::{RtpWrite, SeqNo};
use str0m::{Candidate, Event, Input, Output, Rtc};

use crate::http::{Request, Response};
pub use crate::source::Media;
use crate::source::{Packet, Payload, Sender};
use crate::{Plenum, offers, wait_until};

const CONNECT_DEADLINE: Duration = Duration::from_secs(10);
const MIN_SLEEP: Duration = Duration::from_micros(200);
const MAX_SLEEP: Duration = Duration::from_millis(20);

/// What arrived on one line, by content.
#[derive(Debug, Clone, Default)]
pub struct Flow {
    /// The counts seen.
    pub counts: BTreeSet<u32>,
    /// Packets whose count was seen before.
    pub duplicates: usize,
    /// The publishers' markers.
    pub markers: BTreeSet<u32>,
    /// The longest time between two packets.
    pub longest_gap: Duration,
    last_at: Option<Instant>,
}

impl Flow {
    /// How many packets are missing between the first and the last count seen.
    pub fn missing(&self) -> usize {
        match (self.counts.first(), self.counts.last()) {
            (Some(first), Some(last)) => (last - first) as usize + 1 - self.counts.len(),
            _ => 0,
        }
    }

    /// The highest count seen.
    pub fn last(&self) -> Option<u32> {
        self.counts.last().copied()
    }

    pub(crate) fn record(&mut self, now: Instant, payload: &Payload) {
        if !self.counts.insert(payload.count) {
            self.duplicates += 1;
        }
        self.markers.insert(payload.marker);
        if let Some(last) = self.last_at.replace(now) {
            self.longest_gap = self.longest_gap.max(now - last);
        }
    }
}

/// What a peer has seen so far.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    /// ICE and DTLS are up.
    pub connected: bool,
    /// The server closed the DTLS association, or ICE gave up.
    pub over: bool,
    /// Video received.
    pub video: Flow,
    /// Audio received.
    pub audio: Flow,
    /// Video packets sent.
    pub video_sent: u32,
    /// Keyframe requests received.
    pub keyframe_requests: u32,
}

/// A prepared offer and everything needed to use its answer.
pub struct Prepared {
    rtc: Rtc,
    socket: UdpSocket,
    pending: SdpPendingOffer,
    lines: Lines,
    /// The SDP text.
    pub offer: String,
}

#[derive(Debug, Clone, Copy)]
struct Lines {
    audio: Mid,
    video: Mid,
}

impl Prepared {
    /// An offer to publish. Without candidates, like OBS: the server learns the address from our checks.
    pub fn publisher() -> Self {
        Self::new(Direction::SendOnly)
    }

    /// An offer to watch, without candidates.
    pub fn viewer() -> Self {
        Self::new(Direction::RecvOnly)
    }

    fn new(direction: Direction) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("loopback has free ports");
        let mut rtc = Rtc::builder()
            .clear_codecs()
            .enable_opus(true, false)
            .enable_vp8(true)
            .set_rtp_mode(true)
            .build(Instant::now());
        let mut changes = rtc.sdp_api();
        let mut line =
            |kind| changes.add_media(kind, direction, Some("stream".into()), Some(format!("{kind:?}")), None);
        let lines = Lines { audio: line(MediaKind::Audio), video: line(MediaKind::Video) };
        let (offer, pending) = changes.apply().expect("two new lines need an offer");
        let candidate = Candidate::host(local_address(&socket), "udp").expect("a host candidate");
        rtc.add_local_candidate(candidate);
        Self { rtc, socket, pending, lines, offer: offer.to_sdp_string() }
    }

    /// Where the socket is.
    pub fn address(&self) -> SocketAddr {
        local_address(&self.socket)
    }

    /// POSTs the offer and starts the peer. Panics unless the answer is 201. A peer with `media` sends it.
    #[track_caller]
    pub fn start(self, request: Request, media: Option<Media>) -> Peer {
        let request = request.sdp(&self.offer);
        let response = request.send().expect(201);
        self.start_with(&request, &response, media)
    }

    /// Starts the peer with the answer to a request that was sent already.
    #[track_caller]
    pub fn start_with(mut self, request: &Request, response: &Response, media: Option<Media>) -> Peer {
        let answer = response.text();
        let parsed = SdpAnswer::from_sdp_string(&answer).expect("the answer is SDP");
        self.rtc.sdp_api().accept_answer(self.pending, parsed).expect("the answer fits the offer");
        let (seen, stop) = (Arc::new(Mutex::new(Seen::default())), Arc::new(AtomicBool::new(false)));
        let (orders, inbox) = channel();
        let marker = fastrand::u32(..);
        let running = Running {
            destination: local_address(&self.socket),
            sender: media.map(|media| Sender::new(media, marker, &self.rtc)),
            rtc: self.rtc,
            socket: self.socket,
            lines: self.lines,
            seen: Arc::clone(&seen),
            inbox,
            pending: None,
        };
        let session = Request::new(request.server(), "GET", &response.location());
        let etag = response.header("etag").unwrap_or_default().to_owned();
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || running.run(&stopped));
        Peer { session, etag, answer, marker, seen, stop, orders, thread: Some(thread) }
    }
}

/// A running peer. Dropping it is a crash: the session is left to the server.
#[derive(Debug)]
pub struct Peer {
    session: Request,
    /// The current entity tag.
    pub etag: String,
    /// The SDP answer.
    pub answer: String,
    /// What marks the payloads that it publishes.
    pub marker: u32,
    seen: Arc<Mutex<Seen>>,
    stop: Arc<AtomicBool>,
    orders: mpsc::Sender<Order>,
    thread: Option<JoinHandle<()>>,
}

impl Peer {
    /// Publishes into `room` and waits for the connection.
    #[track_caller]
    pub fn publish(server: &Plenum, room: &str, media: Media) -> Self {
        let request = server.request("POST", &format!("/whip/{room}"));
        let peer = Prepared::publisher().start(request, Some(media));
        peer.wait_until_connected();
        peer
    }

    /// Watches `room` and waits for the connection. Somebody must be live.
    #[track_caller]
    pub fn watch(server: &Plenum, room: &str) -> Self {
        let request = server.request("POST", &format!("/whep/{room}"));
        let peer = Prepared::viewer().start(request, None);
        peer.wait_until_connected();
        peer
    }

    /// Waits for ICE and DTLS.
    #[track_caller]
    pub fn wait_until_connected(&self) {
        wait_until("a native peer connects", CONNECT_DEADLINE, || self.seen().connected);
    }

    /// Waits for `count` more video packets than were received when called.
    #[track_caller]
    pub fn wait_for_video(&self, count: usize, deadline: Duration) {
        let before = self.seen().video.counts.len();
        let what = format!("{count} video packets arrive");
        wait_until(&what, deadline, || self.seen().video.counts.len() >= before + count);
    }

    /// What it has seen so far.
    pub fn seen(&self) -> Seen {
        self.seen.lock().unwrap().clone()
    }

    /// Forgets what was received, to begin a new account.
    pub fn forget(&self) {
        let mut seen = self.seen.lock().unwrap();
        seen.video = Flow::default();
        seen.audio = Flow::default();
    }

    /// The path of the session.
    pub fn session_path(&self) -> &str {
        self.session.path()
    }

    /// A request to the session.
    pub fn request(&self, method: &str) -> Request {
        Request::new(self.session.server(), method, self.session.path())
    }

    /// Restarts ICE through PATCH, and waits for nothing.
    #[track_caller]
    pub fn restart_ice(&mut self) {
        let (reply, offered) = channel();
        self.orders.send(Order::PrepareRestart(reply)).expect("the peer runs");
        let offer = offered.recv_timeout(CONNECT_DEADLINE).expect("the peer answers");
        let fragment = offers::trickle(&offer, &[]);
        let response = self.request("PATCH").header("If-Match", "*").fragment(&fragment).send().expect(200);
        let body = response.text();
        let answer = with_credentials(&self.answer, &body);
        self.etag = response.header("etag").expect("a restart has a new ETag").to_owned();
        self.answer.clone_from(&answer);
        self.orders.send(Order::FinishRestart(answer)).expect("the peer runs");
    }

    /// Ends the session with DELETE.
    #[track_caller]
    pub fn leave(self) {
        self.request("DELETE").send().expect(200);
    }

    /// Closes the DTLS association, as OBS does before its DELETE, and leaves the session to the server.
    pub fn disconnect(self) {
        self.orders.send(Order::Close).expect("the peer runs");
        wait_until("the peer has closed", CONNECT_DEADLINE, || self.seen().over);
    }

    /// Ends without a word, as if killed.
    pub fn crash(self) {}
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

#[derive(Debug)]
enum Order {
    PrepareRestart(mpsc::Sender<String>),
    FinishRestart(String),
    Close,
}

/// What the peer's thread owns.
struct Running {
    rtc: Rtc,
    socket: UdpSocket,
    destination: SocketAddr,
    lines: Lines,
    sender: Option<Sender>,
    seen: Arc<Mutex<Seen>>,
    inbox: mpsc::Receiver<Order>,
    pending: Option<SdpPendingOffer>,
}

impl Running {
    fn run(mut self, stop: &AtomicBool) {
        let mut buffer = vec![0; 2_000];
        self.advance(Instant::now());
        while !stop.load(Ordering::Relaxed) && self.rtc.is_alive() {
            self.obey();
            let now = Instant::now();
            self.send_due(now);
            self.advance(now);
            let deadline = self.drain();
            self.receive(deadline, &mut buffer);
        }
        self.seen.lock().unwrap().over = true;
    }

    fn obey(&mut self) {
        match self.inbox.try_recv() {
            Ok(Order::PrepareRestart(reply)) => {
                let mut changes = self.rtc.sdp_api();
                changes.ice_restart(true);
                let (offer, pending) = changes.apply().expect("a restart needs an offer");
                self.pending = Some(pending);
                let _ = reply.send(offer.to_sdp_string());
            }
            Ok(Order::FinishRestart(answer)) => {
                let answer = SdpAnswer::from_sdp_string(&answer).expect("the answer is SDP");
                let pending = self.pending.take().expect("a restart was prepared");
                self.rtc.sdp_api().accept_answer(pending, answer).expect("the answer fits the restart");
            }
            Ok(Order::Close) => {
                let _ = self.rtc.close();
                self.drain();
            }
            Err(_) => {}
        }
    }

    fn advance(&mut self, now: Instant) {
        // An error ends the peer, which `Seen::over` says.
        let _ = self.rtc.handle_input(Input::Timeout(now));
    }

    fn send_due(&mut self, now: Instant) {
        let Some(mut sender) = self.sender.take() else { return };
        if self.seen.lock().unwrap().connected {
            while let Some(packet) = sender.next(now) {
                self.write(packet, now);
            }
            self.seen.lock().unwrap().video_sent = sender.video.count;
        }
        self.sender = Some(sender);
    }

    fn write(&mut self, packet: Packet, now: Instant) {
        let mid = if packet.is_video { self.lines.video } else { self.lines.audio };
        if let Some(stream) = self.rtc.direct_api().stream_tx_by_mid(mid, None) {
            let write =
                RtpWrite::new(packet.pt, SeqNo::from(packet.sequence), packet.time, now, packet.payload);
            stream.write_rtp(write.marker(true).nackable(packet.is_video));
        }
        self.advance(now);
        self.drain();
    }

    fn drain(&mut self) -> Instant {
        loop {
            match self.rtc.poll_output() {
                Ok(Output::Timeout(at)) => return at,
                Ok(Output::Transmit(transmit)) => {
                    // Loopback refuses only when the server is gone, which the peer finds out by itself.
                    let _ = self.socket.send_to(&transmit.contents, transmit.destination);
                }
                Ok(Output::Event(event)) => self.note(event),
                Err(_) => return Instant::now() + MAX_SLEEP,
            }
        }
    }

    fn note(&mut self, event: Event) {
        let mut seen = self.seen.lock().unwrap();
        match event {
            Event::Connected => seen.connected = true,
            Event::Closed => seen.over = true,
            Event::KeyframeRequest(_) => {
                seen.keyframe_requests += 1;
                if let Some(sender) = &mut self.sender {
                    sender.keyframe_wanted = true;
                }
            }
            Event::RtpPacket(packet) => {
                let stream = self.rtc.direct_api().stream_rx(&packet.header.ssrc).map(|stream| stream.mid());
                let Some(payload) = Payload::read(&packet.payload) else { return };
                match stream {
                    Some(mid) if mid == self.lines.video => seen.video.record(packet.timestamp, &payload),
                    Some(_) => seen.audio.record(packet.timestamp, &payload),
                    None => {}
                }
            }
            _ => {}
        }
    }

    /// Waits for a datagram until there is something else to do.
    fn receive(&mut self, deadline: Instant, buffer: &mut [u8]) {
        let now = Instant::now();
        let due = self.sender.as_ref().map_or(deadline, |sender| deadline.min(sender.due()));
        let sleep = due.saturating_duration_since(now).clamp(MIN_SLEEP, MAX_SLEEP);
        self.socket.set_read_timeout(Some(sleep)).expect("a timeout can be set");
        let Ok((length, source)) = self.socket.recv_from(buffer) else { return };
        let now = Instant::now();
        if let Ok(receive) = Receive::new(Protocol::Udp, source, self.destination, &buffer[..length]) {
            let _ = self.rtc.handle_input(Input::Receive(now, receive));
        }
    }
}

/// The answer `sdp` with the ICE credentials of the fragment `fragment`.
fn with_credentials(sdp: &str, fragment: &str) -> String {
    let mut text = String::new();
    for line in sdp.lines() {
        let name = ["ice-ufrag", "ice-pwd"].into_iter().find(|name| line.starts_with(&format!("a={name}:")));
        match name {
            Some(name) => text.push_str(&format!("a={name}:{}", offers::attribute(fragment, name))),
            None => text.push_str(line),
        }
        text.push_str("\r\n");
    }
    text
}

fn local_address(socket: &UdpSocket) -> SocketAddr {
    socket.local_addr().expect("a bound socket has an address")
}
