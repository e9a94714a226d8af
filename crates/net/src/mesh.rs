//! What carries messages between shards: a ring for each ordered pair of them, and a doorbell for each shard.
//!
//! A ring has two lanes. Packets go through a bounded queue whose oldest are dropped when it is full, counted,
//! and answered by the receiver with keyframe requests; everything else must arrive, and is little. A sender
//! rings only if the receiver sleeps, so under load nobody makes system calls to pass packets on.

use std::fs::File;
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crossbeam_queue::{ArrayQueue, SegQueue};
use plenum_engine::{Relay, RelayMessage};
use plenum_model::limits;

use crate::syscall;

/// Wakes a shard's thread.
#[derive(Debug)]
pub(crate) struct Doorbell {
    descriptor: File,
    asleep: AtomicBool,
}

impl Doorbell {
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self { descriptor: syscall::event_descriptor()?, asleep: AtomicBool::new(false) })
    }

    /// What the thread waits on besides its socket.
    pub(crate) fn descriptor(&self) -> &File {
        &self.descriptor
    }

    /// Makes the thread go round. Only a counter at its maximum refuses, and then it is awake already.
    pub(crate) fn ring(&self) {
        let _ = (&self.descriptor).write(&1_u64.to_ne_bytes());
    }

    /// Makes the thread go round if it may be about to sleep, or sleeps.
    fn ring_if_asleep(&self) {
        if self.asleep.swap(false, Ordering::SeqCst) {
            self.ring();
        }
    }

    /// The thread is about to sleep: look once more whether something has come, after this.
    pub(crate) fn lie_down(&self) {
        self.asleep.store(true, Ordering::SeqCst);
    }

    /// The thread is awake.
    pub(crate) fn get_up(&self) {
        self.asleep.store(false, Ordering::SeqCst);
    }
}

/// From one shard to another.
#[derive(Debug)]
struct Ring<T> {
    packets: ArrayQueue<T>,
    messages: SegQueue<T>,
    lost: AtomicU64,
}

impl<T> Ring<T> {
    fn new() -> Self {
        let packets = ArrayQueue::new(limits::RELAY_RING);
        Self { packets, messages: SegQueue::new(), lost: AtomicU64::new(0) }
    }

    fn is_empty(&self) -> bool {
        self.packets.is_empty() && self.messages.is_empty()
    }
}

/// One shard's ends of all its rings.
#[derive(Debug)]
pub struct Endpoint(Ends<RelayMessage>);

/// The ends of rings that carry anything.
#[derive(Debug)]
struct Ends<T> {
    bell: Arc<Doorbell>,
    /// By the number of the other shard.
    others: Vec<Other<T>>,
}

#[derive(Debug)]
struct Other<T> {
    from: Arc<Ring<T>>,
    to: Arc<Ring<T>>,
    bell: Arc<Doorbell>,
    /// Losses of `from` that have been answered.
    answered: u64,
    /// Something was put into `to` since the bells were rung.
    expects: bool,
}

/// What comes out of an endpoint.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Incoming<T> {
    /// A message.
    Message(T),
    /// Packets before this were lost.
    Loss,
}

/// Connects `shards` shards with each other. The i-th endpoint is for shard i.
pub fn mesh(shards: u16) -> io::Result<Vec<Endpoint>> {
    Ok(connect(shards)?.into_iter().map(Endpoint).collect())
}

fn connect<T>(shards: u16) -> io::Result<Vec<Ends<T>>> {
    let count = usize::from(shards);
    let bells = (0..count).map(|_| Doorbell::new().map(Arc::new)).collect::<io::Result<Vec<_>>>()?;
    let rings: Vec<Arc<Ring<T>>> = (0..count * count).map(|_| Arc::new(Ring::new())).collect();
    let ring = |from: usize, to: usize| Arc::clone(&rings[from * count + to]);
    let ends = |own: usize| Ends {
        bell: Arc::clone(&bells[own]),
        others: (0..count)
            .map(|other| Other {
                from: ring(other, own),
                to: ring(own, other),
                bell: Arc::clone(&bells[other]),
                answered: 0,
                expects: false,
            })
            .collect(),
    };
    Ok((0..count).map(ends).collect())
}

impl Endpoint {
    pub(crate) fn bell(&self) -> Arc<Doorbell> {
        Arc::clone(&self.0.bell)
    }

    /// Whether something waits to be taken.
    pub(crate) fn has_waiting(&self) -> bool {
        self.0.has_waiting()
    }

    /// Puts a message on its way. Returns whether an older packet was dropped for it.
    pub(crate) fn send(&mut self, relay: Relay) -> bool {
        let may_be_lost = relay.message.is_packet();
        self.0.send(relay.to, relay.message, may_be_lost)
    }

    /// Wakes those that got something and sleep.
    pub(crate) fn ring_bells(&mut self) {
        self.0.ring_bells();
    }

    /// Hands over what waits, at most [`limits::PACKETS_PER_FLUSH`] packets per shard, with the sender's number.
    /// What was sent before a packet is handed over before it.
    pub(crate) fn take(&mut self, hand_over: impl FnMut(u16, Incoming<RelayMessage>)) {
        self.0.take(hand_over);
    }
}

impl<T> Ends<T> {
    fn has_waiting(&self) -> bool {
        self.others.iter().any(|other| !other.from.is_empty())
    }

    fn send(&mut self, to: u16, item: T, may_be_lost: bool) -> bool {
        let Some(other) = self.others.get_mut(usize::from(to)) else { return false };
        other.expects = true;
        if !may_be_lost {
            other.to.messages.push(item);
            return false;
        }
        let dropped = other.to.packets.force_push(item).is_some();
        if dropped {
            other.to.lost.fetch_add(1, Ordering::Relaxed);
        }
        dropped
    }

    fn ring_bells(&mut self) {
        for other in &mut self.others {
            if std::mem::take(&mut other.expects) {
                other.bell.ring_if_asleep();
            }
        }
    }

    fn take(&mut self, mut hand_over: impl FnMut(u16, Incoming<T>)) {
        for (number, other) in self.others.iter_mut().enumerate() {
            let number = number as u16;
            // In this order: whatever message precedes one of these packets is there by now.
            let packets = other.from.packets.len().min(limits::PACKETS_PER_FLUSH);
            while let Some(message) = other.from.messages.pop() {
                hand_over(number, Incoming::Message(message));
            }
            let lost = other.from.lost.load(Ordering::Relaxed);
            if lost != other.answered {
                other.answered = lost;
                hand_over(number, Incoming::Loss);
            }
            for _ in 0..packets {
                let Some(packet) = other.from.packets.pop() else { break };
                hand_over(number, Incoming::Message(packet));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd;
    use std::time::{Duration, Instant};

    use super::*;
    use crate::testing::PATIENCE;

    fn taken(ends: &mut Ends<u32>) -> Vec<(u16, Incoming<u32>)> {
        let mut out = Vec::new();
        ends.take(|from, incoming| out.push((from, incoming)));
        out
    }

    #[test]
    fn what_is_sent_arrives_once_at_the_right_shard_with_the_senders_number() {
        let mut ends = connect::<u32>(3).unwrap();
        ends[0].send(2, 7, true);
        ends[1].send(2, 8, false);
        assert!(taken(&mut ends[1]).is_empty());
        assert!(ends[2].has_waiting());
        assert_eq!(taken(&mut ends[2]), [(0, Incoming::Message(7)), (1, Incoming::Message(8))]);
        assert!(!ends[2].has_waiting() && taken(&mut ends[2]).is_empty());
    }

    #[test]
    fn a_message_comes_before_the_packets_that_were_sent_after_it() {
        let mut ends = connect::<u32>(2).unwrap();
        ends[0].send(1, 1, false);
        ends[0].send(1, 2, true);
        ends[0].send(1, 3, false);
        let order: Vec<_> = taken(&mut ends[1]).into_iter().map(|(_, incoming)| incoming).collect();
        let place = |n| order.iter().position(|incoming| *incoming == Incoming::Message(n)).unwrap();
        assert!(place(1) < place(2));
    }

    #[test]
    fn a_full_ring_drops_the_oldest_packet_says_so_once_and_loses_no_message() {
        let mut ends = connect::<u32>(2).unwrap();
        let size = limits::RELAY_RING as u32;
        assert!((0..size).all(|n| !ends[0].send(1, n, true)));
        assert!((size..size + 3).all(|n| ends[0].send(1, n, true)));
        ends[0].send(1, u32::MAX, false);
        let first = taken(&mut ends[1]);
        assert_eq!(first[0].1, Incoming::Message(u32::MAX));
        assert_eq!(first[1].1, Incoming::Loss);
        assert_eq!(first[2].1, Incoming::Message(3), "0, 1 and 2 were the oldest");
        assert_eq!(first.len(), 2 + limits::PACKETS_PER_FLUSH, "a round takes no more");
        assert!(ends[1].has_waiting());
        assert!(!taken(&mut ends[1]).contains(&(0, Incoming::Loss)));
    }

    #[test]
    fn only_a_sleeper_is_woken_and_none_sleeps_through_what_was_sent() {
        let mut ends = connect::<u32>(2).unwrap();
        let bell = Arc::clone(&ends[1].bell);
        let is_rung = |timeout| {
            let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
            syscall::wait(socket.as_fd(), bell.descriptor().as_fd(), false, timeout).unwrap().woken
        };
        ends[0].send(1, 1, true);
        ends[0].ring_bells();
        assert!(!is_rung(Duration::ZERO), "awake");
        bell.lie_down();
        ends[0].ring_bells();
        assert!(!is_rung(Duration::ZERO), "nothing new");
        ends[0].send(1, 2, true);
        let started = Instant::now();
        ends[0].ring_bells();
        assert!(is_rung(PATIENCE));
        assert!(started.elapsed() < PATIENCE);
    }

    #[test]
    fn two_threads_pass_a_million_packets_without_losing_the_wake_up() {
        let mut ends = connect::<u32>(2).unwrap();
        let (mut receiver, mut sender) = (ends.pop().unwrap(), ends.pop().unwrap());
        const LAST: u32 = 1_000_000;
        let sending = std::thread::spawn(move || {
            for n in 0..=LAST {
                // The last one must not be dropped for a newer one.
                sender.send(1, n, n != LAST);
                sender.ring_bells();
            }
        });
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let deadline = Instant::now() + PATIENCE;
        let mut done = false;
        while !done {
            receiver.bell.lie_down();
            if !receiver.has_waiting() {
                let bell = receiver.bell.descriptor().as_fd();
                let ready = syscall::wait(socket.as_fd(), bell, false, PATIENCE).unwrap();
                assert!(ready.woken, "slept through");
                let _ = std::io::Read::read(&mut receiver.bell.descriptor(), &mut [0; 8]);
            }
            receiver.bell.get_up();
            receiver.take(|_, incoming| done |= incoming == Incoming::Message(LAST));
            assert!(Instant::now() < deadline);
        }
        sending.join().unwrap();
    }
}
