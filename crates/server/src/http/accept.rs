//! The accept loop: how many connections there may be, in total and per source, and what happens when
//! the process runs out of file descriptors. Media has its own threads and sockets and feels nothing.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use ipnet::IpNet;
use rustix::io::Errno;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinError, JoinSet};

use super::connection::{self, Timeouts, stopped};
use crate::metrics;

/// Bounds of one listener.
#[derive(Debug, Clone)]
pub struct Bounds {
    /// Connections in total.
    pub connections: usize,
    /// Connections of one source: an IPv4 address or an IPv6 /64.
    pub per_source: usize,
    /// Sources that only the total bounds: proxies, and loopback in dev mode.
    pub exempt: Vec<IpNet>,
    /// How slow a peer may be.
    pub timeouts: Timeouts,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { connections: 4_096, per_source: 512, exempt: Vec::new(), timeouts: Timeouts::default() }
    }
}

/// Connections that are told of their refusal at a time; further ones are just closed.
const REFUSALS: usize = 64;
/// How long a refusal may take.
const REFUSAL_TIMEOUT: Duration = Duration::from_secs(1);
/// How long it may take on the spare descriptor, for which others wait.
const SPARE_TIMEOUT: Duration = Duration::from_millis(10);
/// How long to wait when accepting fails.
const BACK_OFF: Duration = Duration::from_millis(50);
/// How long requests in the works may take once the listener stops.
const LAST_REQUESTS: Duration = Duration::from_secs(5);

const REFUSAL: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/problem+json\r\n\
    Retry-After: 2\r\nConnection: close\r\nContent-Length: 114\r\n\r\n\
    {\"type\":\"urn:plenum:problem:overloaded\",\"title\":\"The server is full\",\"status\":503,\"detail\":\"too many connections\"}";

/// Accepts and serves until `stop` turns true, then lets requests in the works finish.
pub async fn run(listener: TcpListener, router: Router, bounds: Bounds, mut stop: watch::Receiver<bool>) {
    let mut door = Door::new(router, bounds, stop.clone());
    loop {
        tokio::select! {
            biased;
            () = stopped(&mut stop) => break,
            Some(end) = door.connections.join_next() => count_panic(end),
            Some(end) = door.refusals.join_next() => count_panic(end),
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => door.receive(stream, peer),
                Err(error) => door.recover(&listener, &error).await,
            },
        }
    }
    drop(listener);
    let finish = async { while door.connections.join_next().await.is_some() {} };
    let _ = tokio::time::timeout(LAST_REQUESTS, finish).await;
}

fn count_panic(end: Result<(), JoinError>) {
    if let Err(error) = end
        && error.is_panic()
    {
        metrics::count_panic("http");
        tracing::error!("a request panicked");
    }
}

/// Who is inside, and how to let more in.
struct Door {
    bounds: Bounds,
    router: Router,
    stop: watch::Receiver<bool>,
    sources: Sources,
    connections: JoinSet<()>,
    refusals: JoinSet<()>,
    spare: Spare,
}

impl Door {
    fn new(router: Router, bounds: Bounds, stop: watch::Receiver<bool>) -> Self {
        Self {
            bounds,
            router,
            stop,
            sources: Sources::default(),
            connections: JoinSet::new(),
            refusals: JoinSet::new(),
            spare: Spare::default(),
        }
    }

    fn receive(&mut self, stream: TcpStream, peer: SocketAddr) {
        let seat = match self.sources.enter(peer.ip(), &self.bounds) {
            Ok(seat) => seat,
            Err(reason) => return self.refuse(stream, reason),
        };
        // Answers are small and complete: waiting to fill a segment only delays them.
        let _ = stream.set_nodelay(true);
        let (router, timeouts, stop) = (self.router.clone(), self.bounds.timeouts, self.stop.clone());
        self.connections.spawn(async move {
            if let Err(error) = connection::serve(stream, seat, peer, router, timeouts, stop).await {
                tracing::debug!(%error, "connection ended");
            }
        });
    }

    fn refuse(&mut self, stream: TcpStream, reason: &'static str) {
        metrics::count_refused_connection(reason);
        if self.refusals.len() < REFUSALS {
            self.refusals.spawn(tell_refusal(stream, REFUSAL_TIMEOUT));
        }
    }

    /// Without descriptors the connection would wait in the backlog: give up the spare one for a
    /// moment, to answer it. One at a time, so each gets little of it.
    async fn recover(&mut self, listener: &TcpListener, error: &io::Error) {
        match Errno::from_io_error(error) {
            Some(Errno::CONNABORTED | Errno::INTR) => return,
            Some(Errno::MFILE | Errno::NFILE) => {
                self.spare.release();
                let accepted = tokio::time::timeout(BACK_OFF, listener.accept()).await;
                if let Ok(Ok((stream, _))) = accepted {
                    metrics::count_refused_connection("file_descriptors");
                    tell_refusal(stream, SPARE_TIMEOUT).await;
                    return self.spare.hold();
                }
                self.spare.hold();
            }
            _ => tracing::warn!(%error, "accepting a connection failed"),
        }
        tokio::time::sleep(BACK_OFF).await;
    }
}

/// Answers 503, and reads what the peer sent: closing with unread bytes would reset the connection and
/// take the answer with it.
async fn tell_refusal(mut stream: TcpStream, patience: Duration) {
    let tell = async {
        stream.write_all(REFUSAL).await?;
        stream.shutdown().await?;
        let mut sink = [0; 4_096];
        while stream.read(&mut sink).await? > 0 {}
        io::Result::Ok(())
    };
    let _ = tokio::time::timeout(patience, tell).await;
}

/// A file descriptor held back for [`Door::recover`].
struct Spare(Option<File>);

impl Default for Spare {
    fn default() -> Self {
        let mut spare = Self(None);
        spare.hold();
        spare
    }
}

impl Spare {
    fn hold(&mut self) {
        self.0 = File::open("/dev/null").ok();
    }

    fn release(&mut self) {
        self.0 = None;
    }
}

/// Open connections, in total and by source. An open WebSocket is one of them, though the task that served its
/// request has ended.
#[derive(Debug, Clone, Default)]
struct Sources(Arc<Mutex<Counts>>);

#[derive(Debug, Default)]
struct Counts {
    total: usize,
    by_source: HashMap<IpAddr, usize>,
}

/// One connection's share in both allowances; dropping it gives it back.
struct Seat {
    sources: Sources,
    source: IpAddr,
}

impl Sources {
    /// A seat, or which bound is reached.
    fn enter(&self, ip: IpAddr, bounds: &Bounds) -> Result<Seat, &'static str> {
        let ip = ip.to_canonical();
        let exempt = bounds.exempt.iter().any(|net| net.contains(&ip));
        let source = source_of(ip);
        let mut counts = self.0.lock().unwrap();
        if counts.total >= bounds.connections {
            return Err("connections");
        }
        let count = counts.by_source.entry(source).or_default();
        if *count >= bounds.per_source && !exempt {
            return Err("per_source");
        }
        *count += 1;
        counts.total += 1;
        Ok(Seat { sources: self.clone(), source })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut counts = self.sources.0.lock().unwrap();
        counts.total -= 1;
        if let Some(count) = counts.by_source.get_mut(&self.source) {
            *count -= 1;
            if *count == 0 {
                counts.by_source.remove(&self.source);
            }
        }
    }
}

/// One subscriber line has a whole IPv6 /64.
fn source_of(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(_) => ip,
        IpAddr::V6(ip) => Ipv6Addr::from_bits(ip.to_bits() >> 64 << 64).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::routing::get;

    /// A listener on loopback with these bounds.
    async fn open(bounds: Bounds) -> (SocketAddr, watch::Sender<bool>, tokio::task::JoinHandle<()>) {
        open_with(Router::new().route("/", get(|| async { "hello" })), bounds).await
    }

    async fn open_with(
        router: Router,
        bounds: Bounds,
    ) -> (SocketAddr, watch::Sender<bool>, tokio::task::JoinHandle<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = watch::channel(false);
        (address, stop, tokio::spawn(run(listener, router, bounds, stopped)))
    }

    async fn get_close(address: SocketAddr) -> String {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await.unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).await.unwrap();
        text
    }

    /// Opens a connection that surely was accepted, and keeps it.
    async fn occupy(address: SocketAddr) -> TcpStream {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
        let mut byte = [0; 12];
        stream.read_exact(&mut byte).await.unwrap();
        assert_eq!(&byte, b"HTTP/1.1 200");
        stream
    }

    #[test]
    fn the_refusal_announces_its_length() {
        let text = std::str::from_utf8(REFUSAL).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("Content-Length: {}", body.len())), "{}", body.len());
        serde_json::from_str::<serde_json::Value>(body).unwrap();
    }

    #[tokio::test]
    async fn beyond_the_total_a_connection_gets_503_and_room_is_made_by_leaving() {
        let (address, _stop, _task) = open(Bounds { connections: 2, ..Bounds::default() }).await;
        let first = occupy(address).await;
        let _second = occupy(address).await;
        let refused = get_close(address).await;
        assert!(refused.starts_with("HTTP/1.1 503") && refused.contains("Retry-After"), "{refused}");
        drop(first);
        // The server learns of the departure a moment later.
        let mut answer = get_close(address).await;
        for _ in 0..500 {
            if answer.starts_with("HTTP/1.1 200") {
                break;
            }
            answer = get_close(address).await;
        }
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }

    #[tokio::test]
    async fn one_source_cannot_take_everything_unless_it_is_exempt() {
        let strict = Bounds { per_source: 1, ..Bounds::default() };
        let exempt = Bounds { exempt: vec!["127.0.0.0/8".parse().unwrap()], ..strict.clone() };
        let (address, _stop, _task) = open(strict).await;
        let _first = occupy(address).await;
        assert!(get_close(address).await.starts_with("HTTP/1.1 503"));
        let (address, _stop, _task) = open(exempt).await;
        let _first = occupy(address).await;
        assert!(get_close(address).await.starts_with("HTTP/1.1 200"));
    }

    #[test]
    fn a_source_is_an_ipv4_address_or_an_ipv6_64() {
        let bounds = Bounds { per_source: 1, ..Bounds::default() };
        let sources = Sources::default();
        let enter = |ip: &str| sources.enter(ip.parse().unwrap(), &bounds);
        let first = enter("2001:db8::1");
        assert!(first.is_ok());
        assert_eq!(enter("2001:db8::ffff:2").err(), Some("per_source"), "the same /64");
        assert!(enter("2001:db8:0:1::1").is_ok());
        let mapped = enter("::ffff:192.0.2.1");
        assert!(mapped.is_ok() && enter("192.0.2.1").is_err(), "v4-mapped is v4");
        drop((first, mapped));
        let counts = sources.0.lock().unwrap();
        assert!(counts.total == 0 && counts.by_source.is_empty());
    }

    /// Switches protocols, then echoes for as long as the peer stays.
    async fn echo(mut request: axum::extract::Request) -> http::Response<axum::body::Body> {
        let upgrade = hyper::upgrade::on(&mut request);
        tokio::spawn(async move {
            let mut io = hyper_util::rt::TokioIo::new(upgrade.await.unwrap());
            let mut byte = [0; 1];
            while io.read_exact(&mut byte).await.is_ok() {
                io.write_all(&byte).await.unwrap();
            }
        });
        let switching = http::Response::builder().status(101).header("Connection", "upgrade");
        switching.header("Upgrade", "echo").body(axum::body::Body::empty()).unwrap()
    }

    #[tokio::test]
    async fn an_upgraded_connection_keeps_its_seat_until_it_ends() {
        let router = Router::new().route("/", get(|| async { "hello" })).route("/echo", get(echo));
        let bounds = Bounds { connections: 1, ..Bounds::default() };
        let (address, _stop, _task) = open_with(router, bounds).await;
        let mut socket = TcpStream::connect(address).await.unwrap();
        let request = b"GET /echo HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n";
        socket.write_all(request).await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(socket.read_u8().await.unwrap());
        }
        assert!(head.starts_with(b"HTTP/1.1 101"));
        socket.write_all(b"x").await.unwrap();
        assert_eq!(socket.read_u8().await.unwrap(), b'x');
        assert!(get_close(address).await.starts_with("HTTP/1.1 503"), "the socket is still open");
        drop(socket);
        while !get_close(address).await.starts_with("HTTP/1.1 200") {}
    }

    #[tokio::test]
    async fn stopping_closes_the_port_and_ends_the_loop() {
        let (address, stop, task) = open(Bounds::default()).await;
        let mut idle = occupy(address).await;
        stop.send(true).unwrap();
        task.await.unwrap();
        assert!(TcpStream::connect(address).await.is_err());
        let mut rest = String::new();
        idle.read_to_string(&mut rest).await.unwrap();
    }
}
