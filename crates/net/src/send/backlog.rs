//! Datagrams that wait for a full socket. Control and audio wait in a queue of their own, which goes first and
//! is cut last: a frame of video more or less is a flicker, a missing word is a missing word, and without
//! consent checks and reports there is no session. Order is kept within each queue, and so within each stream.

use std::collections::VecDeque;

use plenum_engine::{Class, Transmit};
use plenum_model::limits;

#[derive(Default)]
pub(super) struct Backlog {
    urgent: VecDeque<Transmit>,
    video: VecDeque<Transmit>,
}

impl Backlog {
    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(super) fn len(&self) -> usize {
        self.urgent.len() + self.video.len()
    }

    pub(super) fn add(&mut self, transmits: impl Iterator<Item = Transmit>) {
        for transmit in transmits {
            let queue = match transmit.class {
                Class::Control | Class::Audio => &mut self.urgent,
                Class::Video => &mut self.video,
            };
            queue.push_back(transmit);
        }
    }

    /// Drops what is too much, the oldest first, and counts it by class.
    pub(super) fn bound(&mut self, drops: &mut [u64; Class::ALL.len()]) {
        while self.len() > limits::SEND_BACKLOG {
            if let Some(dropped) = self.video.pop_front().or_else(|| self.urgent.pop_front()) {
                drops[dropped.class as usize] += 1;
            }
        }
    }

    /// Hands over what waits, in the order in which it should go. `submit` says how many of the datagrams that
    /// it is given are settled; fewer than all mean that the socket takes no more.
    pub(super) fn settle(&mut self, mut submit: impl FnMut(&[Transmit]) -> usize) {
        for queue in [&mut self.urgent, &mut self.video] {
            while !queue.is_empty() {
                let (front, _) = queue.as_slices();
                let (given, settled) = (front.len(), submit(front));
                queue.drain(..settled);
                if settled < given {
                    return;
                }
            }
        }
    }
}
