//! How things end, and whose fault it was.

/// Whose fault an error is. One match turns it into an HTTP status, a metric label and a log level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fault {
    /// The one who asked: bad input, no right to it. 4xx, logged at debug.
    Client,
    /// The remote ICE end: what it sent or stopped sending. Logged at info.
    Peer,
    /// Plenum itself. 5xx, logged at error.
    Ourselves,
    /// A bound of [`crate::limits`] was reached. 503, logged at warn.
    Limit,
}

/// Why a session ended. Every session ends through one function, with exactly one of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CloseReason {
    /// `DELETE` on the session URL.
    Deleted,
    /// The peer closed its DTLS association (close_notify).
    PeerClosed,
    /// No valid answer to our consent checks for 30 s (RFC 7675).
    ConsentLost,
    /// Not connected within 30 s of the answer.
    SetupTimeout,
    /// The same identity published again.
    Replaced,
    /// An admin removed the participant.
    Kicked,
    /// The room was closed.
    RoomClosed,
    /// The server is going away.
    Shutdown,
    /// A fault of ours in this room's work; the room was dropped.
    Panicked,
}

impl CloseReason {
    /// The label of metrics and logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Deleted => "deleted",
            Self::PeerClosed => "peer_closed",
            Self::ConsentLost => "consent_lost",
            Self::SetupTimeout => "setup_timeout",
            Self::Replaced => "replaced",
            Self::Kicked => "kicked",
            Self::RoomClosed => "room_closed",
            Self::Shutdown => "shutdown",
            Self::Panicked => "panicked",
        }
    }

    /// Whether the other side ended it: such a session answers one late `DELETE` with 200.
    pub fn is_by_peer(self) -> bool {
        matches!(self, Self::PeerClosed | Self::ConsentLost)
    }

    /// Whose doing it was.
    pub fn fault(self) -> Fault {
        match self {
            Self::Deleted | Self::Replaced | Self::Kicked | Self::RoomClosed => Fault::Client,
            Self::PeerClosed | Self::ConsentLost | Self::SetupTimeout => Fault::Peer,
            Self::Shutdown | Self::Panicked => Fault::Ourselves,
        }
    }
}
