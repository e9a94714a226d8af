//! Going away politely: no new sessions, the old ones until they leave or `drain_timeout`.

use std::time::Duration;

use plenum_signal::{Problem, Slug};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

/// How soon to come back: by then another instance answers, or this one again.
const RETRY_AFTER_S: u32 = 5;

/// Whether the server still takes new sessions.
#[derive(Debug, Default)]
pub struct Drain(watch::Sender<bool>);

impl Drain {
    /// From now on, no new sessions.
    pub fn begin(&self) {
        self.0.send_replace(true);
    }

    /// Whether it has begun.
    pub fn is_draining(&self) -> bool {
        *self.0.borrow()
    }

    /// Returns when it begins.
    pub async fn begun(&self) {
        let mut draining = self.0.subscribe();
        // The sender lives as long as `self`.
        let _ = draining.wait_for(|draining| *draining).await;
    }

    /// 503 for a new session while draining.
    pub fn check(&self) -> Result<(), Problem> {
        match self.is_draining() {
            true => Err(Problem::new(Slug::Draining, "the server is going away and takes no new sessions")
                .with_retry_after(RETRY_AFTER_S)),
            false => Ok(()),
        }
    }
}

/// What a signal asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ask {
    /// Drain, then end.
    Drain,
    /// End at once.
    Now,
}

/// SIGTERM and SIGINT.
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
    dev: bool,
    asked: bool,
}

impl Signals {
    /// Listens from now on. In dev mode SIGINT (Ctrl-C) means now.
    pub fn listen(dev: bool) -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            dev,
            asked: false,
        })
    }

    /// The next signal; a second one always means now.
    pub async fn next(&mut self) -> Ask {
        let interrupted = tokio::select! {
            _ = self.terminate.recv() => false,
            _ = self.interrupt.recv() => true,
        };
        let again = std::mem::replace(&mut self.asked, true);
        match again || (interrupted && self.dev) {
            true => Ask::Now,
            false => Ask::Drain,
        }
    }
}

/// Waits until the server should end: a signal that means now, or drained after one that does not.
/// `empty` resolves when there is nobody left.
pub async fn until_end(
    drain: &Drain,
    signals: &mut Signals,
    empty: impl Future<Output = ()>,
    drain_timeout: Duration,
) {
    if signals.next().await == Ask::Now {
        return;
    }
    drain.begin();
    tracing::info!(?drain_timeout, "draining: no new sessions, waiting for the others to leave");
    tokio::select! {
        () = empty => tracing::info!("drained: nobody is left"),
        () = tokio::time::sleep(drain_timeout) => tracing::warn!("drain_timeout is over"),
        _ = signals.next() => tracing::warn!("asked again: ending at once"),
    }
}
