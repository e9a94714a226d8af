//! What a shard counts: plain integers, owned by its thread, copied out as a whole.

use plenum_model::{DropReason, Histogram};

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
    /// Packets sent on to other shards.
    pub packets_relayed: u64,
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
    /// Messages of participants on data channels.
    pub data_messages_in: u64,
    /// Messages written to participants.
    pub data_messages_out: u64,
    /// Messages that were not passed on: not allowed, unreadable, or too many for one who does not take them in fast
    /// enough.
    pub data_messages_dropped: u64,
    /// Rooms dropped because of a panic.
    pub panics: u64,
    /// Time a packet spent in the engine and its queue: from `handle_datagram`'s `now` to `flush`'s.
    pub forward_time: Histogram,
    /// Participants now.
    pub participants: u64,
    /// Rooms now.
    pub rooms: u64,
}
