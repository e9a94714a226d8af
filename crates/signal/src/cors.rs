//! Cross-origin rules (the Fetch standard) of WHIP, WHEP and sessions: pages of any origin may use them,
//! since the right to do so is in the token or in the session's URL, never in a cookie.

use http::{HeaderMap, HeaderValue, header};

/// The response headers that scripts of other origins may read.
pub const EXPOSED_HEADERS: &str =
    "Location, ETag, Link, Retry-After, Accept-Post, Accept-Patch, WWW-Authenticate";

const REQUEST_HEADERS: &str = "Authorization, Content-Type, If-Match";
const PREFLIGHT_AGE: &str = "86400";

/// Lets any origin read the response.
pub(crate) fn allow(headers: &mut HeaderMap) {
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED_HEADERS));
}

/// Answers a preflight: which methods and request headers may follow.
pub(crate) fn allow_preflight(headers: &mut HeaderMap, methods: &'static str) {
    allow(headers);
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static(methods));
    headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static(REQUEST_HEADERS));
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static(PREFLIGHT_AGE));
}
