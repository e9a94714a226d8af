//! The room protocol as text: what clients and the server say to each other over a WebSocket, one JSON object
//! per message. PROTOCOL.md specifies it for those who write a client.
//!
//! Here are the messages, their parser ([`parse`]: whatever comes in, either a [`Request`] or a sentence about
//! what is wrong with it) and the rules for offers ([`read_offer`]). What the messages do is in
//! [`crate::conference`]; sockets are the server's.

mod fields;
pub mod json;
mod message;
mod offer;
mod parse;
mod request;

#[cfg(test)]
mod tests;

pub use message::{
    ChatEntry, ClosedReason, ErrorBody, Kind, LeftReason, Participant, Permissions, Quality, Room,
    ServerMessage, Track, Waiting, Welcome,
};
pub use offer::{check_grants, read_offer};
pub use parse::{Refused, parse};
pub use request::{ClientMessage, Join, Request, RequestId, TrackRequest};

/// The version of the protocol, as in `join` and `welcome`.
pub const PROTOCOL: u32 = 1;
/// Bytes of one message of a client.
pub const MESSAGE: usize = 384 * 1024;
/// Levels of arrays and objects within each other in one message.
pub const DEPTH: usize = plenum_model::limits::JSON_NESTING;
/// Bytes of a participant's or a room's metadata.
pub const METADATA: usize = 16 * 1024;
/// Bytes of the payload of one `signal`, as JSON.
pub const SIGNAL: usize = 64 * 1024;
/// Bytes of a token in `join`.
pub const TOKEN: usize = 16 * 1024;
/// Entries of `offer.tracks`.
pub const TRACKS: usize = plenum_model::limits::TRACKS_PER_PARTICIPANT;
/// Characters of an `id` that is a string.
pub const REQUEST_ID: usize = 64;
