//! The fingerprint of a run: equal runs have equal hashes.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::network::is_rtcp;

/// FNV-1a over everything observable, in order. With `PLENUM_SIM_TRACE` set, all of it is printed too: the place
/// where two runs part is found with `diff`.
#[derive(Debug)]
pub(crate) struct Trace {
    start: Instant,
    hash: u64,
    is_printed: bool,
}

impl Trace {
    pub fn new(start: Instant) -> Self {
        Self {
            start,
            hash: 0xcbf2_9ce4_8422_2325,
            is_printed: std::env::var_os("PLENUM_SIM_TRACE").is_some(),
        }
    }

    pub fn hash(&self) -> u64 {
        self.hash
    }

    /// A datagram that was sent or delivered. DTLS and RTCP count by time and place only: signatures differ in
    /// length from run to run, and compound packets in the order of their parts.
    pub fn datagram(&mut self, now: Instant, source: SocketAddr, destination: SocketAddr, contents: &[u8]) {
        let is_dtls = matches!(contents.first(), Some(20..=63));
        let length = if is_dtls || is_rtcp(contents) { u64::MAX } else { contents.len() as u64 };
        self.time(now);
        self.address(source);
        self.address(destination);
        self.number(length);
        if self.is_printed {
            let since = now.saturating_duration_since(self.start);
            eprintln!("{since:?} {source} -> {destination} {length:x}");
        }
    }

    /// Anything else that can be written down.
    pub fn note(&mut self, now: Instant, what: &impl std::fmt::Debug) {
        let text = format!("{what:?}");
        self.time(now);
        self.bytes(text.as_bytes());
        if self.is_printed {
            eprintln!("{:?} {text}", now.saturating_duration_since(self.start));
        }
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
