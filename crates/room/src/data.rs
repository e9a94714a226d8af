//! Messages between participants over data channels: what a channel's label says, the envelope around a payload, and
//! whom it is for. A payload is passed on as it came; all that is looked at is whether every parser will read it.
//!
//! A text message is `{"to": .., "payload": ..}` on its way in and `{"from": .., "payload": ..}` on its way out. A binary
//! one begins with such a header without `payload`, behind its length (16 bits, big-endian), and the bytes follow.
//! `to` is an identity or an array of them; without it, the message is for everyone.

mod queue;

pub use queue::DataQueue;

use std::sync::Arc;

use plenum_model::{Identity, limits};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{Room, Seat};

/// What a data channel is for, by its label: `(lossy:)?[A-Za-z0-9_.-]{1,64}`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Topic(Arc<str>);

impl Topic {
    const LOSSY: &str = "lossy:";

    /// Reads a label.
    pub fn parse(label: &str) -> Option<Self> {
        let name = label.strip_prefix(Self::LOSSY).unwrap_or(label);
        let is_allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
        ((1..=64).contains(&name.len()) && name.chars().all(is_allowed)).then(|| Self(label.into()))
    }

    /// The label.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether its messages may be lost and overtake each other.
    pub fn is_lossy(&self) -> bool {
        self.0.starts_with(Self::LOSSY)
    }

    /// Whether its messages are kept for those who come later.
    pub fn is_chat(&self) -> bool {
        &*self.0 == "chat"
    }
}

/// Why a message goes nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeError {
    /// A binary message ends before its header does.
    #[error("the header is longer than the message")]
    Truncated,
    /// Not the JSON object it should be.
    #[error("a message is a JSON object with `payload`, and `to` an identity or an array of identities")]
    Malformed,
    /// A payload that common parsers refuse: a number beyond a double, half a surrogate pair, or deep nesting.
    #[error("the payload is JSON that not everybody can read")]
    Unreadable,
    /// More names than [`limits::DATA_ADDRESSEES`].
    #[error("a message names too many participants")]
    TooManyNames,
}

/// Whom a message is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Addressees {
    /// All but the sender.
    Everyone,
    /// These, as far as they are here.
    Named(Vec<String>),
}

/// What a message carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Payload<'a> {
    /// A JSON value, as it came.
    Json(&'a str),
    /// Anything.
    Bytes(&'a [u8]),
}

/// A message as a participant has sent it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope<'a> {
    /// Whom it is for.
    pub to: Addressees,
    /// What is in it.
    pub payload: Payload<'a>,
}

/// A message as it is delivered; made once, shared by everyone who gets it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Binary or text.
    pub is_binary: bool,
    /// All of it.
    pub bytes: Arc<[u8]>,
}

#[derive(Deserialize)]
struct Text<'a> {
    to: Option<Names>,
    #[serde(borrow)]
    payload: &'a RawValue,
}

#[derive(Deserialize)]
struct Header {
    to: Option<Names>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Names {
    One(String),
    Several(Vec<String>),
}

impl<'a> Envelope<'a> {
    /// Opens a text message.
    pub fn open_text(text: &'a str) -> Result<Self, EnvelopeError> {
        let Text { to, payload } = read_object(text.as_bytes())?;
        if !plenum_model::is_plain(payload.get()) {
            return Err(EnvelopeError::Unreadable);
        }
        Ok(Self { to: addressees(to)?, payload: Payload::Json(payload.get()) })
    }

    /// Opens a binary message.
    pub fn open_binary(bytes: &'a [u8]) -> Result<Self, EnvelopeError> {
        let (len, rest) = bytes.split_first_chunk().ok_or(EnvelopeError::Truncated)?;
        let len = usize::from(u16::from_be_bytes(*len));
        let (header, payload) = rest.split_at_checked(len).ok_or(EnvelopeError::Truncated)?;
        let Header { to } = read_object(header)?;
        Ok(Self { to: addressees(to)?, payload: Payload::Bytes(payload) })
    }

    /// The message as those it is for get it.
    pub fn sealed(&self, from: &Identity) -> Message {
        // An identity consists of characters that stand for themselves in JSON.
        match self.payload {
            Payload::Json(payload) => {
                let text = format!(r#"{{"from":"{from}","payload":{payload}}}"#);
                Message { is_binary: false, bytes: text.into_bytes().into() }
            }
            Payload::Bytes(payload) => {
                let header = format!(r#"{{"from":"{from}"}}"#);
                let len = (header.len() as u16).to_be_bytes();
                Message { is_binary: true, bytes: [&len[..], header.as_bytes(), payload].concat().into() }
            }
        }
    }
}

/// An object and nothing else: a struct would be read from an array, too.
fn read_object<'a, T: Deserialize<'a>>(json: &'a [u8]) -> Result<T, EnvelopeError> {
    let is_object = json.trim_ascii_start().starts_with(b"{");
    is_object.then(|| serde_json::from_slice(json).ok()).flatten().ok_or(EnvelopeError::Malformed)
}

fn addressees(names: Option<Names>) -> Result<Addressees, EnvelopeError> {
    match names {
        None => Ok(Addressees::Everyone),
        Some(Names::One(name)) => Ok(Addressees::Named(vec![name])),
        Some(Names::Several(names)) if names.len() > limits::DATA_ADDRESSEES => {
            Err(EnvelopeError::TooManyNames)
        }
        Some(Names::Several(names)) => Ok(Addressees::Named(names)),
    }
}

impl Room {
    /// The seats of those a message of `from` is for, each once: of everyone here, or of those named. Whether they
    /// listen to its topic is another matter.
    pub fn recipients(&self, from: Seat, to: &Addressees) -> Vec<Seat> {
        let is_meant = |seat: Seat, identity: &Identity| match to {
            Addressees::Everyone => seat != from,
            Addressees::Named(names) => names.iter().any(|name| name == identity.as_str()),
        };
        let here =
            self.publishers.iter().filter_map(|publisher| Some((publisher.seat?, &publisher.identity)));
        here.filter(|(seat, identity)| is_meant(*seat, identity)).map(|(seat, _)| seat).collect()
    }
}

#[cfg(test)]
mod tests;
