//! Sending what a flush wants sent: as few system calls as possible, order kept per destination, and no
//! error that outlives its datagram.
//!
//! A full socket makes datagrams wait in a bounded backlog, where the oldest goes first: late media is worth
//! less than fresh. Grouping datagrams of one destination into one message (`UDP_SEGMENT`) belongs into
//! `Sender::submit`, which is why counters speak of segments and of calls.

use std::collections::VecDeque;
use std::io;
use std::os::fd::AsFd;

use plenum_engine::{Transmit, TransmitBatch};
use plenum_model::limits;

use crate::syscall::{MESSAGES_PER_CALL, SendArena};
use crate::{MediaSocket, NetCounters, SendError, address};

/// Puts datagrams into a socket, in batches.
pub(crate) struct Sender {
    arena: SendArena,
    backlog: VecDeque<Transmit>,
    /// The system refuses `sendmmsg`: one call per datagram.
    one_by_one: bool,
}

impl Sender {
    pub(crate) fn new() -> Self {
        Self { arena: SendArena::new(), backlog: VecDeque::new(), one_by_one: false }
    }

    /// Whether datagrams wait for the socket to become writable.
    pub(crate) fn is_blocked(&self) -> bool {
        !self.backlog.is_empty()
    }

    /// Sends and empties `batch`, after what still waits.
    pub(crate) fn send(
        &mut self,
        socket: &MediaSocket,
        batch: &mut TransmitBatch,
        counters: &mut NetCounters,
    ) {
        self.send_backlog(socket, counters);
        let settled = if self.is_blocked() { 0 } else { self.submit(socket, &batch.transmits, counters) };
        self.backlog.extend(batch.transmits.drain(settled..));
        batch.transmits.clear();
        self.bound_backlog(counters);
    }

    fn send_backlog(&mut self, socket: &MediaSocket, counters: &mut NetCounters) {
        if self.backlog.is_empty() {
            return;
        }
        let mut backlog = std::mem::take(&mut self.backlog);
        let settled = self.submit(socket, backlog.make_contiguous(), counters);
        backlog.drain(..settled);
        self.backlog = backlog;
    }

    fn bound_backlog(&mut self, counters: &mut NetCounters) {
        let excess = self.backlog.len().saturating_sub(limits::SEND_BACKLOG);
        self.backlog.drain(..excess);
        counters.backlog_drops += excess as u64;
    }

    /// Sends datagrams until all are settled (sent, or refused and counted) or the socket takes no more.
    /// Returns how many are settled.
    fn submit(&mut self, socket: &MediaSocket, transmits: &[Transmit], counters: &mut NetCounters) -> usize {
        let mut settled = 0;
        while settled < transmits.len() {
            let end = transmits.len().min(settled + MESSAGES_PER_CALL);
            match self.call(socket, &transmits[settled..end]) {
                Ok(sent) => {
                    self.count(&transmits[settled..settled + sent], counters);
                    settled += sent;
                }
                Err(error) => match error.raw_os_error() {
                    Some(libc::EINTR) => {}
                    Some(libc::EAGAIN) => {
                        counters.send_blocked += 1;
                        break;
                    }
                    Some(libc::ENOSYS) if !self.one_by_one => self.one_by_one = true,
                    _ => {
                        counters.send_errors[SendError::of(&error) as usize] += 1;
                        settled += 1;
                    }
                },
            }
        }
        settled
    }

    /// One system call for the first of `transmits`, of which there is at least one. Returns how many went out.
    fn call(&mut self, socket: &MediaSocket, transmits: &[Transmit]) -> io::Result<usize> {
        let v6 = socket.is_v6();
        let mut messages =
            transmits.iter().map(|t| (address::for_socket(t.destination, v6), t.contents.as_slice()));
        if !self.one_by_one {
            return self.arena.send_many(socket.as_fd(), messages);
        }
        let Some((destination, contents)) = messages.next() else { return Ok(0) };
        self.arena.send_one(socket.as_fd(), destination, contents).map(|()| 1)
    }

    fn count(&self, sent: &[Transmit], counters: &mut NetCounters) {
        counters.send_calls += 1;
        counters.segments += sent.len() as u64;
        counters.bytes_sent += sent.iter().map(|t| t.contents.len() as u64).sum::<u64>();
        if self.one_by_one {
            counters.unbatched_sends += sent.len() as u64;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::{SocketAddr, UdpSocket};

    use super::*;
    use crate::syscall::refusal::with_refused;
    use crate::testing::PATIENCE;
    use crate::{SocketBuffers, bind_media};

    struct Link {
        media: MediaSocket,
        peer: UdpSocket,
        sender: Sender,
        counters: NetCounters,
    }

    impl Link {
        /// A media socket at `from` and a peer at `to`, both on this host.
        fn new(from: &str, to: &str) -> Self {
            let media = bind_media(from.parse().unwrap(), SocketBuffers::default()).unwrap();
            let peer = UdpSocket::bind(to).unwrap();
            peer.set_read_timeout(Some(PATIENCE)).unwrap();
            Self { media, peer, sender: Sender::new(), counters: NetCounters::default() }
        }

        fn v4() -> Self {
            Self::new("127.0.0.1:0", "127.0.0.1:0")
        }

        fn to_peer(&self, contents: &[u8]) -> Transmit {
            Transmit { destination: self.peer.local_addr().unwrap(), contents: contents.to_vec() }
        }

        fn numbered(&self, numbers: std::ops::Range<u32>) -> Vec<Transmit> {
            numbers.map(|n| self.to_peer(&n.to_be_bytes())).collect()
        }

        fn send(&mut self, transmits: Vec<Transmit>) {
            let mut batch = TransmitBatch { transmits };
            self.sender.send(&self.media, &mut batch, &mut self.counters);
            assert!(batch.transmits.is_empty());
        }

        /// The next number that arrives at the peer.
        fn arrives(&self) -> u32 {
            let mut buffer = [0; 4];
            self.peer.recv(&mut buffer).unwrap();
            u32::from_be_bytes(buffer)
        }

        fn errors(&self, error: SendError) -> u64 {
            self.counters.send_errors[error as usize]
        }
    }

    #[test]
    fn a_flush_of_any_size_arrives_in_order_with_few_calls() {
        let mut link = Link::v4();
        link.send(link.numbered(0..150));
        for n in 0..150 {
            assert_eq!(link.arrives(), n);
        }
        let counters = &link.counters;
        assert_eq!((counters.segments, counters.send_calls, counters.bytes_sent), (150, 3, 600));
    }

    #[test]
    fn a_dual_stack_socket_reaches_both_families() {
        for to in ["127.0.0.1:0", "[::1]:0"] {
            let mut link = Link::new("[::]:0", to);
            link.send(link.numbered(7..8));
            assert_eq!(link.arrives(), 7, "{to}");
        }
    }

    #[test]
    fn a_datagram_that_cannot_be_sent_is_counted_by_its_reason_and_the_others_arrive() {
        let mut link = Link::v4();
        let nowhere: SocketAddr = "[::1]:9".parse().unwrap();
        let mut transmits = link.numbered(0..3);
        transmits.insert(1, Transmit { destination: nowhere, contents: vec![0; 4] });
        transmits.insert(3, link.to_peer(&vec![0; 70_000]));
        link.send(transmits);
        for n in 0..3 {
            assert_eq!(link.arrives(), n);
        }
        assert_eq!((link.errors(SendError::Unreachable), link.errors(SendError::TooBig)), (1, 1));
        assert_eq!(link.counters.segments, 3);
        assert!(!link.sender.is_blocked());
    }

    #[test]
    fn refusals_of_the_system_cost_their_datagrams_only() {
        for (errno, error) in [
            (libc::ECONNREFUSED, SendError::Refused),
            (libc::EPERM, SendError::Denied),
            (libc::ENETUNREACH, SendError::Unreachable),
            (libc::ENOBUFS, SendError::NoBuffers),
            (libc::EIO, SendError::Other),
        ] {
            let mut link = Link::v4();
            with_refused(libc::SYS_sendmmsg, errno, || link.send(link.numbered(0..5)));
            assert_eq!(link.errors(error), 5, "{error:?}");
            link.send(link.numbered(5..6));
            assert_eq!(link.arrives(), 5, "{error:?}");
        }
    }

    #[test]
    fn a_full_socket_makes_datagrams_wait_and_keeps_their_order() {
        let mut link = Link::v4();
        with_refused(libc::SYS_sendmmsg, libc::EAGAIN, || {
            link.send(link.numbered(0..100));
            link.send(link.numbered(100..110));
        });
        assert!(link.sender.is_blocked());
        assert_eq!(link.counters.segments, 0);
        link.send(link.numbered(110..120));
        for n in 0..120 {
            assert_eq!(link.arrives(), n);
        }
        assert!(!link.sender.is_blocked());
        assert_eq!((link.counters.send_blocked, link.counters.backlog_drops), (2, 0));
    }

    #[test]
    fn a_full_backlog_drops_the_oldest() {
        let mut link = Link::v4();
        let size = limits::SEND_BACKLOG as u32;
        with_refused(libc::SYS_sendmmsg, libc::EAGAIN, || {
            link.send(link.numbered(0..size));
            link.send(link.numbered(size..size + 5));
        });
        assert_eq!(link.counters.backlog_drops, 5);
        assert_eq!(link.sender.backlog.len(), limits::SEND_BACKLOG);
        link.send(Vec::new());
        assert_eq!(link.arrives(), 5);
    }

    #[test]
    fn without_sendmmsg_datagrams_go_one_at_a_time() {
        let mut link = Link::v4();
        with_refused(libc::SYS_sendmmsg, libc::ENOSYS, || link.send(link.numbered(0..10)));
        for n in 0..10 {
            assert_eq!(link.arrives(), n);
        }
        let counters = &link.counters;
        assert_eq!((counters.segments, counters.send_calls, counters.unbatched_sends), (10, 10, 10));
    }
}
