//! Whatever is logged as an error while a world runs. An ERROR line means that Plenum was at fault, so a run
//! that has one which nobody asked for has failed.

use std::fmt::{Debug, Write};
use std::sync::{Arc, Mutex};

use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::{Dispatch, Event, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::Registry;

/// The errors of one world.
#[derive(Debug, Clone)]
pub(crate) struct ErrorLog {
    dispatch: Dispatch,
    lines: Arc<Mutex<Vec<String>>>,
}

impl ErrorLog {
    pub fn new() -> Self {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let subscriber = Registry::default().with(Collect(lines.clone()).with_filter(LevelFilter::ERROR));
        Self { dispatch: Dispatch::new(subscriber), lines }
    }

    /// Runs `work` while listening.
    pub fn listen<R>(&self, work: impl FnOnce() -> R) -> R {
        tracing::dispatcher::with_default(&self.dispatch, work)
    }

    /// What was logged since the last call.
    pub fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.lines.lock().expect("nobody panics while holding it"))
    }
}

struct Collect(Arc<Mutex<Vec<String>>>);

impl<S: Subscriber> Layer<S> for Collect {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut line = Line(event.metadata().target().to_owned());
        event.record(&mut line);
        self.0.lock().expect("nobody panics while holding it").push(line.0);
    }
}

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        write!(self.0, " {}={value:?}", field.name()).expect("a String takes everything");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_collected_and_warnings_are_not() {
        let log = ErrorLog::new();
        log.listen(|| {
            tracing::warn!("nothing");
            tracing::error!(room = 3, "something");
        });
        let lines = log.take();
        assert_eq!(lines.len(), 1);
        assert!(lines[0].contains("room=3") && lines[0].contains("something"), "{lines:?}");
        assert!(log.take().is_empty());
    }
}
