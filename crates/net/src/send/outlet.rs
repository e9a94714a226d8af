//! The way out of the process: datagrams in, system calls out, and what to do when the system refuses.
//!
//! The fastest way is tried first: runs of datagrams as one message each (`UDP_SEGMENT`), many messages per
//! call (`sendmmsg`). A system may refuse runs (a network card without checksum offload), this one run (a path
//! with a smaller MTU than its datagrams), or `sendmmsg` as such (a container's profile). Whatever it refuses,
//! its datagrams take the next slower way in the same breath. None is lost and none is sent twice: a message is
//! sent as a whole or not at all, and after an error the system has sent nothing of the message it is about.

use std::io;
use std::os::fd::AsFd;

use plenum_engine::Transmit;
use plenum_model::limits;

use super::run::Runs;
use crate::syscall::SendArena;
use crate::{MediaSocket, NetCounters, SendError, address};

pub(super) struct Outlet {
    arena: SendArena,
    pub(super) segmentation: Segmentation,
    /// The system refuses `sendmmsg`: one call per datagram.
    pub(super) one_by_one: bool,
}

impl Outlet {
    pub(super) fn new() -> Self {
        Self { arena: SendArena::new(), segmentation: Segmentation::default(), one_by_one: false }
    }

    /// Sends datagrams until all are settled (sent, or refused and counted) or the socket takes no more.
    /// Returns how many are settled.
    pub(super) fn submit(
        &mut self,
        socket: &MediaSocket,
        transmits: &[Transmit],
        counters: &mut NetCounters,
    ) -> usize {
        self.one_by_one |= socket.sends_one_by_one();
        let mut settled = 0;
        // Up to here datagrams go alone: they are a run that was refused.
        let mut refused = 0;
        while settled < transmits.len() {
            let runs = if settled < refused {
                Runs::of_one(&transmits[settled..refused])
            } else if socket.segments() && self.segmentation.is_on() && !self.one_by_one {
                Runs::long(&transmits[settled..])
            } else {
                Runs::of_one(&transmits[settled..])
            };
            let first = runs.next_len();
            match self.call(socket, runs) {
                Ok(messages) => settled += self.count(messages, &transmits[settled..], counters),
                Err(error) => match error.raw_os_error() {
                    Some(libc::EINTR) => {}
                    Some(libc::EAGAIN) => {
                        counters.send_blocked += 1;
                        break;
                    }
                    Some(libc::ENOSYS) if !self.one_by_one => self.one_by_one = true,
                    Some(libc::EIO | libc::EINVAL | libc::EMSGSIZE | libc::ENOBUFS) if first > 1 => {
                        counters.gso_refused += 1;
                        self.segmentation.was_refused();
                        refused = settled + first;
                    }
                    _ => {
                        counters.send_errors[SendError::of(&error) as usize] += first as u64;
                        settled += first;
                    }
                },
            }
        }
        settled
    }

    /// One system call for the first of `runs`, of which there is at least one. Returns how many went out.
    fn call(&mut self, socket: &MediaSocket, mut runs: Runs<'_>) -> io::Result<usize> {
        let v6 = socket.is_v6();
        let destination = |run: &[Transmit]| address::for_socket(run[0].destination, v6);
        if !self.one_by_one {
            let messages = runs.map(|run| (destination(run), run.iter().map(|t| t.contents.as_slice())));
            return self.arena.send_many(socket.as_fd(), messages);
        }
        let Some(run) = runs.next() else { return Ok(0) };
        self.arena.send_one(socket.as_fd(), destination(run), &run[0].contents).map(|()| 1)
    }

    /// Counts the messages that the last call has sent. Returns how many datagrams they held.
    fn count(&mut self, messages: usize, transmits: &[Transmit], counters: &mut NetCounters) -> usize {
        let mut datagrams = 0;
        for index in 0..messages {
            let segments = self.arena.datagrams_in(index);
            counters.messages[segments - 1] += 1;
            datagrams += segments;
        }
        counters.send_calls += 1;
        counters.segments += datagrams as u64;
        counters.bytes_sent += transmits[..datagrams].iter().map(|t| t.contents.len() as u64).sum::<u64>();
        if self.one_by_one {
            counters.unbatched_sends += datagrams as u64;
        }
        self.segmentation.was_sent(messages, datagrams);
        datagrams
    }
}

/// Whether runs are worth trying. One peer behind a narrow path must not take them from everybody, so only
/// refusals in a row count; and since the way out of a host can change, they are tried again after a while.
#[derive(Debug, Default)]
pub(super) struct Segmentation {
    refused_in_a_row: u32,
    /// Datagrams still to be sent alone.
    pub(super) pause: u64,
}

impl Segmentation {
    fn is_on(&self) -> bool {
        self.pause == 0
    }

    fn was_refused(&mut self) {
        self.refused_in_a_row += 1;
        if self.refused_in_a_row >= limits::GSO_REFUSALS {
            *self = Self { refused_in_a_row: 0, pause: limits::GSO_PAUSE };
        }
    }

    fn was_sent(&mut self, messages: usize, datagrams: usize) {
        self.pause = self.pause.saturating_sub(datagrams as u64);
        if datagrams > messages {
            self.refused_in_a_row = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_given_up_after_refusals_in_a_row_and_tried_again_after_a_while() {
        let mut segmentation = Segmentation::default();
        for _ in 0..limits::GSO_REFUSALS {
            assert!(segmentation.is_on());
            segmentation.was_refused();
            segmentation.was_sent(3, 3);
        }
        for _ in 0..limits::GSO_PAUSE / 3 {
            assert!(!segmentation.is_on());
            segmentation.was_sent(3, 3);
        }
        segmentation.was_sent(1, 1);
        assert!(segmentation.is_on());
    }

    #[test]
    fn one_peer_whose_runs_are_refused_does_not_take_them_from_the_others() {
        let mut segmentation = Segmentation::default();
        for _ in 0..limits::GSO_REFUSALS * 10 {
            segmentation.was_refused();
            segmentation.was_sent(1, 2);
        }
        assert!(segmentation.is_on());
    }
}
