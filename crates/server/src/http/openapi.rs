//! The description of the API (OpenAPI 3.1), put together from what stands at the handlers, and served as
//! `/openapi.json`. What is the same for many operations, above all how they refuse, is added here.

use std::sync::LazyLock;

use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{HeaderValue, Method, header};
use plenum_signal::{EXPOSED_HEADERS, Problem};
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{ContentBuilder, OpenApi, Ref, RefOr, ResponseBuilder};
use utoipa::{Modify, OpenApi as _, ToSchema};

use super::problems::Refusal;
use super::rooms::{participants, room};
use super::{connect, ice, session, whep, whip};

const PROBLEM: &str = "application/problem+json";

/// What stands at the handlers.
#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Plenum",
        description = "Rooms, publishing over WHIP (RFC 9725) and watching over WHEP (draft-ietf-wish-whep). Everything \
                       that is refused is answered with problem details (RFC 9457); `type` is \
                       `urn:plenum:problem:` and one of the slugs that PROTOCOL.md lists.",
        version = env!("CARGO_PKG_VERSION"),
    ),
    paths(
        room::list,
        room::create,
        room::show,
        room::change,
        room::close,
        participants::list,
        participants::show,
        participants::change,
        participants::remove,
        connect::endpoint,
        ice::servers,
        whip::publish,
        whep::endpoint,
        whep::endpoint_of_participant,
        session::patch,
        session::delete,
        session::look,
        document,
    ),
    components(schemas(ProblemDetails)),
    modifiers(&Refusals, &Tokens),
    tags(
        (name = "rooms", description = "What is going on, and what it is to be like"),
        (name = "participants", description = "Who is in a room, and what they may do"),
        (name = "joining", description = "The way in for participants"),
        (name = "publishing", description = "WHIP: OBS, ffmpeg, GStreamer, browsers"),
        (name = "watching", description = "WHEP: players"),
        (name = "sessions", description = "A WHIP or WHEP session while it lasts"),
        (name = "about", description = "This description"),
    )
)]
struct Described;

/// Why a request is refused (RFC 9457). There may be more members, as PROTOCOL.md says.
#[derive(ToSchema)]
#[schema(as = Problem)]
#[expect(dead_code, reason = "describes what Problem::to_json writes")]
struct ProblemDetails {
    /// `urn:plenum:problem:` and what kind of problem it is.
    #[schema(pattern = "^urn:plenum:problem:[a-z-]+$")]
    r#type: String,
    /// The same for every problem of its kind.
    title: String,
    /// The HTTP status.
    status: u16,
    /// A sentence about this one; for people, not for programs.
    detail: String,
}

/// Describe the API
///
/// This document.
#[utoipa::path(
    get,
    path = "/openapi.json",
    operation_id = "describe",
    tag = "about",
    responses((status = 200, description = "OpenAPI 3.1", body = Object))
)]
pub async fn document(request: Request) -> Result<Response, Refusal> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return Err(Problem::method_not_allowed("GET, HEAD").into());
    }
    static TEXT: LazyLock<Bytes> =
        LazyLock::new(|| Described::openapi().to_pretty_json().expect("text keys only").into());
    let mut response = TEXT.clone().into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    // Tools that read such documents are pages of other origins.
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED_HEADERS));
    Ok(response)
}

/// How the right to do something is shown.
struct Tokens;

impl Modify for Tokens {
    fn modify(&self, api: &mut OpenApi) {
        let mut bearer = Http::new(HttpAuthScheme::Bearer);
        bearer.bearer_format = Some("JWT".to_owned());
        bearer.description = Some(
            "HS256, signed with one of `auth.keys`; for publishing also the stream key of the room. A server without \
             keys (dev mode) takes everything without."
                .to_owned(),
        );
        let components = api.components.get_or_insert_default();
        components.add_security_scheme("token", SecurityScheme::Http(bearer));
    }
}

/// The ways to refuse that an operation has because of what it is; those of its own stand at its handler.
struct Refusals;

impl Modify for Refusals {
    fn modify(&self, api: &mut OpenApi) {
        for (path, item) in &mut api.paths.paths {
            for operation in operations(item) {
                add_refusals(operation, path.contains("{room}"));
            }
        }
    }
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    let PathItem { get, put, post, patch, delete, options, head, .. } = item;
    [get, put, post, patch, delete, options, head].into_iter().flatten()
}

fn add_refusals(operation: &mut Operation, has_names: bool) {
    let mut add = |status: &str, why: &str| {
        let response = || ResponseBuilder::new().description(why).build().into();
        operation.responses.responses.entry(status.to_owned()).or_insert_with(response);
    };
    if has_names || operation.request_body.is_some() {
        add("400", "The request is malformed; `detail` says where");
    }
    if operation.security.is_some() {
        add("401", "`unauthorized`: there is no token, or not a valid one");
        add("403", "`forbidden`: the token does not allow this, or not in this room");
    }
    if operation.request_body.is_some() {
        add("408", "`request-timeout`: the body took too long");
        add("413", "`body-too-large`: more than 64 KiB");
        add("415", "`unsupported-media-type`: not the content type that is asked for");
    }
    add("default", "Anything else that goes wrong");
    for (status, response) in &mut operation.responses.responses {
        if let RefOr::T(response) = response
            && response.content.is_empty()
            && (status.as_str() >= "400")
        {
            let problem = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
            response.content.insert(PROBLEM.to_owned(), problem.into());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::router::api;

    #[test]
    fn every_route_is_described_and_nothing_else() {
        let mut routes: Vec<&str> = api().iter().map(|(path, _)| *path).collect();
        routes.sort_unstable();
        let described = Described::openapi();
        let described: Vec<&str> = described.paths.paths.keys().map(String::as_str).collect();
        assert_eq!(described, routes);
    }

    #[test]
    fn every_operation_has_a_name_of_its_own_a_summary_and_a_tag_that_is_explained() {
        let mut api = Described::openapi();
        let tags: Vec<String> = api.tags.iter().flatten().map(|tag| tag.name.clone()).collect();
        let mut names = Vec::new();
        for (path, item) in &mut api.paths.paths {
            for operation in operations(item) {
                assert!(operation.summary.as_ref().is_some_and(|summary| !summary.ends_with('.')), "{path}");
                assert!(operation.tags.iter().flatten().all(|tag| tags.contains(tag)), "{path}");
                names.push(operation.operation_id.clone().expect("an operation has a name"));
            }
        }
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
    }

    #[test]
    fn whatever_is_refused_is_a_problem() {
        let mut api = Described::openapi();
        for (path, item) in &mut api.paths.paths {
            for operation in operations(item) {
                for (status, response) in &operation.responses.responses {
                    let RefOr::T(response) = response else { panic!("{path} {status}") };
                    assert_eq!(
                        response.content.contains_key(PROBLEM),
                        status.as_str() >= "400",
                        "{path} {status}"
                    );
                }
            }
        }
    }
}
