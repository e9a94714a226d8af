//! The admin listener: metrics and health for operators and orchestrators, drills in dev mode. Never
//! reachable through the public listener.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use http::{StatusCode, header};
use plenum_engine::{Command, Reply};
use plenum_model::RoomName;
use plenum_net::CallError;
use plenum_signal::{Problem, Slug};
use serde_json::json;

use crate::app::App;
use crate::http::{Refusal, problems};
use crate::join;
use crate::metrics::Recorder;

/// A shard that was silent for longer is stuck.
const HEARTBEAT: Duration = Duration::from_secs(2);

/// All routes of the admin listener.
pub fn router(app: Arc<App>, recorder: Recorder) -> Router {
    let mut router = Router::new().route("/healthz", get(healthz)).route("/readyz", get(readyz));
    if app.mode.dev {
        router = router.route("/debug/rooms/{room}/panic", post(panic_room));
    }
    let scrape = move |State(app): State<Arc<App>>| async move {
        let text = recorder.render(&app).await;
        ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text)
    };
    router.route("/metrics", get(scrape)).fallback(problems::not_found).with_state(app)
}

/// Whether the process works: a restart would help if not.
async fn healthz(State(app): State<Arc<App>>) -> Response {
    match silent_shards(&app) {
        stuck if stuck.is_empty() => Json(json!({ "status": "ok" })).into_response(),
        stuck => unavailable(json!({ "status": "stuck", "shards": stuck })),
    }
}

/// Whether new sessions should be sent here.
async fn readyz(State(app): State<Arc<App>>) -> Response {
    let sessions = app.directory.taken();
    match (app.drain.is_draining(), silent_shards(&app)) {
        (true, _) => unavailable(json!({ "status": "draining", "sessions": sessions })),
        (false, stuck) if stuck.is_empty() => {
            Json(json!({ "status": "ready", "sessions": sessions })).into_response()
        }
        (false, stuck) => unavailable(json!({ "status": "stuck", "shards": stuck })),
    }
}

fn silent_shards(app: &App) -> Vec<u16> {
    let silent = app.shards.iter().filter(|shard| shard.handle.heartbeat_age() > HEARTBEAT);
    silent.map(|shard| shard.handle.shard()).collect()
}

fn unavailable(body: serde_json::Value) -> Response {
    (StatusCode::SERVICE_UNAVAILABLE, Json(body)).into_response()
}

/// A drill: panics in a room's work, to see that only this room is lost.
async fn panic_room(State(app): State<Arc<App>>, Path(room): Path<String>) -> Result<StatusCode, Refusal> {
    let unknown = || Problem::new(Slug::RoomNotFound, "nobody is in such a room");
    let room = RoomName::parse(&room).map_err(|_| unknown())?;
    let shard = app.directory.room(&room, |room| room.home).ok_or_else(unknown)?;
    let command = Command::PanicRoom { room };
    match app.shards[usize::from(shard)].handle.call(command).await {
        Ok(Reply::NotFound) => Err(unknown().into()),
        Ok(_) => Ok(StatusCode::NO_CONTENT),
        Err(CallError::Busy) => Err(join::busy().into()),
        Err(CallError::Gone) => Err(join::internal().into()),
    }
}
