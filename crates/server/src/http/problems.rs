//! How refusals become responses: problem details for programs, a page for who navigates there.

use axum::body::Body;
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, Method, StatusCode, header};
use plenum_model::Fault;
use plenum_signal::{Problem, Slug};
use plenum_web::Page;

use super::pages;

/// A [`Problem`] as the error of a route.
#[derive(Debug)]
pub struct Refusal(pub Problem);

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Self(problem)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let Self(problem) = self;
        let (slug, detail) = (problem.slug().as_str(), problem.detail());
        // Details may quote what was sent; Debug escapes it.
        match problem.fault() {
            Fault::Client => tracing::debug!(slug, ?detail, "refused"),
            Fault::Peer => tracing::info!(slug, ?detail, "refused"),
            Fault::Limit => tracing::warn!(slug, ?detail, "refused"),
            Fault::Ourselves => tracing::error!(slug, ?detail, "failed"),
        }
        problem.respond().map(Body::from)
    }
}

/// 404 for a path that is no route.
pub async fn not_found() -> Refusal {
    Problem::new(Slug::NotFound, "no route has this path").into()
}

/// Replaces a problem by a page where a person would see it: a browser navigates, and the error page
/// says the same in words.
pub async fn as_page(request: Request, next: Next) -> Response {
    let navigates = is_navigation(request.method(), request.headers());
    let response = next.run(request).await;
    match error_page(response.status()) {
        Some(page) if navigates => {
            let mut page = pages::respond(page, None);
            *page.status_mut() = response.status();
            if let Some(seconds) = response.headers().get(header::RETRY_AFTER) {
                page.headers_mut().insert(header::RETRY_AFTER, seconds.clone());
            }
            page
        }
        _ => response,
    }
}

fn error_page(status: StatusCode) -> Option<Page> {
    match status {
        // A name that is none in a page's path is a place where nothing lives.
        StatusCode::NOT_FOUND | StatusCode::BAD_REQUEST => Some(Page::NotFound),
        status if status.is_server_error() => Some(Page::Error),
        _ => None,
    }
}

fn is_navigation(method: &Method, headers: &HeaderMap) -> bool {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or("");
    matches!(*method, Method::GET | Method::HEAD) && accept.contains("text/html")
}
