//! The log, on stderr. Lines are handed to a thread of their own and dropped when nobody reads them: a
//! blocked terminal or pipe must not stop media.

use std::io::IsTerminal;

use tracing::{Level, Metadata};
use tracing_appender::non_blocking::{NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::filter::{EnvFilter, FilterExt, filter_fn};
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

use crate::config::{ConfigError, Log, LogFormat};

/// Lines waiting to be written; beyond it they are dropped.
const QUEUE: usize = 10_000;

/// Starts the log. What is in flight is written when the guard is dropped.
pub fn start(log: &Log) -> Result<WorkerGuard, ConfigError> {
    let filter = read_filter(log, std::env::var("RUST_LOG").ok())?;
    let (writer, guard) =
        NonBlockingBuilder::default().buffered_lines_limit(QUEUE).lossy(true).finish(std::io::stderr());
    let lines =
        tracing_subscriber::fmt::layer().with_writer(writer).with_ansi(std::io::stderr().is_terminal());
    let lines = match log.format {
        LogFormat::Text => lines.boxed(),
        LogFormat::Json => lines.json().boxed(),
    };
    let quiet = quiet(&filter.to_string());
    let may_log = move |metadata: &Metadata<'_>| may_log(metadata.target(), *metadata.level(), &quiet);
    let lines = lines.with_filter(filter.and(filter_fn(may_log)));
    tracing_subscriber::registry().with(lines).init();
    Ok(guard)
}

/// The ICE agent logs passwords at debug and trace, and a line per odd STUN attribute at warn, as often
/// as strangers like. No level switches those on.
const ICE_AGENT: &str = "is";

/// These log a line at warn for packets that peers may send as often as they like. They do so only for who names them.
const TALKATIVE: [&str; 4] = ["str0m", "str0m_proto", "sctp_proto", "dimpl"];

/// Which of the talkative the directives do not name.
fn quiet(directives: &str) -> Vec<&'static str> {
    let named = |of: &str| {
        let target = |directive: &str| directive.split(['=', '[']).next().map(str::trim).map(str::to_owned);
        directives.split(',').filter_map(target).any(|target| is_part_of(&target, of))
    };
    TALKATIVE.into_iter().filter(|of| !named(of)).collect()
}

fn is_part_of(target: &str, of: &str) -> bool {
    target.strip_prefix(of).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

fn may_log(target: &str, level: Level, quiet: &[&str]) -> bool {
    let silenced = is_part_of(target, ICE_AGENT) || quiet.iter().any(|of| is_part_of(target, of));
    !silenced || level == Level::ERROR
}

/// `RUST_LOG` is what everybody tries first; it replaces `log.level`.
fn read_filter(log: &Log, rust_log: Option<String>) -> Result<EnvFilter, ConfigError> {
    let rust_log = rust_log.filter(|directives| !directives.is_empty());
    let (key, directives) = match &rust_log {
        Some(directives) => ("RUST_LOG", directives),
        None => ("log.level", &log.level),
    };
    EnvFilter::try_new(directives).map_err(|error| ConfigError::new(format!("{key}: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rust_log_replaces_the_configured_level() {
        let log = Log::default();
        assert_eq!(read_filter(&log, None).unwrap().to_string(), "info");
        assert_eq!(read_filter(&log, Some("debug".to_owned())).unwrap().to_string(), "debug");
        assert_eq!(read_filter(&log, Some(String::new())).unwrap().to_string(), "info");
    }

    #[test]
    fn no_level_makes_the_ice_agent_log_passwords() {
        let may_log = |target, level| may_log(target, level, &[]);
        assert!(!may_log("is::agent", Level::TRACE) && !may_log("is::agent", Level::DEBUG));
        assert!(may_log("is::agent", Level::ERROR));
        assert!(may_log("issues", Level::TRACE) && may_log("plenum::http", Level::TRACE));
    }

    #[test]
    fn peers_cannot_flood_the_log_through_libraries_unless_the_level_names_those() {
        let may_warn = |level: &str, target: &str| {
            let filter = read_filter(&Log { level: level.to_owned(), ..Log::default() }, None).unwrap();
            may_log(target, Level::WARN, &quiet(&filter.to_string()))
        };
        for target in ["str0m", "str0m::channel", "str0m_proto", "sctp_proto::association", "dimpl::server"] {
            assert!(!may_warn("info", target) && !may_warn("trace,plenum=debug", target), "{target}");
            assert!(may_log(target, Level::ERROR, &TALKATIVE), "{target}");
        }
        assert!(may_warn("info,str0m=warn", "str0m::channel") && !may_warn("info,str0m=warn", "sctp_proto"));
        assert!(may_warn("info,sctp_proto::association=debug", "sctp_proto::association"));
        assert!(may_warn("info", "plenum::http") && may_warn("info", "str0mx"));
    }

    #[test]
    fn a_level_that_is_none_is_refused_by_its_key() {
        let log = Log { level: "a=b=c".to_owned(), ..Log::default() };
        assert!(read_filter(&log, None).unwrap_err().to_string().starts_with("log.level"));
    }
}
