//! `/session/{id}`: trickle, ICE restart, end. The URL is the capability.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse, Response};
use http::Method;
use plenum_engine::{Command, Reply};
use plenum_model::{CloseReason, IceFragment, limits::SDP_WHIP};
use plenum_net::CallError;
use plenum_signal::session::{self, Patch};
use plenum_signal::{EntityTag, Problem, fragment};

use super::problems::Refusal;
use super::{body, source};
use crate::app::App;
use crate::directory::{IceSession, Session, SessionId};
use crate::join;

/// A session URL.
pub async fn endpoint(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    request: Request,
) -> Result<Response, Refusal> {
    let id = SessionId::from_url(&id);
    match *request.method() {
        // A preflight carries neither token nor knowledge of the session.
        Method::OPTIONS => return Ok(session::respond_options().map(Body::from).into_response()),
        Method::GET | Method::HEAD | Method::PATCH | Method::DELETE => {}
        _ => return Err(session::refuse_method().into()),
    }
    let Some(session) = app.directory.session(&id).filter(|session| session.kind.has_url()) else {
        return Ok(said_farewell(&app, &id, request.method())?.map(Body::from));
    };
    plenum_signal::session::authorize(&app.keyring, request.headers(), &session.room)?;
    let response = match *request.method() {
        Method::PATCH => patch(&app, &session, request).await?,
        Method::DELETE => delete(&app, session).await?,
        _ => look(),
    };
    Ok(response.map(Body::from))
}

/// Look whether a session is there
///
/// A token is not needed, here and for all that is done to a session; one that is sent along must be for its room.
#[utoipa::path(
    get,
    path = "/session/{id}",
    operation_id = "showSession",
    tag = "sessions",
    params(("id" = String, Path, description = "From the `Location` of the session: whoever knows it may use it")),
    responses(
        (status = 204, description = "It is"),
        (status = 404, description = "`session-not-found`: it never was there, or is over")
    ),
    security((), ("token" = []))
)]
pub(super) fn look() -> plenum_signal::Response {
    session::respond_get()
}

/// A session that is over: one late DELETE of who had closed it already is fine.
fn said_farewell(app: &App, id: &SessionId, method: &Method) -> Result<plenum_signal::Response, Problem> {
    match *method == Method::DELETE && app.directory.take_farewell(id) {
        true => Ok(session::respond_deleted()),
        false => Err(session::not_found()),
    }
}

/// End a session
///
/// A session that its peer has ended already answers one DELETE with 200 for a minute.
#[utoipa::path(
    delete,
    path = "/session/{id}",
    operation_id = "endSession",
    tag = "sessions",
    params(("id" = String, Path, description = "From the `Location` of the session: whoever knows it may use it")),
    responses(
        (status = 200, description = "It is over"),
        (status = 404, description = "`session-not-found`: it never was there, or is over")
    ),
    security((), ("token" = []))
)]
pub(super) async fn delete(
    app: &Arc<App>,
    session: Arc<Session>,
) -> Result<plenum_signal::Response, Problem> {
    let app = app.clone();
    // Goes on when the one who asked hangs up: half a DELETE would leave a session that nobody can end.
    tokio::spawn(async move { close(&app, &session).await }).await.unwrap_or_else(|_| Err(join::internal()))
}

async fn close(app: &App, session: &Session) -> Result<plenum_signal::Response, Problem> {
    // Of two at once, one ends the session and the other comes late.
    if session.closing.swap(true, Ordering::AcqRel) {
        return Err(session::not_found());
    }
    let command = Command::Close { place: session.place, reason: CloseReason::Deleted };
    match app.shard(session.place).handle.call(command).await {
        Err(CallError::Busy) => {
            session.closing.store(false, Ordering::Release);
            Err(join::busy())
        }
        // Its shard may have ended it at the same moment: then it is as gone as was wanted.
        Ok(_) | Err(CallError::Gone) => {
            app.directory.leave(&session.id);
            app.directory.take_farewell(&session.id);
            Ok(session::respond_deleted())
        }
    }
}

/// Trickle candidates or restart ICE
///
/// New credentials in the fragment mean a restart. See RFC 9725, section 4.3.
#[utoipa::path(
    patch,
    path = "/session/{id}",
    operation_id = "changeSession",
    tag = "sessions",
    params(
        ("id" = String, Path, description = "From the `Location` of the session: whoever knows it may use it"),
        ("If-Match" = String, Header, description = "The ETag of the ICE session, or `*` for a restart")
    ),
    request_body(
        content = String,
        content_type = "application/trickle-ice-sdpfrag",
        description = "Candidates of this ICE session, or the credentials of a new one"
    ),
    responses(
        (status = 200, description = "ICE begins anew: our credentials and candidates", body = String,
            content_type = "application/trickle-ice-sdpfrag",
            headers(("ETag" = String, description = "Names the new ICE session"))),
        (status = 204, description = "The candidates were taken"),
        (status = 404, description = "`session-not-found`: it never was there, or is over"),
        (status = 412, description = "`precondition-failed`: the ICE session has changed"),
        (status = 422, description = "`unsupported-patch`: the session goes on as before"),
        (status = 428, description = "`precondition-required`: there is no If-Match")
    ),
    security((), ("token" = []))
)]
pub(super) async fn patch(
    app: &App,
    session: &Session,
    request: Request,
) -> Result<plenum_signal::Response, Problem> {
    let (head, body) = request.into_parts();
    session::check_patch(&head.headers)?;
    let source = source::of_parts(&head, &app.trusted_proxies);
    let body = body::read(body, SDP_WHIP.bytes).await?;
    let mut ice = session.ice.lock().await;
    let patch = session::read_patch(&head.headers, &body, &ice.etag, &ice.remote)?;
    let (Patch::Trickle(fragment) | Patch::Restart(fragment)) = &patch;
    let candidates = source::checkable(&fragment.candidates, source, &app.local_addresses());
    match patch {
        Patch::Trickle(_) => trickle(app, session, &mut ice, &candidates).await,
        Patch::Restart(fragment) => restart(app, session, &mut ice, fragment, candidates).await,
    }
}

async fn trickle(
    app: &App,
    session: &Session,
    ice: &mut IceSession,
    candidates: &[SocketAddr],
) -> Result<plenum_signal::Response, Problem> {
    let new = ice.new_among(candidates);
    if !new.is_empty() {
        let command = Command::AddCandidates { place: session.place, candidates: new.clone() };
        call(app, session, command).await?;
        ice.candidates.extend(new);
    }
    Ok(session::respond_trickled())
}

/// Either all of it happens or the session goes on with its old credentials.
async fn restart(
    app: &App,
    session: &Session,
    ice: &mut IceSession,
    fragment: IceFragment,
    candidates: Vec<SocketAddr>,
) -> Result<plenum_signal::Response, Problem> {
    let (place, offer, role) = (session.place, session.offer.clone(), session.role.clone());
    let remote = fragment.ice.clone();
    let secret = join::random()?;
    let checked = candidates.clone();
    let prepare = move || plenum_engine::prepare_restart(place, &role, &offer, &fragment, &checked, secret);
    let prepared = join::off_thread(prepare).await?;
    let restart = prepared.map_err(|error| session::restart_refused(&error.to_string()))?;
    let local = restart.ice.clone();
    match call(app, session, Command::RestartIce(Box::new(restart))).await? {
        Reply::Done => {}
        _ => return Err(session::restart_refused("the connection did not take the new credentials")),
    }
    *ice = IceSession { etag: EntityTag::new(&local.ufrag), remote, candidates };
    let first = &session.offer.lines[0];
    let answer = fragment::write(&local, app.shard(place).handle.candidates(), &first.mid, first.kind);
    Ok(session::respond_restarted(&ice.etag, answer))
}

/// A command about a session that should be there.
async fn call(app: &App, session: &Session, command: Command) -> Result<Reply, Problem> {
    match app.shard(session.place).handle.call(command).await {
        Ok(Reply::NotFound) | Err(CallError::Gone) => Err(session::not_found()),
        Ok(reply) => Ok(reply),
        Err(CallError::Busy) => Err(join::busy()),
    }
}
