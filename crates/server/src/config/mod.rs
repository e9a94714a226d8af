//! The configuration: what can be set, its defaults, and how each value is written.
//!
//! [`layers`] puts it together from file, environment and flags, [`rules`] says which combinations are
//! refused and why, [`show`] prints it with secrets masked. A key is accepted only once it does
//! something; an unknown key is an error wherever it comes from.

mod layers;
mod origin;
mod rules;
mod show;

pub use layers::{ConfigError, Flags, load};
pub use origin::Origin;
pub use rules::Mode;

use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use ipnet::IpNet;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The whole configuration.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// How long existing sessions may stay after SIGTERM.
    #[serde(deserialize_with = "read_duration", serialize_with = "write_duration")]
    pub drain_timeout: Duration,
    /// The public listener.
    pub http: Http,
    /// The listener of operators.
    pub admin: Admin,
    /// The media ports.
    pub media: Media,
    /// Who may do what.
    pub auth: Auth,
    /// What rooms are like.
    pub rooms: Rooms,
    /// What is logged, and how.
    pub log: Log,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            drain_timeout: Duration::from_secs(300),
            http: Http::default(),
            admin: Admin::default(),
            media: Media::default(),
            auth: Auth::default(),
            rooms: Rooms::default(),
            log: Log::default(),
        }
    }
}

/// `[http]`: WHIP, WHEP, the API and the pages.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Http {
    /// Address to listen on.
    pub bind: IpAddr,
    /// TCP port; 0 lets the system choose.
    pub port: u16,
    /// Proxies whose `X-Forwarded-For` is believed: addresses or networks.
    #[serde(deserialize_with = "read_networks")]
    pub trusted_proxies: Vec<IpNet>,
    /// Whose pages may open WebSockets, besides our own.
    pub allowed_origins: Vec<Origin>,
}

impl Default for Http {
    fn default() -> Self {
        Self {
            bind: Ipv4Addr::LOCALHOST.into(),
            port: 7880,
            trusted_proxies: Vec::new(),
            allowed_origins: Vec::new(),
        }
    }
}

/// `[admin]`: metrics and health.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Admin {
    /// Address to listen on.
    pub bind: IpAddr,
    /// TCP port; 0 lets the system choose.
    pub port: u16,
}

impl Default for Admin {
    fn default() -> Self {
        Self { bind: Ipv4Addr::LOCALHOST.into(), port: 7881 }
    }
}

/// `[media]`: shard `i` has port `port + i`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Media {
    /// Address to listen on.
    pub bind: IpAddr,
    /// UDP port of shard 0; 0 lets the system choose one for each.
    pub port: u16,
    /// How many shards.
    pub shards: Shards,
    /// Addresses that replace the host candidates of their family.
    pub external_ip: Vec<IpAddr>,
    /// Addresses that replace all candidates, port + i for shard i.
    pub advertise: Vec<SocketAddr>,
    /// How many viewers of a room its own shard takes before they go to others, fed by relay.
    pub spill_after: usize,
}

impl Default for Media {
    fn default() -> Self {
        Self {
            bind: Ipv4Addr::LOCALHOST.into(),
            port: 7882,
            shards: Shards::Auto,
            external_ip: Vec::new(),
            advertise: Vec::new(),
            spill_after: 200,
        }
    }
}

/// `[auth]`: without any key the server is open to everybody.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Auth {
    /// API keys that sign tokens: name to secret.
    pub keys: BTreeMap<String, Secret>,
    /// Stream keys for WHIP: room to key.
    pub stream_keys: BTreeMap<String, Secret>,
}

impl Auth {
    /// Whether everybody may do everything.
    pub fn is_open(&self) -> bool {
        self.keys.is_empty() && self.stream_keys.is_empty()
    }
}

/// `[rooms]`: what a room is like unless its maker says otherwise.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rooms {
    /// Participants at a time, WHIP publishers included; 0 sets no bound.
    pub max_participants: u32,
    /// How long a room without participants stays, with its chat and its bans.
    #[serde(deserialize_with = "read_duration", serialize_with = "write_duration")]
    pub empty_timeout: Duration,
    /// How long a participant whose connection is lost stays, so that it can come back.
    #[serde(deserialize_with = "read_duration", serialize_with = "write_duration")]
    pub departure_timeout: Duration,
    /// Whether newcomers wait until a moderator admits them.
    pub lobby: bool,
    /// Whether a room is opened by its first participant, or only through the API.
    pub auto_create: bool,
}

impl Default for Rooms {
    fn default() -> Self {
        Self {
            max_participants: 0,
            empty_timeout: Duration::from_secs(300),
            departure_timeout: Duration::from_secs(30),
            lobby: false,
            auto_create: true,
        }
    }
}

/// `[log]`, on stderr.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Log {
    /// Shape of a line.
    pub format: LogFormat,
    /// Directives such as `info` or `info,plenum_engine=debug`; `RUST_LOG` replaces them.
    pub level: String,
}

impl Default for Log {
    fn default() -> Self {
        Self { format: LogFormat::Text, level: "info".to_owned() }
    }
}

/// Shape of a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object per line.
    Json,
}

/// A number of shards, written as a number or `"auto"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shards {
    /// One for every two cores: the other half decrypts nothing but serves HTTP, the kernel and SDP.
    Auto,
    /// As many as that.
    Fixed(u16),
}

impl Shards {
    /// More would not fit the ufrag's four digits, nor any machine.
    pub const MAX: u16 = 256;

    /// The number on a machine with `cores`.
    pub fn count(self, cores: usize) -> u16 {
        match self {
            Self::Auto => u16::try_from(cores / 2).unwrap_or(Self::MAX).clamp(1, Self::MAX),
            Self::Fixed(count) => count,
        }
    }
}

impl std::str::FromStr for Shards {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "auto" => Ok(Self::Auto),
            _ => match text.parse() {
                Ok(count) if (1..=Self::MAX).contains(&count) => Ok(Self::Fixed(count)),
                _ => Err(format!("shards: expected \"auto\" or a number from 1 to {}", Self::MAX)),
            },
        }
    }
}

impl fmt::Display for Shards {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Fixed(count) => count.fmt(f),
        }
    }
}

impl Serialize for Shards {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Auto => serializer.serialize_str("auto"),
            Self::Fixed(count) => serializer.serialize_u16(*count),
        }
    }
}

impl<'de> Deserialize<'de> for Shards {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // Files write a number, the environment and flags its digits.
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// Something that is neither printed nor logged.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    const MASK: &str = "********";

    /// The secret itself.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Self::MASK)
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(Self::MASK)
    }
}

fn read_duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    humantime::parse_duration(&text)
        .map_err(|_| de::Error::custom(format!("expected a duration such as \"300s\", found {text:?}")))
}

fn write_duration<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&humantime::format_duration(*duration))
}

fn read_networks<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<IpNet>, D::Error> {
    let texts = Vec::<String>::deserialize(deserializer)?;
    texts.iter().map(|text| parse_network(text).map_err(de::Error::custom)).collect()
}

fn parse_network(text: &str) -> Result<IpNet, String> {
    text.parse::<IpNet>()
        .or_else(|_| text.parse::<IpAddr>().map(IpNet::from))
        .map_err(|_| format!("expected an address or a network such as \"10.0.0.0/8\", found {text:?}"))
}
