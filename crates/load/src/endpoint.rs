//! WHIP and WHEP over HTTP: a POST opens a session, a DELETE ends it (RFC 9725; draft-ietf-wish-whep).

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::time::Duration;

use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap, LOCATION, RETRY_AFTER};
use reqwest::{Client, Response, StatusCode, Url};
use tokio::time::{Instant, sleep};

/// For one request.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(15);
/// From the first POST on: how long a server may ask to come back later.
const PATIENCE: Duration = Duration::from_secs(30);
/// Without `Retry-After`, and the most that is waited with it.
const RETRY_AFTER_DEFAULT: Duration = Duration::from_secs(1);
const RETRY_AFTER_MOST: Duration = Duration::from_secs(5);
/// Shorter than servers keep idle connections, so that none is reused as it is closed.
const IDLE: Duration = Duration::from_secs(10);
/// Of a refusal's body, for the message.
const DETAIL_BYTES: usize = 200;

/// How to reach WHIP and WHEP endpoints.
#[derive(Debug, Clone)]
pub(crate) struct Endpoints {
    client: Client,
}

/// A session that the server has opened.
#[derive(Debug)]
pub(crate) struct Opened {
    /// SDP.
    pub answer: String,
    /// Where it ends.
    pub session: OpenSession,
}

/// What it takes to end a session.
#[derive(Debug)]
pub(crate) struct OpenSession {
    url: Url,
    token: Option<String>,
}

impl Endpoints {
    /// With a client of its own.
    pub(crate) fn new() -> Result<Self, String> {
        let client = Client::builder()
            .timeout(REQUEST_TIMEOUT)
            .pool_idle_timeout(IDLE)
            .user_agent(concat!("plenum-load/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|e| format!("no HTTP client: {}", whole(&e)))?;
        Ok(Self { client })
    }

    /// POSTs an offer, again while the server asks to come back later.
    pub(crate) async fn open(&self, url: &Url, token: Option<String>, offer: &str) -> Result<Opened, String> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let response = self.post(url, token.as_deref(), offer).await?;
            let pause = retry_after(response.headers());
            if !is_temporary(response.status()) || Instant::now() + pause > deadline {
                return opened(response, token).await;
            }
            sleep(pause).await;
        }
    }

    /// DELETEs a session.
    pub(crate) async fn close(&self, session: OpenSession) -> Result<(), String> {
        let request = self.client.delete(session.url);
        let response = authorized(request, session.token.as_deref()).send().await.map_err(|e| whole(&e))?;
        match response.status() {
            status if status.is_success() => Ok(()),
            _ => Err(refusal("DELETE", response).await),
        }
    }

    async fn post(&self, url: &Url, token: Option<&str>, offer: &str) -> Result<Response, String> {
        let request = self
            .client
            .post(url.clone())
            .header(CONTENT_TYPE, "application/sdp")
            .header(ACCEPT, "application/sdp")
            .body(offer.to_owned());
        authorized(request, token).send().await.map_err(|e| whole(&e))
    }
}

fn authorized(request: reqwest::RequestBuilder, token: Option<&str>) -> reqwest::RequestBuilder {
    match token {
        Some(token) => request.bearer_auth(token),
        None => request,
    }
}

/// The address of this machine that packets to `url`'s host leave from.
pub(crate) async fn local_ip_towards(url: &Url) -> Result<IpAddr, String> {
    let host = url.host_str().ok_or_else(|| format!("{url} has no host"))?;
    let port = url.port_or_known_default().unwrap_or(80);
    let bare = host.trim_matches(['[', ']']);
    let unreachable = |e: std::io::Error| format!("cannot reach {host}: {e}");
    let remotes: Vec<SocketAddr> =
        tokio::net::lookup_host((bare, port)).await.map_err(unreachable)?.collect();
    let remote = remotes.first().ok_or_else(|| format!("{host} has no address"))?;
    // Connecting a UDP socket sends nothing; it asks the kernel for a route.
    let any: SocketAddr = if remote.is_ipv4() { ([0; 4], 0).into() } else { ([0u16; 8], 0).into() };
    let socket = UdpSocket::bind(any).map_err(unreachable)?;
    socket.connect(remote).map_err(unreachable)?;
    Ok(socket.local_addr().map_err(unreachable)?.ip())
}

/// 503 and 429 while the server is busy, 409 while nobody publishes.
fn is_temporary(status: StatusCode) -> bool {
    matches!(status, StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS | StatusCode::CONFLICT)
}

fn retry_after(headers: &HeaderMap) -> Duration {
    let seconds = headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse().ok());
    seconds.map_or(RETRY_AFTER_DEFAULT, Duration::from_secs).min(RETRY_AFTER_MOST)
}

async fn opened(response: Response, token: Option<String>) -> Result<Opened, String> {
    if response.status() != StatusCode::CREATED {
        return Err(refusal("POST", response).await);
    }
    let location = response.headers().get(LOCATION).and_then(|value| value.to_str().ok());
    let location = location.ok_or("201 without Location")?;
    let url = response.url().join(location).map_err(|e| format!("Location {location:?}: {e}"))?;
    let answer = response.text().await.map_err(|e| whole(&e))?;
    Ok(Opened { answer, session: OpenSession { url, token } })
}

async fn refusal(method: &str, response: Response) -> String {
    let status = response.status();
    let body = response.text().await.unwrap_or_default();
    let detail: String = body.chars().filter(|c| !c.is_control()).take(DETAIL_BYTES).collect();
    format!("{method} answered {status} {detail}").trim_end().to_owned()
}

/// An error with its causes: the outermost alone says only that a request failed.
fn whole(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_obeyed_within_bounds() {
        let mut headers = HeaderMap::new();
        assert_eq!(retry_after(&headers), Duration::from_secs(1));
        for (value, seconds) in [("2", 2), ("0", 0), ("600", 5), ("Fri, 31 Dec 1999 23:59:59 GMT", 1)] {
            headers.insert(RETRY_AFTER, value.parse().unwrap());
            assert_eq!(retry_after(&headers), Duration::from_secs(seconds), "{value}");
        }
    }

    #[tokio::test]
    async fn packets_to_loopback_leave_from_loopback() {
        for (url, ip) in [("http://127.0.0.1:7880", "127.0.0.1"), ("http://[::1]:7880/x", "::1")] {
            let local = local_ip_towards(&url.parse().unwrap()).await.unwrap();
            assert_eq!(local, ip.parse::<IpAddr>().unwrap());
        }
    }
}
