//! From the text of a WebSocket message to a [`Request`]. It is the first thing that sees what strangers send: it
//! never panics, takes time in proportion to the text, and says what is wrong in a sentence.

use std::collections::BTreeMap;

use plenum_model::Source;
use plenum_model::limits::SDP_ROOM;
use serde_json::value::RawValue;

use super::fields::{Fields, malformed};
use super::json;
use super::{
    ClientMessage, DEPTH, Join, MESSAGE, METADATA, PROTOCOL, REQUEST_ID, Request, RequestId, SIGNAL, TOKEN,
    TRACKS, TrackRequest,
};
use crate::text::{excerpt, is_token};
use crate::{Problem, Slug};

/// Bytes of a resume token that are looked at.
const RESUME: usize = 128;
/// Bytes of a candidate line.
const CANDIDATE: usize = 1_024;
/// Characters of a mid, as the SDP guard has it.
const MID: usize = 16;
/// Characters of the id of a track.
const TRACK: usize = 32;
/// Pixels of a side of a picture: beyond any screen.
const PIXELS: u32 = 65_535;

/// A message that was refused, and what its client calls it, as far as that could be read.
#[derive(Debug, Clone, PartialEq)]
pub struct Refused {
    /// The `id` of the message.
    pub id: Option<RequestId>,
    /// What is wrong with it.
    pub problem: Problem,
}

impl From<Problem> for Refused {
    fn from(problem: Problem) -> Self {
        Self { id: None, problem }
    }
}

/// Reads one message.
pub fn parse(text: &str) -> Result<Request, Refused> {
    if text.len() > MESSAGE {
        return Err(Problem::body_too_large(MESSAGE).into());
    }
    if !json::is_shallow(text) {
        return Err(malformed(format!("the message is nested more than {DEPTH} levels deep")).into());
    }
    let fields = Fields::read("the message", text)?;
    let id = fields.raw("id").map(request_id).transpose()?;
    match message(&fields) {
        Ok(message) => Ok(Request { id, message }),
        Err(problem) => Err(Refused { id, problem }),
    }
}

fn request_id(value: &RawValue) -> Result<RequestId, Problem> {
    if let Ok(number) = serde_json::from_str(value.get()) {
        return Ok(RequestId::Number(number));
    }
    match serde_json::from_str::<String>(value.get()) {
        Ok(text) if text.chars().count() <= REQUEST_ID => Ok(RequestId::Text(text)),
        _ => {
            let found = excerpt(value.get());
            let what = format!("a whole number or a string of up to {REQUEST_ID} characters");
            Err(malformed(format!("\"id\" is to be {what}, not {found}")))
        }
    }
}

fn message(fields: &Fields<'_>) -> Result<ClientMessage, Problem> {
    let kind = fields.needed_text("type", MESSAGE)?;
    Ok(match kind.as_str() {
        "join" => ClientMessage::Join(join(fields)?),
        "offer" => offer(fields)?,
        "candidate" => candidate(fields)?,
        "pin" => ClientMessage::Pin {
            slot: mid(fields.needed_word("slot", MID)?)?,
            track: fields.text("track", TRACK)?,
        },
        "demand" => demand(fields)?,
        "mute" => ClientMessage::Mute {
            track: fields.needed_word("track", TRACK)?,
            muted: fields.needed_flag("muted")?,
        },
        "signal" => ClientMessage::Signal {
            to: fields.needed_identity("to")?,
            payload: plain("payload", fields.needed_value("payload", SIGNAL)?)?,
        },
        "update_metadata" => ClientMessage::UpdateMetadata {
            metadata: fields.text("metadata", METADATA)?,
            name: fields.display_name("name")?,
        },
        "leave" => ClientMessage::Leave,
        _ => return moderation(&kind, fields),
    })
}

/// A value that others are to get: it must be what they can read.
fn plain(name: &str, value: Box<RawValue>) -> Result<Box<RawValue>, Problem> {
    match plenum_model::is_plain(value.get()) {
        true => Ok(value),
        false => Err(malformed(format!("{name:?} has a lone surrogate or a number beyond a double in it"))),
    }
}

/// The messages of admins.
fn moderation(kind: &str, fields: &Fields<'_>) -> Result<ClientMessage, Problem> {
    let participant = || fields.needed_identity("participant");
    Ok(match kind {
        "kick" => ClientMessage::Kick { participant: participant()? },
        "ban" => ClientMessage::Ban { participant: participant()? },
        "lock" => ClientMessage::Lock,
        "unlock" => ClientMessage::Unlock,
        "admit" => ClientMessage::Admit { participant: participant()? },
        "reject" => ClientMessage::Reject { participant: participant()? },
        "mute_participant" => ClientMessage::MuteParticipant {
            participant: participant()?,
            track: fields.text("track", TRACK)?,
        },
        "request_unmute" => {
            ClientMessage::RequestUnmute { participant: participant()?, track: fields.text("track", TRACK)? }
        }
        _ => {
            let detail = format!("there is no message of type {:?}", excerpt(kind));
            return Err(Problem::new(Slug::UnknownMessage, detail));
        }
    })
}

fn join(fields: &Fields<'_>) -> Result<Join, Problem> {
    let protocol = fields.number("protocol", u32::MAX)?.unwrap_or(PROTOCOL);
    if protocol != PROTOCOL {
        return Err(malformed(format!("\"protocol\" is {protocol}; this server speaks {PROTOCOL}")));
    }
    Ok(Join {
        token: fields.text("token", TOKEN)?,
        name: fields.display_name("name")?,
        identity: fields.identity("identity")?,
        metadata: fields.text("metadata", METADATA)?,
        resume: fields.text("resume", RESUME)?,
        protocol,
    })
}

fn offer(fields: &Fields<'_>) -> Result<ClientMessage, Problem> {
    let tracks = match fields.raw("tracks") {
        Some(value) => tracks(value)?,
        None => BTreeMap::new(),
    };
    // One byte more than the guard takes, so that it is the guard that says how large an offer may be.
    Ok(ClientMessage::Offer { sdp: fields.needed_text("sdp", SDP_ROOM.bytes + 1)?, tracks })
}

fn tracks(value: &RawValue) -> Result<BTreeMap<String, TrackRequest>, Problem> {
    let fields = Fields::read("\"tracks\"", value.get())?;
    if fields.len() > TRACKS {
        return Err(malformed(format!(
            "\"tracks\" has {} entries, at most {TRACKS} are taken",
            fields.len()
        )));
    }
    fields.iter().map(|(name, value)| Ok((mid(name.to_owned())?, track(name, value)?))).collect()
}

fn track(mid: &str, value: &RawValue) -> Result<TrackRequest, Problem> {
    let fields = Fields::read(&format!("\"tracks\" of line {mid:?}"), value.get())?;
    let source = fields.needed_text("source", MESSAGE)?;
    let Some(source) = Source::parse(&source) else {
        let found = excerpt(&source);
        let sources = "camera, microphone, screen or screen_audio";
        return Err(malformed(format!("\"source\" of line {mid:?} is to be {sources}, not {found:?}")));
    };
    Ok(TrackRequest { source, muted: fields.flag("muted")?.unwrap_or(false) })
}

fn candidate(fields: &Fields<'_>) -> Result<ClientMessage, Problem> {
    Ok(ClientMessage::Candidate {
        // Browsers end their candidates with `null` or with an empty one.
        candidate: fields.text("candidate", CANDIDATE)?.unwrap_or_default(),
        mid: fields.text("sdpMid", MID)?,
    })
}

fn demand(fields: &Fields<'_>) -> Result<ClientMessage, Problem> {
    let priority = fields.number("priority", u8::MAX.into())?.unwrap_or(0);
    Ok(ClientMessage::Demand {
        slot: mid(fields.needed_word("slot", MID)?)?,
        max_width: fields.needed_number("max_width", PIXELS)?,
        max_height: fields.needed_number("max_height", PIXELS)?,
        priority: u8::try_from(priority).expect("read as up to 255"),
    })
}

/// A mid as the SDP guard lets it through.
fn mid(text: String) -> Result<String, Problem> {
    match is_token(&text, MID) {
        true => Ok(text),
        false => Err(malformed(format!(
            "{:?} is not a mid: those have 1 to {MID} token characters",
            excerpt(&text)
        ))),
    }
}
