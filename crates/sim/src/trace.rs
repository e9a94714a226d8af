//! The fingerprint of a run: equal runs have equal hashes.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// FNV-1a over everything observable, in order.
#[derive(Debug)]
pub(crate) struct Trace {
    start: Instant,
    hash: u64,
}

impl Trace {
    pub fn new(start: Instant) -> Self {
        Self { start, hash: 0xcbf2_9ce4_8422_2325 }
    }

    pub fn hash(&self) -> u64 {
        self.hash
    }

    /// A datagram that was sent or delivered. DTLS records count by time and place only: signatures differ in
    /// length from run to run.
    pub fn datagram(&mut self, now: Instant, source: SocketAddr, destination: SocketAddr, contents: &[u8]) {
        self.time(now);
        self.address(source);
        self.address(destination);
        let is_dtls = matches!(contents.first(), Some(20..=63));
        self.number(if is_dtls { u64::MAX } else { contents.len() as u64 });
    }

    /// Anything else that can be written down.
    pub fn note(&mut self, now: Instant, what: &impl std::fmt::Debug) {
        self.time(now);
        self.bytes(format!("{what:?}").as_bytes());
    }

    fn time(&mut self, now: Instant) {
        let since: Duration = now.saturating_duration_since(self.start);
        self.number(since.as_nanos() as u64);
    }

    fn address(&mut self, address: SocketAddr) {
        match address.ip() {
            std::net::IpAddr::V4(ip) => self.bytes(&ip.octets()),
            std::net::IpAddr::V6(ip) => self.bytes(&ip.octets()),
        }
        self.number(address.port().into());
    }

    fn number(&mut self, number: u64) {
        self.bytes(&number.to_le_bytes());
    }

    fn bytes(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.hash = (self.hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}
