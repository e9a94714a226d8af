//! Two bare `Rtc`, one that sends video and one that receives it, with nothing but memory between them: for what
//! the engine relies on in str0m, and for what str0m costs without the engine.

#![allow(dead_code)] // each test uses its part

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use str0m::bwe::Bitrate;
use str0m::change::SdpAnswer;
use str0m::media::{Direction, MediaKind, Mid, Pt};
use str0m::net::{Protocol, Receive};
use str0m::rtp::{RtpWrite, Ssrc};
use str0m::{Candidate, Event, Input, Output, Rtc, RtcConfig};

/// As the engine has them.
const RTX_PACKETS: usize = 512;
const RTX_AGE: Duration = Duration::from_secs(1);
const STATS_INTERVAL: Duration = Duration::from_millis(2_500);
/// The shortest time between two wake-ups.
const TICK: Duration = Duration::from_micros(100);
/// Payload bytes of each packet.
pub const PAYLOAD_BYTES: usize = 1_200;

/// One of the two.
pub struct End {
    pub rtc: Rtc,
    address: SocketAddr,
    deadline: Instant,
    connected: bool,
    /// Extended sequence numbers, as they arrived.
    pub received: Vec<u64>,
}

/// See the module.
pub struct Pair {
    pub now: Instant,
    pub sender: End,
    pub receiver: End,
    ssrc: Ssrc,
    pt: Pt,
    next_seq: u64,
    payload: std::sync::Arc<[u8]>,
}

impl Pair {
    /// Connected, with VP8 and RTX. `bwe` lets the sender estimate bandwidth, which paces what it sends.
    pub fn connected(start: Instant, bwe: bool) -> Self {
        let estimate = bwe.then(|| Bitrate::mbps(20));
        let mut sender = End::new(start, 1, config().enable_bwe(estimate));
        let mut receiver = End::new(start, 2, config());
        let mid = negotiate(&mut sender.rtc, &mut receiver.rtc);
        let mut api = sender.rtc.direct_api();
        let stream = api.stream_tx_by_mid(mid, None).expect("a line that sends");
        stream.set_rtx_cache(RTX_PACKETS, RTX_AGE, None);
        let ssrc = stream.ssrc();
        let media = sender.rtc.media(mid).expect("a line");
        let pt = *media.remote_pts().first().expect("a payload type");
        let payload = vec![0x90; PAYLOAD_BYTES].into();
        let mut pair = Self { now: start, sender, receiver, ssrc, pt, next_seq: 1, payload };
        pair.run_until(Duration::from_secs(5), |pair| pair.sender.connected && pair.receiver.connected);
        assert!(pair.sender.connected && pair.receiver.connected, "not connected within 5 s");
        pair
    }

    /// Writes `count` packets to the sender, without letting it send.
    pub fn write(&mut self, count: usize) {
        let mut api = self.sender.rtc.direct_api();
        let stream = api.stream_tx(&self.ssrc).expect("declared");
        for _ in 0..count {
            let seq = self.next_seq;
            let time = (seq * 90) as u32;
            let packet = RtpWrite::new(self.pt, seq.into(), time, self.now, self.payload.clone());
            stream.write_rtp(packet.nackable(true));
            self.next_seq += 1;
        }
    }

    /// One `Timeout` and one drain of the sender: what comes out of it.
    pub fn give_time(&mut self, out: &mut Vec<Vec<u8>>) {
        self.sender.rtc.handle_input(Input::Timeout(self.now)).expect("time is taken");
        self.sender.drain(|_, contents| out.push(contents));
    }

    /// Delivers what [`Self::give_time`] gave.
    pub fn deliver(&mut self, datagrams: Vec<Vec<u8>>) {
        self.exchange(datagrams);
    }

    /// Lets time pass and everything arrive at once.
    pub fn run_for(&mut self, duration: Duration) {
        self.run_until(duration, |_| false);
    }

    fn run_until(&mut self, limit: Duration, is_so: impl Fn(&Self) -> bool) {
        let end = self.now + limit;
        while !is_so(self) {
            // str0m may want to be woken at once again; no clock is that fine.
            let next = self.sender.deadline.min(self.receiver.deadline).max(self.now + TICK);
            if next > end {
                self.now = end;
                return;
            }
            self.now = next;
            for side in [&mut self.sender, &mut self.receiver] {
                if side.deadline <= self.now {
                    side.rtc.handle_input(Input::Timeout(self.now)).expect("time is taken");
                }
            }
            self.exchange(Vec::new());
        }
    }

    /// Passes on `sent`, then what either has to say, until both are silent. A received packet waits in one slot of
    /// its `Rtc`, so each is drained at once.
    fn exchange(&mut self, sent: Vec<Vec<u8>>) {
        let Self { now, sender, receiver, .. } = self;
        let mut waiting: VecDeque<(bool, Vec<u8>)> =
            sent.into_iter().map(|contents| (true, contents)).collect();
        sender.drain(|_, contents| waiting.push_back((true, contents)));
        receiver.drain(|_, contents| waiting.push_back((false, contents)));
        while let Some((to_receiver, contents)) = waiting.pop_front() {
            let (from, to) =
                if to_receiver { (&*sender, &mut *receiver) } else { (&*receiver, &mut *sender) };
            to.receive(*now, from.address, &contents);
            to.drain(|_, contents| waiting.push_back((!to_receiver, contents)));
        }
    }
}

impl End {
    fn new(now: Instant, number: u8, config: RtcConfig) -> Self {
        let address = SocketAddr::from(([192, 0, 2, number], 5_000));
        let mut rtc = config.build(now);
        rtc.add_local_candidate(Candidate::host(address, "udp").expect("an address of a host"));
        Self { rtc, address, deadline: now, connected: false, received: Vec::new() }
    }

    fn receive(&mut self, now: Instant, source: SocketAddr, contents: &[u8]) {
        let receive = Receive::new(Protocol::Udp, source, self.address, contents).expect("a datagram");
        self.rtc.handle_input(Input::Receive(now, receive)).expect("input is taken");
    }

    /// Polls until the next deadline is told.
    fn drain(&mut self, mut out: impl FnMut(SocketAddr, Vec<u8>)) {
        loop {
            match self.rtc.poll_output().expect("output") {
                Output::Timeout(at) => {
                    self.deadline = at;
                    return;
                }
                Output::Transmit(transmit) => out(transmit.destination, transmit.contents.into()),
                Output::Event(Event::Connected) => self.connected = true,
                Output::Event(Event::RtpPacket(packet)) if !packet.payload.is_empty() => {
                    self.received.push(*packet.seq_no);
                }
                Output::Event(_) => {}
            }
        }
    }
}

fn config() -> RtcConfig {
    let config = RtcConfig::new().set_rtp_mode(true).set_stats_interval(Some(STATS_INTERVAL));
    config.clear_codecs().enable_vp8(true)
}

fn negotiate(sender: &mut Rtc, receiver: &mut Rtc) -> Mid {
    let mut changes = sender.sdp_api();
    let mid = changes.add_media(MediaKind::Video, Direction::SendOnly, None, None, None);
    let (offer, pending) = changes.apply().expect("a line was added");
    let answer = receiver.sdp_api().accept_offer(offer).expect("the offer can be answered");
    let answer = SdpAnswer::from_sdp_string(&answer.to_sdp_string()).expect("the answer is SDP");
    sender.sdp_api().accept_answer(pending, answer).expect("the answer fits");
    mid
}
