//! Problem details (RFC 9457): every refusal of Plenum has a slug, a status, a title and a sentence.
//! PROTOCOL.md lists them; a test holds the two together.

use std::fmt;

use http::{HeaderValue, StatusCode, header};
use plenum_model::Fault;
use serde_json::{Map, Value};

use crate::{Response, cors};

macro_rules! slugs {
    ($($(#[$doc:meta])* $variant:ident = $slug:literal, $status:ident, $fault:ident, $title:literal;)*) => {
        /// The kinds of problems, by the last part of `urn:plenum:problem:<slug>`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Slug {
            $($(#[$doc])* $variant,)*
        }

        impl Slug {
            /// All of them, in the order of PROTOCOL.md.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The slug as text.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $slug,)* }
            }

            /// The HTTP status that goes with it.
            pub fn status(self) -> StatusCode {
                match self { $(Self::$variant => StatusCode::$status,)* }
            }

            /// The same short summary for every occurrence (RFC 9457, section 3.1.3).
            pub fn title(self) -> &'static str {
                match self { $(Self::$variant => $title,)* }
            }

            /// Whose fault it is: decides the log level and the metric label.
            pub fn fault(self) -> Fault {
                match self { $(Self::$variant => Fault::$fault,)* }
            }
        }
    };
}

slugs! {
    /// The request is not what the route takes (query, JSON).
    MalformedRequest = "malformed-request", BAD_REQUEST, Client, "The request is malformed";
    /// A message of the room protocol whose type is not known.
    UnknownMessage = "unknown-message", BAD_REQUEST, Client, "The message is not known";
    /// A room, identity or display name breaks the rules.
    InvalidName = "invalid-name", BAD_REQUEST, Client, "A name is not valid";
    /// The offer is not acceptable SDP.
    MalformedSdp = "malformed-sdp", BAD_REQUEST, Client, "The SDP offer is malformed";
    /// The PATCH body is not a trickle ICE fragment.
    MalformedFragment = "malformed-fragment", BAD_REQUEST, Client, "The trickle ICE fragment is malformed";
    /// No token, or one that does not verify or is not valid now.
    Unauthorized = "unauthorized", UNAUTHORIZED, Client, "A valid token is needed";
    /// The token does not allow this, or not in this room.
    Forbidden = "forbidden", FORBIDDEN, Client, "The token does not allow this";
    /// The token is for another participant than the URL names.
    IdentityMismatch = "identity-mismatch", FORBIDDEN, Client, "The token is for another participant";
    /// A page of a foreign origin opened a WebSocket.
    OriginNotAllowed = "origin-not-allowed", FORBIDDEN, Client, "This origin is not allowed";
    /// The room is locked: nobody new may enter.
    RoomLocked = "room-locked", FORBIDDEN, Client, "The room is locked";
    /// A moderator has removed this participant.
    Banned = "banned", FORBIDDEN, Client, "A moderator does not let you in";
    /// The room has a lobby, and nobody has opened the door yet.
    NotAdmitted = "not-admitted", FORBIDDEN, Client, "You are not admitted yet";
    /// There is nothing at this path.
    NotFound = "not-found", NOT_FOUND, Client, "There is nothing here";
    /// The session never existed or is over.
    SessionNotFound = "session-not-found", NOT_FOUND, Client, "There is no such session";
    /// There is no such room.
    RoomNotFound = "room-not-found", NOT_FOUND, Client, "There is no such room";
    /// There is no such participant in the room.
    ParticipantNotFound = "participant-not-found", NOT_FOUND, Client, "There is no such participant";
    /// There is no such track in the room.
    TrackNotFound = "track-not-found", NOT_FOUND, Client, "There is no such track";
    /// The media session has no such slot.
    SlotNotFound = "slot-not-found", NOT_FOUND, Client, "There is no such slot";
    /// The route does not take this method.
    MethodNotAllowed = "method-not-allowed", METHOD_NOT_ALLOWED, Client, "The method is not allowed here";
    /// The request did not arrive in time.
    RequestTimeout = "request-timeout", REQUEST_TIMEOUT, Client, "The request took too long";
    /// Nobody publishes what was asked for; worth another try later.
    NobodyLive = "nobody-live", CONFLICT, Client, "Nobody is live yet";
    /// A room of this name is there already.
    RoomExists = "room-exists", CONFLICT, Client, "The room exists already";
    /// As many participants as the room takes are in it.
    RoomFull = "room-full", CONFLICT, Client, "The room is full";
    /// A message that only members of a room may send.
    NotJoined = "not-joined", CONFLICT, Client, "Join first";
    /// A message that needs a media session.
    NoMedia = "no-media", CONFLICT, Client, "There is no media session";
    /// `If-Match` names an ICE session that is not the current one.
    PreconditionFailed = "precondition-failed", PRECONDITION_FAILED, Client, "The ICE session has changed";
    /// The body exceeds the bound of its route.
    BodyTooLarge = "body-too-large", PAYLOAD_TOO_LARGE, Client, "The body is too large";
    /// Another `Content-Type` is expected.
    UnsupportedMediaType = "unsupported-media-type", UNSUPPORTED_MEDIA_TYPE, Client, "The content type is not supported";
    /// The offer is understood, but asks for what cannot be had here.
    UnsupportedOffer = "unsupported-offer", UNPROCESSABLE_ENTITY, Client, "The offer cannot be served";
    /// Nothing that is offered can be forwarded, or nothing published can be received.
    NoCommonCodec = "no-common-codec", UNPROCESSABLE_ENTITY, Client, "There is no codec in common";
    /// The PATCH asks for something that a session does not do.
    UnsupportedPatch = "unsupported-patch", UNPROCESSABLE_ENTITY, Client, "The PATCH cannot be applied";
    /// A PATCH without `If-Match`.
    PreconditionRequired = "precondition-required", PRECONDITION_REQUIRED, Client, "If-Match is required";
    /// Too many requests from one source.
    TooManyRequests = "too-many-requests", TOO_MANY_REQUESTS, Limit, "Too many requests";
    /// A fault of the server.
    Internal = "internal", INTERNAL_SERVER_ERROR, Ourselves, "Something went wrong here";
    /// A bound is reached: places, commands or handshakes in flight.
    Overloaded = "overloaded", SERVICE_UNAVAILABLE, Limit, "The server is full";
    /// The server is about to stop and takes nobody new.
    Draining = "draining", SERVICE_UNAVAILABLE, Limit, "The server is shutting down";
}

impl Slug {
    /// `urn:plenum:problem:<slug>`.
    pub fn urn(self) -> String {
        format!("urn:plenum:problem:{}", self.as_str())
    }
}

impl fmt::Display for Slug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A refusal, complete: [`Problem::respond`] makes the response of it.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{slug}: {detail}")]
pub struct Problem {
    slug: Slug,
    detail: String,
    retry_after: Option<u32>,
    /// Headers that a status requires or recommends: `WWW-Authenticate`, `Allow`, `Accept-Post`.
    headers: Vec<(header::HeaderName, HeaderValue)>,
    members: Map<String, Value>,
}

impl Problem {
    /// A problem with one sentence about this occurrence, fit to be shown to the one who asked.
    pub fn new(slug: Slug, detail: impl Into<String>) -> Self {
        Self { slug, detail: detail.into(), retry_after: None, headers: Vec::new(), members: Map::new() }
    }

    /// Adds `Retry-After`, in seconds.
    pub fn with_retry_after(mut self, seconds: u32) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// Adds an extension member (RFC 9457, section 3.2).
    pub fn with_member(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.members.insert(name.to_owned(), value.into());
        self
    }

    pub(crate) fn with_header(mut self, name: header::HeaderName, value: &str) -> Self {
        let value = HeaderValue::from_str(value).expect("header values of problems are visible ASCII");
        self.headers.push((name, value));
        self
    }

    /// 422: none of the `offered` formats can be matched with one of the `published` (or, for a publisher, of
    /// those that are forwarded here).
    pub fn no_common_codec(offered: &[String], published: &[String]) -> Self {
        let list = |names: &[String]| match names {
            [] => "nothing".to_owned(),
            _ => names.join(", "),
        };
        Self::new(Slug::NoCommonCodec, format!("offered: {}; published: {}", list(offered), list(published)))
            .with_member("offered", offered.to_vec())
            .with_member("published", published.to_vec())
    }

    /// 413: what may be sent at most, in bytes.
    pub fn body_too_large(limit: usize) -> Self {
        Self::new(Slug::BodyTooLarge, format!("at most {limit} bytes are taken"))
    }

    /// 401 for a request without a token (RFC 6750, section 3.1: no error code then).
    pub(crate) fn unauthorized_missing(detail: &str) -> Self {
        Self::new(Slug::Unauthorized, detail).with_header(header::WWW_AUTHENTICATE, "Bearer")
    }

    /// 401 for a token that is malformed, does not verify or is not valid now (RFC 6750, section 3.1).
    /// `detail` is a fixed sentence without quotes that say something about the token.
    pub(crate) fn unauthorized_invalid(detail: &str) -> Self {
        Self::new(Slug::Unauthorized, detail)
            .with_header(header::WWW_AUTHENTICATE, "Bearer error=\"invalid_token\"")
    }

    /// 405 with the methods that the route takes, such as `"OPTIONS, POST"`.
    pub fn method_not_allowed(allow: &str) -> Self {
        Self::new(Slug::MethodNotAllowed, format!("allowed here: {allow}")).with_header(header::ALLOW, allow)
    }

    /// Which kind of problem it is.
    pub fn slug(&self) -> Slug {
        self.slug
    }

    /// The HTTP status.
    pub fn status(&self) -> StatusCode {
        self.slug.status()
    }

    /// The sentence about this occurrence.
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// Seconds of `Retry-After`.
    pub fn retry_after(&self) -> Option<u32> {
        self.retry_after
    }

    /// Whose fault it is.
    pub fn fault(&self) -> Fault {
        self.slug.fault()
    }

    /// Members beyond the standard ones (RFC 9457, section 3.2).
    pub(crate) fn members(&self) -> &Map<String, Value> {
        &self.members
    }

    /// The problem details object.
    pub fn to_json(&self) -> String {
        let mut object = self.members.clone();
        object.insert("type".to_owned(), self.slug.urn().into());
        object.insert("status".to_owned(), self.status().as_u16().into());
        object.insert("title".to_owned(), self.slug.title().into());
        object.insert("detail".to_owned(), self.detail.as_str().into());
        Value::Object(object).to_string()
    }

    /// The whole response, readable for pages of any origin.
    pub fn respond(&self) -> Response {
        let mut response = Response::new(self.to_json());
        *response.status_mut() = self.status();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        for (name, value) in &self.headers {
            headers.append(name.clone(), value.clone());
        }
        cors::allow(headers);
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROTOCOL: &str = include_str!("../PROTOCOL.md");

    #[test]
    fn the_documentation_lists_exactly_the_problems_that_exist() {
        let section = &PROTOCOL[PROTOCOL.find("## Problems").unwrap()..PROTOCOL.find("## Offers").unwrap()];
        let documented: Vec<_> = section.lines().filter(|line| line.starts_with("| `")).collect();
        let existing: Vec<_> = Slug::ALL
            .iter()
            .map(|slug| format!("| `{slug}` | {} | {} |", slug.status().as_u16(), slug.title()))
            .collect();
        assert_eq!(documented, existing);
    }

    #[test]
    fn slugs_are_unique_and_fit_a_urn() {
        for (index, slug) in Slug::ALL.iter().enumerate() {
            let text = slug.as_str();
            assert!(text.bytes().all(|b| b.is_ascii_lowercase() || b == b'-'), "{text}");
            assert!(Slug::ALL[..index].iter().all(|other| other.as_str() != text), "{text}");
        }
    }

    #[test]
    fn a_status_of_5xx_is_never_the_clients_fault() {
        for slug in Slug::ALL {
            let by_client = slug.fault() == Fault::Client;
            assert!(!(by_client && slug.status().is_server_error()), "{slug}");
            assert!(by_client || slug.status().is_server_error() || *slug == Slug::TooManyRequests, "{slug}");
        }
    }

    #[test]
    fn rfc9457_3_a_problem_is_a_complete_response() {
        let response =
            Problem::new(Slug::Overloaded, "all \"places\" are taken").with_retry_after(2).respond();
        assert_eq!(response.status(), 503);
        assert_eq!(response.headers()["content-type"], "application/problem+json");
        assert_eq!(response.headers()["retry-after"], "2");
        assert_eq!(response.headers()["access-control-allow-origin"], "*");
        let body: Value = serde_json::from_str(response.body()).unwrap();
        let expected = serde_json::json!({
            "type": "urn:plenum:problem:overloaded",
            "status": 503,
            "title": "The server is full",
            "detail": "all \"places\" are taken",
        });
        assert_eq!(body, expected);
    }

    #[test]
    fn no_common_codec_names_both_sides() {
        let problem = Problem::no_common_codec(&["VP8".into()], &["H264".into(), "opus".into()]);
        assert_eq!(problem.status(), 422);
        let body: Value = serde_json::from_str(&problem.to_json()).unwrap();
        assert_eq!(body["offered"], serde_json::json!(["VP8"]));
        assert_eq!(body["published"], serde_json::json!(["H264", "opus"]));
        assert_eq!(body["detail"], "offered: VP8; published: H264, opus");
    }

    #[test]
    fn an_extension_member_cannot_replace_a_standard_one() {
        let problem = Problem::new(Slug::Internal, "x").with_member("status", 200);
        let body: Value = serde_json::from_str(&problem.to_json()).unwrap();
        assert_eq!(body["status"], 500);
    }
}
