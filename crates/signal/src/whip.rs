//! WHIP endpoints (RFC 9725): who may publish as whom, and which offers a publisher may send.

use std::time::SystemTime;

use http::HeaderMap;
use plenum_model::{DisplayName, Identity, MediaOffer, NameError, RoomName, limits};

use crate::{Access, Grant, Keyring, Problem, Response, Slug, endpoint};

/// Who publishes when neither token nor URL say it: encoders with nothing but a URL.
const ANONYMOUS: &str = "whip";

/// A publisher whose request was admitted; its offer is still to be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Publisher {
    /// Token `sub`, else `?participant=`, else `whip`.
    pub identity: Identity,
    /// Token `name`, else `?name=`.
    pub name: Option<DisplayName>,
    /// What the token allows.
    pub grant: Grant,
}

/// Checks everything about a POST but its body: token, then content type and announced length, then
/// names. `query` is the URL's query string. Call it before reading the body (at most
/// [`limits::SDP_WHIP`]`.bytes` + 1 of it).
pub fn admit(
    now: SystemTime,
    keyring: &Keyring,
    room: &RoomName,
    headers: &HeaderMap,
    query: Option<&str>,
) -> Result<Publisher, Problem> {
    let grant = endpoint::authorize(now, keyring, headers, Access::Publish(room))?;
    endpoint::check_post(headers)?;
    let identity = identity(&grant, parameter(query, "participant", Identity::parse)?)?;
    let asked_name = parameter(query, "name", DisplayName::parse)?;
    // Who issued the token answers for the name in it; the URL may add one, not another one.
    let name = grant.name.clone().or(asked_name);
    Ok(Publisher { identity, name, grant })
}

fn identity(grant: &Grant, asked: Option<Identity>) -> Result<Identity, Problem> {
    match (&grant.identity, asked) {
        (Some(own), Some(asked)) if *own != asked => {
            let detail = format!("the token is for {own}, the URL says {asked}");
            Err(Problem::new(Slug::IdentityMismatch, detail))
        }
        (Some(own), _) => Ok(own.clone()),
        (None, Some(asked)) => Ok(asked),
        (None, None) => Ok(Identity::parse(ANONYMOUS).expect("a valid identity")),
    }
}

/// A name in the query string; an empty one counts as absent.
fn parameter<T>(
    query: Option<&str>,
    key: &str,
    parse: fn(&str) -> Result<T, NameError>,
) -> Result<Option<T>, Problem> {
    let mut pairs = form_urlencoded::parse(query.unwrap_or("").as_bytes());
    let Some((_, value)) = pairs.find(|(name, value)| name == key && !value.is_empty()) else {
        return Ok(None);
    };
    match parse(&value) {
        Ok(name) => Ok(Some(name)),
        Err(error) => Err(Problem::new(Slug::InvalidName, format!("?{key}= is not valid: {error}"))),
    }
}

/// Reads the offer of a publisher: the SDP guard, and every line must be able to send audio or video
/// (RFC 9725, section 4.2), since single lines are never refused (section 4.4.3).
pub fn read_offer(body: &[u8]) -> Result<MediaOffer, Problem> {
    let offer = endpoint::read_offer(body)?;
    endpoint::refuse_data(&offer)?;
    if let Some(line) = offer.lines.iter().find(|line| !line.direction.sends()) {
        let (mid, direction) = (&line.mid, line.direction.as_str());
        let detail = format!("line {mid:?} is {direction}: every line of a publisher must be able to send");
        return Err(Problem::new(Slug::UnsupportedOffer, detail));
    }
    if offer.lines.len() > limits::TRACKS_PER_PARTICIPANT {
        let detail = format!("a publisher has at most {} lines", limits::TRACKS_PER_PARTICIPANT);
        return Err(Problem::new(Slug::UnsupportedOffer, detail));
    }
    Ok(offer)
}

/// The answer to OPTIONS on an endpoint.
pub fn respond_options() -> Response {
    endpoint::respond_options()
}

/// The answer to GET and HEAD on an endpoint: success without content.
pub fn respond_get() -> Response {
    endpoint::respond_get()
}

/// 405 for any other method on an endpoint.
pub fn refuse_method() -> Problem {
    endpoint::refuse_method()
}

#[cfg(test)]
mod tests;
