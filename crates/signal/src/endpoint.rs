//! What the WHIP and WHEP endpoints have in common: the head of a POST, OPTIONS, GET.

use std::time::SystemTime;

use http::{HeaderMap, HeaderValue, StatusCode, header};
use plenum_model::MediaOffer;
use plenum_model::limits::SDP_WHIP;

use crate::headers::{check_length, is_content_type};
use crate::{Access, Grant, Keyring, Problem, Response, Slug, bearer, cors, sdp};

/// The media type of offers and answers (RFC 8866, section 8.1).
pub(crate) const SDP: &str = "application/sdp";
const METHODS: &str = "GET, HEAD, OPTIONS, POST";

/// Checks the token of a request ([`Keyring::authorize`]). Without keys `Authorization` is not even looked at.
pub fn authorize(
    now: SystemTime,
    keyring: &Keyring,
    headers: &HeaderMap,
    access: Access<'_>,
) -> Result<Grant, Problem> {
    let bearer = if keyring.is_open() { None } else { bearer(headers)? };
    keyring.authorize(now, bearer, access)
}

/// Type and announced size of a POST.
pub(crate) fn check_post(headers: &HeaderMap) -> Result<(), Problem> {
    if !is_content_type(headers, SDP) {
        let accept_post = http::HeaderName::from_static("accept-post");
        return Err(Problem::new(Slug::UnsupportedMediaType, format!("a POST here carries {SDP}"))
            .with_header(accept_post, SDP));
    }
    check_length(headers, SDP_WHIP.bytes)
}

/// The offer of a POST, through the guard.
pub(crate) fn read_offer(body: &[u8]) -> Result<MediaOffer, Problem> {
    Ok(sdp::parse_offer(body, &SDP_WHIP)?)
}

/// 422 for lines of data channels: WHIP and WHEP carry audio and video.
pub(crate) fn refuse_data(offer: &MediaOffer) -> Result<(), Problem> {
    match offer.lines.iter().find(|line| line.kind.is_none()) {
        None => Ok(()),
        Some(line) => {
            let detail = format!("line {:?} is for data channels, which are not to be had here", line.mid);
            Err(Problem::new(Slug::UnsupportedOffer, detail))
        }
    }
}

/// OPTIONS: what may be posted and from where. ICE servers are never listed here: a preflight carries no
/// token.
pub(crate) fn respond_options() -> Response {
    let mut response = Response::new(String::new());
    let headers = response.headers_mut();
    headers.insert("accept-post", HeaderValue::from_static(SDP));
    headers.insert(header::ALLOW, HeaderValue::from_static(METHODS));
    cors::allow_preflight(headers, METHODS);
    response
}

/// GET: nothing to see, and no error.
pub(crate) fn respond_get() -> Response {
    let mut response = Response::new(String::new());
    *response.status_mut() = StatusCode::NO_CONTENT;
    cors::allow(response.headers_mut());
    response
}

/// 405 for any other method.
pub(crate) fn refuse_method() -> Problem {
    Problem::method_not_allowed(METHODS)
}
