//! `POST /whep/{room}`: the way in of viewers (draft-ietf-wish-whep).

use std::sync::Arc;
use std::time::{Instant, SystemTime};

use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse, Response};
use http::Method;
use plenum_engine::Role;
use plenum_model::{CloseReason, Identity, RoomName, limits::SDP_WHIP};
use plenum_signal::{Grant, Problem, whep};

use super::problems::Refusal;
use super::router::{parse_identity, parse_room};
use super::{body, source};
use crate::app::App;
use crate::conference;
use crate::directory::{SessionKind, Unwatchable};
use crate::join::{self, Joining};

/// How soon to look again when nobody is live.
const RETRY_AFTER_S: u32 = 2;

/// Watch a room
///
/// WHEP (draft-ietf-wish-whep): the room's main stream, which is the only publisher or else who speaks. When it changes,
/// so does what is seen, without any SDP; the session outlives its publishers. Needs `roomJoin` with `canSubscribe`.
#[utoipa::path(
    post,
    path = "/whep/{room}",
    operation_id = "watchRoom",
    tag = "watching",
    params(("room" = String, Path, description = "Name of the room")),
    request_body(content = String, content_type = "application/sdp", description = "An offer whose lines receive"),
    responses(
        (status = 201, description = "The answer", body = String, content_type = "application/sdp", headers(
            ("Location" = String, description = "Path of the session"),
            ("ETag" = String, description = "Names the ICE session, for PATCH"),
            ("Link" = String, description = "ICE servers, if there are any")
        )),
        (status = 409, description = "`nobody-live`: come back after `Retry-After`"),
        (status = 422, description = "`no-common-codec`, which names what is `offered` and `published`, or `unsupported-offer`"),
        (status = 503, description = "`overloaded` or `draining`: come back after `Retry-After`")
    ),
    security(("token" = []))
)]
pub async fn endpoint(
    State(app): State<Arc<App>>,
    Path(room): Path<String>,
    request: Request,
) -> Result<Response, Refusal> {
    serve(app, parse_room(&room)?, None, request).await
}

/// Watch a participant
///
/// The same for one participant, whether it publishes over WHIP or takes part in the room.
#[utoipa::path(
    post,
    path = "/whep/{room}/{participant}",
    operation_id = "watchParticipant",
    tag = "watching",
    params(
        ("room" = String, Path, description = "Name of the room"),
        ("participant" = String, Path, description = "Identity of the participant")
    ),
    request_body(content = String, content_type = "application/sdp", description = "An offer whose lines receive"),
    responses(
        (status = 201, description = "The answer", body = String, content_type = "application/sdp", headers(
            ("Location" = String, description = "Path of the session"),
            ("ETag" = String, description = "Names the ICE session, for PATCH"),
            ("Link" = String, description = "ICE servers, if there are any")
        )),
        (status = 409, description = "`nobody-live`: come back after `Retry-After`"),
        (status = 422, description = "`no-common-codec`, which names what is `offered` and `published`, or `unsupported-offer`"),
        (status = 503, description = "`overloaded` or `draining`: come back after `Retry-After`")
    ),
    security(("token" = []))
)]
pub async fn endpoint_of_participant(
    State(app): State<Arc<App>>,
    Path((room, participant)): Path<(String, String)>,
    request: Request,
) -> Result<Response, Refusal> {
    serve(app, parse_room(&room)?, Some(parse_identity(&participant)?), request).await
}

async fn serve(
    app: Arc<App>,
    room: RoomName,
    of: Option<Identity>,
    request: Request,
) -> Result<Response, Refusal> {
    match *request.method() {
        Method::POST => watch(app, room, of, request).await,
        Method::GET => Ok(whep::respond_get().map(Body::from).into_response()),
        Method::HEAD => Ok(whep::respond_head().map(Body::from).into_response()),
        Method::OPTIONS => Ok(whep::respond_options().map(Body::from).into_response()),
        _ => Err(whep::refuse_method().into()),
    }
}

async fn watch(
    app: Arc<App>,
    room: RoomName,
    of: Option<Identity>,
    request: Request,
) -> Result<Response, Refusal> {
    let asked_at = Instant::now();
    app.drain.check()?;
    let (head, body) = request.into_parts();
    let grant = whep::admit(SystemTime::now(), &app.keyring, &room, &head.headers)?;
    check(&app, &room, &grant)?;
    let source = source::of_parts(&head, &app.trusted_proxies);
    let offer = whep::read_offer(&body::read(body, SDP_WHIP.bytes).await?)?;
    app.directory.can_watch(&room, of.as_ref(), &offer).map_err(refuse)?;
    let joining = Joining {
        room: room.clone(),
        kind: SessionKind::Whep,
        role: Role::Viewer { of },
        identity: grant.identity.clone().unwrap_or_else(anonymous),
        name: grant.name.clone(),
        metadata: grant.metadata.clone(),
        hidden: grant.hidden,
        candidates: source::checkable(&offer.candidates, source, &app.local_addresses()),
        offer,
        asked_at,
        hall: None,
    };
    let entered = join::enter(app.clone(), joining).await?;
    if let Err(problem) = check(&app, &room, &grant) {
        // Shown out while on the way in, when there was no session yet that could have been ended.
        tokio::spawn(async move {
            conference::end_viewer(&app, entered.session.place, CloseReason::Kicked).await
        });
        return Err(problem.into());
    }
    Ok(join::created(&entered.session, entered.answer).await.map(Body::from))
}

fn check(app: &App, room: &RoomName, grant: &Grant) -> Result<(), Problem> {
    let Some(hall) = app.halls.get(room) else { return Ok(()) };
    hall.look(|conference| conference.check_viewer(Instant::now(), grant))
}

fn refuse(why: Unwatchable) -> Problem {
    match why {
        Unwatchable::NobodyLive => whep::nobody_live(RETRY_AFTER_S),
        Unwatchable::NoCommonCodec(codecs) => Problem::no_common_codec(&codecs.offered, &codecs.published),
    }
}

/// Viewers need no name and are not unique.
fn anonymous() -> Identity {
    Identity::parse("whep").expect("a valid name")
}
