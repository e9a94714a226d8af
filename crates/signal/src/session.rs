//! Session URLs, the same for WHIP and WHEP (RFC 9725, section 4.3): creation, trickle and restart by PATCH,
//! DELETE, GET, OPTIONS.
//!
//! How a PATCH is read:
//!
//! | `If-Match` | credentials in the fragment | meaning |
//! |---|---|---|
//! | missing | any | 428 |
//! | a tag, not the current one | any | 412 |
//! | the current tag | the session's | trickle, 204 |
//! | `*` | both new | restart, 200 |
//! | the current tag | both new | restart, 200: new credentials mean a restart |
//! | `*` | the session's | trickle, 204: the candidates are of the current ICE session |
//! | `*` or the current tag | one of the two new | 422: neither (RFC 8839, section 4.4.1.1.1) |

use std::fmt::Write;

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use plenum_model::{IceCredentials, IceFragment, RoomName};
use serde::Serialize;

use crate::headers::{IfMatch, check_length, is_content_type};
use crate::{EntityTag, Keyring, Problem, Response, Slug, bearer, cors, endpoint, fragment};

const METHODS: &str = "DELETE, GET, HEAD, OPTIONS, PATCH";
const ACCEPT_PATCH: HeaderName = HeaderName::from_static("accept-patch");

/// One ICE server, in the shape of browsers' `RTCIceServer`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct IceServer {
    /// `stun:`, `turn:` and `turns:` URLs.
    pub urls: Vec<String>,
    /// TURN user name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// TURN password.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credential: Option<String>,
}

/// What a 201 tells.
#[derive(Debug)]
pub struct Created<'a> {
    /// The session's unguessable id, of URL-safe characters.
    pub id: &'a str,
    /// Names the first ICE session.
    pub etag: &'a EntityTag,
    /// The SDP answer.
    pub answer: String,
    /// For the `Link` headers.
    pub ice_servers: &'a [IceServer],
}

/// 201 with answer, `Location: /session/{id}`, `ETag`, `Accept-Patch` and one `Link` per URL of an ICE server
/// (RFC 9725, sections 4.2, 4.3.1 and 4.6).
pub fn respond_created(created: Created<'_>) -> Response {
    let mut response = respond(StatusCode::CREATED, created.answer, Some(endpoint::SDP));
    let headers = response.headers_mut();
    let location = format!("/session/{}", created.id);
    headers.insert(header::LOCATION, HeaderValue::from_str(&location).expect("a URL-safe id"));
    headers.insert(header::ETAG, created.etag.to_header());
    headers.insert(ACCEPT_PATCH, HeaderValue::from_static(fragment::MEDIA_TYPE));
    for server in created.ice_servers {
        for url in &server.urls {
            // A server that cannot be written into a header is configuration gone wrong, no reason to
            // refuse a session.
            if let Ok(link) = HeaderValue::from_str(&link(server, url)) {
                headers.append(header::LINK, link);
            }
        }
    }
    response
}

/// `<turn:...>; rel="ice-server"; username="..."; credential="..."; credential-type="password"`
fn link(server: &IceServer, url: &str) -> String {
    let mut link = format!("<{url}>; rel=\"ice-server\"");
    let quoted = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"");
    if let (Some(username), Some(credential)) = (&server.username, &server.credential) {
        let (username, credential) = (quoted(username), quoted(credential));
        let written = write!(
            link,
            "; username=\"{username}\"; credential=\"{credential}\"; credential-type=\"password\""
        );
        written.expect("a String takes everything");
    }
    link
}

/// Checks a token sent along with any request on a session ([`Keyring::authorize_session`]). Without keys
/// `Authorization` is not even looked at.
pub fn authorize(keyring: &Keyring, headers: &HeaderMap, room: &RoomName) -> Result<(), Problem> {
    match keyring.is_open() {
        true => Ok(()),
        false => keyring.authorize_session(bearer(headers)?, room),
    }
}

/// What a PATCH asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Patch {
    /// More candidates of the current ICE session (possibly none that are usable): answer with
    /// [`respond_trickled`].
    Trickle(IceFragment),
    /// New credentials: answer with [`respond_restarted`], or with [`restart_refused`] and go on with
    /// the old ones.
    Restart(IceFragment),
}

/// Content type and announced length of a PATCH: call it before reading the body (at most
/// [`fragment::LIMITS`]`.bytes` + 1 of it).
pub fn check_patch(headers: &HeaderMap) -> Result<(), Problem> {
    if !is_content_type(headers, fragment::MEDIA_TYPE) {
        let detail = format!("a PATCH here carries {}", fragment::MEDIA_TYPE);
        return Err(
            Problem::new(Slug::UnsupportedMediaType, detail).with_header(ACCEPT_PATCH, fragment::MEDIA_TYPE)
        );
    }
    check_length(headers, fragment::LIMITS.bytes)
}

/// Decides what a PATCH asks for, by the table above. `etag` and `remote` are of the session's current
/// ICE session: its entity tag and the peer's credentials.
pub fn read_patch(
    headers: &HeaderMap,
    body: &[u8],
    etag: &EntityTag,
    remote: &IceCredentials,
) -> Result<Patch, Problem> {
    let if_match = IfMatch::read(headers);
    if if_match == IfMatch::Missing {
        let detail = "send the ETag of the current ICE session as If-Match, or * for a restart";
        return Err(Problem::new(Slug::PreconditionRequired, detail));
    }
    let fragment = fragment::parse(body)?;
    if !if_match.names(etag) {
        let detail = "If-Match is not the ETag of the current ICE session";
        return Err(Problem::new(Slug::PreconditionFailed, detail));
    }
    match (fragment.ice.ufrag == remote.ufrag, fragment.ice.pwd == remote.pwd) {
        (true, true) => Ok(Patch::Trickle(fragment)),
        (false, false) => Ok(Patch::Restart(fragment)),
        _ => {
            let detail = "a restart changes both ice-ufrag and ice-pwd, candidates come with both unchanged";
            Err(Problem::new(Slug::UnsupportedPatch, detail))
        }
    }
}

/// 204, without a body and without an `ETag` (RFC 9725, section 4.3.2).
pub fn respond_trickled() -> Response {
    respond(StatusCode::NO_CONTENT, String::new(), None)
}

/// 200 with our new credentials and candidates as a fragment ([`fragment::write`]) and the new `ETag`
/// (RFC 9725, section 4.3.3).
pub fn respond_restarted(etag: &EntityTag, fragment: String) -> Response {
    let mut response = respond(StatusCode::OK, fragment, Some(fragment::MEDIA_TYPE));
    response.headers_mut().insert(header::ETAG, etag.to_header());
    response
}

/// 422: a restart could not be carried out; the session goes on as before (RFC 9725, section 4.3.3).
pub fn restart_refused(detail: &str) -> Problem {
    Problem::new(Slug::UnsupportedPatch, detail)
}

/// 200: the session is over. `If-Match` plays no role in a DELETE (RFC 9725, section 4.3.1).
pub fn respond_deleted() -> Response {
    respond(StatusCode::OK, String::new(), None)
}

/// 204: the session is there.
pub fn respond_get() -> Response {
    respond(StatusCode::NO_CONTENT, String::new(), None)
}

/// The answer to OPTIONS: CORS, and what may be patched.
pub fn respond_options() -> Response {
    let mut response = Response::new(String::new());
    let headers = response.headers_mut();
    headers.insert(ACCEPT_PATCH, HeaderValue::from_static(fragment::MEDIA_TYPE));
    headers.insert(header::ALLOW, HeaderValue::from_static(METHODS));
    cors::allow_preflight(headers, METHODS);
    response
}

/// 405 for any other method.
pub fn refuse_method() -> Problem {
    Problem::method_not_allowed(METHODS)
}

/// 404: never there, or over.
pub fn not_found() -> Problem {
    Problem::new(Slug::SessionNotFound, "this session never existed or is over")
}

fn respond(status: StatusCode, body: String, content_type: Option<&'static str>) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    if let Some(content_type) = content_type {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    }
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    cors::allow(headers);
    response
}

#[cfg(test)]
mod tests;
