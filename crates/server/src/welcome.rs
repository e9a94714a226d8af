//! What is said when the server is up: one JSON line on stdout for programs, and in a terminal a few
//! lines on stderr for people.

use std::io::{self, IsTerminal, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use serde::Serialize;

use crate::config::{LogFormat, Mode};

/// Where everything listens.
#[derive(Debug, Clone)]
pub struct Addresses {
    /// HTTP.
    pub http: SocketAddr,
    /// Metrics and health.
    pub admin: SocketAddr,
    /// One per shard.
    pub media: Vec<SocketAddr>,
}

/// The ready line.
#[derive(Debug, Serialize)]
struct Ready {
    ready: bool,
    http: String,
    admin: String,
    media: Vec<String>,
}

/// Says it. The lines for people appear in dev mode and wherever a person is watching, but never among
/// log lines that a program reads.
pub fn announce(addresses: &Addresses, mode: Mode, log: LogFormat, host: &[IpAddr]) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{}", addresses.ready_line())?;
    stdout.flush()?;
    let (http, admin) = (addresses.http, addresses.admin);
    if log == LogFormat::Text && (mode.dev || io::stderr().is_terminal()) {
        io::stderr().write_all(addresses.banner(mode, host).as_bytes())
    } else {
        tracing::info!(%http, %admin, media = ?addresses.media, dev = mode.dev, open = mode.open, "ready");
        Ok(())
    }
}

impl Addresses {
    fn ready_line(&self) -> String {
        let ready = Ready {
            ready: true,
            http: url(self.http),
            admin: url(self.admin),
            media: self.media.iter().map(SocketAddr::to_string).collect(),
        };
        serde_json::to_string(&ready).expect("strings and a flag")
    }

    fn banner(&self, mode: Mode, host: &[IpAddr]) -> String {
        let base = url(self.http);
        let access = match mode.open {
            true => "open: whoever can reach it may publish and watch",
            false => "with keys: publishing and watching take a token",
        };
        let bearer = match mode.open {
            true => "leave it empty",
            false => "a stream key, or: plenum token --room demo --identity obs --publish",
        };
        let media: Vec<String> = self.media.iter().map(SocketAddr::to_string).collect();
        let elsewhere: String = self
            .seen_from_elsewhere(host)
            .map(|address| format!("               {}/\n", url(address)))
            .collect();
        format!(
            "\n  Plenum {version} is up, {access}.\n\n\
             \x20 Open         {base}/\n\
             {elsewhere}\
             \x20 Meet         {base}/r/demo   (a conference: open it twice)\n\
             \x20 Publish      {base}/publish/demo   (camera or screen, in a browser)\n\
             \x20 Watch        {base}/watch/demo\n\n\
             \x20 OBS          Settings, Stream, Service: WHIP\n\
             \x20   Server       {base}/whip/demo\n\
             \x20   Bearer token {bearer}\n\n\
             \x20 Metrics      {admin}/metrics\n\
             \x20 Media        UDP {media}\n\n",
            version = env!("CARGO_PKG_VERSION"),
            admin = url(self.admin),
            media = media.join(", "),
        )
    }

    /// The addresses behind a wildcard.
    fn seen_from_elsewhere<'a>(&self, host: &'a [IpAddr]) -> impl Iterator<Item = SocketAddr> + use<'a> {
        let (bound, port) = (self.http.ip(), self.http.port());
        host.iter()
            .filter(move |ip| bound.is_unspecified() && !ip.is_loopback())
            .filter(move |ip| bound.is_ipv6() || ip.is_ipv4())
            .map(move |ip| SocketAddr::new(*ip, port))
    }
}

/// A URL that works on this machine: nobody can connect to a wildcard everywhere.
fn url(address: SocketAddr) -> String {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    format!("http://{}", SocketAddr::new(ip, address.port()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(http: &str) -> Addresses {
        Addresses {
            http: http.parse().unwrap(),
            admin: "127.0.0.1:7881".parse().unwrap(),
            media: vec!["127.0.0.1:7882".parse().unwrap(), "127.0.0.1:7883".parse().unwrap()],
        }
    }

    #[test]
    fn the_ready_line_is_one_json_object_with_urls_that_work() {
        assert_eq!(
            addresses("0.0.0.0:7880").ready_line(),
            r#"{"ready":true,"http":"http://127.0.0.1:7880","admin":"http://127.0.0.1:7881","media":["127.0.0.1:7882","127.0.0.1:7883"]}"#
        );
        assert!(addresses("[::1]:80").ready_line().contains(r#""http":"http://[::1]:80""#));
    }

    #[test]
    fn the_banner_says_what_to_open_and_where_to_point_obs() {
        let open = Mode { dev: true, open: true };
        let banner = addresses("127.0.0.1:7880").banner(open, &["192.0.2.1".parse().unwrap()]);
        assert!(banner.contains("http://127.0.0.1:7880/watch/demo"), "{banner}");
        assert!(banner.contains("http://127.0.0.1:7880/whip/demo"));
        assert!(!banner.contains("192.0.2.1"), "loopback is not reached from elsewhere");
        let wide = addresses("0.0.0.0:7880").banner(open, &["192.0.2.1".parse().unwrap()]);
        assert!(wide.contains("http://192.0.2.1:7880/"));
        let keyed = addresses("127.0.0.1:7880").banner(Mode { dev: false, open: false }, &[]);
        assert!(keyed.contains("plenum token"));
    }
}
