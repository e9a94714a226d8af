//! Real threads with a real engine, over loopback.

use std::net::UdpSocket;
use std::sync::mpsc::{Sender as Signal, channel};

use plenum_engine::Reply;
use plenum_model::{CloseReason, Place};
use tokio::sync::mpsc::unbounded_channel;
use tokio::sync::oneshot;

use super::*;
use crate::mesh;
use crate::testing::{PATIENCE, delivered, eventually, patiently};
use crate::{CallError, ShardConfig, ShardHandle, SocketBuffers, bind_media, spawn};

fn shard() -> ShardHandle {
    let socket = bind_media("127.0.0.1:0".parse().unwrap(), SocketBuffers::default()).unwrap();
    let candidates = vec![socket.local_addr()];
    // Nobody listens to events here: a shard must not mind.
    let (events, _) = unbounded_channel();
    let endpoint = mesh(4).unwrap().pop().unwrap();
    spawn(ShardConfig { shard: 3, seed: 1, candidates, socket, pin_to: None, endpoint }, events).unwrap()
}

fn close_nobody() -> Command {
    let place = Place { shard: 3, slot: 0, epoch: 0 };
    Command::Close { place, reason: CloseReason::Deleted }
}

/// Keeps the thread busy until the signal is given or dropped. Returns when it is.
fn stall(shard: &ShardHandle) -> Signal<()> {
    let (entered, is_stalled) = channel();
    let (signal, go_on) = channel();
    let work = move || {
        entered.send(()).unwrap();
        let _ = go_on.recv();
    };
    shard.ask(Request::Run(Box::new(work))).unwrap();
    is_stalled.recv().unwrap();
    signal
}

/// Puts a command into the queue without waiting for its reply.
fn enqueue(shard: &ShardHandle) -> Result<oneshot::Receiver<Reply>, CallError> {
    let (reply, answer) = oneshot::channel();
    shard.ask(Request::Command { command: close_nobody(), reply })?;
    Ok(answer)
}

fn assert_books_balance(snapshot: &ShardSnapshot) {
    let engine = &snapshot.engine;
    let handled = engine.handled_stun + engine.handled_dtls + engine.handled_rtp + engine.handled_rtcp;
    assert_eq!(engine.received, handled + engine.dropped.iter().sum::<u64>(), "{engine:?}");
    assert_eq!(snapshot.net.datagrams_received, engine.received + snapshot.net.receive_truncated);
}

#[tokio::test]
async fn datagrams_of_strangers_are_counted_and_dropped() {
    let shard = shard();
    let stranger = UdpSocket::bind("127.0.0.1:0").unwrap();
    let first_bytes = (0..=255_u8).cycle().take(limits::PACKETS_PER_FLUSH * 2 + 7);
    let sent = first_bytes.clone().count() as u64;
    for (i, first) in first_bytes.enumerate() {
        let contents = [first; 40];
        stranger.send_to(&contents[..i % 41], shard.local_addr()).unwrap();
    }
    delivered();
    let mut snapshot = patiently(shard.fresh_snapshot()).await.unwrap();
    let began = Instant::now();
    while snapshot.net.datagrams_received < sent {
        assert!(began.elapsed() < PATIENCE, "{snapshot:?}");
        assert_books_balance(&snapshot);
        snapshot = patiently(shard.fresh_snapshot()).await.unwrap();
    }
    assert_books_balance(&snapshot);
    assert_eq!(snapshot.engine.dropped.iter().sum::<u64>(), sent);
    assert_eq!((snapshot.net.segments, snapshot.net.receive_overflow), (0, 0));
}

#[tokio::test]
async fn a_command_gets_its_reply() {
    assert_eq!(patiently(shard().call(close_nobody())).await, Ok(Reply::NotFound));
}

#[tokio::test]
async fn more_commands_than_one_round_takes_all_get_their_replies() {
    let shard = shard();
    let stalled = stall(&shard);
    let answers: Vec<_> = (0..limits::COMMANDS_PER_FLUSH * 5 + 1).map(|_| enqueue(&shard).unwrap()).collect();
    drop(stalled);
    for answer in answers {
        assert_eq!(patiently(answer).await, Ok(Reply::NotFound));
    }
}

#[tokio::test]
async fn a_full_command_queue_is_busy_and_forgets_nothing() {
    let shard = shard();
    let stalled = stall(&shard);
    let answers: Vec<_> = (0..limits::COMMANDS_PER_SHARD).map(|_| enqueue(&shard).unwrap()).collect();
    assert_eq!(patiently(shard.call(close_nobody())).await, Err(CallError::Busy));
    assert_eq!(patiently(shard.fresh_snapshot()).await.unwrap_err(), CallError::Busy);
    drop(stalled);
    for answer in answers {
        assert_eq!(patiently(answer).await, Ok(Reply::NotFound));
    }
    assert_eq!(patiently(shard.call(close_nobody())).await, Ok(Reply::NotFound));
}

#[tokio::test]
async fn stopping_ends_the_thread_and_frees_its_port() {
    let shard = shard();
    let address = shard.local_addr();
    assert!(bind_media(address, SocketBuffers::default()).is_err());
    shard.stop();
    assert!(bind_media(address, SocketBuffers::default()).is_ok());
    assert_eq!(patiently(shard.call(close_nobody())).await, Err(CallError::Gone));
    shard.stop();
}

#[tokio::test]
async fn commands_that_wait_when_the_shard_stops_are_told_that_it_is_gone() {
    let shard = shard();
    let stalled = stall(&shard);
    let answers: Vec<_> = (0..limits::COMMANDS_PER_FLUSH + 1).map(|_| enqueue(&shard).unwrap()).collect();
    let stopping = std::thread::spawn({
        let shard = shard.clone();
        move || shard.stop()
    });
    eventually("the order to stop", || shard.is_stopping());
    drop(stalled);
    stopping.join().unwrap();
    let mut replies = Vec::new();
    for answer in answers {
        replies.push(patiently(answer).await);
    }
    assert!(replies[0].is_ok() && replies.last().unwrap().is_err(), "{replies:?}");
}

#[test]
fn the_last_handle_takes_the_thread_with_it() {
    let shard = shard();
    let address = shard.local_addr();
    let clone = shard.clone();
    drop(shard);
    assert!(bind_media(address, SocketBuffers::default()).is_err());
    drop(clone);
    assert!(bind_media(address, SocketBuffers::default()).is_ok());
}

#[test]
fn an_idle_shard_beats_and_renews_its_snapshot() {
    let shard = shard();
    eventually("a first snapshot", || shard.snapshot().net.wall > Duration::ZERO);
    let first = shard.snapshot();
    let mut age = shard.heartbeat_age();
    eventually("a heartbeat", || std::mem::replace(&mut age, shard.heartbeat_age()) > age);
    eventually("a next snapshot", || shard.snapshot().net.wall > first.net.wall);
    assert_ne!(shard.snapshot().net.buffers.receive, 0);
}

#[test]
fn a_stalled_shard_is_seen_by_its_heartbeat_and_its_snapshot_can_still_be_read() {
    let shard = shard();
    let stalled = stall(&shard);
    eventually("an old heartbeat", || shard.heartbeat_age() > LONGEST_WAIT * 2);
    let _ = shard.snapshot();
    drop(stalled);
    eventually("a fresh heartbeat", || shard.heartbeat_age() < LONGEST_WAIT);
}

#[tokio::test]
async fn an_escaped_panic_is_counted_and_the_shard_goes_on() {
    let shard = shard();
    shard.ask(Request::Run(Box::new(|| panic!("on purpose")))).unwrap();
    assert_eq!(patiently(shard.call(close_nobody())).await, Ok(Reply::NotFound));
    assert_eq!(patiently(shard.fresh_snapshot()).await.unwrap().net.panics, 1);
}

#[tokio::test]
async fn a_shard_that_panics_over_and_over_ends_visibly() {
    let shard = shard();
    for _ in 0..limits::ESCAPED_PANICS {
        shard.ask(Request::Run(Box::new(|| panic!("on purpose")))).unwrap();
    }
    eventually("the end", || enqueue(&shard).is_err_and(|error| error == CallError::Gone));
    let age = shard.heartbeat_age();
    eventually("a heart that beats no more", || shard.heartbeat_age() > age + LONGEST_WAIT * 2);
}

#[test]
fn panics_far_between_do_not_add_up() {
    let start = Instant::now();
    let mut escaped = EscapedPanics::new(start);
    for n in 0..limits::ESCAPED_PANICS * 3 {
        assert!(escaped.may_go_on(start + limits::ESCAPED_PANICS_WINDOW * n));
    }
}

#[test]
fn places_are_reserved_and_returned() {
    let shard = shard();
    let place = shard.reserve().unwrap();
    assert_eq!((place.shard, shard.taken()), (3, 1));
    shard.release(place);
    shard.release(place);
    assert_eq!(shard.taken(), 0);
}
