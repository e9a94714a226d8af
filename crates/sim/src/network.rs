//! The network between shards and their clients: datagrams in flight, ordered by arrival.
//!
//! What happens to a datagram (loss, delay, duplication, overtaking) is decided when it is sent, from the
//! seed of its path, so that a datagram more on one path changes nothing on the others. Where it ends up is decided on arrival, by whoever has its destination address by then: so a
//! client that moved behind its NAT misses what was sent to its old address.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// How one direction of a path treats datagrams. Chances are between 0 and 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Link {
    /// One way.
    pub delay: Duration,
    /// Added to the delay, uniformly up to this; order is kept.
    pub jitter: Duration,
    /// Chance that a datagram is lost.
    pub loss: f64,
    /// Chance that later datagrams overtake this one.
    pub reorder: f64,
    /// Chance that a datagram arrives twice.
    pub duplicate: f64,
}

impl Link {
    /// Everything arrives at once.
    pub const PERFECT: Self =
        Self { delay: Duration::ZERO, jitter: Duration::ZERO, loss: 0.0, reorder: 0.0, duplicate: 0.0 };

    /// Everything arrives after `ms` milliseconds.
    pub const fn delayed(ms: u64) -> Self {
        Self { delay: Duration::from_millis(ms), ..Self::PERFECT }
    }

    /// The same, with a share of datagrams lost.
    pub const fn with_loss(self, loss: f64) -> Self {
        Self { loss, ..self }
    }
}

/// How long a datagram that is overtaken stays behind, at most.
const OVERTAKEN_BY: Duration = Duration::from_millis(30);

/// One direction of a client's path, with what it has done so far.
#[derive(Debug)]
pub(crate) struct Path {
    pub link: Link,
    random: fastrand::Rng,
    /// Jitter alone does not reorder.
    latest: Option<Instant>,
}

impl Path {
    pub fn new(link: Link, seed: u64) -> Self {
        Self { link, random: fastrand::Rng::with_seed(seed), latest: None }
    }

    /// When the copies of a datagram sent at `now` arrive: none, one or two.
    fn arrivals(&mut self, now: Instant) -> [Option<Instant>; 2] {
        let Link { delay, jitter, loss, reorder, duplicate } = self.link;
        // Always the same number of draws, so that one chance more or less does not shift all others.
        let [lost, overtaken, doubled, share] = std::array::from_fn(|_| self.random.f64());
        if lost < loss {
            return [None, None];
        }
        let at = now + delay + jitter.mul_f64(share);
        let at = if overtaken < reorder {
            at + OVERTAKEN_BY.mul_f64(share)
        } else {
            let at = self.latest.map_or(at, |latest| at.max(latest));
            self.latest = Some(at);
            at
        };
        [Some(at), (doubled < duplicate).then(|| at + OVERTAKEN_BY.mul_f64(share))]
    }
}

/// A datagram on its way.
#[derive(Debug, Clone)]
pub(crate) struct Datagram {
    pub source: SocketAddr,
    pub destination: SocketAddr,
    pub contents: Vec<u8>,
}

#[derive(Debug)]
struct InFlight {
    at: Instant,
    sequence: u64,
    datagram: Datagram,
}

impl Ord for InFlight {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.at, self.sequence).cmp(&(other.at, other.sequence))
    }
}

impl PartialOrd for InFlight {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for InFlight {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for InFlight {}

/// Whether a datagram is RTP, and neither RTCP nor anything else (RFC 5761, section 4; RFC 7983).
pub(crate) fn is_rtp(contents: &[u8]) -> bool {
    matches!(contents, [128..=191, second, ..] if !(64..96).contains(&(second & 0x7f)))
}

/// Whether a datagram is RTCP.
pub(crate) fn is_rtcp(contents: &[u8]) -> bool {
    matches!(contents, [128..=191, second, ..] if (64..96).contains(&(second & 0x7f)))
}

/// The place of a datagram among those that one flush sends to one destination. str0m sends the streams of an
/// `Rtc` in the order of a hash map, another one in every run: each stream keeps its own order, and streams go by
/// SSRC.
pub(crate) fn rank(contents: &[u8]) -> (u8, u32) {
    match contents {
        _ if is_rtcp(contents) => (2, 0),
        [_, _, _, _, _, _, _, _, a, b, c, d, ..] if is_rtp(contents) => {
            (1, u32::from_be_bytes([*a, *b, *c, *d]))
        }
        _ => (0, 0),
    }
}

/// Everything that is on its way.
#[derive(Debug, Default)]
pub(crate) struct Network {
    queue: BinaryHeap<Reverse<InFlight>>,
    sent: u64,
}

impl Network {
    /// Sends a datagram over `path` at `now`.
    pub fn send(&mut self, now: Instant, path: &mut Path, datagram: Datagram) {
        for at in path.arrivals(now).into_iter().flatten() {
            self.put(at, datagram.clone());
        }
    }

    /// Lets a datagram arrive at `at`.
    pub fn put(&mut self, at: Instant, datagram: Datagram) {
        self.sent += 1;
        self.queue.push(Reverse(InFlight { at, sequence: self.sent, datagram }));
    }

    /// When the next datagram arrives.
    pub fn next_arrival(&self) -> Option<Instant> {
        self.queue.peek().map(|Reverse(next)| next.at)
    }

    /// The next datagram that has arrived by `now`.
    pub fn receive(&mut self, now: Instant) -> Option<Datagram> {
        if self.next_arrival()? > now {
            return None;
        }
        self.queue.pop().map(|Reverse(next)| next.datagram)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order_of_arrival(link: Link) -> Vec<u8> {
        let start = Instant::now();
        let (mut network, mut path) = (Network::default(), Path::new(link, 1));
        let address: SocketAddr = "192.0.2.1:1".parse().unwrap();
        for number in 0..200 {
            let datagram = Datagram { source: address, destination: address, contents: vec![number] };
            network.send(start + Duration::from_millis(number.into()), &mut path, datagram);
        }
        let end = start + Duration::from_secs(10);
        std::iter::from_fn(|| network.receive(end)).map(|datagram| datagram.contents[0]).collect()
    }

    #[test]
    fn jitter_alone_keeps_the_order_and_loses_nothing() {
        let jittery = Link { jitter: Duration::from_millis(50), ..Link::delayed(20) };
        assert_eq!(order_of_arrival(jittery), (0..200).collect::<Vec<u8>>());
    }

    #[test]
    fn loss_reordering_and_duplication_happen_about_as_often_as_they_should() {
        let lost = 200 - order_of_arrival(Link::PERFECT.with_loss(0.2)).len();
        assert!((20..=60).contains(&lost), "{lost}");
        let doubled = order_of_arrival(Link { duplicate: 0.2, ..Link::PERFECT }).len() - 200;
        assert!((20..=60).contains(&doubled), "{doubled}");
        let reordered = order_of_arrival(Link { reorder: 0.2, ..Link::PERFECT });
        let overtakings = reordered.windows(2).filter(|pair| pair[0] > pair[1]).count();
        assert!((10..=60).contains(&overtakings), "{overtakings}");
    }
}
