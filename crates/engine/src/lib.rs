//! One shard of Plenum as a pure state machine: all its participants (one `str0m::Rtc` each), rooms,
//! timers and demux tables. `now`, datagrams and commands come in; transmits, events, replies and the
//! next deadline come out. No clock, no socket, no thread, no randomness of the system: a whole call
//! replays from one seed.
//!
//! Entry types: [`Engine`] (the shard), [`negotiate`] (offer to answer, run off the shard),
//! [`Command`]/[`Reply`]/[`Event`] (how the control plane talks to a shard).
//!
//! How to drive it, in the taxonomy of its methods:
//! - `handle_datagram`, `handle_command`, `handle_timeout` take input;
//! - `flush` does the forwarding of everything taken in since the last one and fills a
//!   [`TransmitBatch`]; call it after each batch of input;
//! - `poll_event` returns what the control plane should know;
//! - `next_deadline` says when to call `handle_timeout` (then `flush`) at the latest.

mod command;
mod negotiate;

pub use command::{Admission, Command, Event, Reply, Role};
pub use negotiate::{
    DtlsIdentity, IceRestart, Negotiated, NegotiationError, Peer, Terms, negotiate, prepare_restart,
};

use std::net::SocketAddr;
use std::time::Instant;

use plenum_model::{DropReason, Histogram};

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

/// A datagram to send: RTP, RTCP, DTLS or STUN, already protected.
#[derive(Debug)]
pub struct Transmit {
    /// Where to.
    pub destination: SocketAddr,
    /// UDP payload.
    pub contents: Vec<u8>,
}

/// What one flush wants sent, in order per destination. Reused: drain it after each flush.
#[derive(Debug, Default)]
pub struct TransmitBatch {
    /// The datagrams.
    pub transmits: Vec<Transmit>,
}

/// What a shard counts. Copied out as a whole, so that sums hold in every scrape:
/// `received == handled_stun + handled_dtls + handled_rtp + handled_rtcp + dropped.sum()`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counters {
    /// Datagrams taken in.
    pub received: u64,
    /// Of them, passed to a participant, by kind.
    pub handled_stun: u64,
    /// DTLS records.
    pub handled_dtls: u64,
    /// RTP packets (retransmissions included).
    pub handled_rtp: u64,
    /// RTCP packets.
    pub handled_rtcp: u64,
    /// Of them, dropped, by [`DropReason`].
    pub dropped: [u64; DropReason::ALL.len()],
    /// RTP packets written to subscribers.
    pub packets_forwarded: u64,
    /// Their RTP payload bytes.
    pub bytes_forwarded: u64,
    /// Packets of tracks that reached a subscription but were not sent (gate, unknown payload type).
    pub packets_gated: u64,
    /// Keyframe requests of subscribers.
    pub keyframe_requests_in: u64,
    /// Keyframe requests sent to publishers, after coalescing.
    pub keyframe_requests_out: u64,
    /// NACKs (sequence numbers asked for) received from subscribers.
    pub nacks_in: u64,
    /// NACKs sent to publishers.
    pub nacks_out: u64,
    /// Retransmissions sent.
    pub rtx_out: u64,
    /// Rooms dropped because of a panic.
    pub panics: u64,
    /// Time a packet spent in the engine and its queue: from `handle_datagram`'s `now` to `flush`'s.
    pub forward_time: Histogram,
    /// Participants now.
    pub participants: u64,
    /// Rooms now.
    pub rooms: u64,
}

/// One shard. See the crate's documentation for how to drive it.
pub struct Engine {
    _config: EngineConfig,
}

impl Engine {
    /// A shard without participants.
    pub fn new(config: EngineConfig, _now: Instant) -> Self {
        Self { _config: config }
    }

    /// Takes a datagram that arrived at `now` from `source`. Whatever it contains, it is counted and handled or
    /// dropped; it never fails.
    pub fn handle_datagram(&mut self, _now: Instant, _source: SocketAddr, _contents: &[u8]) {}

    /// Carries out a command of the control plane.
    pub fn handle_command(&mut self, _now: Instant, _command: Command) -> Reply {
        Reply::NotFound
    }

    /// Lets due timers fire.
    pub fn handle_timeout(&mut self, _now: Instant) {}

    /// Forwards what came in since the last flush and appends everything to be sent to `batch`.
    pub fn flush(&mut self, _now: Instant, _batch: &mut TransmitBatch) {}

    /// The next thing the control plane should know.
    pub fn poll_event(&mut self) -> Option<Event> {
        None
    }

    /// When to call [`Self::handle_timeout`] at the latest; `None` while there is nobody.
    pub fn next_deadline(&self) -> Option<Instant> {
        None
    }

    /// Whether input was taken that waits for a [`Self::flush`].
    pub fn wants_flush(&self) -> bool {
        false
    }

    /// What was counted so far.
    pub fn counters(&self) -> &Counters {
        unimplemented!("stub")
    }
}
