//! What is counted on the packet path: plain integers that one thread owns and that are copied out once
//! a second. `metrics` macros stay off the path.

/// Why a datagram was dropped at the `ingress` stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(usize)]
pub enum DropReason {
    /// Neither STUN, DTLS, RTP nor RTCP, or too short to tell.
    Malformed,
    /// STUN whose ufrag names nobody here.
    UnknownUfrag,
    /// STUN whose MESSAGE-INTEGRITY (or remote ufrag) does not verify.
    BadIntegrity,
    /// DTLS, RTP or RTCP from an address that no ICE check has vouched for.
    UnknownAddress,
    /// More STUN than [`crate::limits::STUN_PER_SECOND`].
    RateLimited,
    /// The peer's session is over or refused the input.
    Closed,
}

impl DropReason {
    /// All, in the order of their numbers.
    pub const ALL: [Self; 6] = [
        Self::Malformed,
        Self::UnknownUfrag,
        Self::BadIntegrity,
        Self::UnknownAddress,
        Self::RateLimited,
        Self::Closed,
    ];

    /// The metric label.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::UnknownUfrag => "unknown_ufrag",
            Self::BadIntegrity => "bad_integrity",
            Self::UnknownAddress => "unknown_address",
            Self::RateLimited => "rate_limited",
            Self::Closed => "closed",
        }
    }
}

/// Upper bounds, in seconds, of the buckets of a [`Histogram`]; the last bucket has none.
pub const SECONDS_BUCKETS: [f64; 16] = [
    0.000_05, 0.000_1, 0.000_2, 0.000_5, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 5.0, 30.0,
];

/// Durations by bucket.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Histogram {
    /// How many fell into each bucket of [`SECONDS_BUCKETS`], and beyond the last.
    pub buckets: [u64; SECONDS_BUCKETS.len() + 1],
}

impl Histogram {
    /// Counts `n` observations of `duration`.
    pub fn record(&mut self, duration: std::time::Duration, n: u64) {
        let seconds = duration.as_secs_f64();
        let bucket = SECONDS_BUCKETS.partition_point(|bound| *bound < seconds);
        self.buckets[bucket] += n;
    }
}
