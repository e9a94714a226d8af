//! WHEP endpoints (draft-ietf-wish-whep): who may watch, and which offers a player may send.

use std::time::SystemTime;

use http::{HeaderMap, HeaderValue, StatusCode, header};
use plenum_model::{MediaOffer, RoomName};

use crate::{Access, Grant, Keyring, Problem, Response, Slug, endpoint};

/// Checks everything about a POST but its body: token, then content type and announced length. Call it before
/// reading the body (at most [`plenum_model::limits::SDP_WHIP`]`.bytes` + 1 of it).
pub fn admit(
    now: SystemTime,
    keyring: &Keyring,
    room: &RoomName,
    headers: &HeaderMap,
) -> Result<Grant, Problem> {
    let grant = endpoint::authorize(now, keyring, headers, Access::Subscribe(room))?;
    endpoint::check_post(headers)?;
    Ok(grant)
}

/// Reads the offer of a player: the SDP guard, and every line must be able to receive audio or video.
pub fn read_offer(body: &[u8]) -> Result<MediaOffer, Problem> {
    let offer = endpoint::read_offer(body)?;
    endpoint::refuse_data(&offer)?;
    match offer.lines.iter().find(|line| !line.direction.receives()) {
        None => Ok(offer),
        Some(line) => {
            let (mid, direction) = (&line.mid, line.direction.as_str());
            let detail =
                format!("line {mid:?} is {direction}: every line of a player must be able to receive");
            Err(Problem::new(Slug::UnsupportedOffer, detail))
        }
    }
}

/// 409 with `Retry-After`: nobody publishes what was asked for.
pub fn nobody_live(retry_after_s: u32) -> Problem {
    Problem::new(Slug::NobodyLive, "nobody publishes here at the moment").with_retry_after(retry_after_s)
}

/// The answer to OPTIONS on an endpoint.
pub fn respond_options() -> Response {
    endpoint::respond_options()
}

/// The answer to GET on an endpoint: success without content.
pub fn respond_get() -> Response {
    endpoint::respond_get()
}

/// The answer to HEAD on an endpoint: 200 with the type of what a POST makes.
pub fn respond_head() -> Response {
    let mut response = endpoint::respond_get();
    *response.status_mut() = StatusCode::OK;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(endpoint::SDP));
    response
}

/// 405 for any other method on an endpoint.
pub fn refuse_method() -> Problem {
    endpoint::refuse_method()
}

#[cfg(test)]
mod tests;
