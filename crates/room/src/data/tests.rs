//! What messages look like, and whom they reach.

use plenum_model::RoomName;

use super::*;

fn alice() -> Identity {
    Identity::parse("alice").unwrap()
}

fn named(names: &[&str]) -> Addressees {
    Addressees::Named(names.iter().map(|name| name.to_string()).collect())
}

fn binary(header: &str, payload: &[u8]) -> Vec<u8> {
    [&(header.len() as u16).to_be_bytes(), header.as_bytes(), payload].concat()
}

#[test]
fn a_topic_is_a_label_of_harmless_characters_and_lossy_if_it_says_so() {
    for (label, is_lossy, is_chat) in [
        ("chat", false, true),
        ("lossy:cursor", true, false),
        ("lossy:chat", true, false),
        ("A-z_0.9", false, false),
    ] {
        let topic = Topic::parse(label).unwrap();
        assert_eq!((topic.as_str(), topic.is_lossy(), topic.is_chat()), (label, is_lossy, is_chat));
    }
    assert!(
        Topic::parse(&"x".repeat(64)).is_some()
            && Topic::parse(&format!("lossy:{}", "x".repeat(64))).is_some()
    );
    for label in ["", "lossy:", "a b", "lossy:lossy:a", "ä", "a\n", &"x".repeat(65)] {
        assert_eq!(Topic::parse(label), None, "{label:?}");
    }
}

#[test]
fn a_text_message_goes_on_with_its_payload_untouched_and_its_sender_named() {
    let payload = r#"{"b":1.0,"a":[ "\u00e4", 1e300 ]}"#;
    let text = format!(r#" {{"to":"bob", "from":"mallory", "payload":{payload} }} "#);
    let envelope = Envelope::open_text(&text).unwrap();
    assert_eq!(envelope, Envelope { to: named(&["bob"]), payload: Payload::Json(payload) });
    let message = envelope.sealed(&alice());
    let expected = format!(r#"{{"from":"alice","payload":{payload}}}"#);
    assert_eq!((message.is_binary, &*message.bytes), (false, expected.as_bytes()));
}

#[test]
fn a_binary_message_goes_on_with_its_bytes_untouched_and_its_sender_named() {
    let bytes = binary(r#"{"to":["bob","carol"]}"#, &[0, 255, 7]);
    let envelope = Envelope::open_binary(&bytes).unwrap();
    assert_eq!(envelope, Envelope { to: named(&["bob", "carol"]), payload: Payload::Bytes(&[0, 255, 7]) });
    let message = envelope.sealed(&alice());
    assert_eq!(
        (message.is_binary, message.bytes.to_vec()),
        (true, binary(r#"{"from":"alice"}"#, &[0, 255, 7]))
    );
}

#[test]
fn a_message_that_names_nobody_is_for_everyone_and_one_with_an_empty_list_for_no_one() {
    for (text, to) in [
        (r#"{"payload":null}"#, Addressees::Everyone),
        (r#"{"to":null,"payload":1}"#, Addressees::Everyone),
        (r#"{"to":[],"payload":1}"#, named(&[])),
    ] {
        assert_eq!(Envelope::open_text(text).unwrap().to, to, "{text}");
    }
    assert_eq!(Envelope::open_binary(&binary("{}", &[])).unwrap().to, Addressees::Everyone);
}

#[test]
fn what_is_not_an_envelope_is_refused() {
    for text in ["", "1", "null", "[]", r#"["bob",1]"#, "{}", r#"{"to":"bob"}"#, r#"{"to":7,"payload":1}"#] {
        assert_eq!(Envelope::open_text(text), Err(EnvelopeError::Malformed), "{text}");
    }
    for text in
        [r#"{"to":[1],"payload":1}"#, r#"{"payload":1}x"#, r#"{"payload":{}"#, r#"{"payload":1,"payload":2}"#]
    {
        assert_eq!(Envelope::open_text(text), Err(EnvelopeError::Malformed), "{text}");
    }
    assert_eq!(Envelope::open_binary(&binary("[]", &[])), Err(EnvelopeError::Malformed));
    assert_eq!(Envelope::open_binary(&binary("{\"to\":\"\u{fffd}\"", &[])), Err(EnvelopeError::Malformed));
    let whole = binary("{}", &[]);
    for len in 0..whole.len() {
        assert_eq!(Envelope::open_binary(&whole[..len]), Err(EnvelopeError::Truncated), "{len} bytes");
    }
}

#[test]
fn a_payload_that_parsers_refuse_goes_nowhere() {
    let open = |payload: &str| Envelope::open_text(&format!(r#"{{"payload":{payload}}}"#)).map(drop);
    let nested = |levels: usize| ["[".repeat(levels), "]".repeat(levels)].concat();
    for fine in ["1.5e308", "-1e-999", r#""\ud83d\ude00""#, r#"{"a":[true,null,-7,18446744073709551616]}"#] {
        assert_eq!(open(fine), Ok(()), "{fine}");
    }
    assert_eq!(open(&nested(limits::JSON_NESTING)), Ok(()));
    let (one_too_deep, abyss) = (nested(limits::JSON_NESTING + 1), nested(30_000));
    let huge = "9".repeat(400);
    for refused in [
        "1e999",
        "[-1e999]",
        &huge,
        r#""\ud800""#,
        r#""\udc00""#,
        r#""\ud800\u0041""#,
        r#"{"a":["\ud800"]}"#,
        r#"{"\ud800":1}"#,
        &one_too_deep,
        &abyss,
    ] {
        assert_eq!(open(refused), Err(EnvelopeError::Unreadable), "{refused}");
    }
}

#[test]
fn the_number_of_names_is_limited() {
    let many = |names: usize| format!(r#"{{"to":[{}],"payload":1}}"#, vec![r#""x""#; names].join(","));
    assert!(Envelope::open_text(&many(limits::DATA_ADDRESSEES)).is_ok());
    let too_many = many(limits::DATA_ADDRESSEES + 1);
    assert_eq!(Envelope::open_text(&too_many), Err(EnvelopeError::TooManyNames));
}

#[test]
fn everyone_is_all_but_the_sender_and_named_are_those_who_are_here() {
    let mut room = Room::new(RoomName::parse("test").unwrap());
    for (seat, name) in [(3, "alice"), (5, "bob"), (8, "carol")] {
        room.publish(seat, Identity::parse(name).unwrap(), &[]);
    }
    room.watch(9, crate::Target::Main, Vec::new());
    assert_eq!(room.recipients(5, &Addressees::Everyone), [3, 8], "a viewer without a name is not spoken to");
    assert_eq!(room.recipients(5, &named(&["carol", "dave", "carol"])), [8]);
    assert_eq!(room.recipients(5, &named(&["bob"])), [5], "whoever names itself hears itself");
    assert!(room.recipients(5, &named(&[])).is_empty());
    room.leave(8);
    assert_eq!(room.recipients(5, &Addressees::Everyone), [3]);
}
