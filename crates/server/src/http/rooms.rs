//! `/v1/rooms`: what is live, for pages, scripts and operators. Read-only so far.

use std::sync::Arc;
use std::time::SystemTime;

use axum::Json;
use axum::extract::{Path, RawQuery, Request, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, Method, header};
use plenum_model::{MediaKind, RoomName};
use plenum_signal::{Access, Problem, Slug};
use serde::Serialize;

use super::problems::Refusal;
use super::router::parse_room;
use crate::app::App;
use crate::directory::{Publisher, Room, Session, SessionKind};

const METHODS: &str = "GET, HEAD";

/// A room, in lists and alone.
#[derive(Debug, Serialize)]
struct RoomView {
    name: String,
    participants: usize,
    viewers: usize,
    publishers: usize,
    created_at: String,
    locked: bool,
}

/// A participant.
#[derive(Debug, Serialize)]
struct ParticipantView {
    id: String,
    identity: String,
    name: Option<String>,
    kind: &'static str,
    tracks: Vec<TrackView>,
    permissions: PermissionsView,
    metadata: Option<String>,
}

/// A published track.
#[derive(Debug, Serialize)]
struct TrackView {
    kind: &'static str,
    codec: String,
}

/// What it may do. A WHIP session only sends, a WHEP session only receives.
#[derive(Debug, Serialize)]
struct PermissionsView {
    #[serde(rename = "canPublish")]
    can_publish: bool,
    #[serde(rename = "canSubscribe")]
    can_subscribe: bool,
}

/// `/v1/rooms`
pub async fn list(State(app): State<Arc<App>>, request: Request) -> Result<Response, Refusal> {
    check_method(request.method())?;
    plenum_signal::authorize(SystemTime::now(), &app.keyring, request.headers(), Access::ListRooms)?;
    let rooms = app.directory.rooms(view_room);
    Ok(respond(&serde_json::json!({ "rooms": rooms })))
}

/// `/v1/rooms/{room}`
pub async fn one(
    State(app): State<Arc<App>>,
    Path(room): Path<String>,
    request: Request,
) -> Result<Response, Refusal> {
    let room = parse_room(&room)?;
    check_method(request.method())?;
    authorize(&app, request.headers(), &room)?;
    let look = |there: &Room| there.has_members().then(|| view_room(&room, there));
    let view = app.directory.room(&room, look).flatten().ok_or_else(no_such_room)?;
    Ok(respond(&view))
}

/// `/v1/rooms/{room}/participants`, with `?kind=whep` its viewers.
pub async fn participants(
    State(app): State<Arc<App>>,
    Path(room): Path<String>,
    RawQuery(query): RawQuery,
    request: Request,
) -> Result<Response, Refusal> {
    let room = parse_room(&room)?;
    check_method(request.method())?;
    authorize(&app, request.headers(), &room)?;
    let viewers = query.is_some_and(|query| query.split('&').any(|pair| pair == "kind=whep"));
    let look = |room: &Room| match viewers {
        true => room.viewers().into_iter().map(|viewer| view(viewer, Vec::new())).collect(),
        false => room.participants().into_iter().map(view_publisher).collect::<Vec<_>>(),
    };
    let views = app.directory.room(&room, look).ok_or_else(no_such_room)?;
    Ok(respond(&serde_json::json!({ "participants": views })))
}

/// Who may be in a room may look at it; so may who may look at all.
fn authorize(app: &App, headers: &HeaderMap, room: &RoomName) -> Result<(), Problem> {
    let now = SystemTime::now();
    let try_as = |access| plenum_signal::authorize(now, &app.keyring, headers, access).map(|_| ());
    try_as(Access::Join(room)).or_else(|refusal| match refusal.slug() {
        Slug::Forbidden => try_as(Access::ListRooms),
        _ => Err(refusal),
    })
}

fn view_room(name: &RoomName, room: &Room) -> RoomView {
    let publishers = room.participants().len();
    RoomView {
        name: name.to_string(),
        participants: publishers,
        viewers: room.count(SessionKind::Whep),
        publishers,
        created_at: humantime::format_rfc3339_seconds(room.created_at).to_string(),
        locked: false,
    }
}

fn view_publisher(publisher: &Publisher) -> ParticipantView {
    let tracks = [MediaKind::Audio, MediaKind::Video].into_iter().filter_map(|kind| {
        let format = publisher.current.get(&kind)?;
        Some(TrackView { kind: kind.as_str(), codec: format.codec.to_string() })
    });
    view(&publisher.session, tracks.collect())
}

fn view(session: &Session, tracks: Vec<TrackView>) -> ParticipantView {
    // The place is unique and says nothing about the session's URL.
    let place = session.place;
    let publishes = session.kind == SessionKind::Whip;
    ParticipantView {
        id: format!("{}-{}-{}", place.shard, place.slot, place.epoch),
        identity: session.identity.to_string(),
        name: session.name.as_ref().map(|name| name.as_str().to_owned()),
        kind: session.kind.as_str(),
        tracks,
        permissions: PermissionsView { can_publish: publishes, can_subscribe: !publishes },
        metadata: session.metadata.clone(),
    }
}

fn respond(view: &impl Serialize) -> Response {
    let mut response = Json(view).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, http::HeaderValue::from_static("no-store"));
    response
}

fn check_method(method: &Method) -> Result<(), Problem> {
    match *method {
        Method::GET | Method::HEAD => Ok(()),
        _ => Err(Problem::method_not_allowed(METHODS)),
    }
}

fn no_such_room() -> Problem {
    Problem::new(Slug::RoomNotFound, "nobody is in such a room")
}
