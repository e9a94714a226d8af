//! JSON in and out of the API: bodies are bounded, of the right type, and hold nothing that is not known, so that a
//! misspelt field is a sentence and not a wish that goes unheard.

use axum::Json;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use plenum_signal::{Problem, Slug};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::body;

/// Bytes of a body.
const LONGEST: usize = 64 * 1024;
/// Characters of a sentence about a body: it may quote what was sent.
const LONGEST_DETAIL: usize = 300;

/// The body of a request: 415 unless it is declared as JSON, 413 beyond 64 KiB, 400 if it does not say a `T`.
pub async fn read<T: DeserializeOwned>(request: Request) -> Result<T, Problem> {
    let (head, body) = request.into_parts();
    if !is_json(&head.headers) {
        return Err(Problem::new(Slug::UnsupportedMediaType, "a body here is application/json"));
    }
    parse(&body::read(body, LONGEST).await?)
}

/// JSON of now: nobody may keep it.
pub fn respond(status: StatusCode, value: &impl Serialize) -> Response {
    let mut response = (status, Json(value)).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn is_json(headers: &HeaderMap) -> bool {
    let mut values = headers.get_all(header::CONTENT_TYPE).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return false };
    let essence = value.to_str().unwrap_or_default().split(';').next().unwrap_or_default();
    essence.trim().eq_ignore_ascii_case("application/json")
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    // An array would do for a struct, with its fields in order: nobody should come to rely on that.
    if bytes.trim_ascii_start().first() != Some(&b'{') {
        return Err(Problem::new(Slug::MalformedRequest, "the body is not a JSON object"));
    }
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let path = error.path().to_string();
        let why = error.into_inner().to_string();
        malformed(if path == "." { why } else { format!("{path}: {why}") })
    })?;
    deserializer.end().map_err(|error| malformed(error.to_string()))?;
    Ok(value)
}

fn malformed(why: String) -> Problem {
    let detail = match why.char_indices().nth(LONGEST_DETAIL) {
        Some((end, _)) => format!("{}...", &why[..end]),
        None => why,
    };
    Problem::new(Slug::MalformedRequest, detail)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Order {
        name: String,
        count: Option<u8>,
    }

    fn refusal(text: &str) -> String {
        let problem = parse::<Order>(text.as_bytes()).unwrap_err();
        assert_eq!(problem.slug(), Slug::MalformedRequest);
        problem.detail().to_owned()
    }

    #[test]
    fn what_is_wrong_is_said_with_the_field_it_is_in() {
        let order = Order { name: "tea".to_owned(), count: None };
        assert_eq!(parse::<Order>(br#" {"name": "tea", "count": null} "#), Ok(order));
        assert!(refusal(r#"{"name": "tea", "size": 1}"#).contains("unknown field `size`"));
        assert!(
            refusal(r#"{"name": "tea", "count": 256}"#).starts_with("count: invalid value: integer `256`")
        );
        assert!(refusal(r#"{"count": 1}"#).contains("missing field `name`"));
        assert!(refusal(r#"{"name": "a", "name": "b"}"#).contains("duplicate field `name`"));
        for broken in ["", "[]", r#"["tea", 1]"#, r#"{"name": "tea"} {}"#, r#"{"name": "#, "\u{feff}{}"] {
            refusal(broken);
        }
    }

    #[test]
    fn a_sentence_stays_short_whatever_was_sent() {
        let long = "ü".repeat(10_000);
        assert!(refusal(&format!(r#"{{"{long}": 1}}"#)).chars().count() < LONGEST_DETAIL + 10);
        assert!(
            refusal(&format!(r#"{{"name": "tea", "count": "{long}"}}"#)).chars().count()
                < LONGEST_DETAIL + 10
        );
    }

    #[test]
    fn json_is_known_by_its_type_in_any_case_and_with_parameters() {
        let declared = |values: &[&str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(header::CONTENT_TYPE, value.parse().unwrap());
            }
            is_json(&headers)
        };
        assert!(declared(&["application/json"]) && declared(&["Application/JSON; charset=utf-8"]));
        for others in [&[][..], &["text/plain"], &["application/jsonp"], &["application/json", "text/plain"]]
        {
            assert!(!declared(others), "{others:?}");
        }
    }
}
