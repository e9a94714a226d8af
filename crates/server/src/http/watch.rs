//! What is seen of every request: a tracing span and a counter, both by route template. Paths are
//! neither: they hold session URLs, and anything a stranger cares to send.

use axum::extract::{MatchedPath, Request};
use axum::middleware::Next;
use axum::response::Response;
use tokio::time::Instant;
use tracing::Instrument;

use super::connection::Peer;
use crate::metrics;

/// The label of paths that are no route.
const NO_ROUTE: &str = "none";

/// Runs a request in its span and counts it.
pub async fn request(request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().cloned();
    let route = route.as_ref().map_or(NO_ROUTE, MatchedPath::as_str).to_owned();
    let peer = request.extensions().get::<Peer>().map(|peer| peer.0);
    let span = tracing::info_span!("request", method = %request.method(), route, peer = ?peer);
    let start = Instant::now();
    async move {
        let response = next.run(request).await;
        let status = response.status().as_u16();
        metrics::count_request(&route, status);
        tracing::debug!(status, elapsed_us = start.elapsed().as_micros() as u64, "answered");
        response
    }
    .instrument(span)
    .await
}
