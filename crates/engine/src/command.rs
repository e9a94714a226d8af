//! How the control plane talks to a shard: commands in, one reply each, events out.

use std::net::SocketAddr;
use std::time::Duration;

use plenum_model::{CloseReason, Format, Identity, MediaKind, Place, RoomName};

use crate::{IceRestart, Peer};

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
}

/// A participant on its way in.
#[derive(Debug)]
pub struct Admission {
    /// The reserved place, which the peer's local ufrag names.
    pub place: Place,
    /// The room, made if it does not exist on this shard.
    pub room: RoomName,
    /// The shard where the room's publishers are: this one for a publisher, any for a viewer.
    pub home: u16,
    /// Who it is. A publisher replaces an earlier one of the same identity; viewers are not unique.
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
    },
    /// The restart could not be applied; the session goes on with its old credentials.
    Refused,
    /// There is no such place or room (any more).
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
