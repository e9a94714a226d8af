//! One HTTP/1.1 connection with time-outs that hyper alone does not have: silent, dripping and stalled
//! peers are shown out, while a request in the works may take as long as it needs, which keeps event
//! streams and WebSockets open.
//!
//! Bodies are read by the routes, with a time-out of their own ([`super::body`]).

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use http::{Request, Response, StatusCode};
use hyper::body::{Frame, Incoming, SizeHint};
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use std::io;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::watch;
use tokio::time::{Instant, Sleep};
use tower::ServiceExt;

/// How long a peer may take over what.
#[derive(Debug, Clone, Copy)]
pub struct Timeouts {
    /// From accept to the first byte.
    pub first_byte: Duration,
    /// From the first byte of a request to the end of its headers.
    pub headers: Duration,
    /// Between a response and the next request.
    pub idle: Duration,
    /// Without taking any byte of a response.
    pub stall: Duration,
    /// The same once the stream is a WebSocket: what waits there grows, and who comes back misses nothing.
    pub stall_upgraded: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            first_byte: Duration::from_secs(5),
            headers: Duration::from_secs(5),
            idle: Duration::from_secs(30),
            stall: Duration::from_secs(30),
            stall_upgraded: Duration::from_secs(5),
        }
    }
}

/// Headers of one request: how many, and all together with the request line in bytes. More is 431.
const MAX_HEADERS: usize = 64;
const MAX_HEAD_BYTES: usize = 16 * 1024;

/// The other end of a request's connection; with a proxy in between, the proxy.
#[derive(Debug, Clone, Copy)]
pub struct Peer(pub SocketAddr);

/// Serves one connection until it ends, is shown out, or `stop` turns true. A stream that a request has taken over
/// (WebSocket) goes on without time-outs for reading; `guard` is dropped with the stream, however long that lives.
pub async fn serve<S, G>(
    stream: S,
    guard: G,
    peer: SocketAddr,
    router: Router,
    timeouts: Timeouts,
    mut stop: watch::Receiver<bool>,
) -> hyper::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    G: Unpin + Send + 'static,
{
    let progress = Progress::new();
    let io = TokioIo::new(Timed::new(stream, guard, progress.clone(), timeouts));
    let service = hyper::service::service_fn(move |mut request: Request<Incoming>| {
        progress.enter(Phase::Busy);
        request.extensions_mut().insert(Peer(peer));
        let response = router.clone().oneshot(request.map(Body::new));
        let progress = progress.clone();
        async move { response.await.map(|response| watch_end(response, progress)) }
    });
    let connection = http1::Builder::new()
        .header_read_timeout(None)
        .max_headers(MAX_HEADERS)
        .max_buf_size(MAX_HEAD_BYTES)
        .serve_connection(io, service)
        .with_upgrades();
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        result = connection.as_mut() => return result,
        () = stopped(&mut stop) => connection.as_mut().graceful_shutdown(),
    }
    connection.await
}

/// Returns when `stop` is true, or when nobody is left who could make it so.
pub async fn stopped(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}

/// Where in its life a connection is; each phase has its deadline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Nothing came yet.
    Silent,
    /// Part of a head came.
    Head,
    /// A request is in the works, or its response on the way.
    Busy,
    /// Kept alive for the next request.
    Idle,
    /// A request has taken over the stream.
    Upgraded,
}

/// The phase and when it began, shared by the stream, the service and the response's body.
#[derive(Debug, Clone)]
struct Progress(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    phase: Phase,
    since: Instant,
    /// Who waits in a read without a deadline, to be woken when one is set.
    reader: Option<Waker>,
}

impl Progress {
    fn new() -> Self {
        Self(Arc::new(Mutex::new(State { phase: Phase::Silent, since: Instant::now(), reader: None })))
    }

    fn enter(&self, phase: Phase) {
        let mut state = self.0.lock().unwrap();
        (state.phase, state.since) = (phase, Instant::now());
        if let Some(reader) = state.reader.take() {
            reader.wake();
        }
    }

    /// The deadline of a head starts with its first byte, and further ones do not move it.
    fn bytes_came(&self) {
        let mut state = self.0.lock().unwrap();
        if matches!(state.phase, Phase::Silent | Phase::Idle) {
            (state.phase, state.since) = (Phase::Head, Instant::now());
        }
    }

    /// How long a write may make no progress.
    fn stall(&self, timeouts: &Timeouts) -> Duration {
        match self.0.lock().unwrap().phase {
            Phase::Upgraded => timeouts.stall_upgraded,
            Phase::Silent | Phase::Head | Phase::Busy | Phase::Idle => timeouts.stall,
        }
    }

    /// Until when the read of `cx` may wait; without a deadline it is woken when there is one.
    fn deadline(&self, timeouts: &Timeouts, cx: &Context<'_>) -> Option<Instant> {
        let mut state = self.0.lock().unwrap();
        let allowed = match state.phase {
            Phase::Silent => timeouts.first_byte,
            Phase::Head => timeouts.headers,
            Phase::Idle => timeouts.idle,
            Phase::Busy | Phase::Upgraded => {
                state.reader = Some(cx.waker().clone());
                return None;
            }
        };
        Some(state.since + allowed)
    }
}

/// A stream whose reads and writes end at the deadline of the phase.
struct Timed<S, G> {
    stream: S,
    _guard: G,
    progress: Progress,
    timeouts: Timeouts,
    read_timer: Pin<Box<Sleep>>,
    write_timer: Pin<Box<Sleep>>,
    /// Whether a write waits for the peer.
    stalled: bool,
}

impl<S, G> Timed<S, G> {
    fn new(stream: S, guard: G, progress: Progress, timeouts: Timeouts) -> Self {
        let timer = || Box::pin(tokio::time::sleep_until(Instant::now()));
        Self {
            stream,
            _guard: guard,
            progress,
            timeouts,
            read_timer: timer(),
            write_timer: timer(),
            stalled: false,
        }
    }

    /// To be called when a write made progress (`Ready`) or not.
    fn watch_write<T>(&mut self, cx: &mut Context<'_>, outcome: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if outcome.is_ready() {
            self.stalled = false;
            return outcome;
        }
        if !self.stalled {
            self.stalled = true;
            let allowed = self.progress.stall(&self.timeouts);
            self.write_timer.as_mut().reset(Instant::now() + allowed);
        }
        ready!(self.write_timer.as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + Unpin, G: Unpin> AsyncRead for Timed<S, G> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        if let Poll::Ready(result) = Pin::new(&mut self.stream).poll_read(cx, buffer) {
            if buffer.filled().len() > before {
                self.progress.bytes_came();
            }
            return Poll::Ready(result);
        }
        let Some(deadline) = self.progress.deadline(&self.timeouts, cx) else { return Poll::Pending };
        if self.read_timer.deadline() != deadline {
            self.read_timer.as_mut().reset(deadline);
        }
        ready!(self.read_timer.as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncWrite + Unpin, G: Unpin> AsyncWrite for Timed<S, G> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.watch_write(cx, outcome)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.watch_write(cx, outcome)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let outcome = Pin::new(&mut self.stream).poll_flush(cx);
        self.watch_write(cx, outcome)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let outcome = Pin::new(&mut self.stream).poll_shutdown(cx);
        self.watch_write(cx, outcome)
    }
}

/// A response body that tells when the response is over, so that the wait for the next request begins.
struct WatchedBody {
    body: Body,
    /// `None` after an upgrade: the stream is no longer HTTP's.
    progress: Option<Progress>,
}

fn watch_end(response: Response<Body>, progress: Progress) -> Response<WatchedBody> {
    let upgraded = response.status() == StatusCode::SWITCHING_PROTOCOLS;
    if upgraded {
        progress.enter(Phase::Upgraded);
    }
    let progress = (!upgraded).then_some(progress);
    response.map(|body| WatchedBody { body, progress })
}

impl Drop for WatchedBody {
    fn drop(&mut self) {
        if let Some(progress) = &self.progress {
            progress.enter(Phase::Idle);
        }
    }
}

impl hyper::body::Body for WatchedBody {
    type Data = bytes::Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests;
