//! What clients say.
//!
//! Everything in these types is already checked: names are names, sizes are within their bounds. They are
//! written, too, by native clients.

use std::collections::BTreeMap;

use plenum_model::{DisplayName, Identity, Source};
use serde::Serialize;
use serde_json::value::RawValue;

/// What a client calls a request, echoed in the reply to it: a whole number, or a string of up to
/// [`super::REQUEST_ID`] characters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum RequestId {
    /// `"id": 7`.
    Number(i64),
    /// `"id": "seven"`.
    Text(String),
}

/// One message of a client.
#[derive(Debug, Clone, Serialize)]
pub struct Request {
    /// What is asked for.
    #[serde(flatten)]
    pub message: ClientMessage,
    /// What the client calls it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<RequestId>,
}

impl Request {
    /// As it goes over the wire.
    pub fn to_text(&self) -> String {
        serde_json::to_string(self).expect("messages are JSON objects with text as keys")
    }
}

/// The first message: who wants in.
#[derive(Debug, Clone, Serialize)]
pub struct Join {
    /// A JSON Web Token, if it was not in the URL.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// What others see. A name in the token wins.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "text::name")]
    pub name: Option<DisplayName>,
    /// Who it is, where there are no tokens.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "text::identity_if_given")]
    pub identity: Option<Identity>,
    /// What the application wants others to know.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<String>,
    /// The token of `welcome.resume`: go on where a lost socket left off.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resume: Option<String>,
    /// [`super::PROTOCOL`].
    pub protocol: u32,
}

/// What an offer says of a line that its client sends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct TrackRequest {
    /// What it carries.
    #[serde(serialize_with = "text::source")]
    pub source: Source,
    /// Whether it starts muted.
    pub muted: bool,
}

/// The messages of a client by their `type`.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ClientMessage {
    /// Let me in.
    Join(Join),
    /// Begin a media session, or change it.
    Offer {
        /// The SDP.
        sdp: String,
        /// By mid, for the lines that the client sends on.
        tracks: BTreeMap<String, TrackRequest>,
    },
    /// A candidate that was found after the offer.
    Candidate {
        /// `RTCIceCandidate.candidate`; empty at the end of candidates.
        candidate: String,
        /// Which line; all are bundled, so it does not matter.
        #[serde(rename = "sdpMid", skip_serializing_if = "Option::is_none")]
        mid: Option<String>,
    },
    /// Show this track in that slot, or (none) whatever the room chooses.
    Pin {
        /// The slot's mid.
        slot: String,
        /// The track's id.
        track: Option<String>,
    },
    /// What a slot is good for.
    Demand {
        /// The slot's mid.
        slot: String,
        /// Widest useful picture, in pixels.
        max_width: u32,
        /// Highest useful picture, in pixels. 0 x 0: it is hidden.
        max_height: u32,
        /// The larger, the more important.
        priority: u8,
    },
    /// Mute or unmute one's own track.
    Mute {
        /// The track's id.
        track: String,
        /// Or unmuted.
        muted: bool,
    },
    /// Tell another participant something that the server does not look at.
    Signal {
        /// Whom.
        #[serde(serialize_with = "text::identity")]
        to: Identity,
        /// What.
        payload: Box<RawValue>,
    },
    /// Change what others see of oneself.
    UpdateMetadata {
        /// New metadata.
        #[serde(skip_serializing_if = "Option::is_none")]
        metadata: Option<String>,
        /// New display name.
        #[serde(skip_serializing_if = "Option::is_none", serialize_with = "text::name")]
        name: Option<DisplayName>,
    },
    /// Remove a participant.
    Kick {
        /// Whom.
        #[serde(serialize_with = "text::identity")]
        participant: Identity,
    },
    /// Remove a participant for the room's life.
    Ban {
        /// Whom.
        #[serde(serialize_with = "text::identity")]
        participant: Identity,
    },
    /// Let nobody new in.
    Lock,
    /// Let people in again.
    Unlock,
    /// Let somebody in who waits in the lobby.
    Admit {
        /// Whom.
        #[serde(serialize_with = "text::identity")]
        participant: Identity,
    },
    /// Send somebody away who waits in the lobby.
    Reject {
        /// Whom.
        #[serde(serialize_with = "text::identity")]
        participant: Identity,
    },
    /// Mute somebody's track, or all of them.
    MuteParticipant {
        /// Whose.
        #[serde(serialize_with = "text::identity")]
        participant: Identity,
        /// Which; none: all.
        #[serde(skip_serializing_if = "Option::is_none")]
        track: Option<String>,
    },
    /// Ask somebody to unmute.
    RequestUnmute {
        /// Whom.
        #[serde(serialize_with = "text::identity")]
        participant: Identity,
        /// Which track; none: the microphone.
        #[serde(skip_serializing_if = "Option::is_none")]
        track: Option<String>,
    },
    /// Goodbye.
    Leave,
}

impl ClientMessage {
    /// Its `type`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Join(_) => "join",
            Self::Offer { .. } => "offer",
            Self::Candidate { .. } => "candidate",
            Self::Pin { .. } => "pin",
            Self::Demand { .. } => "demand",
            Self::Mute { .. } => "mute",
            Self::Signal { .. } => "signal",
            Self::UpdateMetadata { .. } => "update_metadata",
            Self::Kick { .. } => "kick",
            Self::Ban { .. } => "ban",
            Self::Lock => "lock",
            Self::Unlock => "unlock",
            Self::Admit { .. } => "admit",
            Self::Reject { .. } => "reject",
            Self::MuteParticipant { .. } => "mute_participant",
            Self::RequestUnmute { .. } => "request_unmute",
            Self::Leave => "leave",
        }
    }
}

/// How the words of `model`, which knows no serde, are written.
mod text {
    use plenum_model::{DisplayName, Identity, Source};
    use serde::Serializer;

    pub(super) fn source<S: Serializer>(source: &Source, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(source.as_str())
    }

    pub(super) fn identity<S: Serializer>(identity: &Identity, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(identity.as_str())
    }

    pub(super) fn identity_if_given<S: Serializer>(
        identity: &Option<Identity>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match identity {
            Some(identity) => serializer.serialize_str(identity.as_str()),
            None => serializer.serialize_none(),
        }
    }

    pub(super) fn name<S: Serializer>(name: &Option<DisplayName>, serializer: S) -> Result<S::Ok, S::Error> {
        match name {
            Some(name) => serializer.serialize_str(name.as_str()),
            None => serializer.serialize_none(),
        }
    }
}
