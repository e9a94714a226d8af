//! `GET /v1/ice-servers`: what a page gives to its `RTCPeerConnection`. There is no TURN server yet, and a client
//! reaches the media ports without STUN, so the list is empty; pages that ask are right already.

use std::sync::Arc;
use std::time::SystemTime;

use axum::Json;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, Method, header};
use plenum_signal::{Access, EXPOSED_HEADERS, Problem};
use serde::Serialize;
use utoipa::ToSchema;

use super::problems::Refusal;
use crate::app::App;

/// What there is.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct IceServers {
    /// As in `RTCConfiguration`.
    ice_servers: Vec<IceServer>,
}

/// A STUN or TURN server.
#[derive(Debug, Serialize, ToSchema)]
struct IceServer {
    /// `stun:`, `turn:` or `turns:`.
    urls: Vec<String>,
    /// For TURN.
    #[schema(nullable = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    username: Option<String>,
    /// For TURN.
    #[schema(nullable = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    credential: Option<String>,
}

/// List ICE servers
///
/// For the configuration of an `RTCPeerConnection`. Their credentials last for a short time. Needs a token of any room.
#[utoipa::path(
    get,
    path = "/v1/ice-servers",
    operation_id = "listIceServers",
    tag = "joining",
    responses((status = 200, description = "The servers", body = IceServers)),
    security(("token" = []))
)]
pub async fn servers(State(app): State<Arc<App>>, request: Request) -> Result<Response, Refusal> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return Err(Problem::method_not_allowed("GET, HEAD").into());
    }
    plenum_signal::authorize(SystemTime::now(), &app.keyring, request.headers(), Access::JoinAny)?;
    let mut response = Json(IceServers { ice_servers: Vec::new() }).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED_HEADERS));
    Ok(response)
}
