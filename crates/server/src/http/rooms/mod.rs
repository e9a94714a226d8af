//! `/v1/rooms`: what is live, and what a server may do about it, for pages, scripts and operators. What a moderator does
//! in a room by messages, a backend does here by requests; both end in the same calls of the room's conference.
//!
//! Here are the routes and who may use them; [`room`] and [`participants`] do what is asked, [`body`] reads it, [`view`]
//! shows what came of it.

pub mod body;
pub mod participants;
pub mod room;
pub mod view;

use std::sync::Arc;
use std::time::SystemTime;

use axum::extract::{Path, Request, State};
use axum::response::Response;
use http::{HeaderMap, Method};
use plenum_model::RoomName;
use plenum_signal::{Access, Problem, Slug};

use super::problems::Refusal;
use super::router::{parse_identity, parse_room};
use crate::app::App;
use crate::conference::Hall;

/// `/v1/rooms`
pub async fn all(State(app): State<Arc<App>>, request: Request) -> Result<Response, Refusal> {
    match *request.method() {
        Method::GET | Method::HEAD => Ok(room::list(&app, request.headers())?),
        Method::POST => Ok(room::create(&app, request).await?),
        _ => Err(Problem::method_not_allowed("GET, HEAD, POST").into()),
    }
}

/// `/v1/rooms/{room}`
pub async fn one(
    State(app): State<Arc<App>>,
    Path(room): Path<String>,
    request: Request,
) -> Result<Response, Refusal> {
    let name = parse_room(&room)?;
    match *request.method() {
        Method::GET | Method::HEAD => Ok(room::show(&app, &name, request.headers())?),
        Method::PATCH => Ok(room::change(&app, &name, request).await?),
        Method::DELETE => Ok(room::close(&app, name, request.headers()).await?),
        _ => Err(Problem::method_not_allowed("DELETE, GET, HEAD, PATCH").into()),
    }
}

/// `/v1/rooms/{room}/participants`
pub async fn participants(
    State(app): State<Arc<App>>,
    Path(room): Path<String>,
    request: Request,
) -> Result<Response, Refusal> {
    let room = parse_room(&room)?;
    match *request.method() {
        Method::GET | Method::HEAD => Ok(participants::list(&app, &room, &request)?),
        _ => Err(Problem::method_not_allowed("GET, HEAD").into()),
    }
}

/// `/v1/rooms/{room}/participants/{participant}`
pub async fn participant(
    State(app): State<Arc<App>>,
    Path((room, participant)): Path<(String, String)>,
    request: Request,
) -> Result<Response, Refusal> {
    let (room, identity) = (parse_room(&room)?, parse_identity(&participant)?);
    match *request.method() {
        Method::GET | Method::HEAD => Ok(participants::show(&app, &room, &identity, request.headers())?),
        Method::PATCH => Ok(participants::change(&app, &room, &identity, request).await?),
        Method::DELETE => Ok(participants::remove(&app, &room, &identity, &request)?),
        _ => Err(Problem::method_not_allowed("DELETE, GET, HEAD, PATCH").into()),
    }
}

/// What somebody is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sight {
    /// What everybody in the room sees.
    Member,
    /// Hidden participants and the lobby as well.
    Moderator,
}

/// Who may be in a room may look at it, and so may who moderates it or may look at all.
fn authorize_look(app: &App, headers: &HeaderMap, room: &RoomName) -> Result<Sight, Problem> {
    let refusal = match authorize(app, headers, Access::Admin(room)) {
        Ok(()) => return Ok(Sight::Moderator),
        Err(refusal) => refusal,
    };
    if refusal.slug() != Slug::Forbidden {
        return Err(refusal);
    }
    let looked = authorize(app, headers, Access::Join(room))
        .or_else(|refusal| authorize(app, headers, Access::ListRooms).map_err(|_| refusal));
    looked.map(|()| Sight::Member)
}

fn authorize(app: &App, headers: &HeaderMap, access: Access<'_>) -> Result<(), Problem> {
    plenum_signal::authorize(SystemTime::now(), &app.keyring, headers, access).map(drop)
}

/// Who may make rooms. A token that names a room is good for that one only.
fn authorize_making(app: &App, headers: &HeaderMap, room: &RoomName) -> Result<(), Problem> {
    let grant = plenum_signal::authorize(SystemTime::now(), &app.keyring, headers, Access::CreateRoom)?;
    match grant.room.is_none_or(|own| own == *room) {
        true => Ok(()),
        false => Err(Problem::new(Slug::Forbidden, "the token is for another room")),
    }
}

/// The conference of a room, or 404.
fn hall(app: &App, room: &RoomName) -> Result<Arc<Hall>, Problem> {
    app.halls.get(room).ok_or_else(no_such_room)
}

fn no_such_room() -> Problem {
    Problem::new(Slug::RoomNotFound, "there is no such room at the moment")
}
