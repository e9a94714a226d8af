//! The media end of one WHIP or WHEP session: an `Rtc`, its socket, and what it is there for.
//!
//! [`Offered`] becomes [`Session`] with the server's answer. Nothing here waits: the media thread calls
//! [`Session::receive`] and [`Session::advance`], and each ends with everything sent that had to be.

use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use str0m::change::{SdpAnswer, SdpPendingOffer};
use str0m::config::DtlsCert;
use str0m::media::{Direction, Mid, Pt};
use str0m::net::{Protocol, Receive, Transmit};
use str0m::{Candidate, Event, Input, Output, Rtc, RtcConfig};

use crate::broadcast::Broadcast;
use crate::meters::Meters;
use crate::publisher::Publisher;
use crate::udp;
use crate::viewer::Viewer;

/// From the answer until ICE and DTLS are up; what the server allows as well.
const SETUP_DEADLINE: Duration = Duration::from_secs(30);
/// Nothing to do before this.
const FAR: Duration = Duration::from_secs(3_600);

/// What a session is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Send the broadcast.
    Publish,
    /// Receive the broadcast.
    View {
        /// Decrypt and check everything.
        checked: bool,
    },
}

/// A session whose offer has not been answered.
pub(crate) struct Offered {
    name: String,
    purpose: Purpose,
    broadcast: Broadcast,
    rtc: Rtc,
    socket: UdpSocket,
    local: SocketAddr,
    mids: Vec<Mid>,
    pending: SdpPendingOffer,
    /// The SDP to POST.
    pub sdp: String,
}

/// A session as the media thread drives it.
pub(crate) struct Session {
    name: String,
    rtc: Rtc,
    socket: UdpSocket,
    local: SocketAddr,
    role: Role,
    state: State,
    posted: Instant,
    answered: Instant,
    unsent: u64,
    overflow: u32,
}

/// What it does, with the state that takes.
pub(crate) enum Role {
    /// Sends.
    Publisher(Publisher),
    /// Receives.
    Viewer(Viewer),
}

/// How far it has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum State {
    /// ICE or DTLS are under way.
    Connecting,
    /// Media can flow.
    Connected,
    /// It ended by itself, for this reason.
    Ended(String),
}

impl Offered {
    /// An offer with one line per stream of the broadcast, on a socket of its own at `local_ip`.
    pub(crate) fn new(
        name: String,
        purpose: Purpose,
        broadcast: Broadcast,
        dtls: &DtlsCert,
        local_ip: std::net::IpAddr,
    ) -> Result<Self, String> {
        let (socket, local) = udp::open(local_ip).map_err(|e| format!("no socket: {e}"))?;
        let mut rtc = RtcConfig::new()
            .clear_codecs()
            .enable_opus(true, false)
            .enable_vp8(true)
            .set_rtp_mode(true)
            .set_rtcp_report_interval_audio(Duration::from_secs(1))
            .set_dtls_cert(dtls.clone())
            .build(Instant::now());
        let candidate = Candidate::host(local, Protocol::Udp).map_err(|e| e.to_string())?;
        rtc.add_local_candidate(candidate);
        let direction = match purpose {
            Purpose::Publish => Direction::SendOnly,
            Purpose::View { .. } => Direction::RecvOnly,
        };
        let mut changes = rtc.sdp_api();
        let stream = || Some("load".to_owned());
        let kinds = broadcast.feeds.iter().map(|feed| feed.kind);
        let mids = kinds.map(|kind| changes.add_media(kind, direction, stream(), None, None)).collect();
        let (offer, pending) = changes.apply().ok_or("neither audio nor video")?;
        let sdp = offer.to_sdp_string();
        Ok(Self { name, purpose, broadcast, rtc, socket, local, mids, pending, sdp })
    }

    /// Takes the answer to an offer that was sent at `posted`.
    pub(crate) fn accept(mut self, answer: &str, posted: Instant) -> Result<Session, String> {
        let answer = SdpAnswer::from_sdp_string(answer).map_err(|e| format!("the answer is no SDP: {e}"))?;
        let accepted = self.rtc.sdp_api().accept_answer(self.pending, answer);
        accepted.map_err(|e| format!("the answer does not fit the offer: {e}"))?;
        let negotiated = negotiated(&self.rtc, &self.mids)?;
        let role = match self.purpose {
            Purpose::Publish => Role::Publisher(Publisher::new(&self.broadcast, &negotiated)),
            Purpose::View { checked } => Role::Viewer(Viewer::new(&self.broadcast, &negotiated, checked)),
        };
        Ok(Session {
            name: self.name,
            rtc: self.rtc,
            socket: self.socket,
            local: self.local,
            role,
            state: State::Connecting,
            posted,
            answered: Instant::now(),
            unsent: 0,
            overflow: 0,
        })
    }
}

/// The payload type that each line ended up with.
fn negotiated(rtc: &Rtc, mids: &[Mid]) -> Result<Vec<(Mid, Pt)>, String> {
    let line = |mid: &Mid| {
        let media = rtc.media(*mid).filter(|media| media.direction() != Direction::Inactive)?;
        Some((*mid, *media.remote_pts().first()?))
    };
    let refused = |mid: &Mid| format!("the answer refuses the line with mid {mid}");
    mids.iter().map(|mid| line(mid).ok_or_else(|| refused(mid))).collect()
}

impl Session {
    /// Who this is, for messages.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// What it does.
    pub(crate) fn role(&self) -> &Role {
        &self.role
    }

    /// How far it has come.
    pub(crate) fn state(&self) -> &State {
        &self.state
    }

    /// Its socket, to wait for and to read from.
    pub(crate) fn socket(&self) -> &UdpSocket {
        &self.socket
    }

    /// Datagrams that the socket did not take.
    pub(crate) fn unsent(&self) -> u64 {
        self.unsent
    }

    /// Datagrams that came faster than this process read them.
    pub(crate) fn overflow(&self) -> u32 {
        self.overflow
    }

    /// Notes the socket's counter of datagrams lost for want of buffer.
    pub(crate) fn set_overflow(&mut self, overflow: u32) {
        self.overflow = overflow;
    }

    /// Takes a datagram read at `now` that the kernel had at `arrived`. Returns when to call
    /// [`Session::advance`], if that changed.
    pub(crate) fn receive(
        &mut self,
        now: Instant,
        arrived: Instant,
        source: SocketAddr,
        datagram: &[u8],
        meters: &mut Meters,
    ) -> Option<Instant> {
        if let Role::Viewer(viewer) = &mut self.role
            && viewer.receive_header(datagram)
        {
            return None;
        }
        let received = Receive::new(Protocol::Udp, source, self.local, datagram).ok()?;
        let input = Input::Receive(now, received);
        if !self.rtc.accepts(&input) {
            return None;
        }
        // What a datagram is wrong about is no reason to end a session; a dead one shows in `drain`.
        let _ = self.rtc.handle_input(input);
        Some(self.drain(now, arrived, meters))
    }

    /// Does what is due at `now` and returns when to call again.
    pub(crate) fn advance(&mut self, now: Instant, meters: &mut Meters) -> Instant {
        if matches!(self.state, State::Ended(_)) {
            return now + FAR;
        }
        if self.state == State::Connecting && now >= self.answered + SETUP_DEADLINE {
            self.end(format!("not connected within {} s", SETUP_DEADLINE.as_secs()));
        }
        if let Role::Publisher(publisher) = &mut self.role {
            publisher.write_due(now, &mut self.rtc);
        }
        if let Err(error) = self.rtc.handle_input(Input::Timeout(now)) {
            self.end(error.to_string());
        }
        self.drain(now, now, meters)
    }

    /// What is sent from here on does not count any more.
    pub(crate) fn end_counting(&self) {
        if let Role::Publisher(publisher) = &self.role {
            publisher.end_counting();
        }
    }

    /// Sends and takes note until the `Rtc` has nothing more to say.
    fn drain(&mut self, now: Instant, arrived: Instant, meters: &mut Meters) -> Instant {
        let rtc_deadline = loop {
            match self.rtc.poll_output() {
                Ok(Output::Timeout(at)) => break at,
                Ok(Output::Transmit(transmit)) => self.send(&transmit),
                Ok(Output::Event(event)) => self.on_event(now, arrived, event, meters),
                Err(error) => {
                    self.end(error.to_string());
                    break now + FAR;
                }
            }
        };
        match &self.role {
            Role::Publisher(publisher) => {
                publisher.next_send().map_or(rtc_deadline, |at| at.min(rtc_deadline))
            }
            Role::Viewer(_) => rtc_deadline,
        }
    }

    fn send(&mut self, transmit: &Transmit) {
        let sent = self.socket.send_to(&transmit.contents, transmit.destination);
        self.unsent += u64::from(sent.is_err());
    }

    fn on_event(&mut self, now: Instant, arrived: Instant, event: Event, meters: &mut Meters) {
        match (event, &mut self.role) {
            (Event::Connected, _) => self.connected(now, meters),
            (Event::Closed, _) => self.end("closed by the server".into()),
            (Event::RtpPacket(packet), Role::Viewer(viewer)) => {
                viewer.receive(arrived, self.posted, &packet, meters);
            }
            (Event::KeyframeRequest(request), Role::Publisher(publisher)) => {
                publisher.request_keyframe(request);
            }
            _ => {}
        }
    }

    fn connected(&mut self, now: Instant, meters: &mut Meters) {
        if self.state != State::Connecting {
            return;
        }
        self.state = State::Connected;
        meters.join.record(now.saturating_duration_since(self.posted));
        if let Role::Publisher(publisher) = &mut self.role {
            publisher.start(now, &mut self.rtc);
        }
    }

    fn end(&mut self, reason: String) {
        if !matches!(self.state, State::Ended(_)) {
            self.state = State::Ended(reason);
            self.rtc.disconnect();
        }
    }
}
