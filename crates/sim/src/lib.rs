//! Shards and their clients in virtual time: one thread, one clock that nothing but the simulation moves, one
//! seed. A run that failed is run again, and fails again, from its seed.
//!
//! Entry types: [`World`] (the shards, the network and the clients), [`Media`] and [`Wire`] (what a client sends
//! and over what), [`Attendance`] (how a participant comes to a conference), [`scenario`] (a whole evening, made up
//! from a seed).
//!
//! Clients negotiate as they would over HTTP: their offers pass `signal`'s guard and the engine's `negotiate`.
//! What is not simulated: HTTP itself, sockets, and time spent computing. One timer of a client escapes: that which
//! repeats its first SCTP packet goes by the clock on the wall.
//!
//! Invariants that every step of every world checks, on each shard: what was received is what was handled plus
//! what was dropped; the gauges are the sessions that were admitted and have not ended, with a room wherever one
//! of them sits and at its home; each session ends exactly once; after a flush nothing is due any more; nobody was
//! asked to log an error, so nobody did. Between shards: a packet crosses to a shard once, and only while somebody
//! there watches its publisher; nobody answers for ever. And every viewer
//! checks each packet it gets: whose it is, that its numbers have no seam, that nothing in it was changed.

mod client;
mod crossings;
mod decoder;
mod errors;
mod identity;
mod ledger;
mod member;
mod network;
mod payload;
mod publisher;
mod rings;
pub mod scenario;
mod sessions;
mod trace;
mod viewer;
mod world;

pub use client::Change;
pub use member::{Attendance, Heard, Member};
pub use network::Link;
pub use payload::Marker;
pub use publisher::Media;
pub use rings::RingTerms;
pub use viewer::{Count, Viewer};
pub use world::{ClientId, SHARD_ADDRESS, Spread, Wire, World, address_of};

/// The seed to use: `PLENUM_SEED`, or `default`.
pub fn seed(default: u64) -> u64 {
    number_from_environment("PLENUM_SEED").unwrap_or(default)
}

/// How many seeds to try: `PLENUM_SIM_SEEDS`, or `default`.
pub fn seeds(default: u64) -> u64 {
    number_from_environment("PLENUM_SIM_SEEDS").unwrap_or(default)
}

fn number_from_environment(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name} is a number, not {text:?}")))
}
