//! The rings between shards, in virtual time, as `net` has them: a pair of lanes for each ordered pair of shards.
//!
//! Messages always arrive, in order. Packets go through a bounded lane that drops its oldest when it is full, and
//! the receiver is told that some were lost. A message may overtake packets, a packet never overtakes a message.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use plenum_engine::RelayMessage;
use plenum_model::limits;

/// What the rings between the shards of a world are like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RingTerms {
    /// The longest time until a shard takes what another one has sent; each message takes a share of it.
    pub delay: Duration,
    /// Packets that a ring holds.
    pub capacity: usize,
}

impl Default for RingTerms {
    fn default() -> Self {
        Self { delay: Duration::from_micros(200), capacity: limits::RELAY_RING }
    }
}

/// What a shard takes out of a ring.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Incoming<T> {
    Message(T),
    /// Packets before this were lost.
    Loss,
}

/// All rings of a world.
#[derive(Debug)]
pub(crate) struct Rings<T = RelayMessage> {
    pub terms: RingTerms,
    shards: usize,
    /// By sender, then receiver.
    rings: Vec<Ring<T>>,
    random: fastrand::Rng,
    lost: u64,
}

/// What waits in a ring, with the time from which it can be taken.
type Lane<T> = VecDeque<(Instant, T)>;

#[derive(Debug)]
struct Ring<T> {
    messages: Lane<T>,
    packets: Lane<T>,
    latest_message: Option<Instant>,
    latest: Option<Instant>,
    has_lost: bool,
}

impl<T> Rings<T> {
    pub fn new(seed: u64, shards: u16) -> Self {
        let shards = usize::from(shards);
        Self {
            terms: RingTerms::default(),
            shards,
            rings: (0..shards * shards).map(|_| Ring::new()).collect(),
            random: fastrand::Rng::with_seed(seed ^ 0x72_696e_6773),
            lost: 0,
        }
    }

    /// Puts something on its way.
    pub fn send(&mut self, now: Instant, from: u16, to: u16, item: T, may_be_lost: bool) {
        let RingTerms { delay, capacity } = self.terms;
        let at = now + delay.mul_f64(self.random.f64());
        let ring = &mut self.rings[usize::from(from) * self.shards + usize::from(to)];
        if !may_be_lost {
            return ring.put_message(at, item);
        }
        if ring.packets.len() >= capacity {
            ring.packets.pop_front();
            ring.has_lost = true;
            self.lost += 1;
        }
        ring.put_packet(at, item);
    }

    /// When a shard finds something that was sent to it.
    pub fn next_arrival(&self, to: u16) -> Option<Instant> {
        self.to(to).filter_map(Ring::next_arrival).min()
    }

    /// Hands over what has arrived at a shard, at most [`limits::PACKETS_PER_FLUSH`] packets per sender, with the
    /// sender's number.
    pub fn take(&mut self, now: Instant, to: u16, mut hand_over: impl FnMut(u16, Incoming<T>)) {
        for from in 0..self.shards {
            self.rings[from * self.shards + usize::from(to)]
                .take(now, |incoming| hand_over(from as u16, incoming));
        }
    }

    /// Whether no message is on its way; packets may be.
    pub fn are_silent(&self) -> bool {
        self.rings.iter().all(|ring| ring.messages.is_empty())
    }

    /// Packets lost so far.
    pub fn lost(&self) -> u64 {
        self.lost
    }

    fn to(&self, shard: u16) -> impl Iterator<Item = &Ring<T>> {
        self.rings.iter().skip(shard.into()).step_by(self.shards)
    }
}

impl<T> Ring<T> {
    fn new() -> Self {
        let (messages, packets) = (VecDeque::new(), VecDeque::new());
        Self { messages, packets, latest_message: None, latest: None, has_lost: false }
    }

    fn put_message(&mut self, at: Instant, message: T) {
        let at = self.latest_message.map_or(at, |latest| at.max(latest));
        self.latest_message = Some(at);
        self.latest = self.latest.max(Some(at));
        self.messages.push_back((at, message));
    }

    fn put_packet(&mut self, at: Instant, packet: T) {
        let at = self.latest.map_or(at, |latest| at.max(latest));
        self.latest = Some(at);
        self.packets.push_back((at, packet));
    }

    fn next_arrival(&self) -> Option<Instant> {
        self.messages.front().into_iter().chain(self.packets.front()).map(|(at, _)| *at).min()
    }

    fn take(&mut self, now: Instant, mut hand_over: impl FnMut(Incoming<T>)) {
        while let Some(message) = pop_arrived(&mut self.messages, now) {
            hand_over(Incoming::Message(message));
        }
        if std::mem::take(&mut self.has_lost) {
            hand_over(Incoming::Loss);
        }
        for _ in 0..limits::PACKETS_PER_FLUSH {
            let Some(packet) = pop_arrived(&mut self.packets, now) else { break };
            hand_over(Incoming::Message(packet));
        }
    }
}

fn pop_arrived<T>(lane: &mut Lane<T>, now: Instant) -> Option<T> {
    lane.front().is_some_and(|(at, _)| *at <= now).then(|| lane.pop_front())?.map(|(_, message)| message)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: Duration = Duration::from_secs(1);

    fn taken(rings: &mut Rings<u32>, now: Instant, to: u16) -> Vec<(u16, Incoming<u32>)> {
        let mut out = Vec::new();
        rings.take(now, to, |from, incoming| out.push((from, incoming)));
        out
    }

    #[test]
    fn what_is_sent_arrives_later_in_order_and_a_packet_overtakes_no_message() {
        let (start, mut rings) = (Instant::now(), Rings::<u32>::new(1, 3));
        for number in 0..100 {
            let from = if number < 51 { 0 } else { 1 };
            rings.send(start, from, 2, number, number % 3 != 0);
        }
        assert_eq!((rings.next_arrival(0), taken(&mut rings, start + ALL, 1)), (None, vec![]));
        let mut order = Vec::new();
        while let Some(at) = rings.next_arrival(2) {
            assert!(at >= start && at - start <= rings.terms.delay);
            order.extend(taken(&mut rings, at, 2).into_iter().map(|(_, incoming)| match incoming {
                Incoming::Message(number) => number,
                Incoming::Loss => panic!("nothing was lost"),
            }));
        }
        let place = |number: &u32| order.iter().position(|other| other == number).unwrap();
        for lane in [0..51, 51..100] {
            let (messages, packets): (Vec<u32>, Vec<u32>) = lane.partition(|number| number % 3 == 0);
            assert!(messages.is_sorted_by_key(place) && packets.is_sorted_by_key(place));
            assert!(packets.iter().all(|packet| place(packet) > place(&(packet - packet % 3))));
        }
        assert!(rings.are_silent());
    }

    #[test]
    fn a_full_ring_drops_its_oldest_packets_says_so_once_and_loses_no_message() {
        let (start, mut rings) = (Instant::now(), Rings::<u32>::new(1, 2));
        rings.terms.capacity = 3;
        (0..5).for_each(|number| rings.send(start, 0, 1, number, true));
        rings.send(start, 0, 1, 9, false);
        let expected = [Incoming::Message(9), Incoming::Loss]
            .into_iter()
            .chain([2, 3, 4].map(Incoming::Message))
            .map(|incoming| (0, incoming));
        assert_eq!(taken(&mut rings, start + ALL, 1), expected.collect::<Vec<_>>());
        assert_eq!((rings.lost(), taken(&mut rings, start + ALL, 1)), (2, vec![]));
    }
}
