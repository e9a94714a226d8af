//! `POST /whip/{room}`: the way in of publishers (RFC 9725).

use std::sync::Arc;
use std::time::{Instant, SystemTime};

use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse, Response};
use http::Method;
use plenum_engine::Role;
use plenum_model::{RoomName, limits::SDP_WHIP};
use plenum_signal::whip;

use super::problems::Refusal;
use super::router::parse_room;
use super::{body, source};
use crate::app::App;
use crate::directory::SessionKind;
use crate::join::{self, Joining};

/// The WHIP endpoint.
pub async fn endpoint(
    State(app): State<Arc<App>>,
    Path(room): Path<String>,
    request: Request,
) -> Result<Response, Refusal> {
    let room = parse_room(&room)?;
    match *request.method() {
        Method::POST => publish(app, room, request).await,
        Method::GET | Method::HEAD => Ok(whip::respond_get().map(Body::from).into_response()),
        Method::OPTIONS => Ok(whip::respond_options().map(Body::from).into_response()),
        _ => Err(whip::refuse_method().into()),
    }
}

async fn publish(app: Arc<App>, room: RoomName, request: Request) -> Result<Response, Refusal> {
    let asked_at = Instant::now();
    app.drain.check()?;
    let (head, body) = request.into_parts();
    let publisher = whip::admit(SystemTime::now(), &app.keyring, &room, &head.headers, head.uri.query())?;
    let source = source::of_parts(&head, &app.trusted_proxies);
    let offer = whip::read_offer(&body::read(body, SDP_WHIP.bytes).await?)?;
    let joining = Joining {
        room,
        kind: SessionKind::Whip,
        role: Role::Publisher,
        identity: publisher.identity,
        name: publisher.name,
        metadata: publisher.grant.metadata,
        candidates: source::checkable(&offer.candidates, source, &app.local_addresses()),
        offer,
        asked_at,
    };
    Ok(join::join(app, joining).await?.map(Body::from))
}
