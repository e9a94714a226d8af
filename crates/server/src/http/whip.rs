//! `POST /whip/{room}`: the way in of publishers (RFC 9725).

use std::sync::Arc;
use std::time::{Instant, SystemTime};

use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse, Response};
use http::Method;
use plenum_engine::{Role, TrackId};
use plenum_model::{MediaKind, MediaOffer, RoomName, limits::SDP_WHIP};
use plenum_signal::conference::Conference;
use plenum_signal::{Problem, whip};

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

/// Publish over WHIP
///
/// RFC 9725. The identity is the token's `sub`, else `participant`, else `whip`; the same identity again replaces the
/// session before. The answer holds all candidates. Needs `roomJoin` with `canPublish`, or the room's stream key.
#[utoipa::path(
    post,
    path = "/whip/{room}",
    operation_id = "publish",
    tag = "publishing",
    params(
        ("room" = String, Path, description = "Name of the room"),
        ("participant" = Option<String>, Query, description = "Identity, where the token names none"),
        ("name" = Option<String>, Query, description = "What people call it, where the token says nothing")
    ),
    request_body(content = String, content_type = "application/sdp", description = "An offer whose lines send"),
    responses(
        (status = 201, description = "The answer", body = String, content_type = "application/sdp", headers(
            ("Location" = String, description = "Path of the session"),
            ("ETag" = String, description = "Names the ICE session, for PATCH"),
            ("Link" = String, description = "ICE servers, if there are any")
        )),
        (status = 409, description = "`room-full`"),
        (status = 422, description = "`unsupported-offer` or `no-common-codec`: an offer of what cannot be had here"),
        (status = 503, description = "`overloaded` or `draining`: come back after `Retry-After`")
    ),
    security(("token" = []))
)]
pub(super) async fn publish(app: Arc<App>, room: RoomName, request: Request) -> Result<Response, Refusal> {
    let asked_at = Instant::now();
    app.drain.check()?;
    let (head, body) = request.into_parts();
    let publisher = whip::admit(SystemTime::now(), &app.keyring, &room, &head.headers, head.uri.query())?;
    app.halls.check(&room, |conference| check(conference, &publisher))?;
    let source = source::of_parts(&head, &app.trusted_proxies);
    let offer = whip::read_offer(&body::read(body, SDP_WHIP.bytes).await?)?;
    // Opened only now, for somebody who means it, and perhaps with a lobby.
    let hall = app.halls.find(&app, &room)?;
    hall.look(|conference| check(conference, &publisher))?;
    let member = publisher.clone();
    let joining = Joining {
        room,
        kind: SessionKind::Whip,
        role: Role::Publisher,
        hidden: false,
        identity: publisher.identity,
        name: publisher.name,
        metadata: publisher.grant.metadata,
        candidates: source::checkable(&offer.candidates, source, &app.local_addresses()),
        offer,
        asked_at,
        hall: Some(hall),
    };
    let entered = join::enter(app, joining).await?;
    let session = entered.session.clone();
    if let Some(expected) = entered.expected {
        let tracks = tracks(&session.offer, entered.tracks);
        expected.seated(|conference, now| conference.publisher_came(now, member, session.place, &tracks))?;
    }
    Ok(join::created(&session, entered.answer).await.map(Body::from))
}

fn check(conference: &Conference, publisher: &whip::Publisher) -> Result<(), Problem> {
    conference.check_publisher(Instant::now(), &publisher.identity, &publisher.grant)
}

/// The lines of a publisher as the conference names them.
fn tracks(offer: &MediaOffer, tracks: Vec<(String, TrackId)>) -> Vec<(String, u32, MediaKind)> {
    let kind = |mid: &str| offer.lines.iter().find(|line| line.mid == mid).and_then(|line| line.kind);
    let named = tracks.into_iter().filter_map(|(mid, track)| {
        let kind = kind(&mid)?;
        Some((mid, track.number(), kind))
    });
    named.collect()
}
