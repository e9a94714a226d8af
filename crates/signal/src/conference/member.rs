//! One member of the room: who it is, how it is connected, what it may do, its media session.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Instant;

use plenum_model::{Allowed, CloseReason, DisplayName, Identity, MediaKind, Place, RemoteCandidate};
use subtle::ConstantTimeEq;

use super::SocketId;
use super::allowance::Allowance;
use super::entrant::Claimed;
use super::tracks::TrackId;
use crate::room::{ClosedReason, Kind, LeftReason, Participant, Permissions};

/// Counts the members of a conference. Never used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct MemberId(pub(super) u32);

impl fmt::Display for MemberId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PA_{}", self.0)
    }
}

/// What somebody shows to go on as the member that it was: the member's number and a secret.
#[derive(Clone, Copy)]
pub(super) struct Resume([u8; 16]);

impl Resume {
    pub(super) fn new(secret: [u8; 16]) -> Self {
        Self(secret)
    }

    /// As in `welcome.resume`.
    pub(super) fn to_token(self, id: MemberId) -> String {
        let secret = u128::from_be_bytes(self.0);
        format!("{}.{secret:032x}", id.0)
    }

    /// The member that a token names, without a look at the secret.
    pub(super) fn member(token: &str) -> Option<MemberId> {
        token.split_once('.')?.0.parse().ok().map(MemberId)
    }

    /// Whether it is this member's token. Takes as long whatever the difference.
    pub(super) fn verifies(self, id: MemberId, token: &str) -> bool {
        self.to_token(id).as_bytes().ct_eq(token.as_bytes()).into()
    }
}

/// How a member can be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Connection {
    /// On this socket.
    Here(SocketId),
    /// Its socket is lost; it may come back until then.
    Away {
        /// Then it has left.
        until: Instant,
    },
    /// Not at all: a WHIP publisher has a media session and nothing else.
    MediaOnly,
}

/// A line of a media session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Line {
    /// The member sends on it.
    Sends(TrackId),
    /// The member receives on it.
    Slot(MediaKind),
}

/// A media session in the engine.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) place: Place,
    /// Of the certificate: another one is another session.
    pub(super) fingerprint: (String, String),
    /// By mid.
    pub(super) lines: BTreeMap<String, Line>,
    /// What the slots show, in the engine's numbers: a track may be named here before its publisher is known.
    pub(super) slots: Vec<(String, Option<u32>)>,
}

/// Somebody in the room.
pub(super) struct Member {
    pub(super) id: MemberId,
    pub(super) identity: Identity,
    /// Whether its token says so.
    pub(super) named: bool,
    pub(super) name: Claimed<DisplayName>,
    pub(super) metadata: Claimed<String>,
    /// What the metadata takes in every message about it.
    pub(super) metadata_bytes: usize,
    pub(super) kind: Kind,
    /// As granted; [`Member::permissions`] is what comes of it.
    pub(super) granted: Permissions,
    /// RFC 3339.
    pub(super) joined_at: String,
    pub(super) connection: Connection,
    /// None for those who have no socket to lose.
    pub(super) resume: Option<Resume>,
    pub(super) allowance: Allowance,
    pub(super) media: Option<Session>,
    /// Counts the offers, so that an answer that was overtaken is noticed.
    pub(super) offers: u32,
    /// The candidates that came while an offer is being negotiated; `None` when none is.
    pub(super) early: Option<Vec<RemoteCandidate>>,
    /// Whether nothing has been heard of its media for a while.
    pub(super) interrupted: bool,
}

impl Member {
    /// What it may do. Who is hidden can only watch: nobody could tell whose track, message or signal it is.
    pub(super) fn permissions(&self) -> Permissions {
        let granted = self.granted;
        Permissions {
            can_publish: granted.can_publish && !granted.hidden,
            can_publish_data: granted.can_publish_data && !granted.hidden,
            ..granted
        }
    }

    /// The same for the media plane.
    pub(super) fn allowed(&self) -> Allowed {
        let may = self.permissions();
        Allowed { publish: may.can_publish, subscribe: may.can_subscribe, data: may.can_publish_data }
    }

    pub(super) fn is_hidden(&self) -> bool {
        self.granted.hidden
    }

    pub(super) fn socket(&self) -> Option<SocketId> {
        match self.connection {
            Connection::Here(socket) => Some(socket),
            Connection::Away { .. } | Connection::MediaOnly => None,
        }
    }

    /// As others see it.
    pub(super) fn view(&self) -> Participant {
        Participant {
            id: self.id.to_string(),
            identity: self.identity.to_string(),
            name: self.name.value.as_str().to_owned(),
            kind: self.kind,
            metadata: self.metadata.value.clone(),
            permissions: self.permissions(),
            joined_at: self.joined_at.clone(),
        }
    }
}

/// How a member goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Exit {
    /// It said goodbye.
    Left,
    /// The same identity came again.
    Replaced,
    /// Removed.
    Kicked,
    /// Removed for the room's life.
    Banned,
    /// It did not come back.
    TimedOut,
    /// Its media session was all there was of it, and is over.
    MediaOver,
}

impl Exit {
    /// What others are told.
    pub(super) fn left(self) -> LeftReason {
        match self {
            Self::Left | Self::MediaOver => LeftReason::Left,
            Self::Replaced => LeftReason::Replaced,
            Self::Kicked => LeftReason::Kicked,
            Self::Banned => LeftReason::Banned,
            Self::TimedOut => LeftReason::Timeout,
        }
    }

    /// What it is told itself, if it still has a socket.
    pub(super) fn closed(self) -> ClosedReason {
        match self {
            Self::Left | Self::TimedOut | Self::MediaOver => ClosedReason::Left,
            Self::Replaced => ClosedReason::Replaced,
            Self::Kicked => ClosedReason::Kicked,
            Self::Banned => ClosedReason::Banned,
        }
    }

    /// What its media session ends with; `None` if it has ended.
    pub(super) fn media(self) -> Option<CloseReason> {
        match self {
            Self::Left | Self::TimedOut => Some(CloseReason::Deleted),
            Self::Replaced => Some(CloseReason::Replaced),
            Self::Kicked | Self::Banned => Some(CloseReason::Kicked),
            Self::MediaOver => None,
        }
    }
}
