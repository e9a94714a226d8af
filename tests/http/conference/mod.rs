//! The room protocol over its WebSocket, as far as it is signalling: who gets in, who is told what, how one comes back
//! and how one is shown out.

mod entry;
mod limits;
mod moderation;
mod offering;
mod publishers;
mod resume;

use std::time::Duration;

use plenum_tests::Plenum;
use plenum_tests::room::{Heard, Socket};
use serde_json::{Value, json};

/// For what a server does at once.
const SOON: Duration = Duration::from_secs(5);
/// To be sure that nothing comes.
const QUIET: Duration = Duration::from_millis(300);

/// A member of `room` called `identity`.
#[track_caller]
fn join(server: &Plenum, room: &str, identity: &str) -> Socket {
    join_with_welcome(server, room, identity).0
}

/// The same, and its `welcome`.
#[track_caller]
fn join_with_welcome(server: &Plenum, room: &str, identity: &str) -> (Socket, Value) {
    let mut socket = Socket::connect(server, room);
    let welcome = socket.join(identity);
    (socket, welcome)
}

/// Tries to join, and returns the reply.
#[track_caller]
fn try_join(server: &Plenum, room: &str, identity: &str) -> (Socket, Value) {
    let mut socket = Socket::connect(server, room);
    let reply = socket.request(json!({"type": "join", "protocol": 1, "identity": identity}));
    (socket, reply)
}

/// Panics unless this is an `error` of this kind.
#[track_caller]
fn assert_error(reply: &Value, slug: &str, status: u16) {
    assert_eq!(reply["type"], "error", "{reply}");
    assert_eq!(reply["problem"], format!("urn:plenum:problem:{slug}"), "{reply}");
    assert_eq!(reply["status"], status, "{reply}");
    assert!(reply["title"].is_string() && reply["detail"].is_string(), "{reply}");
}

/// Panics unless the server closes the socket after `closed` with this reason.
#[track_caller]
fn assert_closed(socket: &mut Socket, reason: &str) {
    let (messages, code) = socket.wait_until_closed(SOON);
    let last = messages.last().unwrap_or_else(|| panic!("nothing was said before the close ({code:?})"));
    assert_eq!((&last["type"], &last["reason"]), (&json!("closed"), &json!(reason)), "{last}");
    assert!(code.is_some(), "closed without a close frame");
}

/// Panics if the server says anything.
#[track_caller]
fn assert_quiet(socket: &mut Socket) {
    let heard = socket.next(QUIET);
    assert_eq!(heard, Heard::Nothing);
}

/// Who is in the room, from the view of this `welcome`, itself included.
fn identities(welcome: &Value) -> Vec<String> {
    let others = welcome["participants"].as_array().expect("a list");
    let mut identities: Vec<String> = others
        .iter()
        .chain([&welcome["participant"]])
        .map(|participant| participant["identity"].as_str().expect("a text").to_owned())
        .collect();
    identities.sort();
    identities
}
