//! The pages and what they load, out of the binary.

use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use plenum_signal::{EXPOSED_HEADERS, Problem, Slug};
use plenum_web::{Asset, Page};

use super::problems::Refusal;

const METHODS: &str = "GET, HEAD";

/// A page that has one address.
pub async fn fixed(
    State(page): State<Page>,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    serve(page, &method, &headers)
}

/// `/publish/{room}` and `/watch/{room}`. The room is the page's business; here it only has to be one.
pub async fn of_room(
    State(page): State<Page>,
    Path(room): Path<String>,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    super::router::parse_room(&room)?;
    serve(page, &method, &headers)
}

/// `/assets/{path}`
pub async fn asset(
    Path(path): Path<String>,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    check_method(&method)?;
    match plenum_web::asset(&path) {
        Some(asset) => Ok(respond_asset(asset, Some(&headers))),
        None => Err(Problem::new(Slug::NotFound, "there is no such file").into()),
    }
}

/// `/sdk/{path}`: for pages of any origin.
pub async fn sdk(Path(path): Path<String>, method: Method, headers: HeaderMap) -> Result<Response, Refusal> {
    check_method(&method)?;
    let Some(asset) = plenum_web::sdk(&path) else {
        return Err(Problem::new(Slug::NotFound, "there is no such file").into());
    };
    let mut response = respond_asset(asset, Some(&headers));
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED_HEADERS));
    Ok(response)
}

fn serve(page: Page, method: &Method, headers: &HeaderMap) -> Result<Response, Refusal> {
    check_method(method)?;
    Ok(respond(page, Some(headers)))
}

fn check_method(method: &Method) -> Result<(), Problem> {
    match *method {
        Method::GET | Method::HEAD => Ok(()),
        _ => Err(Problem::method_not_allowed(METHODS)),
    }
}

/// A page with its security headers.
pub fn respond(page: Page, request: Option<&HeaderMap>) -> Response {
    let mut response = respond_asset(plenum_web::page(page), request);
    let headers = response.headers_mut();
    let mut set = |name: HeaderName, value| headers.insert(name, HeaderValue::from_static(value));
    set(header::CONTENT_SECURITY_POLICY, page.content_security_policy());
    // Tokens travel in the fragment, which no Referer holds; rooms need not be told to others either.
    set(header::REFERRER_POLICY, "no-referrer");
    set(
        HeaderName::from_static("permissions-policy"),
        "camera=(self), microphone=(self), display-capture=(self), geolocation=(), payment=(), usb=()",
    );
    if page != Page::Watch {
        set(header::X_FRAME_OPTIONS, "DENY");
        set(HeaderName::from_static("cross-origin-opener-policy"), "same-origin");
    }
    response
}

/// Browsers keep a copy and ask whether it is still the same, so that an upgrade shows at once.
fn respond_asset(asset: Asset, request: Option<&HeaderMap>) -> Response {
    let is_known = request.is_some_and(|headers| names_etag(headers, &asset.etag));
    let mut response = match is_known {
        true => StatusCode::NOT_MODIFIED.into_response(),
        false => {
            let bytes = match asset.bytes {
                std::borrow::Cow::Borrowed(bytes) => Bytes::from_static(bytes),
                std::borrow::Cow::Owned(bytes) => bytes.into(),
            };
            let mut response = Response::new(Body::from(bytes));
            response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(asset.content_type));
            response
        }
    };
    let headers = response.headers_mut();
    headers.insert(header::ETAG, HeaderValue::try_from(asset.etag).expect("hex digits in quotes"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

fn names_etag(headers: &HeaderMap, etag: &str) -> bool {
    let lists = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    lists.flat_map(|list| list.split(',')).any(|tag| {
        let tag = tag.trim();
        tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == etag
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_player_may_be_framed() {
        for page in Page::ALL {
            let response = respond(page, None);
            let policy = response.headers()[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
            assert_eq!(policy.contains("frame-ancestors *"), page == Page::Watch, "{page:?}");
            assert_eq!(response.headers().contains_key(header::X_FRAME_OPTIONS), page != Page::Watch);
        }
    }

    #[test]
    fn a_copy_that_is_still_the_same_is_not_sent_again() {
        let first = respond(Page::Lobby, None);
        let mut headers = HeaderMap::new();
        headers.insert(header::IF_NONE_MATCH, first.headers()[header::ETAG].clone());
        assert_eq!(respond(Page::Lobby, Some(&headers)).status(), StatusCode::NOT_MODIFIED);
        assert_eq!(respond(Page::Watch, Some(&headers)).status(), StatusCode::OK);
    }
}
