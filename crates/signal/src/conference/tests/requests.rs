//! Replies, refusals, and how much may be said.

use serde_json::{Value, json};

use super::super::*;
use super::stage::{Stage, grant};
use crate::Grant;
use crate::room::parse;

#[test]
fn a_request_with_an_id_has_exactly_one_reply() {
    let mut stage = Stage::new(Settings::default());
    let (ada, eve) = (stage.join(grant("ada")), stage.join(grant("eve")));
    stage.deafen();
    stage.say(ada, json!({ "type": "signal", "to": "eve", "payload": { "x": 1 }, "id": "a" }));
    assert_eq!(stage.told(ada), json!({ "type": "ok", "id": "a" }));
    assert_eq!(stage.told(eve), json!({ "type": "signal", "from": "ada", "payload": { "x": 1 } }));
    stage.say(ada, json!({ "type": "signal", "to": "eve", "payload": null }));
    assert_eq!(stage.heard(ada), Vec::<Value>::new());
    assert_eq!(stage.told(eve)["payload"], Value::Null);
    stage.say(ada, json!({ "type": "join", "protocol": 1, "id": 2 }));
    assert_eq!(stage.told(ada)["detail"], "this socket has joined already");
}

#[test]
fn a_signal_reaches_members_who_are_there() {
    let mut stage = Stage::new(Settings::default());
    let (ada, eve) = (stage.join(grant("ada")), stage.join(grant("eve")));
    let quiet = stage.join(Grant { can_publish_data: false, ..grant("quiet") });
    stage.lose(eve);
    stage.deafen();
    for to in ["eve", "nobody"] {
        stage.say(ada, json!({ "type": "signal", "to": to, "payload": 1 }));
        assert_eq!(stage.told(ada)["problem"], "urn:plenum:problem:participant-not-found");
    }
    stage.say(quiet, json!({ "type": "signal", "to": "ada", "payload": 1 }));
    assert_eq!(stage.told(quiet)["problem"], "urn:plenum:problem:forbidden");
}

#[test]
fn fifty_messages_a_second_are_taken_and_bursts_of_a_hundred() {
    let mut stage = Stage::new(Settings::default());
    let (ada, eve) = (stage.join(grant("ada")), stage.join(grant("eve")));
    stage.deafen();
    let signal = json!({ "type": "signal", "to": "eve", "payload": 1 });
    let send = |stage: &mut Stage, count: usize| {
        for _ in 0..count {
            stage.say(ada, signal.clone());
        }
        let refused = stage.heard(ada);
        assert!(refused.iter().all(|error| error["problem"] == "urn:plenum:problem:too-many-requests"));
        (stage.heard(eve).len(), refused.len())
    };
    assert_eq!(send(&mut stage, 120), (100, 20));
    stage.wait(1);
    assert_eq!(send(&mut stage, 60), (50, 10));
    stage.wait(100);
    assert_eq!(send(&mut stage, 120), (100, 20));
}

#[test]
fn what_cannot_be_read_is_answered_and_counts() {
    let mut stage = Stage::new(Settings::default());
    let ada = stage.join(grant("ada"));
    stage.deafen();
    let refused = parse(r#"{"type":"dance","id":5}"#).unwrap_err();
    for _ in 0..101 {
        stage.conference.refuse(stage.now, ada, &refused);
    }
    stage.settle();
    let heard = stage.heard(ada);
    assert_eq!(
        (&heard[0]["problem"], &heard[0]["id"]),
        (&json!("urn:plenum:problem:unknown-message"), &json!(5))
    );
    assert_eq!(heard[100]["problem"], "urn:plenum:problem:too-many-requests");
}

#[test]
fn a_socket_that_nobody_knows_is_not_answered() {
    let mut stage = Stage::new(Settings::default());
    stage.say(SocketId(7), json!({ "type": "lock" }));
    assert_eq!(stage.heard(SocketId(7)), Vec::<Value>::new());
}

#[test]
fn nobody_is_flooded_by_one_member() {
    let mut stage = Stage::new(Settings::default());
    let (ada, eve) = (stage.join(grant("ada")), stage.join(grant("eve")));
    let token = stage.heard(ada)[0]["resume"].as_str().unwrap().to_owned();
    stage.deafen();
    let signal = json!({ "type": "signal", "to": "eve", "payload": "x".repeat(64 * 1024 - 2) });
    let send = |stage: &mut Stage, socket, count: usize| {
        for _ in 0..count {
            stage.say(socket, signal.clone());
        }
        let refused = stage.heard(socket);
        assert!(refused.iter().all(|error| error["problem"] == "urn:plenum:problem:too-many-requests"));
        assert!(refused.iter().all(|error| error["retry_after"] == 1));
        (stage.heard(eve).len(), refused.len())
    };
    assert_eq!(send(&mut stage, ada, 6), (4, 2));
    stage.wait(1);
    assert_eq!(send(&mut stage, ada, 2), (1, 1));
    // Not by what goes to everybody either, and what is not changed goes along.
    stage.conference.set_profile(&super::stage::identity("ada"), None, Some("x".repeat(10_000))).unwrap();
    stage.settle();
    stage.deafen();
    stage.say(ada, json!({ "type": "update_metadata", "name": "A" }));
    assert_eq!(stage.told(ada)["problem"], "urn:plenum:problem:too-many-requests");
    // Nor by coming back on another socket.
    stage.lose(ada);
    let again = stage.resume(&token).unwrap();
    stage.deafen();
    assert_eq!(send(&mut stage, again, 1), (0, 1));
    stage.wait(4);
    assert_eq!(send(&mut stage, again, 5), (4, 1));
}
