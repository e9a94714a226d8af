//! Waiting for something to become true, with a deadline and a name.

use std::time::{Duration, Instant};

const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// Waits until `condition` holds. Panics after `deadline`, saying what never happened.
#[track_caller]
pub fn wait_until(what: &str, deadline: Duration, mut condition: impl FnMut() -> bool) {
    wait_for(what, deadline, || condition().then_some(()));
}

/// Waits until `poll` returns something. Panics after `deadline`, saying what never happened.
#[track_caller]
pub fn wait_for<T>(what: &str, deadline: Duration, mut poll: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(value) = poll() {
            return value;
        }
        assert!(started.elapsed() < deadline, "not within {deadline:?}: {what}");
        std::thread::sleep(POLL_INTERVAL);
    }
}
