//! Rooms: listing, making, looking, changing, closing.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use plenum_model::{CloseReason, Place, RoomName};
use plenum_signal::room::ClosedReason;
use plenum_signal::{Access, Problem, Slug};

use super::body::{NewRoom, RoomChange};
use super::view::{RoomList, RoomView};
use super::{authorize, authorize_look, authorize_making, hall, no_such_room};
use crate::app::App;
use crate::conference;
use crate::http::json;
use crate::http::router::parse_room;
use crate::join;

/// List rooms
///
/// Every room that there is: somebody is in it, or it was made and has not timed out yet. Needs `roomList`.
#[utoipa::path(
    get,
    path = "/v1/rooms",
    operation_id = "listRooms",
    tag = "rooms",
    responses((status = 200, description = "All rooms", body = RoomList)),
    security(("token" = []))
)]
pub fn list(app: &App, headers: &HeaderMap) -> Result<Response, Problem> {
    authorize(app, headers, Access::ListRooms)?;
    let watched = app.directory.rooms(|name, _| name.clone());
    let met: Vec<RoomName> = app.halls.all().iter().map(|hall| hall.name().clone()).collect();
    let names: BTreeSet<RoomName> = watched.into_iter().chain(met).collect();
    let rooms = names.iter().filter_map(|name| RoomView::find(app, name)).collect();
    Ok(json::respond(StatusCode::OK, &RoomList { rooms }))
}

/// Make a room
///
/// A room is made by its first participant as well, as the configuration has it, unless that says otherwise
/// (`rooms.auto_create = false`). Needs `roomCreate`; a token that names a room makes only that.
#[utoipa::path(
    post,
    path = "/v1/rooms",
    operation_id = "createRoom",
    tag = "rooms",
    request_body = NewRoom,
    responses(
        (status = 201, description = "The room", body = RoomView, headers(("Location" = String, description = "Its path"))),
        (status = 409, description = "`room-exists`: there is a room of this name already"),
        (status = 503, description = "`overloaded` or `draining`: nothing new is taken")
    ),
    security(("token" = []))
)]
pub async fn create(app: &Arc<App>, request: Request) -> Result<Response, Problem> {
    authorize(app, request.headers(), Access::CreateRoom)?;
    app.drain.check()?;
    let headers = request.headers().clone();
    let wanted: NewRoom = json::read(request).await?;
    let name = parse_room(&wanted.name)?;
    authorize_making(app, &headers, &name)?;
    if RoomView::find(app, &name).is_some() {
        return Err(Problem::new(Slug::RoomExists, format!("there is a room {name} already")));
    }
    let hall = app.halls.create(app, &name, wanted.settings(app.halls.defaults())?)?;
    if let Some(locked) = wanted.locked {
        hall.with(|conference, _| conference.set_locked(locked));
    }
    let view = RoomView::find(app, &name).ok_or_else(no_such_room)?;
    let mut response = json::respond(StatusCode::CREATED, &view);
    let location = HeaderValue::try_from(format!("/v1/rooms/{name}")).expect("names are visible ASCII");
    response.headers_mut().insert(header::LOCATION, location);
    Ok(response)
}

/// Look at a room
///
/// Needs `roomJoin` or `roomAdmin` for this room, or `roomList`.
#[utoipa::path(
    get,
    path = "/v1/rooms/{room}",
    operation_id = "showRoom",
    tag = "rooms",
    params(("room" = String, Path, description = "Name of the room")),
    responses(
        (status = 200, description = "The room", body = RoomView),
        (status = 404, description = "`room-not-found`")
    ),
    security(("token" = []))
)]
pub fn show(app: &App, name: &RoomName, headers: &HeaderMap) -> Result<Response, Problem> {
    authorize_look(app, headers, name)?;
    let view = RoomView::find(app, name).ok_or_else(no_such_room)?;
    Ok(json::respond(StatusCode::OK, &view))
}

/// Change a room
///
/// Locks or unlocks it, opens or closes its lobby, sets its bounds and its metadata. Those inside are told at once
/// (`room_updated`). Needs `roomAdmin`.
#[utoipa::path(
    patch,
    path = "/v1/rooms/{room}",
    operation_id = "changeRoom",
    tag = "rooms",
    params(("room" = String, Path, description = "Name of the room")),
    request_body = RoomChange,
    responses(
        (status = 200, description = "The room as it is now", body = RoomView),
        (status = 404, description = "`room-not-found`")
    ),
    security(("token" = []))
)]
pub async fn change(app: &App, name: &RoomName, request: Request) -> Result<Response, Problem> {
    authorize(app, request.headers(), Access::Admin(name))?;
    let change: RoomChange = json::read(request).await?;
    let settings = change.settings()?;
    hall(app, name)?.with(|conference, now| {
        conference.change_settings(now, settings)?;
        if let Some(locked) = change.locked {
            conference.set_locked(locked);
        }
        Ok::<_, Problem>(())
    })?;
    let view = RoomView::find(app, name).ok_or_else(no_such_room)?;
    Ok(json::respond(StatusCode::OK, &view))
}

/// Close a room
///
/// Ends everything in it: members are told `closed` with the reason `room_closed`, WHIP and WHEP sessions end. Its
/// chat, bans and settings are gone with it. Needs `roomAdmin` for this room, or `roomCreate`.
#[utoipa::path(
    delete,
    path = "/v1/rooms/{room}",
    operation_id = "closeRoom",
    tag = "rooms",
    params(("room" = String, Path, description = "Name of the room")),
    responses(
        (status = 204, description = "It is closed"),
        (status = 404, description = "`room-not-found`")
    ),
    security(("token" = []))
)]
pub async fn close(app: &Arc<App>, name: RoomName, headers: &HeaderMap) -> Result<Response, Problem> {
    authorize(app, headers, Access::Admin(&name)).or_else(|refusal| match refusal.slug() {
        Slug::Forbidden => authorize_making(app, headers, &name).map_err(|_| refusal),
        _ => Err(refusal),
    })?;
    if RoomView::find(app, &name).is_none() {
        return Err(no_such_room());
    }
    if let Some(hall) = app.halls.get(&name) {
        hall.with(|conference, _| conference.close(ClosedReason::RoomClosed));
    }
    let viewers = app
        .directory
        .room(&name, |room| room.viewers().into_iter().map(|viewer| viewer.place).collect::<Vec<Place>>());
    let app = app.clone();
    // Goes on when the one who asked hangs up: half a room is not what anybody wants.
    let closing = tokio::spawn(async move { send_away(&app, viewers.unwrap_or_default()).await });
    closing.await.map_err(|_| join::internal())?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Ends the sessions of viewers, who are not the conference's business.
async fn send_away(app: &App, viewers: Vec<Place>) {
    for place in viewers {
        conference::end_viewer(app, place, CloseReason::RoomClosed).await;
    }
}
