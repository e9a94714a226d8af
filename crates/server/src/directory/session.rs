//! One WHIP or WHEP session as the control plane knows it.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use plenum_engine::Role;
use plenum_model::{DisplayName, IceCredentials, Identity, MediaOffer, Place, RoomName};
use plenum_signal::EntityTag;
use tokio::sync::{Mutex, Notify};

/// The last part of a session URL: 128 random bits. Whoever knows it may end the session, so it is
/// neither logged nor listed.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct SessionId(Arc<str>);

impl SessionId {
    /// 128 bits as hex digits.
    pub fn new(random: [u8; 16]) -> Self {
        Self(format!("{:032x}", u128::from_be_bytes(random)).into())
    }

    /// From a URL; whether there is such a session is another question.
    pub fn from_url(text: &str) -> Self {
        Self(text.into())
    }

    /// As in a URL.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionId(..)")
    }
}

/// What a session is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionKind {
    /// Publishing.
    Whip,
    /// Watching.
    Whep,
}

impl SessionKind {
    /// The label of metrics, logs and the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Whip => "whip",
            Self::Whep => "whep",
        }
    }

    /// What such a session does on its shard, whomever it watches.
    pub fn role(self) -> Role {
        match self {
            Self::Whip => Role::Publisher,
            Self::Whep => Role::Viewer { of: None },
        }
    }
}

/// The current ICE session (RFC 8445, section 9); a restart replaces it.
#[derive(Debug)]
pub struct IceSession {
    /// Its name in `ETag` and `If-Match`.
    pub etag: EntityTag,
    /// The peer's credentials.
    pub remote: IceCredentials,
}

/// See the module.
#[derive(Debug)]
pub struct Session {
    /// Its URL.
    pub id: SessionId,
    /// Where it sits.
    pub place: Place,
    /// The room.
    pub room: RoomName,
    /// Publishing or watching.
    pub kind: SessionKind,
    /// Who.
    pub identity: Identity,
    /// As people see it.
    pub name: Option<DisplayName>,
    /// The token's `metadata`.
    pub metadata: Option<String>,
    /// What was offered.
    pub offer: MediaOffer,
    /// Locked for the whole of a PATCH, so that restarts come one after the other.
    pub ice: Mutex<IceSession>,
    /// When the request came.
    pub asked_at: Instant,
    /// Told when the connection is up, or the session over: its handshake is no longer in flight.
    pub settled: Notify,
    /// Whether a DELETE is at work on it.
    pub closing: AtomicBool,
}
