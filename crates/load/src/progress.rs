//! What a person watching a run sees meanwhile.

use std::io::{IsTerminal, Write};
use std::time::Duration;

use tokio::time::Instant;

/// Between two lines; faster is not readable.
const PAUSE: Duration = Duration::from_millis(250);

/// One line on a terminal's standard error, rewritten in place; nothing anywhere else.
pub(crate) struct Progress {
    terminal: bool,
    shown: Option<Instant>,
}

impl Progress {
    /// Nothing shown yet.
    pub(crate) fn new() -> Self {
        Self { terminal: std::io::stderr().is_terminal(), shown: None }
    }

    /// Whether anybody is looking.
    pub(crate) fn is_shown(&self) -> bool {
        self.terminal
    }

    /// Shows a line, unless the last one is too recent to be read.
    pub(crate) fn show(&mut self, line: impl FnOnce() -> String) {
        let due = self.shown.is_none_or(|at| at.elapsed() >= PAUSE);
        if self.terminal && due {
            self.shown = Some(Instant::now());
            // A progress line that cannot be written is no reason to stop.
            let _ = write!(std::io::stderr(), "\r\x1b[K{}", line());
        }
    }

    /// Leaves an empty line.
    pub(crate) fn clear(&mut self) {
        if self.terminal {
            let _ = write!(std::io::stderr(), "\r\x1b[K");
        }
    }
}
