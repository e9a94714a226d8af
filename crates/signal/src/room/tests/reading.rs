//! What the parser takes, and the sentence for what it does not.

use plenum_model::Source;
use serde_json::json;

use super::super::{ClientMessage, DEPTH, MESSAGE, METADATA, Refused, RequestId, SIGNAL, parse};
use super::corpus;
use crate::Slug;

fn refused(text: &str) -> Refused {
    parse(text).expect_err("a refusal")
}

fn sentence(text: &str) -> String {
    refused(text).problem.detail().to_owned()
}

#[test]
fn every_message_of_the_protocol_is_read() {
    for text in corpus() {
        let request = parse(&text).unwrap_or_else(|refused| panic!("{text}: {refused:?}"));
        assert!(text.contains(&format!("\"type\":\"{}\"", request.message.kind())), "{text}");
    }
}

#[test]
fn the_fields_arrive_where_they_belong() {
    let text = r#"{"type":"demand","slot":"4","max_width":640,"max_height":360,"priority":3,"id":"x"}"#;
    let request = parse(text).unwrap();
    assert_eq!(request.id, Some(RequestId::Text("x".into())));
    let ClientMessage::Demand { slot, max_width, max_height, priority } = request.message else { panic!() };
    assert_eq!((slot.as_str(), max_width, max_height, priority), ("4", 640, 360, 3));

    let ClientMessage::Offer { tracks, sdp } = parse(&corpus()[0]).unwrap().message else { panic!() };
    assert!(sdp.starts_with("v=0"));
    assert_eq!((tracks["0"].source, tracks["0"].muted), (Source::Microphone, true));
    assert_eq!((tracks["1"].source, tracks["1"].muted), (Source::Camera, false));
}

#[test]
fn a_signal_is_carried_byte_for_byte() {
    let payload = r#"{ "b": 1.50, "a": [1e3, 18446744073709551616, "\u00e9\ud83d\ude00"] }"#;
    let text = format!(r#"{{"type":"signal","to":"grace","payload":{payload}}}"#);
    let ClientMessage::Signal { payload: read, .. } = parse(&text).unwrap().message else { panic!() };
    assert_eq!(read.get(), payload);
}

#[test]
fn a_signal_that_its_receiver_could_not_parse_is_refused() {
    for payload in [r#""\ud800""#, r#"{"x":["\udc00\ud800"]}"#, "1e999", "[-1e400]"] {
        let why = sentence(&format!(r#"{{"type":"signal","to":"grace","payload":{payload}}}"#));
        assert_eq!(why, "\"payload\" has a lone surrogate or a number beyond a double in it", "{payload}");
    }
}

#[test]
fn unknown_fields_are_ignored_and_null_is_absent() {
    let text = r#"{"type":"join","future":{"x":[1]},"name":null,"token":null,"protocol":1}"#;
    let ClientMessage::Join(join) = parse(text).unwrap().message else { panic!() };
    assert_eq!((join.name, join.token), (None, None));
}

#[test]
fn an_unknown_type_is_refused_by_name() {
    let refused = refused(r#"{"type":"dance","id":9}"#);
    assert_eq!(refused.problem.slug(), Slug::UnknownMessage);
    assert_eq!(refused.problem.detail(), "there is no message of type \"dance\"");
    assert_eq!(refused.id, Some(RequestId::Number(9)));
}

#[test]
fn a_refusal_names_the_field() {
    for (text, why) in [
        ("", "the message is not a JSON object"),
        ("hello", "the message is not a JSON object"),
        ("[]", "the message is not a JSON object"),
        ("\"leave\"", "the message is not a JSON object"),
        ("{}", "\"type\" is missing"),
        (r#"{"type":7}"#, "\"type\" is to be a string, not 7"),
        (
            r#"{"type":"leave","id":1.5}"#,
            "\"id\" is to be a whole number or a string of up to 64 characters, not 1.5",
        ),
        (
            r#"{"type":"leave","id":{}}"#,
            "\"id\" is to be a whole number or a string of up to 64 characters, not {}",
        ),
        (r#"{"type":"join","protocol":2}"#, "\"protocol\" is 2; this server speaks 1"),
        (r#"{"type":"join","name":7}"#, "\"name\" is to be a string, not 7"),
        (
            r#"{"type":"join","name":"a\u0000b"}"#,
            "\"name\" is not valid: a display name has no control characters",
        ),
        (
            r#"{"type":"join","identity":"../x"}"#,
            "\"identity\" is not valid: a name consists of letters, digits, '_', '.' and '-'",
        ),
        (r#"{"type":"offer"}"#, "\"sdp\" is missing"),
        (r#"{"type":"offer","sdp":"v=0","tracks":[]}"#, "\"tracks\" is not a JSON object"),
        (r#"{"type":"offer","sdp":"v=0","tracks":{"0":1}}"#, "\"tracks\" of line \"0\" is not a JSON object"),
        (r#"{"type":"offer","sdp":"v=0","tracks":{"0":{}}}"#, "\"source\" is missing"),
        (
            r#"{"type":"offer","sdp":"v=0","tracks":{"0":{"source":"phone"}}}"#,
            "\"source\" of line \"0\" is to be camera, microphone, screen or screen_audio, not \"phone\"",
        ),
        (
            r#"{"type":"offer","sdp":"v=0","tracks":{"a mid":{"source":"camera"}}}"#,
            "\"a mid\" is not a mid: those have 1 to 16 token characters",
        ),
        (r#"{"type":"pin","slot":"","track":null}"#, "\"slot\" is empty"),
        (r#"{"type":"pin","slot":4}"#, "\"slot\" is to be a string, not 4"),
        (r#"{"type":"mute","track":"TR_1"}"#, "\"muted\" is missing"),
        (r#"{"type":"mute","track":"TR_1","muted":"no"}"#, "\"muted\" is to be true or false, not \"no\""),
        (
            r#"{"type":"demand","slot":"4","max_width":-1,"max_height":1}"#,
            "\"max_width\" is to be a whole number from 0 to 65535, not -1",
        ),
        (
            r#"{"type":"demand","slot":"4","max_width":1,"max_height":1,"priority":256}"#,
            "\"priority\" is to be a whole number from 0 to 255, not 256",
        ),
        (r#"{"type":"signal","to":"grace"}"#, "\"payload\" is missing"),
        (r#"{"type":"signal","payload":1}"#, "\"to\" is missing"),
        (r#"{"type":"kick"}"#, "\"participant\" is missing"),
    ] {
        assert_eq!(sentence(text), why, "{text}");
    }
    assert!(sentence(r#"{"type":"#).starts_with("the message is not a JSON object: EOF"));
}

#[test]
fn a_refusal_keeps_the_id_of_the_request() {
    let refused = refused(r#"{"id":"seven","type":"mute"}"#);
    assert_eq!(refused.id, Some(RequestId::Text("seven".into())));
}

#[test]
fn sizes_are_bounded_field_by_field() {
    let message = |field: &str, text: String| {
        let mut message = json!({ "type": "join", "protocol": 1 });
        message[field] = text.into();
        message.to_string()
    };
    assert!(parse(&message("metadata", "x".repeat(METADATA))).is_ok());
    assert_eq!(
        sentence(&message("metadata", "x".repeat(METADATA + 1))),
        "\"metadata\" has 16385 bytes, at most 16384 are taken"
    );
    assert!(sentence(&message("token", "x".repeat(17 * 1024))).contains("\"token\""));

    let signal =
        |bytes: usize| format!(r#"{{"type":"signal","to":"grace","payload":"{}"}}"#, "x".repeat(bytes - 2));
    assert!(parse(&signal(SIGNAL)).is_ok());
    assert!(sentence(&signal(SIGNAL + 1)).starts_with("\"payload\" has 65537 bytes"));

    let tracks: serde_json::Map<_, _> =
        (0..17).map(|mid| (mid.to_string(), json!({ "source": "camera" }))).collect();
    let offer = json!({ "type": "offer", "sdp": "v=0", "tracks": tracks }).to_string();
    assert_eq!(sentence(&offer), "\"tracks\" has 17 entries, at most 16 are taken");
}

#[test]
fn a_message_beyond_384_kib_is_not_looked_at() {
    let of = |bytes: usize| format!(r#"{{"type":"leave","x":"{}"}}"#, "x".repeat(bytes - 23));
    assert_eq!(of(MESSAGE).len(), MESSAGE);
    assert!(parse(&of(MESSAGE)).is_ok());
    assert_eq!(refused(&of(MESSAGE + 1)).problem.slug(), Slug::BodyTooLarge);
}

#[test]
fn depth_is_bounded_wherever_it_is() {
    let nested = |levels: usize| {
        format!(r#"{{"type":"signal","to":"grace","payload":{}{}}}"#, "[".repeat(levels), "]".repeat(levels))
    };
    assert!(parse(&nested(DEPTH - 1)).is_ok());
    assert_eq!(sentence(&nested(DEPTH)), "the message is nested more than 32 levels deep");
    assert_eq!(sentence(&"[".repeat(MESSAGE)), "the message is nested more than 32 levels deep");
    // Brackets in strings are no levels, whatever is escaped in them.
    let text = format!(r#"{{"type":"leave","x":"\\\"{}"}}"#, "[".repeat(1_000));
    assert!(parse(&text).is_ok(), "{text}");
}
