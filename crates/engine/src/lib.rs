//! One shard of Plenum as a pure state machine: all its participants (one `str0m::Rtc` each), rooms,
//! timers and demux tables. `now`, datagrams and commands come in; transmits, events, replies and the
//! next deadline come out. No clock, no socket, no thread, no randomness of the system: a whole call
//! replays from one seed.
//!
//! Entry types: [`Engine`] (the shard), [`negotiate`] and [`prepare_renegotiation`] (offer to answer, run off the
//! shard), [`Command`]/[`Reply`]/[`Event`] (how the control plane talks to a shard).
//!
//! How to drive it, in the taxonomy of its methods:
//! - `handle_datagram`, `handle_command`, `handle_timeout` take input;
//! - `flush` does the forwarding of everything taken in since the last one and fills a
//!   [`TransmitBatch`]; call it after each batch of input;
//! - `poll_event` returns what the control plane should know;
//! - `next_deadline` says when to call `handle_timeout` (then `flush`) at the latest.

#![cfg_attr(test, allow(clippy::disallowed_methods))] // tests take their time zero from the clock

mod command;
mod counters;
mod courier;
mod data;
mod demux;
mod engine;
mod fanout;
mod negotiate;
mod participant;
mod relay;
mod sdp;
mod sessions;
mod slots;
mod stun;
mod timers;

pub use command::{Admission, Command, Event, Reply, Role};
pub use counters::Counters;
pub use engine::Engine;
pub use negotiate::{
    DtlsIdentity, IceRestart, Negotiated, NegotiationError, Peer, Renegotiation, Terms, negotiate,
    prepare_renegotiation, prepare_restart,
};
pub use plenum_room::TrackId;
pub use relay::{Relay, RelayMessage, RelayedPacket, RoomRef};

use std::net::SocketAddr;

/// What a shard is told at its birth.
#[derive(Debug, Clone)]
pub struct EngineConfig {
    /// The shard's number; datagrams whose ufrag names another shard are dropped.
    pub shard: u16,
    /// Candidate addresses that answers of this shard advertise. A datagram is presented to ICE as having
    /// arrived at the first one of its family, since a wildcard socket cannot tell.
    pub candidates: Vec<SocketAddr>,
    /// Seeds everything random (SSRCs, first sequence numbers); secrets come in from outside.
    pub seed: u64,
}

/// What a datagram carries, for whoever has to choose which of them to lose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(usize)]
pub enum Class {
    /// STUN, DTLS (data channels among it) and RTCP: without them there is no session.
    Control,
    /// RTP of an audio line.
    Audio,
    /// RTP of a video line, retransmissions included.
    Video,
}

impl Class {
    /// All, in the order of their numbers.
    pub const ALL: [Self; 3] = [Self::Control, Self::Audio, Self::Video];

    /// The metric label.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Control => "control",
            Self::Audio => "audio",
            Self::Video => "video",
        }
    }
}

/// A datagram to send: RTP, RTCP, DTLS or STUN, already protected.
#[derive(Debug)]
pub struct Transmit {
    /// Where to.
    pub destination: SocketAddr,
    /// What it carries.
    pub class: Class,
    /// UDP payload.
    pub contents: Vec<u8>,
}

/// What one flush wants sent, in order per destination. Reused: drain it after each flush.
#[derive(Debug, Default)]
pub struct TransmitBatch {
    /// The datagrams.
    pub transmits: Vec<Transmit>,
    /// Messages to other shards.
    pub relays: Vec<Relay>,
}
