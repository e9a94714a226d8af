//! The media end of one session, WHIP, WHEP or of a room: an `Rtc`, its socket, and what it is there for.
//!
//! [`Offered`] becomes [`Session`] with the server's answer. Nothing here waits: the media thread calls
//! [`Session::receive`] and [`Session::advance`], and each ends with everything sent that had to be.

use std::collections::BTreeMap;
use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use str0m::change::{SdpAnswer, SdpApi, SdpPendingOffer};
use str0m::config::DtlsCert;
use str0m::media::{Direction, Mid, Pt};
use str0m::net::{Protocol, Receive, Transmit};
use str0m::{Candidate, Event, Input, Output, Rtc, RtcConfig};

use crate::broadcast::Broadcast;
use crate::meters::Meters;
use crate::publisher::Publisher;
use crate::room::message::Line;
use crate::room::participant::{Lines, Part, Participant};
use crate::room::slots::Occupant;
use crate::udp;
use crate::viewer::Viewer;

/// From the answer until ICE and DTLS are up; what the server allows as well.
const SETUP_DEADLINE: Duration = Duration::from_secs(30);
/// Nothing to do before this.
const FAR: Duration = Duration::from_secs(3_600);

/// What a session is for.
pub(crate) enum Purpose {
    /// Send the broadcast.
    Publish(Broadcast),
    /// Receive the broadcast.
    View {
        /// Of whom.
        broadcast: Broadcast,
        /// Decrypt and check everything.
        checked: bool,
    },
    /// Send, and receive on slots.
    TakePart(Box<Part>),
}

/// A session whose offer has not been answered.
pub(crate) struct Offered {
    name: String,
    part: Offering,
    link: Link,
    pending: SdpPendingOffer,
    /// The SDP to send.
    pub sdp: String,
}

/// What was offered, with its lines.
enum Offering {
    Publish(Broadcast, Vec<Mid>),
    View(Broadcast, bool, Vec<Mid>),
    TakePart(Box<Part>, Lines),
}

/// The way to the server.
struct Link {
    rtc: Rtc,
    socket: UdpSocket,
    local: SocketAddr,
}

/// A session as the media thread drives it.
pub(crate) struct Session {
    name: String,
    link: Link,
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
    /// Both.
    Participant(Box<Participant>),
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

impl Link {
    /// On a socket of its own at `local_ip`.
    fn open(dtls: &DtlsCert, local_ip: std::net::IpAddr) -> Result<Self, String> {
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
        Ok(Self { rtc, socket, local })
    }
}

impl Offering {
    fn new(purpose: Purpose, changes: &mut SdpApi<'_>) -> Self {
        let mut lines = |broadcast: &Broadcast, direction| {
            let kinds = broadcast.feeds.iter().map(|feed| feed.kind);
            let line = |kind| changes.add_media(kind, direction, Some("load".to_owned()), None, None);
            kinds.map(line).collect::<Vec<Mid>>()
        };
        match purpose {
            Purpose::Publish(broadcast) => {
                let mids = lines(&broadcast, Direction::SendOnly);
                Self::Publish(broadcast, mids)
            }
            Purpose::View { broadcast, checked } => {
                let mids = lines(&broadcast, Direction::RecvOnly);
                Self::View(broadcast, checked, mids)
            }
            Purpose::TakePart(part) => {
                let lines = Lines::add(changes, part.slots);
                Self::TakePart(part, lines)
            }
        }
    }

    /// The role that this becomes, with the payload types of the answer.
    fn accepted(self, rtc: &Rtc) -> Result<Role, String> {
        Ok(match self {
            Self::Publish(broadcast, mids) => {
                Role::Publisher(Publisher::new(&broadcast, &negotiated(rtc, &mids)?))
            }
            Self::View(broadcast, checked, mids) => {
                Role::Viewer(Viewer::new(&broadcast, &negotiated(rtc, &mids)?, checked))
            }
            Self::TakePart(part, lines) => {
                let negotiated = negotiated(rtc, &lines.used(&part.broadcast))?;
                Role::Participant(Box::new(Participant::new(*part, &lines, &negotiated)))
            }
        })
    }
}

impl Offered {
    /// An offer with a line per stream, or with all the lines of a participant.
    pub(crate) fn new(
        name: String,
        purpose: Purpose,
        dtls: &DtlsCert,
        local_ip: std::net::IpAddr,
    ) -> Result<Self, String> {
        let mut link = Link::open(dtls, local_ip)?;
        let mut changes = link.rtc.sdp_api();
        let part = Offering::new(purpose, &mut changes);
        let (offer, pending) = changes.apply().ok_or("neither audio nor video")?;
        let sdp = offer.to_sdp_string();
        Ok(Self { name, part, link, pending, sdp })
    }

    /// What the sending lines of a participant are for, by mid.
    pub(crate) fn describe(&self) -> BTreeMap<String, Line> {
        match &self.part {
            Offering::TakePart(part, lines) => lines.describe(&part.broadcast),
            Offering::Publish(..) | Offering::View(..) => BTreeMap::new(),
        }
    }

    /// Takes the answer. Joining began at `posted`.
    pub(crate) fn accept(self, answer: &str, posted: Instant) -> Result<Session, String> {
        let mut link = self.link;
        let answer = SdpAnswer::from_sdp_string(answer).map_err(|e| format!("the answer is no SDP: {e}"))?;
        let accepted = link.rtc.sdp_api().accept_answer(self.pending, answer);
        accepted.map_err(|e| format!("the answer does not fit the offer: {e}"))?;
        Ok(Session {
            name: self.name,
            role: self.part.accepted(&link.rtc)?,
            link,
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

impl Role {
    fn publisher(&self) -> Option<&Publisher> {
        match self {
            Role::Publisher(publisher) => Some(publisher),
            Role::Participant(participant) => Some(participant.publisher()),
            Role::Viewer(_) => None,
        }
    }

    fn publisher_mut(&mut self) -> Option<&mut Publisher> {
        match self {
            Role::Publisher(publisher) => Some(publisher),
            Role::Participant(participant) => Some(participant.publisher_mut()),
            Role::Viewer(_) => None,
        }
    }
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
        &self.link.socket
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
        let is_counted = match &mut self.role {
            Role::Viewer(viewer) => viewer.receive_header(datagram),
            Role::Participant(participant) => {
                participant.receive_header(arrived, self.posted, datagram, meters)
            }
            Role::Publisher(_) => false,
        };
        if is_counted {
            return None;
        }
        let received = Receive::new(Protocol::Udp, source, self.link.local, datagram).ok()?;
        let input = Input::Receive(now, received);
        if !self.link.rtc.accepts(&input) {
            return None;
        }
        // What a datagram is wrong about is no reason to end a session; a dead one shows in `drain`.
        let _ = self.link.rtc.handle_input(input);
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
        if let Some(publisher) = self.role.publisher_mut() {
            publisher.write_due(now, &mut self.link.rtc);
        }
        if let Err(error) = self.link.rtc.handle_input(Input::Timeout(now)) {
            self.end(error.to_string());
        }
        self.drain(now, now, meters)
    }

    /// What is sent from here on does not count any more.
    pub(crate) fn end_counting(&self) {
        if let Some(publisher) = self.role.publisher() {
            publisher.end_counting();
        }
    }

    /// Takes what the server said about a participant's slots at `now`.
    pub(crate) fn assign(&mut self, now: Instant, occupants: &[(Mid, Occupant)]) {
        if let Role::Participant(participant) = &mut self.role {
            participant.assign(now, occupants);
        }
    }

    /// Leaves at `now`: nothing more is expected.
    pub(crate) fn leave(&mut self, now: Instant) {
        if let Role::Participant(participant) = &mut self.role {
            participant.leave(now);
        }
    }

    /// Ends it for a reason that only others know.
    pub(crate) fn end(&mut self, reason: String) {
        if !matches!(self.state, State::Ended(_)) {
            self.state = State::Ended(reason);
            self.link.rtc.disconnect();
        }
    }

    /// Sends and takes note until the `Rtc` has nothing more to say.
    fn drain(&mut self, now: Instant, arrived: Instant, meters: &mut Meters) -> Instant {
        let rtc_deadline = loop {
            match self.link.rtc.poll_output() {
                Ok(Output::Timeout(at)) => break at,
                Ok(Output::Transmit(transmit)) => self.send(&transmit),
                Ok(Output::Event(event)) => self.on_event(now, arrived, event, meters),
                Err(error) => {
                    self.end(error.to_string());
                    break now + FAR;
                }
            }
        };
        let next_send = self.role.publisher().and_then(Publisher::next_send);
        next_send.map_or(rtc_deadline, |at| at.min(rtc_deadline))
    }

    fn send(&mut self, transmit: &Transmit) {
        let sent = self.link.socket.send_to(&transmit.contents, transmit.destination);
        self.unsent += u64::from(sent.is_err());
    }

    fn on_event(&mut self, now: Instant, arrived: Instant, event: Event, meters: &mut Meters) {
        match (event, &mut self.role) {
            (Event::Connected, _) => self.connected(now, meters),
            (Event::Closed, _) => self.end("closed by the server".into()),
            (Event::RtpPacket(packet), Role::Viewer(viewer)) => {
                viewer.receive(arrived, self.posted, &packet, meters);
            }
            (Event::RtpPacket(packet), Role::Participant(participant)) => {
                participant.receive(arrived, self.posted, &packet, &mut self.link.rtc, meters);
            }
            (Event::KeyframeRequest(request), role) => {
                if let Some(publisher) = role.publisher_mut() {
                    publisher.request_keyframe(request);
                }
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
        if let Some(publisher) = self.role.publisher_mut() {
            publisher.start(now, &mut self.link.rtc);
        }
    }
}
