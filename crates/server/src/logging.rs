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
    let lines = lines.with_filter(filter.and(filter_fn(keeps_secrets)));
    tracing_subscriber::registry().with(lines).init();
    Ok(guard)
}

/// The ICE agent logs passwords at debug and trace, and a line per odd STUN attribute at warn, as often
/// as strangers like. No level switches those on.
fn keeps_secrets(metadata: &Metadata<'_>) -> bool {
    may_log(metadata.target(), *metadata.level())
}

fn may_log(target: &str, level: Level) -> bool {
    let is_ice_agent = target == "is" || target.starts_with("is::");
    !is_ice_agent || level == Level::ERROR
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
        assert!(!may_log("is::agent", Level::TRACE) && !may_log("is::agent", Level::DEBUG));
        assert!(may_log("is::agent", Level::ERROR));
        assert!(may_log("issues", Level::TRACE) && may_log("plenum::http", Level::TRACE));
    }

    #[test]
    fn a_level_that_is_none_is_refused_by_its_key() {
        let log = Log { level: "a=b=c".to_owned(), ..Log::default() };
        assert!(read_filter(&log, None).unwrap_err().to_string().starts_with("log.level"));
    }
}
