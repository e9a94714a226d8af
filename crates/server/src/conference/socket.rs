//! One WebSocket from its upgrade to its end: a task that reads and one that writes.
//!
//! The first message has to be a `join` and has to come soon. Requests are handled in the order in which they came;
//! an offer is negotiated before the next message is looked at. Whoever writes too fast, does not read or does not
//! answer pings is shown out.

use std::error::Error;
use std::io::{self, ErrorKind};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket};
use bytes::Bytes;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{FutureExt, SinkExt, StreamExt};
use plenum_model::RoomName;
use plenum_signal::conference::{POLICY_VIOLATION, SocketId};
use plenum_signal::room::{self, ClientMessage, ClosedReason, Join, Request, RequestId, ServerMessage};
use plenum_signal::{Grant, Problem, Slug};
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::entrance;
use super::hall::Hall;
use super::media;
use super::outbox::{Outbox, Outgoing};
use super::pace::Pace;
use crate::app::App;
use crate::metrics;

/// From the upgrade to `join`.
const JOIN_TIMEOUT: Duration = Duration::from_secs(10);
/// Between pings.
const PING_INTERVAL: Duration = Duration::from_secs(10);
/// Without a sign of life.
const DEAD_AFTER: Duration = Duration::from_secs(30);
/// The close code of a browser whose page was closed or left.
const GOING_AWAY: u16 = 1001;
/// What such a page meant to say.
const GOODBYE: &str = r#"{"type":"leave"}"#;
/// For the last messages and the close frame, and then for the peer's answer to it.
const FAREWELL: Duration = Duration::from_secs(2);

/// Who opened a WebSocket.
#[derive(Debug)]
pub struct Visitor {
    /// Where to.
    pub room: RoomName,
    /// What the token in the URL allows, if there was one, or if there are no keys.
    pub grant: Option<Grant>,
    /// Where the request came from.
    pub source: IpAddr,
}

/// Serves a WebSocket to its end.
pub async fn receive(app: Arc<App>, visitor: Visitor, socket: WebSocket) {
    let outbox = Outbox::new(app.halls.waiting().clone());
    let open = Open { app: app.clone(), socket: app.halls.socket_opened(), outbox };
    let (sink, stream) = socket.split();
    let writing = tokio::spawn(write(sink, open.outbox.clone()));
    let conversation = std::panic::AssertUnwindSafe(converse(&open, visitor, stream));
    let rest = conversation.catch_unwind().await;
    if rest.is_err() {
        metrics::count_panic("conference");
    }
    open.outbox.hang_up(POLICY_VIOLATION);
    let _ = writing.await;
    if let Ok(mut stream) = rest {
        // Closing with unread bytes would reset the connection and take the last messages with it.
        let _ = timeout(FAREWELL, async { while let Some(Ok(_)) = stream.next().await {} }).await;
    }
}

/// An open socket; counted as long as it lives.
struct Open {
    app: Arc<App>,
    socket: SocketId,
    outbox: Outbox,
}

impl Drop for Open {
    fn drop(&mut self) {
        self.app.halls.socket_closed();
    }
}

/// A socket that is in a hall, until it is dropped.
struct Presence<'a> {
    hall: Arc<Hall>,
    open: &'a Open,
    source: IpAddr,
}

impl Drop for Presence<'_> {
    fn drop(&mut self) {
        self.hall.disconnect(self.open.socket);
    }
}

/// Talks until either side ends it, and returns what there may still be to read.
async fn converse(open: &Open, visitor: Visitor, stream: SplitStream<WebSocket>) -> SplitStream<WebSocket> {
    let mut ear = Ear { stream, pace: Pace::new(Instant::now()), outbox: open.outbox.clone() };
    let source = visitor.source;
    match timeout(JOIN_TIMEOUT, enter(open, visitor, &mut ear)).await {
        Ok(Some(hall)) => {
            let presence = Presence { hall, open, source };
            while let Some(text) = ear.listen().await {
                handle(&presence, &text).await;
            }
        }
        Ok(None) => {}
        Err(_) => {
            let problem = Problem::new(Slug::RequestTimeout, "there was no join within 10 seconds");
            open.refuse(None, &problem);
            open.shut(ClosedReason::Protocol);
        }
    }
    ear.stream
}

/// Reads until somebody is in a hall. `None` if it came to nothing.
async fn enter(open: &Open, visitor: Visitor, ear: &mut Ear) -> Option<Arc<Hall>> {
    loop {
        let text = ear.listen().await?;
        match room::parse(&text) {
            Ok(Request { id, message: ClientMessage::Join(join) }) => {
                return open.join(&visitor, id, &join);
            }
            Ok(Request { id, .. }) => {
                open.refuse(id, &Problem::new(Slug::NotJoined, "the first message has to be a join"));
            }
            Err(refused) => open.refuse(refused.id, &refused.problem),
        }
    }
}

impl Open {
    /// A refused join is the end of the socket.
    fn join(&self, visitor: &Visitor, id: Option<RequestId>, join: &Join) -> Option<Arc<Hall>> {
        match entrance::enter(&self.app, self.socket, &self.outbox, visitor, id.clone(), join) {
            Ok(hall) => Some(hall),
            Err(problem) => {
                self.refuse(id, &problem);
                self.outbox.hang_up(POLICY_VIOLATION);
                None
            }
        }
    }

    fn refuse(&self, id: Option<RequestId>, problem: &Problem) {
        refuse(&self.outbox, id, problem);
    }

    fn shut(&self, reason: ClosedReason) {
        // Full: then it is cut off anyway.
        let _ = self.outbox.push(ServerMessage::Closed { reason }.to_text());
        self.outbox.hang_up(POLICY_VIOLATION);
    }
}

/// Tells a refusal. Whoever is refused again and again without reading is cut off.
fn refuse(outbox: &Outbox, id: Option<RequestId>, problem: &Problem) {
    metrics::count_refused_message();
    if outbox.push(ServerMessage::error(id, problem).to_text()).is_err() {
        metrics::count_slow_socket();
        let last = ServerMessage::Closed { reason: ClosedReason::TooSlow }.to_text();
        outbox.cut_off(last, POLICY_VIOLATION);
    }
}

async fn handle(presence: &Presence<'_>, text: &str) {
    let Presence { hall, open, source } = presence;
    match room::parse(text) {
        Ok(Request { id, message: ClientMessage::Offer { sdp, tracks } }) => {
            let offer = media::Offer { socket: open.socket, source: *source, id, sdp, tracks };
            media::offer(&open.app, hall, offer).await;
        }
        Ok(request) => {
            hall.room_for_more().await;
            hall.with_source(*source, |conference, now| conference.handle(now, open.socket, request));
        }
        Err(refused) => hall.with(|conference, now| conference.refuse(now, open.socket, &refused)),
    }
}

/// The reading half.
struct Ear {
    stream: SplitStream<WebSocket>,
    pace: Pace,
    outbox: Outbox,
}

impl Ear {
    /// The next text. `None` when there will be no more, or none that is worth waiting for.
    async fn listen(&mut self) -> Option<Utf8Bytes> {
        loop {
            let calmly = async {
                self.outbox.calm().await;
                timeout(DEAD_AFTER, self.stream.next()).await
            };
            let frame = tokio::select! {
                () = self.outbox.hung_up() => return None,
                frame = calmly => frame.ok()??.ok()?,
            };
            if !self.pace.allows(Instant::now(), length(&frame)) {
                self.hang_up_on_the_hasty();
                return None;
            }
            match frame {
                Message::Text(text) => return Some(text),
                Message::Binary(_) => {
                    let problem = Problem::new(Slug::MalformedRequest, "messages are text, not binary");
                    refuse(&self.outbox, None, &problem);
                }
                // Pings are answered below us.
                Message::Ping(_) | Message::Pong(_) => {}
                // The page is gone (RFC 6455, section 7.4.1). Firefox says so before the page can say goodbye itself.
                Message::Close(Some(CloseFrame { code: GOING_AWAY, .. })) => {
                    return Some(Utf8Bytes::from_static(GOODBYE));
                }
                Message::Close(_) => return None,
            }
        }
    }

    fn hang_up_on_the_hasty(&self) {
        let detail = "too many messages; at most 200 a second are read";
        refuse(&self.outbox, None, &Problem::new(Slug::TooManyRequests, detail));
        let _ = self.outbox.push(ServerMessage::Closed { reason: ClosedReason::Protocol }.to_text());
        self.outbox.hang_up(POLICY_VIOLATION);
    }
}

fn length(frame: &Message) -> usize {
    match frame {
        Message::Text(text) => text.len(),
        Message::Binary(bytes) | Message::Ping(bytes) | Message::Pong(bytes) => bytes.len(),
        Message::Close(_) => 0,
    }
}

/// Writes what is in the outbox, and pings. Once somebody hangs up, what is left has to go out soon.
async fn write(mut sink: SplitSink<WebSocket, Message>, outbox: Outbox) {
    let patience = async {
        outbox.hung_up().await;
        tokio::time::sleep(FAREWELL).await;
    };
    tokio::select! {
        () = empty(&mut sink, &outbox) => {}
        () = patience => {}
    }
    // If the peer is gone, whoever reads has to know.
    outbox.hang_up(POLICY_VIOLATION);
}

async fn empty(sink: &mut SplitSink<WebSocket, Message>, outbox: &Outbox) {
    let mut pings = interval(PING_INTERVAL);
    pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let frame = tokio::select! {
            outgoing = outbox.next() => match outgoing {
                Outgoing::Text(text) => Message::Text(shared(text)),
                Outgoing::Close(code) => Message::Close(Some(CloseFrame { code, reason: "".into() })),
            },
            _ = pings.tick() => Message::Ping(Bytes::new()),
        };
        let last = matches!(frame, Message::Close(_));
        let sent = sink.send(frame).await;
        if sent.as_ref().is_err_and(is_stall) {
            metrics::count_slow_socket();
        }
        if sent.is_err() || last {
            return;
        }
    }
}

/// Whether the peer has taken nothing for too long, as [`crate::http`] says it.
fn is_stall(error: &axum::Error) -> bool {
    let mut cause = error.source();
    while let Some(error) = cause {
        if error.downcast_ref().is_some_and(|error: &io::Error| error.kind() == ErrorKind::TimedOut) {
            return true;
        }
        cause = error.source();
    }
    false
}

/// Without a copy: the same text may go to many.
fn shared(text: Arc<str>) -> Utf8Bytes {
    struct Text(Arc<str>);
    impl AsRef<[u8]> for Text {
        fn as_ref(&self) -> &[u8] {
            self.0.as_bytes()
        }
    }
    Utf8Bytes::try_from(Bytes::from_owner(Text(text))).expect("it was text before")
}
