//! PROTOCOL.md shows every message, with exactly the fields that it has.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json, value::RawValue};

use super::super::*;
use super::corpus;
use crate::{Problem, Slug};

const TEXT: &str = include_str!("../../../PROTOCOL.md");

/// The examples of one chapter, one message per line.
fn examples(from: &str, to: &str) -> Vec<&'static str> {
    let chapter = &TEXT[TEXT.find(from).unwrap()..TEXT.find(to).unwrap()];
    chapter.lines().filter(|line| line.starts_with("{\"type\"")).collect()
}

fn kinds<'a>(messages: impl Iterator<Item = &'a str>) -> Vec<String> {
    let kind = |text| serde_json::from_str::<Value>(text).unwrap()["type"].as_str().unwrap().to_owned();
    let mut kinds: Vec<_> = messages.map(kind).collect();
    kinds.sort();
    kinds.dedup();
    kinds
}

#[test]
fn every_example_of_a_request_is_read_and_none_is_missing() {
    let examples = examples("## What the client says", "## What the server says");
    for example in &examples {
        parse(example).unwrap_or_else(|refused| panic!("{example}: {refused:?}"));
    }
    let corpus = corpus();
    assert_eq!(kinds(examples.into_iter()), kinds(corpus.iter().map(String::as_str)));
}

#[test]
fn every_message_of_the_server_is_shown_with_all_its_fields() {
    let shown = fields_by_kind(examples("## What the server says", "## The media session").into_iter());
    let samples: Vec<_> = samples().iter().map(ServerMessage::to_text).collect();
    assert_eq!(shown, fields_by_kind(samples.iter().map(|text| &**text)));
}

/// The fields of objects within each other, as paths.
fn fields_by_kind<'a>(messages: impl Iterator<Item = &'a str>) -> BTreeMap<String, Vec<String>> {
    messages
        .map(|text| {
            let message: Map<String, Value> = serde_json::from_str(text).unwrap();
            let kind = message["type"].as_str().unwrap().to_owned();
            let mut paths = Vec::new();
            collect_paths("", &message, &mut paths);
            (kind, paths)
        })
        .collect()
}

fn collect_paths(within: &str, object: &Map<String, Value>, paths: &mut Vec<String>) {
    for (name, value) in object {
        paths.push(format!("{within}{name}"));
        // What is keyed by names of lines, or is the application's, has no fixed fields.
        let free = ["slots", "rids", "payload", "tracks", "ice_servers"].contains(&name.as_str());
        let of_array = value.as_array().and_then(|entries| entries.first()).and_then(Value::as_object);
        if let (false, Some(inner)) = (free, value.as_object().or(of_array)) {
            collect_paths(&format!("{within}{name}."), inner, paths);
        }
    }
}

fn participant() -> Participant {
    let permissions = Permissions {
        can_publish: true,
        can_subscribe: true,
        can_publish_data: true,
        admin: true,
        hidden: false,
    };
    Participant {
        id: "PA_1".into(),
        identity: "ada".into(),
        name: "Ada".into(),
        kind: Kind::Whip,
        metadata: String::new(),
        permissions,
        joined_at: String::new(),
    }
}

/// One of each.
fn samples() -> Vec<ServerMessage> {
    let id = || Some(RequestId::Number(1));
    let text = || "x".to_owned();
    let track = || Track { id: text(), participant: text(), kind: "audio", source: "camera", muted: true };
    let room = || Room { name: text(), locked: true, lobby: true, metadata: text() };
    let payload = || RawValue::from_string("1".into()).unwrap();
    let chat = ChatEntry { from: text(), name: text(), payload: payload(), at: text() };
    let welcome = Welcome {
        id: id(),
        protocol: PROTOCOL,
        resumed: false,
        participant: participant(),
        room: room(),
        participants: Vec::new(),
        tracks: Vec::new(),
        ice_servers: json!([]),
        resume: text(),
        chat: vec![chat],
        slots: BTreeMap::new(),
    };
    vec![
        ServerMessage::Welcome(Box::new(welcome)),
        ServerMessage::Ok { id: RequestId::Number(1) },
        ServerMessage::Answer { id: id(), sdp: text(), tracks: BTreeMap::new() },
        ServerMessage::ParticipantJoined { participant: participant() },
        ServerMessage::ParticipantUpdated { participant: participant() },
        ServerMessage::ParticipantLeft { participant: text(), reason: LeftReason::Left },
        ServerMessage::TrackPublished { track: track() },
        ServerMessage::TrackUpdated { track: track() },
        ServerMessage::TrackUnpublished { track: text() },
        ServerMessage::Slots { slots: BTreeMap::new() },
        ServerMessage::Speakers { speakers: Vec::new() },
        ServerMessage::Layers { track: text(), rids: BTreeMap::new() },
        ServerMessage::Quality { participant: text(), quality: Quality::Good },
        ServerMessage::Lobby { waiting: vec![Waiting { identity: text(), name: text() }] },
        ServerMessage::UnmuteRequested { from: Some(text()), track: Some(text()) },
        ServerMessage::Signal { from: text(), payload: payload() },
        ServerMessage::RoomUpdated { room: room() },
        ServerMessage::DataDropped { topic: text(), to: text(), messages: 1 },
        ServerMessage::error(id(), &Problem::new(Slug::NoMedia, "x")),
        ServerMessage::Reconnect { url: text(), after_ms: 1 },
        ServerMessage::Closed { reason: ClosedReason::Left },
    ]
}
