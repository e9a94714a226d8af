//! A small HTTP/1.1 client that sends exactly what it is told.
//!
//! Conformance tests care for single header lines, odd methods and broken requests; clients made for
//! everyday use add, normalise and refuse too much of that. One connection per request.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use serde_json::Value;

/// How long any single answer may take.
const ANSWER_DEADLINE: Duration = Duration::from_secs(15);

/// A request in the making.
#[derive(Debug, Clone)]
pub struct Request {
    server: SocketAddr,
    method: String,
    path: String,
    headers: Vec<(String, String)>,
    body: Option<Vec<u8>>,
    chunked: bool,
}

impl Request {
    /// Without body, with `Host` and `Connection: close`.
    pub fn new(server: SocketAddr, method: &str, path: &str) -> Self {
        Self {
            server,
            method: method.to_owned(),
            path: path.to_owned(),
            headers: vec![("Host".into(), server.to_string()), ("Connection".into(), "close".into())],
            body: None,
            chunked: false,
        }
    }

    /// Where it goes.
    pub fn server(&self) -> SocketAddr {
        self.server
    }

    /// The path it asks for.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// With one more header line.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// With a bearer token.
    pub fn bearer(self, token: &str) -> Self {
        self.header("Authorization", &format!("Bearer {token}"))
    }

    /// With a body of this type and its `Content-Length`.
    pub fn body(mut self, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        self.body = Some(body.into());
        self.header("Content-Type", content_type)
    }

    /// With an SDP body.
    pub fn sdp(self, sdp: &str) -> Self {
        self.body("application/sdp", sdp)
    }

    /// With a trickle or restart fragment.
    pub fn fragment(self, fragment: &str) -> Self {
        self.body("application/trickle-ice-sdpfrag", fragment)
    }

    /// The body in chunks instead of with its length.
    pub fn chunked(mut self) -> Self {
        self.chunked = true;
        self
    }

    /// Sends it and reads the answer. Panics when there is none.
    #[track_caller]
    pub fn send(&self) -> Response {
        let answer = exchange(self.server, &self.bytes(), ANSWER_DEADLINE);
        Response::parse(&answer, self.method == "HEAD")
            .unwrap_or_else(|| panic!("{} {}: no HTTP answer in {answer:?}", self.method, self.path))
    }

    /// The bytes on the wire.
    pub fn bytes(&self) -> Vec<u8> {
        let mut head = format!("{} {} HTTP/1.1\r\n", self.method, self.path);
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        match &self.body {
            None => [head.as_bytes(), b"\r\n"].concat(),
            Some(body) if self.chunked => {
                let mut bytes = format!("{head}Transfer-Encoding: chunked\r\n\r\n").into_bytes();
                for chunk in body.chunks(8_192) {
                    bytes.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
                    bytes.extend_from_slice(chunk);
                    bytes.extend_from_slice(b"\r\n");
                }
                bytes.extend_from_slice(b"0\r\n\r\n");
                bytes
            }
            Some(body) => [format!("{head}Content-Length: {}\r\n\r\n", body.len()).as_bytes(), body].concat(),
        }
    }
}

/// Writes `bytes` on a fresh connection and reads until the server closes it or `deadline` is over.
pub fn exchange(server: SocketAddr, bytes: &[u8], deadline: Duration) -> Vec<u8> {
    let mut stream = TcpStream::connect(server).expect("the server accepts connections");
    // A server that has read enough to refuse closes early: what it said still counts.
    let _ = stream.write_all(bytes);
    read_until_closed(&mut stream, deadline).0
}

/// Reads until the peer closes (`true`) or `deadline` is over (`false`).
pub fn read_until_closed(stream: &mut TcpStream, deadline: Duration) -> (Vec<u8>, bool) {
    let ends = Instant::now() + deadline;
    let (mut all, mut buffer) = (Vec::new(), [0; 16_384]);
    loop {
        let left = ends.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return (all, false);
        }
        stream.set_read_timeout(Some(left)).expect("a timeout can be set");
        match stream.read(&mut buffer) {
            Ok(0) => return (all, true),
            Ok(n) => all.extend_from_slice(&buffer[..n]),
            Err(error) if matches!(error.kind(), std::io::ErrorKind::WouldBlock) => return (all, false),
            Err(error) if matches!(error.kind(), std::io::ErrorKind::Interrupted) => {}
            Err(_) => return (all, true),
        }
    }
}

/// An answer.
#[derive(Debug, Clone)]
pub struct Response {
    /// The status code.
    pub status: u16,
    headers: Vec<(String, String)>,
    /// The decoded body.
    pub body: Vec<u8>,
}

impl Response {
    /// Parses what a closed connection left behind. `None` if that is not a whole head.
    pub fn parse(bytes: &[u8], is_head: bool) -> Option<Self> {
        let mut headers = [httparse::EMPTY_HEADER; 64];
        let mut head = httparse::Response::new(&mut headers);
        let httparse::Status::Complete(length) = head.parse(bytes).ok()? else { return None };
        let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
        let headers: Vec<(String, String)> =
            head.headers.iter().map(|h| (h.name.to_ascii_lowercase(), text(h.value))).collect();
        let mut response = Self { status: head.code?, headers, body: bytes[length..].to_vec() };
        if is_head {
            response.body.clear();
        } else if response.header("transfer-encoding") == Some("chunked") {
            response.body = unchunk(&response.body);
        }
        Some(response)
    }

    /// The value of a header, the first if there are several.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// All values of a header.
    pub fn headers_named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.headers
            .iter()
            .filter(move |(n, _)| n.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// All header lines, for checks on everything.
    pub fn headers(&self) -> &[(String, String)] {
        &self.headers
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    /// Panics unless the status is this one, and returns itself.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{:?} {}", self.headers, self.text());
        self
    }

    /// Panics unless this is a problem (RFC 9457) with this status and slug.
    #[track_caller]
    pub fn expect_problem(self, status: u16) -> Value {
        let response = self.expect(status);
        assert_eq!(response.header("content-type"), Some("application/problem+json"), "{}", response.text());
        let problem = response.json();
        let kind = problem["type"].as_str().unwrap_or_default();
        assert!(kind.starts_with("urn:plenum:problem:"), "{problem}");
        assert!(problem["title"].is_string(), "{problem}");
        assert!(problem["status"].is_null() || problem["status"] == status, "{problem}");
        problem
    }

    /// The `Location` of a created session.
    #[track_caller]
    pub fn location(&self) -> String {
        self.header("location").unwrap_or_else(|| panic!("no Location in {:?}", self.headers)).to_owned()
    }
}

fn unchunk(mut bytes: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    while let Ok(httparse::Status::Complete((start, length))) = httparse::parse_chunk_size(bytes) {
        let end = start + length as usize;
        if length == 0 || end > bytes.len() {
            break;
        }
        body.extend_from_slice(&bytes[start..end]);
        bytes = bytes.get(end + 2..).unwrap_or_default();
    }
    body
}
