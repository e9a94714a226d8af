//! Every queue, map and loop has its bound here. Reaching one is counted and has a defined behaviour.

use std::time::Duration;

/// Participants on one shard; the next join is refused with 503.
pub const PARTICIPANTS_PER_SHARD: usize = 8_192;
/// Source addresses remembered per session; the least recently validated goes, never the nominated.
pub const ADDRESSES_PER_SESSION: usize = 16;
/// STUN messages handled per session and second; more are dropped.
pub const STUN_PER_SECOND: u32 = 50;
/// Incoming SSRCs known per session; packets of further ones are dropped.
pub const SSRCS_PER_SESSION: usize = 64;
/// Remote candidates used per ICE generation; more are skipped silently.
pub const REMOTE_CANDIDATES: usize = 8;
/// From the answer until ICE and DTLS are up.
pub const SETUP_DEADLINE: Duration = Duration::from_secs(30);
/// Without a valid answer to consent checks (RFC 7675).
pub const CONSENT_TIMEOUT: Duration = Duration::from_secs(30);
/// Keyframe requests to a publisher, per track and layer.
pub const KEYFRAME_REQUESTS_PER_SECOND: u32 = 3;
/// Between repeated keyframe requests while somebody waits: a Chromium publisher drops a request
/// within about 300 ms of the last one instead of delaying it.
pub const KEYFRAME_REQUEST_INTERVAL: Duration = Duration::from_millis(350);
/// Packets handled before a flush, if the receive queue does not run dry first.
pub const PACKETS_PER_FLUSH: usize = 256;
/// From the first datagram of a receive batch until the flush, even if more wait.
pub const FLUSH_AFTER: Duration = Duration::from_micros(200);
/// Datagrams for one destination that leave as one message (`UDP_SEGMENT`).
pub const SEGMENTS_PER_MESSAGE: usize = 16;
/// Messages of several datagrams that the system refuses in a row before a socket sends one by one.
pub const GSO_REFUSALS: u32 = 8;
/// Datagrams that such a socket sends one by one before it tries again.
pub const GSO_PAUSE: u64 = 100_000;
/// Datagrams of one shard that wait for the socket to take them; then the oldest video is dropped, and if no
/// video waits, the oldest of all.
pub const SEND_BACKLOG: usize = 4_096;
/// Packets on their way from one shard to another; beyond it the oldest is dropped and keyframes are asked for.
pub const RELAY_RING: usize = 4_096;
/// Tracks one participant may publish.
pub const TRACKS_PER_PARTICIPANT: usize = 16;
/// Lines on which one participant receives: its slots.
pub const SLOTS_PER_PARTICIPANT: usize = 48;
/// Simulcast layers per track.
pub const LAYERS_PER_TRACK: usize = 4;
/// Data channels, and so topics, per participant.
pub const DATA_CHANNELS: usize = 16;
/// Bytes of one message on a data channel; longer ones are dropped and counted.
pub const DATA_MESSAGE: usize = 64 * 1024;
/// Levels of arrays and objects in JSON that is passed on, in data messages and by `signal`; what is deeper is refused:
/// parsers bound them.
pub const JSON_NESTING: usize = 32;
/// Bytes of messages that wait for one participant on one topic; beyond it the oldest is dropped and its sender
/// told.
pub const DATA_QUEUE: usize = 2 * 1024 * 1024;
/// Messages that do.
pub const DATA_QUEUE_MESSAGES: usize = 32_768;
/// Messages that wait for one participant on one `lossy:` topic.
pub const DATA_QUEUE_LOSSY: usize = 16;
/// Participants that one message on a data channel may name.
pub const DATA_ADDRESSEES: usize = 256;
/// Chat messages of one participant per second that are kept for those who come later; more are passed on only.
pub const CHAT_KEPT_PER_SECOND: u32 = 200;
/// Between two reports of dropped messages to one sender, about one topic and receiver.
pub const DATA_DROP_REPORTS: Duration = Duration::from_secs(1);
/// Commands waiting for one shard; the next is refused with 503.
pub const COMMANDS_PER_SHARD: usize = 1_024;
/// Commands carried out between two flushes, so that a crowd of them does not hold up media.
pub const COMMANDS_PER_FLUSH: usize = 32;
/// Panics escaping an engine within [`ESCAPED_PANICS_WINDOW`] before its shard gives up.
pub const ESCAPED_PANICS: u32 = 16;
/// See [`ESCAPED_PANICS`].
pub const ESCAPED_PANICS_WINDOW: Duration = Duration::from_secs(10);
/// Handshakes in flight per shard: beyond it a join waits up to [`JOIN_QUEUE`], then 503.
pub const HANDSHAKES_PER_SHARD: usize = 64;
/// How long a join may wait for its turn.
pub const JOIN_QUEUE: Duration = Duration::from_secs(3);

/// What an SDP may contain, before anything else looks at it.
#[derive(Debug, Clone, Copy)]
pub struct SdpLimits {
    /// Bytes of the whole text.
    pub bytes: usize,
    /// Lines.
    pub lines: usize,
    /// m-lines.
    pub media: usize,
}

/// WHIP and WHEP.
pub const SDP_WHIP: SdpLimits = SdpLimits { bytes: 64 * 1024, lines: 2_000, media: 32 };
/// The room protocol.
pub const SDP_ROOM: SdpLimits = SdpLimits { bytes: 256 * 1024, lines: 6_000, media: 64 };

/// Members of one conference, WHIP publishers among them, where the configuration names no bound; the next join
/// is refused with 409.
pub const MEMBERS_PER_CONFERENCE: usize = 2_000;
/// Bytes of messages that wait to be written to the WebSockets of all rooms together; beyond it joins are refused with
/// 503.
pub const OUTBOXES: usize = 256 * 1024 * 1024;
/// People who wait in one lobby; the next is refused with 503.
pub const LOBBY: usize = 256;
/// Identities that one conference keeps out; the next ban is refused with 503.
pub const BANS: usize = 10_000;
/// How long somebody who was kicked stays out.
pub const KICKED_FOR: Duration = Duration::from_secs(60);
/// Messages of the room protocol that a member may send, on average; beyond it they are refused with 429.
pub const MESSAGES_PER_SECOND: u32 = 50;
/// Messages of the room protocol that a member may send at once, if it was quiet before.
pub const MESSAGES_AT_ONCE: u32 = 100;
/// Bytes that a member may have the server send to others by `signal` and `update_metadata`, on average; beyond it they
/// are refused with 429.
pub const RELAYED_BYTES_PER_SECOND: u32 = 64 * 1024;
/// Bytes that it may have sent at once, if it was quiet before.
pub const RELAYED_BYTES_AT_ONCE: u32 = 256 * 1024;
/// Identities whose permissions one conference remembers to have been changed; the next change is refused with 503.
pub const OVERRIDES: usize = 10_000;
/// Bytes of JSON of the metadata of all members of one conference, for each of them is told it all on coming; more is
/// refused with 413.
pub const ROOM_METADATA: usize = 1024 * 1024;
/// Messages that the chat keeps for those who come later; the oldest go.
pub const CHAT_ENTRIES: usize = 200;
/// Bytes of payload that the chat keeps; the oldest messages go.
pub const CHAT_BYTES: usize = 256 * 1024;
