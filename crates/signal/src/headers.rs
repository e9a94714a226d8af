//! Reading request headers: content types, bearer tokens, `If-Match`; and the entity tags of sessions.

use http::{HeaderMap, HeaderValue, header};

use crate::{Problem, Slug};

/// The strong entity tag (RFC 9110, section 8.8.3) that names one ICE session of a WHIP or WHEP session.
/// A restart makes a new one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntityTag(String);

impl EntityTag {
    /// From an opaque name of visible ASCII without quotes: the local ufrag serves, since it changes
    /// with each ICE session and is unique. Other characters are left out.
    pub fn new(opaque: &str) -> Self {
        let opaque: String = opaque.chars().filter(|c| c.is_ascii_graphic() && *c != '"').collect();
        Self(format!("\"{opaque}\""))
    }

    /// With its quotes, as in headers.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn to_header(&self) -> HeaderValue {
        HeaderValue::from_str(&self.0).expect("visible ASCII")
    }
}

/// What `If-Match` asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum IfMatch {
    /// No such header.
    Missing,
    /// `*`, also in quotes as the examples of RFC 9725 have it.
    Any,
    /// Entity tags, with their quotes.
    Tags(Vec<String>),
}

impl IfMatch {
    pub(crate) fn read(headers: &HeaderMap) -> Self {
        let mut tags = Vec::new();
        for value in headers.get_all(header::IF_MATCH) {
            // A comma may stand within an entity tag, but never does in one of ours.
            for tag in value.to_str().unwrap_or("").split(',').map(str::trim).filter(|t| !t.is_empty()) {
                if matches!(tag, "*" | "\"*\"") {
                    return Self::Any;
                }
                tags.push(tag.to_owned());
            }
        }
        match headers.contains_key(header::IF_MATCH) {
            true => Self::Tags(tags),
            false => Self::Missing,
        }
    }

    /// By strong comparison (RFC 9110, section 13.1.1): a weak tag never matches.
    pub(crate) fn names(&self, tag: &EntityTag) -> bool {
        match self {
            Self::Missing => false,
            Self::Any => true,
            Self::Tags(tags) => tags.iter().any(|t| t == tag.as_str()),
        }
    }
}

/// The bearer token of `Authorization` (RFC 6750, section 2.1). Another scheme, or a header that cannot
/// be read, is a token that cannot be valid: 401.
pub fn bearer(headers: &HeaderMap) -> Result<Option<&str>, Problem> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(Problem::new(Slug::MalformedRequest, "more than one Authorization header"));
    }
    let Ok(text) = value.to_str() else {
        return Err(Problem::unauthorized_invalid("the Authorization header is not ASCII"));
    };
    match text.trim().split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => Ok(Some(token.trim())),
        _ => {
            Err(Problem::unauthorized_invalid("the Authorization header is not of the form \"Bearer TOKEN\""))
        }
    }
}

/// Whether `Content-Type` is `expected`, in any case and with any parameters.
pub(crate) fn is_content_type(headers: &HeaderMap, expected: &str) -> bool {
    let mut values = headers.get_all(header::CONTENT_TYPE).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return false };
    let Ok(text) = value.to_str() else { return false };
    let essence = text.split(';').next().unwrap_or("").trim();
    essence.eq_ignore_ascii_case(expected)
}

/// Refuses by `Content-Length` what would be refused by its length later, before it is read.
pub(crate) fn check_length(headers: &HeaderMap, limit: usize) -> Result<(), Problem> {
    let length = headers.get(header::CONTENT_LENGTH).and_then(|v| v.to_str().ok()?.parse::<u64>().ok());
    match length {
        Some(length) if length > limit as u64 => Err(Problem::body_too_large(limit)),
        _ => Ok(()),
    }
}
