//! What the integration suites share: a running Plenum ([`Plenum`]), ways to talk to it over HTTP
//! ([`http`]), as a native WebRTC peer ([`peer`]) and as a participant of a room ([`room`]), and ways to look at it from outside ([`metrics`],
//! [`process`]).
//!
//! Everything here treats the server as a black box: the release binary, its ready line, its ports. No
//! crate of the house is linked in, so that a misunderstanding between two of them cannot hide here.
//! Servers and peers live on loopback; every wait has a deadline and says what it waited for.

#[path = "harness/browser.rs"]
pub mod browser;
#[path = "harness/clients.rs"]
pub mod clients;
#[path = "harness/http.rs"]
pub mod http;
#[path = "harness/metrics.rs"]
pub mod metrics;
#[path = "harness/offers.rs"]
pub mod offers;
#[path = "harness/peer.rs"]
pub mod peer;
#[path = "harness/process.rs"]
pub mod process;
#[path = "harness/proxy.rs"]
pub mod proxy;
#[path = "harness/room/mod.rs"]
pub mod room;
#[path = "harness/server.rs"]
mod server;
#[path = "harness/source.rs"]
mod source;
#[path = "harness/wait.rs"]
mod wait;

pub use server::{BINARY, ConfigFile, Options, Plenum, Ready, binary, run_binary};
pub use wait::{wait_for, wait_until};

/// The seed of a test with random input: `PLENUM_SEED` to replay, else a fresh one. Printed either way, so
/// that a failure names it.
pub fn seed() -> u64 {
    let seed = match std::env::var("PLENUM_SEED") {
        Ok(text) => text.parse().expect("PLENUM_SEED is a number"),
        Err(_) => fastrand::u64(..),
    };
    println!("PLENUM_SEED={seed}");
    seed
}
