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
struct Ring {
    packets: ArrayQueue<RelayMessage>,
    messages: SegQueue<RelayMessage>,
    lost: AtomicU64,
}

impl Ring {
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
pub struct Endpoint {
    bell: Arc<Doorbell>,
    /// By the number of the other shard.
    others: Vec<Other>,
}

#[derive(Debug)]
struct Other {
    from: Arc<Ring>,
    to: Arc<Ring>,
    bell: Arc<Doorbell>,
    /// Losses of `from` that have been answered.
    answered: u64,
    /// Something was put into `to` since the bells were rung.
    expects: bool,
}

/// What comes out of an endpoint.
#[derive(Debug)]
pub(crate) enum Incoming {
    /// A message.
    Message(RelayMessage),
    /// Packets before this were lost.
    Loss,
}

/// Connects `shards` shards with each other. The i-th endpoint is for shard i.
pub fn mesh(shards: u16) -> io::Result<Vec<Endpoint>> {
    let count = usize::from(shards);
    let bells = (0..count).map(|_| Doorbell::new().map(Arc::new)).collect::<io::Result<Vec<_>>>()?;
    let rings: Vec<Arc<Ring>> = (0..count * count).map(|_| Arc::new(Ring::new())).collect();
    let ring = |from: usize, to: usize| Arc::clone(&rings[from * count + to]);
    let endpoint = |own: usize| Endpoint {
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
    Ok((0..count).map(endpoint).collect())
}

impl Endpoint {
    pub(crate) fn bell(&self) -> Arc<Doorbell> {
        Arc::clone(&self.bell)
    }

    /// Whether something waits to be taken.
    pub(crate) fn has_waiting(&self) -> bool {
        self.others.iter().any(|other| !other.from.is_empty())
    }

    /// Puts a message on its way. Returns whether an older packet was dropped for it.
    pub(crate) fn send(&mut self, relay: Relay) -> bool {
        let Some(other) = self.others.get_mut(usize::from(relay.to)) else { return false };
        other.expects = true;
        if !relay.message.is_packet() {
            other.to.messages.push(relay.message);
            return false;
        }
        let dropped = other.to.packets.force_push(relay.message).is_some();
        if dropped {
            other.to.lost.fetch_add(1, Ordering::Relaxed);
        }
        dropped
    }

    /// Wakes those that got something and sleep.
    pub(crate) fn ring_bells(&mut self) {
        for other in &mut self.others {
            if std::mem::take(&mut other.expects) {
                other.bell.ring_if_asleep();
            }
        }
    }

    /// Hands over what waits, at most [`limits::PACKETS_PER_FLUSH`] packets per shard, with the sender's number.
    /// What was sent before a packet is handed over before it.
    pub(crate) fn take(&mut self, mut hand_over: impl FnMut(u16, Incoming)) {
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
