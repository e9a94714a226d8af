//! The command line: what can be asked for, and with which words.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use plenum_model::{Identity, RoomName};

use crate::config::{Flags, Shards};

const EXAMPLES: &str = "\
Examples:
  plenum                                        Try it: open on 127.0.0.1, prints what to open
  plenum --dev --bind 0.0.0.0                   Open to your network, for a test
  plenum serve --config plenum.toml             In production, with keys
  plenum check-config --config plenum.toml      What would be in effect, or what is wrong
  plenum token --config plenum.toml --room demo --identity ada --publish
  plenum load --viewers 100 --duration 30s      How much does this machine carry?

Every key of the configuration is also an environment variable: PLENUM_HTTP__PORT=8080.
Flags win over the environment, the environment over the file, the file over defaults.";

/// WebRTC media server: publish over WHIP, watch over WHEP, nothing transcoded.
#[derive(Debug, Parser)]
#[command(name = "plenum", version, after_help = EXAMPLES, args_conflicts_with_subcommands = true)]
pub struct Cli {
    /// What to do; without it, serve.
    #[command(subcommand)]
    pub command: Option<Task>,
    /// The flags of `serve`, which may be left out.
    #[command(flatten)]
    pub serve: ServeArgs,
}

/// What the binary can do.
#[derive(Debug, Subcommand)]
pub enum Task {
    /// Run the server (what happens without a command)
    Serve(ServeArgs),
    /// Load a server with publishers and viewers, and measure
    Load(Box<plenum_load::Args>),
    /// Make a token that lets someone publish or watch
    Token(TokenArgs),
    /// Print the configuration in effect with secrets masked, or what is wrong with it
    CheckConfig(ServeArgs),
}

/// `serve` and `check-config`.
#[derive(Debug, Clone, Default, Args)]
pub struct ServeArgs {
    /// Configuration file, TOML or YAML
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Development mode: without keys everybody may do everything, on whatever address
    #[arg(long)]
    pub dev: bool,
    /// Address to listen on for HTTP and media [default: 127.0.0.1]
    #[arg(long, value_name = "IP")]
    pub bind: Option<IpAddr>,
    /// TCP port of HTTP, 0 for any [default: 7880]
    #[arg(long, value_name = "N")]
    pub http_port: Option<u16>,
    /// TCP port of metrics and health, 0 for any [default: 7881]
    #[arg(long, value_name = "N")]
    pub admin_port: Option<u16>,
    /// UDP port of the first shard, 0 for any [default: 7882]
    #[arg(long, value_name = "N")]
    pub media_port: Option<u16>,
    /// Media threads, each with a port of its own, or "auto" [default: auto]
    #[arg(long, value_name = "N")]
    pub shards: Option<Shards>,
    /// Address under which clients reach the media ports, when it is not this machine's own
    #[arg(long, value_name = "IP", value_delimiter = ',')]
    pub external_ip: Vec<IpAddr>,
}

impl ServeArgs {
    /// As a layer of the configuration.
    pub fn flags(self) -> Flags {
        Flags {
            file: self.config,
            dev: self.dev,
            bind: self.bind,
            http_port: self.http_port,
            admin_port: self.admin_port,
            media_port: self.media_port,
            shards: self.shards,
            external_ip: self.external_ip,
        }
    }
}

/// `token`. The secret comes from `auth.keys` of the file or the environment, never from the command
/// line, which other users of the machine can read.
#[derive(Debug, Args)]
pub struct TokenArgs {
    /// Configuration file that holds the keys
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The room it is good for
    #[arg(long, value_parser = RoomName::parse)]
    pub room: RoomName,
    /// For whom
    #[arg(long, value_parser = Identity::parse)]
    pub identity: Identity,
    /// May send media
    #[arg(long)]
    pub publish: bool,
    /// May receive media (the default when nothing else is granted)
    #[arg(long)]
    pub subscribe: bool,
    /// May moderate the room
    #[arg(long)]
    pub admin: bool,
    /// How long it can be used to get in
    #[arg(long, default_value = "1h", value_parser = humantime::parse_duration)]
    pub ttl: Duration,
    /// Name of the key in auth.keys to sign with [default: the only one]
    #[arg(long, value_name = "K")]
    pub key: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    fn parse(line: &str) -> Cli {
        Cli::try_parse_from(line.split(' ')).unwrap()
    }

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn serve_is_what_happens_without_a_command() {
        let bare = parse("plenum --http-port 0 --external-ip 192.0.2.1,2001:db8::1");
        assert!(bare.command.is_none());
        let flags = bare.serve.flags();
        assert_eq!((flags.http_port, flags.external_ip.len()), (Some(0), 2));
        let Some(Task::Serve(named)) = parse("plenum serve --shards 4 --dev").command else { panic!() };
        assert_eq!(named.flags().shards, Some(Shards::Fixed(4)));
    }

    #[test]
    fn what_cannot_be_is_refused_at_once() {
        for line in [
            "plenum --http-port 65536",
            "plenum --shards 0",
            "plenum token --room ../x --identity a",
            "plenum doctr",
        ] {
            assert!(Cli::try_parse_from(line.split(' ')).is_err(), "{line}");
        }
    }
}
