//! One media session as the control plane knows it.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use plenum_engine::Role;
use plenum_model::{DisplayName, IceCredentials, Identity, MediaOffer, Place, RoomName, limits};
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
    /// Taking part in a room: both.
    Room,
}

impl SessionKind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Whip, Self::Whep, Self::Room];

    /// The label of metrics, logs and the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Whip => "whip",
            Self::Whep => "whep",
            Self::Room => "room",
        }
    }

    /// Whether it may send, and so sits at the room's home.
    pub fn publishes(self) -> bool {
        self != Self::Whep
    }

    /// Whether its session has a URL; that of a room's member is steered by messages.
    pub fn has_url(self) -> bool {
        self != Self::Room
    }
}

/// The current ICE session (RFC 8445, section 9); a restart replaces it.
#[derive(Debug)]
pub struct IceSession {
    /// Its name in `ETag` and `If-Match`.
    pub etag: EntityTag,
    /// The peer's credentials.
    pub remote: IceCredentials,
    /// The peer's candidates that are checked, all filtered, at most [`limits::REMOTE_CANDIDATES`].
    pub candidates: Vec<SocketAddr>,
}

impl IceSession {
    /// Those of `more` that are new, as far as the limit goes.
    pub fn new_among(&self, more: &[SocketAddr]) -> Vec<SocketAddr> {
        let mut new: Vec<SocketAddr> = Vec::new();
        for address in more {
            let is_known = self.candidates.contains(address) || new.contains(address);
            if !is_known && self.candidates.len() + new.len() < limits::REMOTE_CANDIDATES {
                new.push(*address);
            }
        }
        new
    }
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
    /// What it does on its shard.
    pub role: Role,
    /// Who.
    pub identity: Identity,
    /// As people see it.
    pub name: Option<DisplayName>,
    /// The token's `metadata`.
    pub metadata: Option<String>,
    /// Of viewers: whether only moderators see it. Of others the conference knows, where it may change.
    pub hidden: bool,
    /// What was offered first.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trickled_candidates_add_up_to_eight_however_many_messages_bring_them() {
        let remote = IceCredentials { ufrag: "ufrag".to_owned(), pwd: "p".repeat(22) };
        let address = |port| SocketAddr::from(([192, 0, 2, 1], port));
        let candidates = vec![address(1)];
        let mut ice = IceSession { etag: EntityTag::new("e"), remote, candidates };
        assert_eq!(ice.new_among(&[address(1), address(2), address(2)]), [address(2)]);
        let many: Vec<SocketAddr> = (1..100).map(address).collect();
        let rest = ice.new_among(&many);
        assert_eq!(rest.len(), limits::REMOTE_CANDIDATES - 1);
        ice.candidates.extend(rest);
        assert_eq!(ice.new_among(&[address(100)]), []);
    }
}
