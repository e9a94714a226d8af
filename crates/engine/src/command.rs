//! How the control plane talks to a shard: commands in, one reply each, events out.

use std::net::SocketAddr;
use std::time::Duration;

use plenum_model::{
    Allowed, CloseReason, Format, Identity, MediaKind, Place, RoomName, SlotDemand, TrackTerms,
};
use plenum_room::TrackId;

use crate::{IceRestart, Peer, Renegotiation};

/// What a participant does in its room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Role {
    /// Sends (WHIP).
    Publisher,
    /// Receives (WHEP): from one participant, or, with `None`, the room's main stream.
    Viewer {
        /// Whom to watch.
        of: Option<Identity>,
    },
    /// Sends and receives (the room protocol): each line of its offer goes one way, and those that it receives on
    /// are slots.
    Participant {
        /// What its offer says of the lines that it sends on.
        tracks: Vec<TrackTerms>,
        /// What it may do.
        allowed: Allowed,
    },
}

impl Role {
    /// Whether it may send media, and so is unique by its identity and sits on the room's home shard.
    pub fn publishes(&self) -> bool {
        !matches!(self, Self::Viewer { .. })
    }
}

/// A participant on its way in.
#[derive(Debug)]
pub struct Admission {
    /// The reserved place, which the peer's local ufrag names.
    pub place: Place,
    /// The room, made if it does not exist on this shard.
    pub room: RoomName,
    /// The shard where the room's publishers are: this one for publishers and participants, any for a viewer.
    pub home: u16,
    /// Who it is. Publishers and participants replace an earlier one of the same identity; viewers are not unique.
    pub identity: Identity,
    /// What it does.
    pub role: Role,
    /// The finished negotiation.
    pub peer: Peer,
}

/// What the control plane wants of a shard.
#[derive(Debug)]
pub enum Command {
    /// Let a participant in.
    Admit(Box<Admission>),
    /// Candidates that trickled in later, already filtered.
    AddCandidates {
        /// Whose.
        place: Place,
        /// Where the peer may be reached, over UDP.
        candidates: Vec<SocketAddr>,
    },
    /// Take new ICE credentials (RFC 8445, section 9), prepared by [`crate::prepare_restart`].
    RestartIce(Box<IceRestart>),
    /// Answer another offer of a session that goes on, prepared by [`crate::prepare_renegotiation`].
    Renegotiate(Box<Renegotiation>),
    /// Forward nothing of a track, or go on to do so; whoever wants it so.
    Mute {
        /// Whose track.
        place: Place,
        /// Which.
        track: TrackId,
        /// Or unmuted.
        muted: bool,
    },
    /// Show a track in a slot as long as there is something of it, or leave the slot to the room.
    Pin {
        /// Whose slot.
        place: Place,
        /// Which, by its line.
        mid: String,
        /// Which track.
        track: Option<TrackId>,
    },
    /// What a slot is good for.
    Demand {
        /// Whose slot.
        place: Place,
        /// Which, by its line.
        mid: String,
        /// How large it is shown.
        demand: SlotDemand,
    },
    /// What a participant may do from now on.
    Allow {
        /// Who.
        place: Place,
        /// What.
        allowed: Allowed,
    },
    /// End a session.
    Close {
        /// Whose.
        place: Place,
        /// Why.
        reason: CloseReason,
    },
    /// End all sessions of a room.
    CloseRoom {
        /// Which.
        room: RoomName,
        /// Why.
        reason: CloseReason,
    },
    /// End everything on the shard.
    CloseAll {
        /// Why.
        reason: CloseReason,
    },
    /// Panic in a room's work, to show that only this room is lost. For tests and drills.
    PanicRoom {
        /// Which.
        room: RoomName,
    },
}

/// The answer to a [`Command`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// Done.
    Done,
    /// Let in.
    Admitted {
        /// The session of the same identity that has ended for it; its [`Event::Ended`] follows.
        replaced: Option<Place>,
        /// The lines that it sends on, by mid, and the tracks that they are.
        tracks: Vec<(String, TrackId)>,
    },
    /// The answer to [`Command::Renegotiate`].
    Answered {
        /// The SDP answer.
        answer: String,
        /// All lines that it sends on now, as in [`Reply::Admitted`].
        tracks: Vec<(String, TrackId)>,
    },
    /// What was asked for does not fit the session, which goes on as it was.
    Refused,
    /// There is no such place, room, track or slot (any more).
    NotFound,
}

/// What the control plane should know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// ICE and DTLS are up for the first time.
    Connected {
        /// Whose.
        place: Place,
        /// Since admission.
        after: Duration,
    },
    /// The first packet of a published track, or of another format on it, arrived.
    TrackStarted {
        /// The publisher.
        place: Place,
        /// The track.
        track: TrackId,
        /// Audio or video.
        kind: MediaKind,
        /// What it is encoded with.
        format: Format,
    },
    /// A viewer was sent its first media packet.
    FirstPacket {
        /// The viewer.
        place: Place,
        /// Since admission.
        after: Duration,
    },
    /// What a participant's slots show: all of them, after every change, and first when it is connected.
    Slots {
        /// Whose.
        place: Place,
        /// By mid.
        slots: Vec<(String, Option<TrackId>)>,
    },
    /// Who speaks now, the loudest first.
    Speakers {
        /// Where.
        room: RoomName,
        /// The tracks of the voices.
        speaking: Vec<TrackId>,
    },
    /// A message to everyone on the topic `chat`, for those who come later.
    Chat {
        /// Whose.
        place: Place,
        /// A JSON value.
        payload: String,
    },
    /// Messages were dropped on their way to someone who does not take them in fast enough. At most once a second for
    /// each sender, topic and receiver.
    DataDropped {
        /// The sender.
        place: Place,
        /// Of which topic.
        topic: String,
        /// The receiver.
        to: Place,
        /// How many, since the last time.
        messages: u64,
    },
    /// ICE has lost the peer; it may come back until [`plenum_model::limits::CONSENT_TIMEOUT`].
    Interrupted {
        /// Whose.
        place: Place,
    },
    /// ICE has the peer back.
    Resumed {
        /// Whose.
        place: Place,
    },
    /// A session is over. The last event of a place: it may be released now.
    Ended {
        /// Whose.
        place: Place,
        /// Why.
        reason: CloseReason,
    },
    /// A room's work panicked and the room was dropped; its sessions end with
    /// [`CloseReason::Panicked`].
    RoomPanicked {
        /// Which.
        room: RoomName,
    },
}
