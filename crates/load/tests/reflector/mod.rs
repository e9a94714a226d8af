//! The smallest server that WHIP publishers, WHEP viewers and participants can meet on: one socket, one
//! thread, one lock.
//!
//! It exists to prove the load generator without the server that the generator is there to measure, and it
//! can be told to misbehave, so that a test sees the generator notice.

mod room;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use str0m::change::SdpOffer;
use str0m::media::{KeyframeRequestKind, MediaKind, Mid};
use str0m::net::{Protocol, Receive};
use str0m::rtp::{RtpPacket, RtpWrite};
use str0m::{Candidate, Event, Input, Output, Rtc, RtcConfig};

use room::Member;

/// How the server misbehaves.
#[derive(Debug, Clone, Copy, Default)]
pub struct Vices {
    /// Drops every n-th large datagram to viewers.
    pub drops_every: Option<u64>,
    /// Shows every room's media to every viewer.
    pub crosses_rooms: bool,
    /// Changes the last byte of every n-th video payload.
    pub corrupts_every: Option<u64>,
    /// Sends no video.
    pub hides_video: bool,
    /// Answers the first POST with 503.
    pub is_busy_at_first: bool,
    /// Wants this bearer token.
    pub wants_token: Option<&'static str>,
    /// Says of the first two video slots that each holds what the other one does.
    pub swaps_slots: bool,
    /// Says that slots are filled, and sends nothing into them.
    pub starves_slots: bool,
    /// Answers participants again when others come.
    pub answers_again: bool,
}

/// A running reflector.
pub struct Reflector {
    pub url: String,
    state: Arc<Mutex<State>>,
    stop: Arc<AtomicBool>,
}

struct State {
    vices: Vices,
    socket: Arc<UdpSocket>,
    peers: Vec<Peer>,
    posts: u64,
    large: u64,
    ended: Vec<usize>,
}

struct Peer {
    room: String,
    publishes: bool,
    rtc: Rtc,
    mids: Vec<(MediaKind, Mid)>,
    /// The publisher's first sequence number, per line, once forwarding has begun.
    began: Vec<(Mid, u64)>,
    /// What it is besides, when it came by WebSocket.
    member: Option<Member>,
}

impl Reflector {
    pub fn start(vices: Vices) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(1))).unwrap();
        // A busy machine must not make losses that no test asked for.
        let _ = socket2::SockRef::from(&socket).set_recv_buffer_size(4 << 20);
        let socket = Arc::new(socket);
        let state = State { vices, socket: socket.clone(), peers: vec![], posts: 0, large: 0, ended: vec![] };
        let state = Arc::new(Mutex::new(state));
        let stop = Arc::new(AtomicBool::new(false));
        let (http, media) = (state.clone(), state.clone());
        thread::spawn(move || {
            for stream in listener.incoming() {
                let http = http.clone();
                thread::spawn(move || serve(stream.unwrap(), &http));
            }
        });
        let stopped = stop.clone();
        thread::spawn(move || drive(&socket, &media, &stopped));
        Self { url, state, stop }
    }

    /// Sessions that were ended by DELETE.
    pub fn ended(&self) -> usize {
        self.state.lock().unwrap().ended.len()
    }
}

impl Drop for Reflector {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

fn serve(stream: TcpStream, state: &Mutex<State>) {
    let mut start = [0; 8];
    if stream.peek(&mut start).is_ok_and(|_| start.starts_with(b"GET /v1/")) {
        return room::serve(stream, state);
    }
    let mut reader = BufReader::new(stream);
    let (mut first, mut token, mut length) = (String::new(), String::new(), 0);
    reader.read_line(&mut first).unwrap();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        let Some((name, value)) = line.trim().split_once(": ") else { break };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.parse().unwrap(),
            "authorization" => token = value.to_owned(),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let response = state.lock().unwrap().respond(&first, &token, &String::from_utf8(body).unwrap());
    let _ = reader.get_mut().write_all(response.as_bytes());
}

impl State {
    fn respond(&mut self, first: &str, token: &str, body: &str) -> String {
        let mut words = first.split_ascii_whitespace();
        let (method, path) = (words.next().unwrap(), words.next().unwrap());
        let wanted = self.vices.wants_token.map(|t| format!("Bearer {t}"));
        if wanted.is_some_and(|wanted| wanted != token) {
            return response("401 Unauthorized", "", "wrong token");
        }
        let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
        match (method, parts.as_slice()) {
            ("POST", [kind @ ("whip" | "whep"), room]) => self.open(*kind == "whip", room, body),
            ("DELETE", ["session", id]) => {
                self.ended.push(id.parse().unwrap());
                response("200 OK", "", "")
            }
            _ => response("404 Not Found", "", ""),
        }
    }

    fn open(&mut self, publishes: bool, room: &str, offer: &str) -> String {
        self.posts += 1;
        if self.vices.is_busy_at_first && self.posts == 1 {
            return response("503 Service Unavailable", "Retry-After: 0\r\n", "");
        }
        let (rtc, answer) = self.accept(offer);
        let id = self.peers.len();
        self.peers.push(Peer {
            room: room.into(),
            publishes,
            rtc,
            mids: vec![],
            began: vec![],
            member: None,
        });
        let headers = format!("Location: /session/{id}\r\nContent-Type: application/sdp\r\n");
        response("201 Created", &headers, &answer)
    }

    fn accept(&self, offer: &str) -> (Rtc, String) {
        let mut rtc = RtcConfig::new().set_rtp_mode(true).build(Instant::now());
        let candidate = Candidate::host(self.socket.local_addr().unwrap(), Protocol::Udp).unwrap();
        rtc.add_local_candidate(candidate);
        let answer = rtc.sdp_api().accept_offer(SdpOffer::from_sdp_string(offer).unwrap()).unwrap();
        rtc.handle_input(Input::Timeout(Instant::now())).unwrap();
        (rtc, answer.to_sdp_string())
    }

    fn receive(&mut self, source: SocketAddr, datagram: &[u8]) {
        let local = self.socket.local_addr().unwrap();
        let parse = || Receive::new(Protocol::Udp, source, local, datagram).unwrap();
        let accepts = |peer: &Peer| peer.rtc.accepts(&Input::Receive(Instant::now(), parse()));
        if let Some(i) = self.peers.iter().position(accepts) {
            let input = Input::Receive(Instant::now(), parse());
            self.peers[i].rtc.handle_input(input).unwrap();
            self.drain(i);
        }
    }

    fn tick(&mut self) {
        for i in 0..self.peers.len() {
            self.peers[i].rtc.handle_input(Input::Timeout(Instant::now())).unwrap();
            self.drain(i);
            self.enter_room(i);
        }
    }

    fn drain(&mut self, i: usize) {
        loop {
            match self.peers[i].rtc.poll_output().unwrap() {
                Output::Timeout(_) => break,
                Output::Transmit(transmit) => self.send(i, &transmit.contents, transmit.destination),
                Output::Event(event) => self.on_event(i, event),
            }
        }
    }

    fn send(&mut self, i: usize, contents: &[u8], destination: SocketAddr) {
        if !self.peers[i].publishes && contents.len() > 1_000 && contents[0] & 0xc0 == 0x80 {
            self.large += 1;
            if self.vices.drops_every.is_some_and(|n| self.large.is_multiple_of(n)) {
                return;
            }
        }
        let _ = self.socket.send_to(contents, destination);
    }

    fn on_event(&mut self, i: usize, event: Event) {
        match event {
            Event::MediaAdded(added) => {
                let peer = &mut self.peers[i];
                peer.mids.push((added.kind, added.mid));
                if peer.publishes
                    && let Some(stream) = peer.rtc.direct_api().stream_rx_by_mid(added.mid, None)
                {
                    stream.suppress_nack(false);
                }
            }
            Event::Connected if !self.peers[i].publishes => self.request_keyframes(i),
            Event::RtpPacket(packet) if self.peers[i].member.is_some() => self.forward_to_slots(i, &packet),
            Event::RtpPacket(packet) if self.peers[i].publishes => self.forward(i, &packet),
            _ => {}
        }
    }

    fn request_keyframes(&mut self, viewer: usize) {
        let room = self.peers[viewer].room.clone();
        for peer in self.peers.iter_mut().filter(|p| p.publishes && p.room == room) {
            for (_, mid) in peer.mids.iter().filter(|(kind, _)| *kind == MediaKind::Video) {
                if let Some(stream) = peer.rtc.direct_api().stream_rx_by_mid(*mid, None) {
                    stream.request_keyframe(KeyframeRequestKind::Pli);
                }
            }
        }
    }

    fn forward(&mut self, from: usize, packet: &RtpPacket) {
        let publisher = &mut self.peers[from];
        let ssrc = packet.header.ssrc;
        let Some(mid) = publisher.rtc.direct_api().stream_rx(&ssrc).map(|stream| stream.mid()) else {
            return;
        };
        let kind = publisher.rtc.media(mid).unwrap().kind();
        let room = publisher.room.clone();
        if self.vices.hides_video && kind == MediaKind::Video {
            return;
        }
        let mut payload = packet.payload.to_vec();
        if kind == MediaKind::Video
            && self.vices.corrupts_every.is_some_and(|n| packet.seq_no.is_multiple_of(n))
        {
            *payload.last_mut().unwrap() ^= 1;
        }
        for to in 0..self.peers.len() {
            let peer = &mut self.peers[to];
            if !peer.publishes && (peer.room == room || self.vices.crosses_rooms) {
                peer.write(kind, packet, &payload);
                peer.rtc.handle_input(Input::Timeout(Instant::now())).unwrap();
                self.drain(to);
            }
        }
    }
}

impl Peer {
    fn write(&mut self, kind: MediaKind, packet: &RtpPacket, payload: &[u8]) {
        if let Some((_, mid)) = self.mids.iter().find(|(k, _)| *k == kind) {
            self.write_on(*mid, kind, packet, payload);
        }
    }

    fn write_on(&mut self, mid: Mid, kind: MediaKind, packet: &RtpPacket, payload: &[u8]) {
        if !self.rtc.is_connected() {
            return;
        }
        let first = match self.began.iter().find(|(m, _)| *m == mid) {
            Some((_, first)) => *first,
            // Video begins with a keyframe (RFC 7741, section 4.3; our descriptor has four bytes).
            None if kind == MediaKind::Video && (payload[0] & 0x10 == 0 || payload[4] & 1 == 1) => return,
            None => {
                self.began.push((mid, *packet.seq_no));
                *packet.seq_no
            }
        };
        let Some(seq) = packet.seq_no.checked_sub(first) else { return };
        let pt = self.rtc.media(mid).unwrap().remote_pts()[0];
        if let Some(stream) = self.rtc.direct_api().stream_tx_by_mid(mid, None) {
            let write =
                RtpWrite::new(pt, (seq + 1_000).into(), packet.header.timestamp, Instant::now(), payload)
                    .marker(packet.header.marker)
                    .nackable(kind == MediaKind::Video);
            stream.write_rtp(write);
        }
    }
}

fn drive(socket: &UdpSocket, state: &Mutex<State>, stop: &AtomicBool) {
    let mut buffer = vec![0; 2_000];
    let mut next_tick = Instant::now();
    while !stop.load(Ordering::Relaxed) {
        if let Ok((length, source)) = socket.recv_from(&mut buffer) {
            state.lock().unwrap().receive(source, &buffer[..length]);
        }
        if Instant::now() >= next_tick {
            state.lock().unwrap().tick();
            next_tick = Instant::now() + Duration::from_millis(5);
        }
    }
}

fn response(status: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}")
}
