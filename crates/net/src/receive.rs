//! From batches of messages to single datagrams. The buffers are used again and again: nothing is allocated
//! per packet, and a datagram is borrowed until the next one is taken.

use std::io;
use std::net::SocketAddr;
use std::os::fd::AsFd;

use crate::syscall::ReceiveArena;
use crate::{MediaSocket, NetCounters, address};

/// With `UDP_GRO` the kernel makes messages of up to a whole IP packet.
const COALESCED_MESSAGE: usize = 64 * 1024;
/// Without it, a message is one datagram; nothing that belongs here is larger than an Ethernet frame.
const SINGLE_MESSAGE: usize = 2 * 1024;

/// A datagram and who sent it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Datagram<'a> {
    /// Canonical: IPv4 is IPv4.
    pub(crate) source: SocketAddr,
    pub(crate) contents: &'a [u8],
}

/// Takes datagrams out of a socket, in batches.
pub(crate) struct Receiver {
    arena: ReceiveArena,
    /// Messages of the last batch.
    messages: usize,
    /// The message that the next datagram is in, and where in it.
    index: usize,
    offset: usize,
}

impl Receiver {
    pub(crate) fn new(socket: &MediaSocket) -> Self {
        Self::with_capacity(if socket.coalesces() { COALESCED_MESSAGE } else { SINGLE_MESSAGE })
    }

    fn with_capacity(bytes: usize) -> Self {
        Self { arena: ReceiveArena::new(bytes), messages: 0, index: 0, offset: 0 }
    }

    /// Whether all datagrams of the last batch were taken.
    pub(crate) fn is_empty(&self) -> bool {
        self.index >= self.messages
    }

    /// Whether the last batch held all that had arrived.
    pub(crate) fn ran_dry(&self) -> bool {
        self.messages < self.arena.messages_per_call()
    }

    /// Receives the next batch in place of the last one. Returns whether there is anything in it.
    pub(crate) fn fill(&mut self, socket: &MediaSocket, counters: &mut NetCounters) -> bool {
        (self.messages, self.index, self.offset) = (0, 0, 0);
        match self.arena.receive(socket.as_fd()) {
            Ok(messages) => {
                counters.receive_calls += 1;
                self.messages = messages;
            }
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {}
            // Fetching the error has cleared it; what else arrived is still there in the next round.
            Err(_) => counters.receive_errors += 1,
        }
        self.messages > 0
    }

    /// The next datagram of the batch.
    pub(crate) fn next(&mut self, counters: &mut NetCounters) -> Option<Datagram<'_>> {
        while !self.is_empty() {
            let (index, start) = (self.index, self.offset);
            let message = self.arena.message(index);
            let end = message.segment.map_or(message.len, |segment| message.len.min(start + segment));
            let is_last = end == message.len;
            (self.index, self.offset) = if is_last { (index + 1, 0) } else { (index, end) };
            let Some(source) = message.source else {
                counters.receive_errors += 1;
                continue;
            };
            counters.gro_batches += u64::from(start == 0 && !is_last);
            counters.datagrams_received += 1;
            counters.bytes_received += (end - start) as u64;
            if message.truncated && is_last {
                counters.receive_truncated += 1;
                continue;
            }
            let contents = self.arena.bytes(index, start..end);
            return Some(Datagram { source: address::canonical(source), contents });
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;

    use super::*;
    use crate::syscall::refusal::with_refused;
    use crate::testing::{allocations_in, delivered};
    use crate::{SocketBuffers, bind_media, syscall};

    struct Link {
        peer: UdpSocket,
        media: MediaSocket,
        counters: NetCounters,
    }

    impl Link {
        /// A peer at `from` and a media socket at `to`, both on this host.
        fn new(from: &str, to: &str) -> Self {
            let peer = UdpSocket::bind(from).unwrap();
            let media = bind_media(to.parse().unwrap(), SocketBuffers::default()).unwrap();
            Self { peer, media, counters: NetCounters::default() }
        }

        fn v4() -> Self {
            Self::new("127.0.0.1:0", "127.0.0.1:0")
        }

        fn send(&self, contents: &[u8]) {
            let port = self.media.local_addr().port();
            self.peer.send_to(contents, (self.peer.local_addr().unwrap().ip(), port)).unwrap();
        }

        fn receive_all(&mut self, receiver: &mut Receiver) -> Vec<(SocketAddr, Vec<u8>)> {
            delivered();
            let mut all = Vec::new();
            while receiver.fill(&self.media, &mut self.counters) {
                while let Some(datagram) = receiver.next(&mut self.counters) {
                    all.push((datagram.source, datagram.contents.to_vec()));
                }
            }
            all
        }
    }

    #[test]
    fn a_coalesced_message_is_split_and_its_last_datagram_may_be_shorter() {
        let mut link = Link::v4();
        assert!(link.media.coalesces());
        syscall::set_option(link.peer.as_fd(), libc::SOL_UDP, libc::UDP_SEGMENT, 1_000).unwrap();
        let sent: Vec<u8> = (0..3_500_u32).map(|i| (i % 251) as u8).collect();
        link.send(&sent);
        link.send(&sent[..2_000]);
        link.send(&sent[..10]);
        let received = link.receive_all(&mut Receiver::new(&link.media));
        let lengths: Vec<_> = received.iter().map(|(_, contents)| contents.len()).collect();
        assert_eq!(lengths, [1_000, 1_000, 1_000, 500, 1_000, 1_000, 10]);
        assert_eq!(received[..4].iter().flat_map(|(_, c)| c.clone()).collect::<Vec<_>>(), sent);
        assert!(received.iter().all(|(source, _)| *source == link.peer.local_addr().unwrap()));
        let counters = &link.counters;
        assert_eq!(
            (counters.gro_batches, counters.datagrams_received, counters.bytes_received),
            (2, 7, 5_510)
        );
    }

    #[test]
    fn dtls_and_stun_that_were_coalesced_with_media_come_out_one_by_one() {
        let mut link = Link::v4();
        let kinds = [0x80, 22, 0x80, 0, 1, 22, 0x81];
        let sent: Vec<Vec<u8>> = kinds.iter().map(|first| vec![*first; 548]).chain([vec![23; 61]]).collect();
        syscall::set_option(link.peer.as_fd(), libc::SOL_UDP, libc::UDP_SEGMENT, 548).unwrap();
        link.send(&sent.concat());
        let received = link.receive_all(&mut Receiver::new(&link.media));
        assert_eq!(received.into_iter().map(|(_, contents)| contents).collect::<Vec<_>>(), sent);
        assert_eq!((link.counters.gro_batches, link.counters.datagrams_received), (1, 8));
    }

    #[test]
    fn receiving_allocates_nothing() {
        let mut link = Link::v4();
        for i in 0..100 {
            link.send(&[0x80; 900][..800 + i]);
        }
        syscall::set_option(link.peer.as_fd(), libc::SOL_UDP, libc::UDP_SEGMENT, 1_000).unwrap();
        link.send(&[0x80; 3_500]);
        delivered();
        let mut receiver = Receiver::new(&link.media);
        let allocations = allocations_in(|| {
            while receiver.fill(&link.media, &mut link.counters) {
                while receiver.next(&mut link.counters).is_some() {}
            }
        });
        assert_eq!((allocations, link.counters.datagrams_received), (0, 104));
    }

    #[test]
    fn a_datagram_without_content_is_a_datagram() {
        let mut link = Link::v4();
        link.send(b"");
        link.send(b"x");
        let received = link.receive_all(&mut Receiver::new(&link.media));
        assert_eq!(received.iter().map(|(_, c)| c.len()).collect::<Vec<_>>(), [0, 1]);
        assert_eq!(link.counters.datagrams_received, 2);
    }

    #[test]
    fn a_truncated_datagram_is_counted_and_the_next_one_received() {
        let mut link = Link::v4();
        link.send(&[1; 101]);
        link.send(&[2; 100]);
        let received = link.receive_all(&mut Receiver::with_capacity(100));
        assert_eq!(received.len(), 1);
        assert_eq!(received[0].1, [2; 100]);
        assert_eq!((link.counters.datagrams_received, link.counters.receive_truncated), (2, 1));
    }

    #[test]
    fn an_ipv4_peer_of_a_dual_stack_socket_is_ipv4() {
        let mut link = Link::new("127.0.0.1:0", "[::]:0");
        link.send(b"x");
        let received = link.receive_all(&mut Receiver::new(&link.media));
        assert_eq!(received, [(link.peer.local_addr().unwrap(), b"x".to_vec())]);
    }

    #[test]
    fn an_ipv6_peer_of_a_dual_stack_socket_is_ipv6() {
        let mut link = Link::new("[::1]:0", "[::]:0");
        link.send(b"x");
        let received = link.receive_all(&mut Receiver::new(&link.media));
        assert_eq!(received, [(link.peer.local_addr().unwrap(), b"x".to_vec())]);
    }

    #[test]
    fn without_recvmmsg_datagrams_come_one_at_a_time() {
        let mut link = Link::v4();
        for i in 0..10 {
            link.send(&[i]);
        }
        let mut receiver = Receiver::new(&link.media);
        let received = with_refused(libc::SYS_recvmmsg, libc::ENOSYS, || link.receive_all(&mut receiver));
        assert_eq!(received.iter().map(|(_, c)| c[0]).collect::<Vec<_>>(), (0..10).collect::<Vec<_>>());
        assert_eq!(link.counters.receive_calls, 10);
    }

    #[test]
    fn an_error_of_receiving_is_counted_and_what_arrived_is_received_next() {
        let mut link = Link::v4();
        link.send(b"x");
        let mut receiver = Receiver::new(&link.media);
        with_refused(libc::SYS_recvmmsg, libc::EHOSTUNREACH, || {
            assert!(!receiver.fill(&link.media, &mut link.counters));
        });
        assert_eq!(link.counters.receive_errors, 1);
        assert_eq!(link.receive_all(&mut receiver).len(), 1);
    }
}
