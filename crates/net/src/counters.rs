//! What the shell of a shard counts: plain integers that its thread owns.

use std::io;
use std::time::Duration;

use plenum_engine::Class;
use plenum_model::limits;

use crate::SocketBuffers;

/// Why the system would not send a datagram. Such a datagram is skipped; no error of sending ends anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(usize)]
pub enum SendError {
    /// The destination answered that nobody listens there (ECONNREFUSED).
    Refused,
    /// A packet filter forbids it (EPERM, EACCES).
    Denied,
    /// There is no way there (EHOSTUNREACH, ENETUNREACH, EADDRNOTAVAIL, EAFNOSUPPORT).
    Unreachable,
    /// Larger than the way allows (EMSGSIZE).
    TooBig,
    /// The system had no memory for it (ENOBUFS, ENOMEM).
    NoBuffers,
    /// Anything else.
    Other,
}

impl SendError {
    /// All, in the order of their numbers.
    pub const ALL: [Self; 6] =
        [Self::Refused, Self::Denied, Self::Unreachable, Self::TooBig, Self::NoBuffers, Self::Other];

    /// The metric label.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::Denied => "denied",
            Self::Unreachable => "unreachable",
            Self::TooBig => "too_big",
            Self::NoBuffers => "no_buffers",
            Self::Other => "send_error",
        }
    }

    pub(crate) fn of(error: &io::Error) -> Self {
        match error.raw_os_error() {
            Some(libc::ECONNREFUSED) => Self::Refused,
            Some(libc::EPERM | libc::EACCES) => Self::Denied,
            Some(libc::EHOSTUNREACH | libc::ENETUNREACH | libc::EADDRNOTAVAIL | libc::EAFNOSUPPORT) => {
                Self::Unreachable
            }
            Some(libc::EMSGSIZE) => Self::TooBig,
            Some(libc::ENOBUFS | libc::ENOMEM) => Self::NoBuffers,
            _ => Self::Other,
        }
    }
}

/// What happened at the socket and in the loop of one shard since its start.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NetCounters {
    /// Datagrams received, after splitting what the kernel had coalesced.
    pub datagrams_received: u64,
    /// Their UDP payload.
    pub bytes_received: u64,
    /// System calls that received at least one datagram.
    pub receive_calls: u64,
    /// Messages that held more than one datagram (`UDP_GRO`).
    pub gro_batches: u64,
    /// Datagrams that the kernel threw away because the receive buffer was full.
    pub receive_overflow: u64,
    /// Received datagrams larger than our buffers, dropped before the engine.
    pub receive_truncated: u64,
    /// Errors of receiving (such as ICMP errors that the kernel reports).
    pub receive_errors: u64,
    /// Datagrams sent.
    pub segments: u64,
    /// Their UDP payload.
    pub bytes_sent: u64,
    /// System calls that sent at least one datagram.
    pub send_calls: u64,
    /// Messages sent, by how many datagrams they held less one. Several are one to the system until the end of
    /// its way (`UDP_SEGMENT`), so that they cost little more.
    pub messages: [u64; limits::SEGMENTS_PER_MESSAGE],
    /// Times that the system refused a message of several datagrams, which were then sent alone.
    pub gso_refused: u64,
    /// Datagrams that could not be sent, by [`SendError`].
    pub send_errors: [u64; SendError::ALL.len()],
    /// Times that the socket's send buffer was full, so that datagrams had to wait.
    pub send_blocked: u64,
    /// Datagrams dropped because too many waited already, by [`Class`]: video first, and the oldest first.
    pub backlog_drops: [u64; Class::ALL.len()],
    /// Datagrams sent one at a time, because the system refuses `sendmmsg`.
    pub unbatched_sends: u64,
    /// Packets received from other shards.
    pub relays_received: u64,
    /// Packets to other shards that were dropped for newer ones, because their ring was full.
    pub relays_lost: u64,
    /// Panics that escaped the engine and were caught by the loop.
    pub panics: u64,
    /// Time spent outside of waiting.
    pub busy: Duration,
    /// Time since the thread's start.
    pub wall: Duration,
    /// The socket's kernel buffers as granted.
    pub buffers: SocketBuffers,
}

/// What a shard counted, taken between two rounds of its loop, so that sums hold:
/// `net.datagrams_received == engine.received + net.receive_truncated`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ShardSnapshot {
    /// The engine's counters.
    pub engine: plenum_engine::Counters,
    /// The socket's and the loop's counters.
    pub net: NetCounters,
    /// Part of the last full second that the thread was not waiting, 0 to 1.
    pub busy_ratio: f64,
}
