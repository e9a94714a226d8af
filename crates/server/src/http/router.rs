//! The public routes, and what every request goes through.

use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn;
use axum::routing::any;
use plenum_model::{Identity, RoomName};
use plenum_signal::{Problem, Slug};
use plenum_web::Page;

use super::{pages, problems, rooms, session, watch, whep, whip};
use crate::app::App;

/// All public routes. Routes look at the method themselves: each family has its own words for a wrong one.
pub fn router(app: Arc<App>) -> Router {
    Router::new()
        .route("/whip/{room}", any(whip::endpoint))
        .route("/whep/{room}", any(whep::endpoint))
        .route("/whep/{room}/{participant}", any(whep::endpoint_of_participant))
        .route("/session/{id}", any(session::endpoint))
        .route("/v1/rooms", any(rooms::list))
        .route("/v1/rooms/{room}", any(rooms::one))
        .route("/v1/rooms/{room}/participants", any(rooms::participants))
        .with_state(app)
        .route("/", any(pages::lobby))
        .route("/publish/{room}", any(pages::of_room).with_state(Page::Publish))
        .route("/watch/{room}", any(pages::of_room).with_state(Page::Watch))
        .route("/assets/{*path}", any(pages::asset))
        .fallback(problems::not_found)
        .layer(from_fn(problems::as_page))
        .layer(from_fn(watch::request))
}

/// A room's name in a path.
pub fn parse_room(text: &str) -> Result<RoomName, Problem> {
    RoomName::parse(text).map_err(|error| Problem::new(Slug::InvalidName, format!("room: {error}")))
}

/// A participant's name in a path.
pub fn parse_identity(text: &str) -> Result<Identity, Problem> {
    Identity::parse(text).map_err(|error| Problem::new(Slug::InvalidName, format!("participant: {error}")))
}
