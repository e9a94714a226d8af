//! What the server writes, and what native clients do.

use serde_json::{Value, json};

use super::super::{ClosedReason, RequestId, ServerMessage, parse};
use super::corpus;
use crate::{Problem, Slug};

fn json_of(message: &ServerMessage) -> Value {
    serde_json::from_str(&message.to_text()).unwrap()
}

#[test]
fn what_a_native_client_writes_is_read_as_it_was_meant() {
    for text in corpus() {
        let request = parse(&text).unwrap();
        let written = request.to_text();
        assert!(written.starts_with("{\"type\":"), "{written}");
        let again = parse(&written).unwrap_or_else(|refused| panic!("{written}: {refused:?}"));
        assert_eq!(format!("{again:?}"), format!("{request:?}"));
    }
}

#[test]
fn type_comes_first() {
    let closed = ServerMessage::Closed { reason: ClosedReason::RoomClosed };
    assert_eq!(&*closed.to_text(), r#"{"type":"closed","reason":"room_closed"}"#);
    let problem = Problem::new(Slug::RoomFull, "12 are here");
    let error = ServerMessage::error(Some(RequestId::Number(7)), &problem);
    assert!(error.to_text().starts_with(r#"{"type":"error","id":7,"#), "{}", error.to_text());
}

#[test]
fn an_error_is_the_problem_of_the_http_routes() {
    let problem = Problem::no_common_codec(&["H265".into()], &[]).with_retry_after(3);
    let expected = json!({
        "type": "error",
        "problem": "urn:plenum:problem:no-common-codec",
        "status": 422,
        "title": "There is no codec in common",
        "detail": "offered: H265; published: nothing",
        "retry_after": 3,
        "offered": ["H265"],
        "published": [],
    });
    assert_eq!(json_of(&ServerMessage::error(None, &problem)), expected);
}
