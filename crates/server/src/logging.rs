//! The log, on stderr. Lines are handed to a thread of their own and dropped when nobody reads them: a
//! blocked terminal or pipe must not stop media.

use std::io::IsTerminal;

use tracing_appender::non_blocking::{NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::EnvFilter;

use crate::config::{ConfigError, Log, LogFormat};

/// Lines waiting to be written; beyond it they are dropped.
const QUEUE: usize = 10_000;

/// Starts the log. What is in flight is written when the guard is dropped.
pub fn start(log: &Log) -> Result<WorkerGuard, ConfigError> {
    let filter = read_filter(log, std::env::var("RUST_LOG").ok())?;
    let (writer, guard) =
        NonBlockingBuilder::default().buffered_lines_limit(QUEUE).lossy(true).finish(std::io::stderr());
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(writer)
        .with_ansi(std::io::stderr().is_terminal());
    match log.format {
        LogFormat::Text => builder.init(),
        LogFormat::Json => builder.json().init(),
    }
    Ok(guard)
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
    fn a_level_that_is_none_is_refused_by_its_key() {
        let log = Log { level: "a=b=c".to_owned(), ..Log::default() };
        assert!(read_filter(&log, None).unwrap_err().to_string().starts_with("log.level"));
    }
}
