//! `GET /v1/rooms/{room}/connect`: the way in of participants, a WebSocket (RFC 6455) that speaks the room protocol.

use std::sync::Arc;
use std::time::SystemTime;

use axum::extract::ws::{WebSocket, WebSocketUpgrade};
use axum::extract::{FromRequestParts, Path, Request, State};
use axum::response::Response;
use http::Method;
use http::request::Parts;
use plenum_model::RoomName;
use plenum_signal::room::MESSAGE;
use plenum_signal::{Access, Grant, Problem, Slug};

use super::problems::Refusal;
use super::router::parse_room;
use super::{origin, source};
use crate::app::App;
use crate::conference::{Visitor, receive};

/// Memory of each socket for reading; longer messages take more while they come.
const READ_BUFFER: usize = 8 * 1024;
/// Longer messages than these end the socket; shorter ones that are still too long are answered with an error.
const LONGEST: usize = 2 * MESSAGE;

/// Join a room
///
/// A WebSocket that speaks the room protocol: one JSON object per message, the first one is `join`; PROTOCOL.md has the
/// rest. The token may come as a bearer, as `access_token`, or in `join`; it needs `roomJoin`. Pages of other origins have
/// to be listed in `http.allowed_origins`.
#[utoipa::path(
    get,
    path = "/v1/rooms/{room}/connect",
    operation_id = "connect",
    tag = "joining",
    params(
        ("room" = String, Path, description = "Name of the room"),
        ("access_token" = Option<String>, Query, description = "A token, since browsers put no header onto a WebSocket")
    ),
    responses(
        (status = 101, description = "The WebSocket (RFC 6455) is open"),
        (status = 403, description = "`forbidden`, or `origin-not-allowed`")
    ),
    security((), ("token" = []))
)]
pub async fn endpoint(
    State(app): State<Arc<App>>,
    Path(room): Path<String>,
    request: Request,
) -> Result<Response, Refusal> {
    let room = parse_room(&room)?;
    if *request.method() != Method::GET {
        return Err(Problem::method_not_allowed("GET").into());
    }
    let (mut head, _) = request.into_parts();
    origin::check(&head.headers, &app.allowed_origins)?;
    let grant = grant(&app, &room, &head)?;
    let source = source::of_parts(&head, &app.trusted_proxies);
    let upgrade = WebSocketUpgrade::from_request_parts(&mut head, &()).await.map_err(|_| no_websocket())?;
    let upgrade = upgrade.read_buffer_size(READ_BUFFER).max_message_size(LONGEST).max_frame_size(LONGEST);
    let visitor = Visitor { room, grant, source };
    Ok(upgrade.on_upgrade(move |socket: WebSocket| receive(app, visitor, socket)))
}

/// What the request's token allows. Without one it may still come in `join`.
fn grant(app: &App, room: &RoomName, head: &Parts) -> Result<Option<Grant>, Problem> {
    let now = SystemTime::now();
    let in_query = access_token(head.uri.query());
    let token = match &in_query {
        _ if app.keyring.is_open() => None,
        Some(token) => Some(token.as_str()),
        None => plenum_signal::bearer(&head.headers)?,
    };
    match token.is_none() && !app.keyring.is_open() {
        true => Ok(None),
        false => app.keyring.authorize(now, token, Access::Join(room)).map(Some),
    }
}

/// Browsers cannot put a header onto a WebSocket.
fn access_token(query: Option<&str>) -> Option<String> {
    let mut pairs = form_urlencoded::parse(query.unwrap_or_default().as_bytes());
    pairs
        .find(|(name, value)| name == "access_token" && !value.is_empty())
        .map(|(_, value)| value.into_owned())
}

fn no_websocket() -> Problem {
    Problem::new(Slug::MalformedRequest, "only WebSockets (version 13) are taken here")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_is_read_out_of_the_query() {
        assert_eq!(access_token(Some("a=b&access_token=x.y%2Dz")).as_deref(), Some("x.y-z"));
        for none in [None, Some(""), Some("access_token"), Some("access_token="), Some("token=x")] {
            assert_eq!(access_token(none), None, "{none:?}");
        }
    }
}
