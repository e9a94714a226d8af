//! A WebSocket to `/v1/rooms/{room}/connect` that blocks, with a deadline for every wait.

use std::collections::VecDeque;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::handshake::HandshakeError;
use tokio_tungstenite::tungstenite::http::{HeaderName, HeaderValue};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{self, Error, Message, WebSocket};

use crate::Plenum;

/// How long a reply may take; a loaded machine, not a slow server, is what needs it.
const REPLY_DEADLINE: Duration = Duration::from_secs(10);

/// A connection to a room. Dropping it cuts the connection without a word.
#[derive(Debug)]
pub struct Socket {
    socket: WebSocket<TcpStream>,
    /// Messages that were read while waiting for another one.
    backlog: VecDeque<Value>,
    last_id: u64,
}

/// What came of listening.
#[derive(Debug, Clone, PartialEq)]
pub enum Heard {
    /// A message.
    Message(Value),
    /// Nothing in time.
    Nothing,
    /// The server closed the connection, with this code if it said one.
    Closed(Option<u16>),
}

/// An upgrade that was refused.
#[derive(Debug, Clone)]
pub struct Refusal {
    /// The HTTP status.
    pub status: u16,
    /// The body.
    pub body: String,
}

impl Socket {
    /// Connects to `room`. Panics when the upgrade is refused.
    #[track_caller]
    pub fn connect(server: &Plenum, room: &str) -> Self {
        Self::connect_with(server, &format!("/v1/rooms/{room}/connect"), &[])
            .unwrap_or_else(|refusal| panic!("the upgrade was refused: {refusal:?}"))
    }

    /// Connects to a path with more headers, to see whether it may.
    #[track_caller]
    pub fn connect_with(server: &Plenum, path: &str, headers: &[(&str, &str)]) -> Result<Self, Refusal> {
        let address = server.ready.http;
        let mut request = format!("ws://{address}{path}").into_client_request().expect("a WebSocket URL");
        for (name, value) in headers {
            let name = HeaderName::from_bytes(name.as_bytes()).expect("a header name");
            request.headers_mut().insert(name, HeaderValue::from_str(value).expect("a header value"));
        }
        let stream = TcpStream::connect(address).expect("the server accepts connections");
        stream.set_nodelay(true).expect("an option of TCP");
        stream.set_read_timeout(Some(REPLY_DEADLINE)).expect("a timeout can be set");
        match tungstenite::client(request, stream) {
            Ok((socket, _)) => Ok(Self { socket, backlog: VecDeque::new(), last_id: 0 }),
            Err(HandshakeError::Failure(Error::Http(response))) => Err(Refusal {
                status: response.status().as_u16(),
                body: String::from_utf8_lossy(response.body().as_deref().unwrap_or_default()).into_owned(),
            }),
            Err(error) => panic!("no answer to an upgrade: {error}"),
        }
    }

    /// Sends a message. A connection that the server has closed already shows when listening.
    pub fn send(&mut self, message: &Value) {
        self.send_text(&message.to_string());
    }

    /// Sends a text that need not be a message.
    pub fn send_text(&mut self, text: &str) {
        let _ = self.socket.send(Message::text(text));
    }

    /// Closes the connection as a browser does whose page goes away.
    pub fn go_away(&mut self) {
        let frame = CloseFrame { code: CloseCode::Away, reason: "".into() };
        let _ = self.socket.close(Some(frame));
        let _ = self.socket.flush();
    }

    /// The next message, whatever it is.
    pub fn next(&mut self, within: Duration) -> Heard {
        match self.backlog.pop_front() {
            Some(message) => Heard::Message(message),
            None => self.listen(within),
        }
    }

    /// The next message of this type; others are kept for later.
    #[track_caller]
    pub fn wait_for(&mut self, kind: &str, within: Duration) -> Value {
        self.wait_until(kind, within, |message| message["type"] == kind)
    }

    /// Sends a request with an `id` of its own and returns the reply to it, which may be an error.
    #[track_caller]
    pub fn request(&mut self, mut message: Value) -> Value {
        self.last_id += 1;
        let id = self.last_id;
        message["id"] = json!(id);
        self.send(&message);
        self.wait_until(&format!("the reply to {message}"), REPLY_DEADLINE, |reply| reply["id"] == id)
    }

    /// Joins without a token and returns the `welcome`.
    #[track_caller]
    pub fn join(&mut self, identity: &str) -> Value {
        let join = json!({"type": "join", "protocol": 1, "name": identity, "identity": identity});
        let reply = self.request(join);
        assert_eq!(reply["type"], "welcome", "{reply}");
        reply
    }

    /// Reads until the server closes the connection and returns the messages before that and the close code.
    #[track_caller]
    pub fn wait_until_closed(&mut self, within: Duration) -> (Vec<Value>, Option<u16>) {
        let deadline = Instant::now() + within;
        let mut messages = Vec::new();
        loop {
            match self.next(deadline.saturating_duration_since(Instant::now())) {
                Heard::Message(message) => messages.push(message),
                Heard::Closed(code) => return (messages, code),
                Heard::Nothing => panic!("not closed within {within:?}; heard {messages:?}"),
            }
        }
    }

    #[track_caller]
    fn wait_until(&mut self, what: &str, within: Duration, fits: impl Fn(&Value) -> bool) -> Value {
        if let Some(at) = self.backlog.iter().position(&fits) {
            return self.backlog.remove(at).expect("it was found there");
        }
        let deadline = Instant::now() + within;
        loop {
            match self.listen(deadline.saturating_duration_since(Instant::now())) {
                Heard::Message(message) if fits(&message) => return message,
                Heard::Message(message) => self.backlog.push_back(message),
                end => panic!("{end:?} instead of {what} within {within:?}; heard {:?}", self.backlog),
            }
        }
    }

    fn listen(&mut self, within: Duration) -> Heard {
        let deadline = Instant::now() + within;
        loop {
            let left = deadline.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
            self.socket.get_ref().set_read_timeout(Some(left)).expect("a timeout can be set");
            match self.socket.read() {
                Ok(Message::Text(text)) => {
                    let message = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e} in {text}"));
                    return Heard::Message(message);
                }
                Ok(Message::Close(frame)) => {
                    // Closing is answered by reading on.
                    let _ = self.socket.read();
                    return Heard::Closed(frame.map(|frame| frame.code.into()));
                }
                Ok(_) => {}
                Err(Error::Io(error)) if is_timeout(&error) && Instant::now() < deadline => {}
                Err(Error::Io(error)) if is_timeout(&error) => return Heard::Nothing,
                Err(_) => return Heard::Closed(None),
            }
        }
    }
}

fn is_timeout(error: &std::io::Error) -> bool {
    matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut)
}
