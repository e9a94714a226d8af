//! What several test modules need.

mod allocations;

use std::future::Future;
use std::net::UdpSocket;
use std::time::{Duration, Instant};

pub(crate) use allocations::allocations_in;

/// Long enough for anything that happens at all.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// Returns when all that this thread sent over loopback so far is in the sockets it was sent to: loopback
/// delivers in order, mostly but not always within the call that sends.
pub(crate) fn delivered() {
    let last = UdpSocket::bind("127.0.0.1:0").unwrap();
    last.set_read_timeout(Some(PATIENCE)).unwrap();
    last.send_to(b"last", last.local_addr().unwrap()).unwrap();
    last.recv(&mut [0; 4]).unwrap();
}

/// Looks again and again until `condition` holds; fails if it never does.
pub(crate) fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let began = Instant::now();
    while !condition() {
        assert!(began.elapsed() < PATIENCE, "never happened: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// The outcome of `future`; fails if there never is one.
pub(crate) async fn patiently<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(PATIENCE, future).await.expect("this never ended")
}
