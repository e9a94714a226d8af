//! Tokens: who may do what. HS256 JSON Web Tokens (RFC 7519) with `video` grants, and stream keys, which are
//! bearer tokens for publishing into one room (OBS has a single field for it).
//!
//! The algorithm is pinned and the time is an argument; the library that verifies signatures is told
//! to leave the clock alone.

mod claims;
mod keyring;

#[cfg(test)]
mod tests;

use plenum_model::{DisplayName, Identity, NameError, RoomName};

pub use keyring::{Issue, Keyring};

/// Why the keys of the configuration were refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyringError {
    /// A secret shorter than 32 characters.
    #[error("the secret of key {0:?} has less than 32 characters")]
    ShortSecret(String),
    /// An empty key name.
    #[error("a key needs a name")]
    NamelessKey,
    /// A stream key whose name is not a room name.
    #[error("the stream key {0:?} is not named after a room: {1}")]
    StreamKeyRoom(String, NameError),
    /// A stream key that does not fit an `Authorization` header.
    #[error("the stream key of room {0:?} is not one or more visible ASCII characters")]
    BadStreamKey(String),
}

/// What a request wants to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access<'a> {
    /// Publish into a room (WHIP). The stream key of the room will do.
    Publish(&'a RoomName),
    /// Watch a room (WHEP).
    Subscribe(&'a RoomName),
    /// Be in a room at all (room protocol, ICE servers).
    Join(&'a RoomName),
    /// Be in some room: what is the same for all of them (ICE servers).
    JoinAny,
    /// Moderate a room.
    Admin(&'a RoomName),
    /// Make and close rooms.
    CreateRoom,
    /// List rooms.
    ListRooms,
}

impl<'a> Access<'a> {
    fn room(self) -> Option<&'a RoomName> {
        match self {
            Self::Publish(room) | Self::Subscribe(room) | Self::Join(room) | Self::Admin(room) => Some(room),
            Self::JoinAny | Self::CreateRoom | Self::ListRooms => None,
        }
    }

    /// The grant that it needs, for error sentences.
    fn grant_name(self) -> &'static str {
        match self {
            Self::Publish(_) => "roomJoin with canPublish",
            Self::Subscribe(_) => "roomJoin with canSubscribe",
            Self::Join(_) | Self::JoinAny => "roomJoin",
            Self::Admin(_) => "roomAdmin",
            Self::CreateRoom => "roomCreate",
            Self::ListRooms => "roomList",
        }
    }
}

/// What a token allows, after the check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// Whether a token or a stream key stood behind it: false where there are no keys, so that everybody is granted
    /// everything.
    pub vouched: bool,
    /// The only room it is good for; `None` without keys (everything is allowed) and for tokens without
    /// a room.
    pub room: Option<RoomName>,
    /// The token's `sub`.
    pub identity: Option<Identity>,
    /// The token's `name`.
    pub name: Option<DisplayName>,
    /// The token's `metadata`.
    pub metadata: Option<String>,
    /// May send media.
    pub can_publish: bool,
    /// May receive media.
    pub can_subscribe: bool,
    /// May send data messages.
    pub can_publish_data: bool,
    /// May moderate the room.
    pub admin: bool,
    /// Is not shown to others.
    pub hidden: bool,
}

impl Grant {
    /// What everybody has when there are no keys.
    fn everything() -> Self {
        Self {
            vouched: false,
            room: None,
            identity: None,
            name: None,
            metadata: None,
            can_publish: true,
            can_subscribe: true,
            can_publish_data: true,
            admin: true,
            hidden: false,
        }
    }

    /// What a stream key gives.
    fn publish_only(room: &RoomName) -> Self {
        Self {
            vouched: true,
            room: Some(room.clone()),
            can_subscribe: false,
            can_publish_data: false,
            admin: false,
            ..Self::everything()
        }
    }
}
