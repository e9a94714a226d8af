//! The WebSocket of one participant.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use reqwest::Url;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use super::message::{Notice, Request};

/// A room full of people, each with tracks, in one message.
const LARGEST_MESSAGE: usize = 16 << 20;
/// For saying good-bye to a server that does not listen.
const CLOSING: Duration = Duration::from_secs(2);

/// An open connection.
pub(crate) struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

/// Why there is none, or no participant.
#[derive(Debug)]
pub(crate) enum Refused {
    /// The server is busy: try again.
    Busy(String),
    /// For good.
    Finally(String),
}

impl Refused {
    /// From an HTTP status and words.
    pub(crate) fn new(status: u16, words: String) -> Self {
        match status {
            429 | 503 => Self::Busy(words),
            _ => Self::Finally(words),
        }
    }
}

impl Socket {
    /// Connects to the room at `url`.
    pub(crate) async fn connect(url: &Url) -> Result<Self, Refused> {
        let config = tokio_tungstenite::tungstenite::protocol::WebSocketConfig::default()
            .max_message_size(Some(LARGEST_MESSAGE));
        match tokio_tungstenite::connect_async_with_config(url.as_str(), Some(config), true).await {
            Ok((stream, _)) => Ok(Self(stream)),
            Err(Error::Http(response)) => {
                let body =
                    String::from_utf8_lossy(response.body().as_deref().unwrap_or_default()).into_owned();
                let words = format!("the upgrade answered {} {body}", response.status());
                Err(Refused::new(response.status().as_u16(), words))
            }
            Err(error) => Err(Refused::Finally(format!("no WebSocket: {error}"))),
        }
    }

    /// Sends a message.
    pub(crate) async fn send(&mut self, request: &Request<'_>) -> Result<(), String> {
        let text = serde_json::to_string(request).expect("a request has only string keys");
        self.0.send(Message::text(text)).await.map_err(|e| format!("the WebSocket broke: {e}"))
    }

    /// The next message. Pings are answered meanwhile. May be dropped and called again.
    pub(crate) async fn next(&mut self) -> Result<Notice, String> {
        loop {
            match self.0.next().await {
                Some(Ok(Message::Text(text))) => {
                    return serde_json::from_str(&text).map_err(|e| format!("{e} in {text}"));
                }
                Some(Ok(Message::Close(Some(frame)))) => {
                    return Err(format!("the WebSocket was closed: {} {}", frame.code, frame.reason));
                }
                Some(Ok(Message::Close(None))) | None => return Err("the WebSocket was closed".into()),
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(format!("the WebSocket broke: {error}")),
            }
        }
    }

    /// Says good-bye.
    pub(crate) async fn leave(mut self) {
        let good_bye = async {
            self.send(&Request::Leave).await?;
            while self.next().await.is_ok() {}
            Ok::<(), String>(())
        };
        // Whether the server heard it is for the server to know.
        let _ = tokio::time::timeout(CLOSING, good_bye).await;
    }
}
