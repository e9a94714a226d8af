//! Clients that say nothing, or say it slowly. The time-outs: first byte, headers and body 5 s each, idle
//! keep-alive 30 s.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use plenum_tests::http::{Response, read_until_closed};
use plenum_tests::{Plenum, wait_until};

/// What is left of a loaded machine's punctuality.
const GRACE: Duration = Duration::from_secs(3);
const HEAD: &str = "POST /whip/studio HTTP/1.1\r\nHost: x\r\nContent-Type: application/sdp\r\n";

#[derive(Debug)]
struct Closed {
    after: Duration,
    said: Vec<u8>,
}

/// Connects, says `opening`, then `drip` byte by byte, one each 200 ms, until the server closes.
fn drip(server: &Plenum, opening: &str, drip: &str) -> Closed {
    let started = Instant::now();
    let mut stream = TcpStream::connect(server.ready.http).unwrap();
    stream.write_all(opening.as_bytes()).unwrap();
    stream.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    let (mut said, mut buffer, mut bytes) = (Vec::new(), [0; 1_024], drip.bytes().cycle());
    while started.elapsed() < Duration::from_secs(45) {
        match stream.read(&mut buffer) {
            Ok(0) => break,
            Ok(n) => said.extend_from_slice(&buffer[..n]),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                if let Some(byte) = bytes.next() {
                    // A closed connection shows itself at the next read.
                    let _ = stream.write_all(&[byte]);
                }
            }
            Err(_) => break,
        }
    }
    Closed { after: started.elapsed(), said }
}

#[track_caller]
fn assert_closed(what: &str, closed: &Closed, expected: Duration) {
    assert!(closed.after < expected + GRACE, "{what}: closed after {:?}", closed.after);
    assert!(closed.after > expected / 2, "{what}: closed after {:?}, too early", closed.after);
    if let Some(answer) = Response::parse(&closed.said, false) {
        assert!(matches!(answer.status, 204 | 408), "{what}: {}", answer.status);
    }
}

#[test]
fn silent_dripping_half_sent_and_idle_connections_are_closed_on_time() {
    let server = Plenum::dev();
    let before = server.stats();
    let (five, thirty) = (Duration::from_secs(5), Duration::from_secs(30));
    let body = format!("{HEAD}Content-Length: 1000\r\n\r\n");
    let chunked = format!("{HEAD}Transfer-Encoding: chunked\r\n\r\n3e8\r\n");
    let idle = "GET /whip/studio HTTP/1.1\r\nHost: x\r\n\r\n";
    let cases = [
        ("nothing is said", "", "", five),
        ("half a request line", "POST /wh", "", five),
        ("headers without end", HEAD, "", five),
        ("dripping headers", HEAD, "X-Slow: and slower\r\n", five),
        ("a body that never comes", &body, "", five),
        ("a dripping body", &body, "v=0", five),
        ("a dripping chunk", &chunked, "v=0", five),
        ("an idle connection", idle, "", thirty),
    ];
    std::thread::scope(|scope| {
        let cases = cases.map(|(what, opening, dripped, expected)| {
            let server = &server;
            (what, expected, scope.spawn(move || drip(server, opening, dripped)))
        });
        for (what, expected, thread) in cases {
            assert_closed(what, &thread.join().unwrap(), expected);
        }
    });
    wait_until("no descriptor is left over", Duration::from_secs(5), || {
        server.stats().descriptors <= before.descriptors
    });
}

#[test]
fn slow_clients_do_not_keep_others_waiting() {
    let server = Plenum::dev();
    let silent: Vec<TcpStream> = (0..50).map(|_| TcpStream::connect(server.ready.http).unwrap()).collect();
    let started = Instant::now();
    server.request("GET", "/whip/studio").send().expect(204);
    assert!(started.elapsed() < Duration::from_secs(1), "{:?}", started.elapsed());
    drop(silent);
}

#[test]
fn a_connection_is_reused_for_several_requests() {
    let server = Plenum::dev();
    let mut stream = TcpStream::connect(server.ready.http).unwrap();
    let request = "GET /whip/studio HTTP/1.1\r\nHost: x\r\n\r\n";
    let last = "GET /whip/studio HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    stream.write_all(format!("{request}{request}{last}").as_bytes()).unwrap();
    let (said, closed) = read_until_closed(&mut stream, Duration::from_secs(3));
    assert!(closed, "as asked for");
    assert_eq!(String::from_utf8_lossy(&said).matches("HTTP/1.1 204").count(), 3);
}
