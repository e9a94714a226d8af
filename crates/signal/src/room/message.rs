//! What the server says. The values are views: complete, owned, made when they are needed.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::RequestId;
use crate::Problem;

/// How a participant is here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Over the room protocol.
    Room,
    /// As a WHIP publisher.
    Whip,
}

/// What a participant may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Permissions {
    /// Send media.
    pub can_publish: bool,
    /// Receive media.
    pub can_subscribe: bool,
    /// Send data messages and signals.
    pub can_publish_data: bool,
    /// Moderate.
    pub admin: bool,
    /// Not seen by others.
    pub hidden: bool,
}

/// A participant as others see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Participant {
    /// Of this membership: the same identity has another one when it comes again.
    pub id: String,
    /// Who it is.
    pub identity: String,
    /// What people call it; its identity if it has no name.
    pub name: String,
    /// How it is here.
    pub kind: Kind,
    /// Of the application; empty if there is none.
    pub metadata: String,
    /// What it may do.
    pub permissions: Permissions,
    /// RFC 3339, UTC.
    pub joined_at: String,
}

/// A published track.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Track {
    /// Never used again within the room.
    pub id: String,
    /// Whose: an identity.
    pub participant: String,
    /// `audio` or `video`.
    pub kind: &'static str,
    /// `camera`, `microphone`, `screen` or `screen_audio`.
    pub source: &'static str,
    /// Whether nothing of it is forwarded at the moment.
    pub muted: bool,
}

/// The room's own state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Room {
    /// Its name.
    pub name: String,
    /// Whether nobody new may enter.
    pub locked: bool,
    /// Whether who comes waits until somebody lets them in.
    pub lobby: bool,
    /// Of the application; empty if there is none.
    pub metadata: String,
}

/// Somebody in the lobby.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Waiting {
    /// Who.
    pub identity: String,
    /// What people call them.
    pub name: String,
}

/// One message of the chat.
#[derive(Debug, Clone, Serialize)]
pub struct ChatEntry {
    /// Who wrote it: an identity.
    pub from: String,
    /// What they were called then.
    pub name: String,
    /// As they sent it.
    pub payload: Box<RawValue>,
    /// RFC 3339, UTC.
    pub at: String,
}

/// Everything a participant has to know when it comes in.
#[derive(Debug, Clone, Serialize)]
pub struct Welcome {
    /// Of its `join`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<RequestId>,
    /// [`super::PROTOCOL`].
    pub protocol: u32,
    /// Whether this is the membership of before, which has lost its socket.
    pub resumed: bool,
    /// Oneself.
    pub participant: Participant,
    /// The room.
    pub room: Room,
    /// The others.
    pub participants: Vec<Participant>,
    /// What is published, one's own included.
    pub tracks: Vec<Track>,
    /// For `RTCPeerConnection`.
    pub ice_servers: Value,
    /// To go on after a lost socket.
    pub resume: String,
    /// The chat so far, the oldest first.
    pub chat: Vec<ChatEntry>,
    /// What the slots show; empty without a media session.
    pub slots: BTreeMap<String, Option<String>>,
}

/// A problem as a message. What RFC 9457 calls `type` is `problem`, since `type` is the message's.
#[derive(Debug, Clone, Serialize)]
pub struct ErrorBody {
    /// Of the request that it answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<RequestId>,
    /// `urn:plenum:problem:<slug>`.
    pub problem: String,
    /// The HTTP status that goes with it.
    pub status: u16,
    /// The same for every occurrence.
    pub title: &'static str,
    /// A sentence about this one.
    pub detail: String,
    /// Seconds until another try makes sense.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u32>,
    /// Whatever else a problem of this kind carries.
    #[serde(flatten)]
    pub members: Map<String, Value>,
}

/// Why a participant is no longer there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LeftReason {
    /// It said goodbye, or its WHIP session ended.
    Left,
    /// The same identity came again.
    Replaced,
    /// Removed.
    Kicked,
    /// Removed for the room's life.
    Banned,
    /// Its socket was lost and did not come back in time.
    Timeout,
}

/// Why a socket is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ClosedReason {
    /// It said goodbye.
    Left,
    /// The same identity has joined elsewhere.
    Replaced,
    /// Removed.
    Kicked,
    /// Removed for the room's life.
    Banned,
    /// Not let in from the lobby.
    Rejected,
    /// The room was closed.
    RoomClosed,
    /// The server is going away.
    Shutdown,
    /// It did not keep to the protocol.
    Protocol,
    /// It does not take in what it is sent.
    TooSlow,
}

/// Whether a participant's media get through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Quality {
    /// They do.
    Good,
    /// Nothing has been heard of it for a while.
    Lost,
}

/// The messages of the server by their `type`.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[expect(missing_docs, reason = "PROTOCOL.md describes every field; the views above say what they are")]
pub enum ServerMessage {
    /// You are in.
    Welcome(Box<Welcome>),
    /// Done; for requests without another reply.
    Ok { id: RequestId },
    /// The answer to an offer, and the ids of the tracks on its sending lines.
    Answer {
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<RequestId>,
        sdp: String,
        tracks: BTreeMap<String, String>,
    },
    /// Somebody came.
    ParticipantJoined { participant: Participant },
    /// Name, metadata or permissions have changed.
    ParticipantUpdated { participant: Participant },
    /// Somebody went; its tracks go with it.
    ParticipantLeft { participant: String, reason: LeftReason },
    /// There is something to see or hear.
    TrackPublished { track: Track },
    /// Muted or unmuted.
    TrackUpdated { track: Track },
    /// It is gone.
    TrackUnpublished { track: String },
    /// What one's slots show: all of them.
    Slots { slots: BTreeMap<String, Option<String>> },
    /// Who speaks now, the loudest first.
    Speakers { speakers: Vec<String> },
    /// Which simulcast layers of one's track anybody watches.
    Layers { track: String, rids: BTreeMap<String, bool> },
    /// Whether somebody's media get through.
    Quality { participant: String, quality: Quality },
    /// Who waits: all for admins, oneself while one waits.
    Lobby { waiting: Vec<Waiting> },
    /// An admin asks to unmute. A hidden admin is not named.
    UnmuteRequested {
        #[serde(skip_serializing_if = "Option::is_none")]
        from: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        track: Option<String>,
    },
    /// From another participant, untouched.
    Signal { from: String, payload: Box<RawValue> },
    /// The room's own state has changed.
    RoomUpdated { room: Room },
    /// Messages of one's own were dropped on their way.
    DataDropped { topic: String, to: String, messages: u64 },
    /// A request was refused.
    Error(ErrorBody),
    /// Go there, after this time.
    Reconnect { url: String, after_ms: u64 },
    /// The last message: the socket closes.
    Closed { reason: ClosedReason },
}

impl ServerMessage {
    /// The message that tells a refusal.
    pub fn error(id: Option<RequestId>, problem: &Problem) -> Self {
        Self::Error(ErrorBody {
            id,
            problem: problem.slug().urn(),
            status: problem.status().as_u16(),
            title: problem.slug().title(),
            detail: problem.detail().to_owned(),
            retry_after: problem.retry_after(),
            members: problem.members().clone(),
        })
    }

    /// As it goes over the wire, to however many sockets.
    pub fn to_text(&self) -> Arc<str> {
        serde_json::to_string(self).expect("messages are JSON objects with text as keys").into()
    }
}
