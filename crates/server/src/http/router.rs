//! The public routes, and what every request goes through.

use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn;
use axum::routing::{MethodRouter, any};
use plenum_model::{Identity, RoomName};
use plenum_signal::{Problem, Slug};
use plenum_web::Page;

use super::{connect, ice, openapi, pages, problems, rooms, session, watch, whep, whip};
use crate::app::App;

/// All public routes. Routes look at the method themselves: each family has its own words for a wrong one.
pub fn router(app: Arc<App>) -> Router {
    let api = api().into_iter().fold(Router::new(), |router, (path, route)| router.route(path, route));
    let all =
        pages().into_iter().fold(api.with_state(app), |router, (path, route)| router.route(path, route));
    all.fallback(problems::not_found).layer(from_fn(problems::as_page)).layer(from_fn(watch::request))
}

/// What programs use. Every one of them is in the OpenAPI document, and a test knows this table.
pub fn api() -> Vec<(&'static str, MethodRouter<Arc<App>>)> {
    vec![
        ("/whip/{room}", any(whip::endpoint)),
        ("/whep/{room}", any(whep::endpoint)),
        ("/whep/{room}/{participant}", any(whep::endpoint_of_participant)),
        ("/session/{id}", any(session::endpoint)),
        ("/v1/rooms", any(rooms::all)),
        ("/v1/rooms/{room}", any(rooms::one)),
        ("/v1/rooms/{room}/participants", any(rooms::participants)),
        ("/v1/rooms/{room}/participants/{participant}", any(rooms::participant)),
        ("/v1/rooms/{room}/connect", any(connect::endpoint)),
        ("/v1/ice-servers", any(ice::servers)),
        ("/openapi.json", any(openapi::document)),
    ]
}

/// What people open in a browser, and what those pages load.
fn pages() -> Vec<(&'static str, MethodRouter)> {
    vec![
        ("/", any(pages::fixed).with_state(Page::Lobby)),
        ("/devices", any(pages::fixed).with_state(Page::Devices)),
        ("/docs", any(pages::fixed).with_state(Page::Docs)),
        ("/r/{room}", any(pages::of_room).with_state(Page::Room)),
        ("/publish/{room}", any(pages::of_room).with_state(Page::Publish)),
        ("/watch/{room}", any(pages::of_room).with_state(Page::Watch)),
        ("/assets/{*path}", any(pages::asset)),
        ("/sdk/{*path}", any(pages::sdk)),
    ]
}

/// A room's name in a path.
pub fn parse_room(text: &str) -> Result<RoomName, Problem> {
    RoomName::parse(text).map_err(|error| Problem::new(Slug::InvalidName, format!("room: {error}")))
}

/// A participant's name in a path.
pub fn parse_identity(text: &str) -> Result<Identity, Problem> {
    Identity::parse(text).map_err(|error| Problem::new(Slug::InvalidName, format!("participant: {error}")))
}
