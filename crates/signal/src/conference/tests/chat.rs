//! The chat's memory.

use serde_json::{Value, json};

use super::super::*;
use super::stage::{Stage, grant, hidden};
use crate::Grant;

fn history(stage: &mut Stage) -> Vec<Value> {
    let late = stage.join(grant("late"));
    let welcome = stage.heard(late).remove(0);
    welcome["chat"].as_array().unwrap().clone()
}

#[test]
fn who_comes_later_reads_what_was_said_and_who_said_it_when() {
    let mut stage = Stage::new(Settings::default());
    let ada = stage.join(grant("ada"));
    let place = stage.connect(ada, 0);
    stage.wait(5);
    stage.conference.media_chat(stage.now, place, "{\"text\": \"hello\"}");
    stage.say(ada, json!({ "type": "leave" }));
    let entry = json!({
        "from": "ada", "name": "ada", "payload": { "text": "hello" }, "at": "2023-11-14T22:13:25.000Z",
    });
    assert_eq!(history(&mut stage), [entry]);
}

#[test]
fn the_chat_keeps_200_messages_and_256_kib() {
    let mut stage = Stage::new(Settings::default());
    let ada = stage.join(grant("ada"));
    let place = stage.connect(ada, 0);
    for number in 0..250 {
        stage.conference.media_chat(stage.now, place, &number.to_string());
    }
    let kept = history(&mut stage);
    assert_eq!((kept.len(), &kept[0]["payload"]), (200, &json!(50)));
    let large = format!("\"{}\"", "x".repeat(60 * 1024));
    for _ in 0..6 {
        stage.conference.media_chat(stage.now, place, &large);
    }
    assert_eq!(history(&mut stage).len(), 4);
}

#[test]
fn only_those_who_may_write_are_remembered() {
    let mut stage = Stage::new(Settings::default());
    let mute = stage.join(Grant { can_publish_data: false, ..grant("mute") });
    let spy = stage.join(Grant { can_publish: false, ..hidden("spy") });
    let place = stage.connect(mute, 0);
    stage.conference.media_chat(stage.now, place, "1");
    let mut watching = super::stage::offer();
    watching.lines.retain(|line| !line.direction.sends() || line.kind.is_none());
    let ticket = stage.offer(spy, &watching, &Default::default()).unwrap();
    let place = stage.admit(ticket, 20);
    stage.conference.media_chat(stage.now, place, "2");
    stage.conference.media_chat(stage.now, place, "not JSON");
    assert_eq!(history(&mut stage), Vec::<Value>::new());
}

#[test]
fn what_some_parsers_refuse_does_not_spoil_the_welcome_of_those_who_come_later() {
    let mut stage = Stage::new(Settings::default());
    let ada = stage.join(grant("ada"));
    let place = stage.connect(ada, 0);
    let deep = format!("{}{}", "[".repeat(33), "]".repeat(33));
    for payload in ["1", r#""\ud800""#, "1e999", &deep, "2"] {
        stage.conference.media_chat(stage.now, place, payload);
    }
    let kept: Vec<_> = history(&mut stage).iter().map(|entry| entry["payload"].clone()).collect();
    assert_eq!(kept, [1, 2]);
}
