//! What can be asked for on the command line, and how rates are written.
//!
//! Nothing here opens a socket: parsing ends in values the rest of the crate can take as true.

use std::str::FromStr;
use std::time::Duration;

use crate::payload;

/// The options of `plenum load`.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// Server to load, as an HTTP base URL; endpoints are `{url}/whip/{room}` and `{url}/whep/{room}`.
    #[arg(long, default_value = "http://127.0.0.1:7880")]
    pub url: String,
    /// WHIP endpoint instead of `{url}/whip/{room}`; `{room}` and `{publisher}` in it are replaced.
    #[arg(long)]
    pub whip_url: Option<String>,
    /// WHEP endpoint instead of `{url}/whep/{room}`; `{room}` and `{publisher}` in it are replaced.
    #[arg(long)]
    pub whep_url: Option<String>,
    /// Bearer token sent with every request.
    #[arg(long)]
    pub token: Option<String>,
    /// API key and its secret, as `name:secret`: a token is made for each session and participant.
    #[arg(long, conflicts_with = "token")]
    pub key: Option<Key>,
    /// Room to publish to and watch; with more than one room, the prefix of their names (`bench-0` and so on).
    #[arg(long, default_value = "bench")]
    pub room: String,
    /// Number of rooms, each with its own publishers and viewers.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    pub rooms: u16,
    /// WHIP publishers per room [default: 1; none with --participants].
    #[arg(long, value_parser = clap::value_parser!(u16).range(0..=1_000))]
    pub publishers: Option<u16>,
    /// WHEP viewers per room, spread evenly over those who send video [default: 1; none with --participants].
    #[arg(long)]
    pub viewers: Option<u32>,
    /// Participants of the room protocol per room. All send audio and take turns in speaking.
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u16).range(0..=5_000))]
    pub participants: u16,
    /// How many of the participants of a room send video [default: all].
    #[arg(long)]
    pub publishing: Option<u16>,
    /// Slots of each participant, for video and for audio.
    #[arg(long, default_value = "9,3")]
    pub slots: SlotCounts,
    /// Further participants that join, and leave some seconds later, per second of the measurement.
    #[arg(long, default_value_t = 0.0, value_parser = parse_churn)]
    pub churn: f64,
    /// Video of each publisher and participant as packets per second and RTP payload bytes, or `off`.
    #[arg(long, default_value = "250pps,1200B")]
    pub video: Rate,
    /// Audio of each publisher and participant as packets per second and RTP payload bytes, or `off`.
    #[arg(long, default_value = "50pps,120B")]
    pub audio: Rate,
    /// Video packets sent back to back as one frame, at the same average rate.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub burst: u32,
    /// Share of viewers and participants that decrypt and check every packet; the others count RTP headers only.
    #[arg(long, default_value_t = 1.0, value_parser = parse_share)]
    pub sample: f64,
    /// How long to measure once everybody has joined (`30s`, `5m`, `1h`).
    #[arg(long, default_value = "30s", value_parser = parse_duration)]
    pub duration: Duration,
    /// Print one JSON object on stdout instead of a summary.
    #[arg(long)]
    pub json: bool,
    /// Process id of the server on this machine, to report what a forwarded packet costs it.
    #[arg(long)]
    pub server_pid: Option<u32>,
    /// Threads for viewers and participants; the publishers have one of their own.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=256))]
    pub threads: u16,
    /// Joins started per second.
    #[arg(long, default_value_t = 50.0, value_parser = parse_join_rate)]
    pub join_rate: f64,
    /// Send nothing while measuring, as people who are muted do: what idle viewers cost.
    #[arg(long)]
    pub silent: bool,
    /// Leave without DELETE, as a crashed client does.
    #[arg(long)]
    pub no_delete: bool,
}

impl Args {
    /// WHIP publishers per room.
    pub fn publishers(&self) -> u16 {
        self.publishers.unwrap_or(u16::from(self.participants == 0))
    }

    /// WHEP viewers per room.
    pub fn viewers(&self) -> u32 {
        self.viewers.unwrap_or(u32::from(self.participants == 0))
    }

    /// Participants per room that send video.
    pub fn publishing(&self) -> u16 {
        self.publishing.unwrap_or(self.participants).min(self.participants)
    }

    /// What single options cannot say.
    pub(crate) fn checked(self) -> Result<Self, String> {
        if self.publishers() == 0 && self.participants == 0 {
            return Err("nobody would send: --publishers and --participants are both 0".into());
        }
        if self.churn > 0.0 && self.participants == 0 {
            return Err("--churn needs --participants to come to".into());
        }
        if self.churn * self.duration.as_secs_f64() > MOST_GUESTS {
            return Err(format!("--churn would bring more than {MOST_GUESTS} participants"));
        }
        Ok(self)
    }
}

/// Who a packet is of takes 16 bits in its payload.
const MOST_GUESTS: f64 = 50_000.0;

/// How many slots a participant offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SlotCounts {
    /// For video.
    pub video: usize,
    /// For audio.
    pub audio: usize,
}

impl SlotCounts {
    /// With the four sending lines this fills the m-lines that the room protocol allows.
    const MOST: usize = 60;
}

impl FromStr for SlotCounts {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let shape = || format!("expected slots for video and audio such as 9,3, found {text:?}");
        let (video, audio) = text.split_once(',').ok_or_else(shape)?;
        let number = |text: &str| text.trim().parse::<usize>().map_err(|_| shape());
        let slots = Self { video: number(video)?, audio: number(audio)? };
        match slots.video.saturating_add(slots.audio) <= Self::MOST {
            true => Ok(slots),
            false => Err(format!("at most {} slots", Self::MOST)),
        }
    }
}

/// An API key of the server.
#[derive(Clone, PartialEq, Eq)]
pub struct Key {
    /// Its name in `auth.keys`.
    pub name: String,
    /// What it signs with.
    pub secret: String,
}

/// Without the secret: arguments are printed in messages.
impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Key").field("name", &self.name).finish_non_exhaustive()
    }
}

impl FromStr for Key {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, secret) = text.split_once(':').ok_or("expected a key as name:secret")?;
        Ok(Self { name: name.into(), secret: secret.into() })
    }
}

/// Constant rate of one stream: packets per second and RTP payload bytes of each.
///
/// Written `250pps,1200B`; `off` stands for no stream at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// Packets per second; 0 when the stream is off.
    pub packets_per_s: u32,
    /// RTP payload bytes per packet, header extensions not included.
    pub payload_bytes: usize,
}

impl Rate {
    /// No stream.
    pub const OFF: Rate = Rate { packets_per_s: 0, payload_bytes: 0 };
    /// Highest rate of one stream; beyond it one publisher stops being one encoder.
    const MAX_PACKETS_PER_S: u32 = 100_000;
    /// Largest payload that fits an Ethernet frame with IPv6, UDP, RTP, extensions and the GCM tag.
    const MAX_PAYLOAD_BYTES: usize = 1_380;

    /// Whether the stream is sent at all.
    pub fn is_on(self) -> bool {
        self.packets_per_s > 0
    }
}

impl FromStr for Rate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "off" {
            return Ok(Rate::OFF);
        }
        let shape = || format!("expected a rate such as 250pps,1200B or off, found {text:?}");
        let (pps, bytes) = text.split_once(',').ok_or_else(shape)?;
        let pps = pps.trim().strip_suffix("pps").ok_or_else(shape)?;
        let bytes = bytes.trim().strip_suffix('B').ok_or_else(shape)?;
        let rate = Rate {
            packets_per_s: pps.parse().map_err(|_| shape())?,
            payload_bytes: bytes.parse().map_err(|_| shape())?,
        };
        rate.checked()
    }
}

impl Rate {
    fn checked(self) -> Result<Self, String> {
        if !(1..=Self::MAX_PACKETS_PER_S).contains(&self.packets_per_s) {
            return Err(format!("packets per second must be 1 to {}", Self::MAX_PACKETS_PER_S));
        }
        if !(payload::MIN_BYTES..=Self::MAX_PAYLOAD_BYTES).contains(&self.payload_bytes) {
            return Err(format!(
                "payload must be {} to {} bytes",
                payload::MIN_BYTES,
                Self::MAX_PAYLOAD_BYTES
            ));
        }
        Ok(self)
    }
}

fn parse_share(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(share) if (0.0..=1.0).contains(&share) => Ok(share),
        _ => Err("expected a share from 0 to 1".into()),
    }
}

fn parse_join_rate(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(rate) if rate > 0.0 && rate <= 10_000.0 => Ok(rate),
        _ => Err("expected joins per second above 0, at most 10000".into()),
    }
}

fn parse_churn(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(rate) if (0.0..=1_000.0).contains(&rate) => Ok(rate),
        _ => Err("expected joins and leaves per second from 0 to 1000".into()),
    }
}

fn parse_duration(text: &str) -> Result<Duration, String> {
    let shape = || format!("expected a duration such as 500ms, 30s, 5m or 1h, found {text:?}");
    let digits = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(shape)?;
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().map_err(|_| shape())?;
    let unit_ms: u64 = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return Err(shape()),
    };
    let ms = number.checked_mul(unit_ms).ok_or_else(shape)?;
    if ms == 0 {
        return Err("must be longer than 0".into());
    }
    Ok(Duration::from_millis(ms))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        args: Args,
    }

    fn parse(line: &str) -> Result<Args, String> {
        let words = std::iter::once("load").chain(line.split_ascii_whitespace());
        Cli::try_parse_from(words).map(|cli| cli.args).map_err(|e| e.to_string())
    }

    #[test]
    fn the_documented_command_line_is_understood() {
        let args = parse(
            "--url http://127.0.0.1:7880 --room bench --rooms 1 --publishers 1 --viewers 100 --participants 0 \
             --video 250pps,1200B --audio 50pps,120B --burst 1 --sample 1 --duration 30s --json",
        )
        .unwrap();
        assert_eq!(args.video, Rate { packets_per_s: 250, payload_bytes: 1_200 });
        assert_eq!((args.viewers(), args.duration, args.json), (100, Duration::from_secs(30), true));
    }

    #[test]
    fn rates_are_strict_and_off_is_a_rate() {
        assert_eq!("off".parse(), Ok(Rate::OFF));
        assert_eq!("50pps, 120B".parse(), Ok(Rate { packets_per_s: 50, payload_bytes: 120 }));
        for wrong in ["", "250", "250pps", "1200B,250pps", "0pps,100B", "-1pps,100B", "1pps,8B", "1pps,9000B"]
        {
            assert!(wrong.parse::<Rate>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn durations_need_a_unit() {
        assert_eq!(parse_duration("1500ms"), Ok(Duration::from_millis(1_500)));
        assert_eq!(parse_duration("2m"), Ok(Duration::from_secs(120)));
        for wrong in ["", "30", "s", "-1s", "0s", "1.5s", "99999999999999999999h", "18446744073709551615h"] {
            assert!(parse_duration(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_room_of_participants_needs_no_publishers_and_no_viewers() {
        let args = parse("--participants 60 --publishing 5").unwrap();
        assert_eq!((args.publishers(), args.viewers(), args.publishing()), (0, 0, 5));
        assert_eq!(parse("--participants 3 --viewers 7").unwrap().viewers(), 7);
        assert_eq!(parse("--participants 3").unwrap().publishing(), 3, "all of them");
        let plain = parse("").unwrap();
        assert_eq!((plain.publishers(), plain.viewers(), plain.participants), (1, 1, 0));
    }

    #[test]
    fn a_run_that_nobody_would_send_in_is_refused() {
        assert!(parse("--publishers 0").unwrap().checked().is_err());
        assert!(parse("--publishers 0 --participants 1").unwrap().checked().is_ok());
        assert!(parse("--churn 2").unwrap().checked().is_err());
        assert!(parse("--participants 2 --churn 1000 --duration 1h").unwrap().checked().is_err());
    }

    #[test]
    fn slots_and_keys_are_strict_and_a_secret_is_not_printed() {
        assert_eq!("25, 3".parse(), Ok(SlotCounts { video: 25, audio: 3 }));
        for wrong in ["", "9", "9,3,1", "-1,3", "58,3"] {
            assert!(wrong.parse::<SlotCounts>().is_err(), "{wrong}");
        }
        let key: Key = "devkey:a:b".parse().unwrap();
        assert_eq!((key.name.as_str(), key.secret.as_str()), ("devkey", "a:b"));
        assert!(!format!("{key:?}").contains("a:b"));
        assert!("devkey".parse::<Key>().is_err());
        assert!(parse("--key k:s --token t").is_err());
    }

    #[test]
    fn numbers_out_of_range_are_refused() {
        for wrong in [
            "--rooms 0",
            "--slots x",
            "--churn -1",
            "--sample 1.1",
            "--sample NaN",
            "--join-rate 0",
            "--threads 0",
        ] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
