//! How refusals become responses: problem details for programs, a page for who navigates there.

use axum::body::Body;
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
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
        let mut response = problem.respond().map(Body::from);
        if problem.slug() == Slug::BodyTooLarge {
            // There may be more of it than anybody wants to read before the next request.
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        response
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

#[cfg(test)]
mod tests {
    use super::*;
    use axum::Router;
    use axum::middleware::from_fn;
    use axum::routing::get;
    use tower::ServiceExt;

    async fn ask(path: &str, accept: &str) -> (StatusCode, String, bool) {
        let busy = || async { Refusal(Problem::new(Slug::Overloaded, "full").with_retry_after(2)) };
        let router = Router::new().route("/busy", get(busy)).fallback(not_found).layer(from_fn(as_page));
        let request =
            Request::builder().uri(path).header(header::ACCEPT, accept).body(Body::empty()).unwrap();
        let response = router.oneshot(request).await.unwrap();
        let header = |name| response.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
        let retry_after = header(header::RETRY_AFTER).is_some();
        (response.status(), header(header::CONTENT_TYPE).unwrap(), retry_after)
    }

    #[tokio::test]
    async fn who_navigates_sees_a_page_and_a_program_gets_the_problem() {
        const HTML: &str = "text/html,application/xhtml+xml,*/*;q=0.8";
        let json = "application/problem+json".to_owned();
        let html = "text/html; charset=utf-8".to_owned();
        let (not_found, full) = (StatusCode::NOT_FOUND, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(ask("/nowhere", HTML).await, (not_found, html.clone(), false));
        assert_eq!(ask("/nowhere", "*/*").await, (not_found, json.clone(), false));
        assert_eq!(ask("/busy", HTML).await, (full, html, true));
        assert_eq!(ask("/busy", "application/json").await, (full, json, true));
    }
}
