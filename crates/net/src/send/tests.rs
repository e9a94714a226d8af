//! Real loopback sockets, and systems that refuse.

mod cost;
mod random;

use std::net::{SocketAddr, UdpSocket};
use std::ops::Range;
use std::os::fd::AsFd;

use plenum_engine::{Class, Transmit};
use plenum_model::limits;

use super::*;
use crate::syscall::refusal::{with_refused, with_single_messages_refused};
use crate::syscall::set_option;
use crate::testing::{PATIENCE, allocations_in};
use crate::{SendError, SendWay, SocketBuffers, bind_media};

/// A media socket and a peer on this host.
struct Link {
    media: MediaSocket,
    peer: UdpSocket,
    sender: Sender,
    counters: NetCounters,
}

impl Link {
    fn new(from: &str, to: &str) -> Self {
        let media = bind_media(from.parse().unwrap(), SocketBuffers::default()).unwrap();
        let peer = UdpSocket::bind(to).unwrap();
        peer.set_read_timeout(Some(PATIENCE)).unwrap();
        Self { media, peer, sender: Sender::new(), counters: NetCounters::default() }
    }

    fn v4() -> Self {
        Self::new("127.0.0.1:0", "127.0.0.1:0")
    }

    fn to_peer(&self, class: Class, contents: Vec<u8>) -> Transmit {
        Transmit { destination: self.peer.local_addr().unwrap(), class, contents }
    }

    /// Datagrams that look like STUN and go alone, so that each of them is a message.
    fn numbered(&self, numbers: Range<u32>) -> Vec<Transmit> {
        numbers.map(|n| self.to_peer(Class::Control, n.to_be_bytes().into())).collect()
    }

    /// Datagrams that look like RTP, of `len` bytes each.
    fn rtp(&self, class: Class, numbers: Range<u8>, len: usize) -> Vec<Transmit> {
        numbers
            .map(|n| {
                let mut contents = vec![n; len];
                contents[0] = 0x80;
                self.to_peer(class, contents)
            })
            .collect()
    }

    fn video(&self, numbers: Range<u8>, len: usize) -> Vec<Transmit> {
        self.rtp(Class::Video, numbers, len)
    }

    fn send(&mut self, transmits: Vec<Transmit>) {
        let mut batch = TransmitBatch { transmits, ..TransmitBatch::default() };
        self.sender.send(&self.media, &mut batch, &mut self.counters);
        assert!(batch.transmits.is_empty());
    }

    /// Sends, and fails unless exactly that arrives, in that order.
    fn sends(&mut self, transmits: Vec<Transmit>) {
        let expected: Vec<_> = transmits.iter().map(|t| t.contents.clone()).collect();
        self.send(transmits);
        self.arrive(expected.iter().map(Vec::as_slice));
        assert!(!self.sender.is_blocked());
    }

    fn arrive<'a>(&self, expected: impl Iterator<Item = &'a [u8]>) {
        let mut buffer = vec![0; 70_000];
        for (i, expected) in expected.enumerate() {
            let len = self.peer.recv(&mut buffer).unwrap();
            assert!(buffer[..len] == *expected, "datagram {i}: {} instead of {} bytes", len, expected.len());
        }
        self.peer.set_nonblocking(true).unwrap();
        assert!(self.peer.recv(&mut buffer).is_err(), "one too many");
        self.peer.set_nonblocking(false).unwrap();
    }

    /// The second byte of the datagrams that arrive next: the number of [`Self::rtp`].
    fn arriving(&self, how_many: usize) -> Vec<u8> {
        let mut buffer = vec![0; 70_000];
        let mut next = || {
            self.peer.recv(&mut buffer).unwrap();
            buffer[1]
        };
        (0..how_many).map(|_| next()).collect()
    }

    fn arrives(&self) -> u32 {
        let mut bytes = [0; 4];
        assert_eq!(self.peer.recv(&mut bytes).unwrap(), 4);
        u32::from_be_bytes(bytes)
    }

    fn errors(&self, error: SendError) -> u64 {
        self.counters.send_errors[error as usize]
    }

    /// How many messages of so many datagrams were sent.
    fn messages_of(&self, datagrams: usize) -> u64 {
        self.counters.messages[datagrams - 1]
    }

    fn messages(&self) -> u64 {
        self.counters.messages.iter().sum()
    }

    /// Makes the system refuse runs, as it does for a socket that is to send without checksums.
    fn refuse_runs(&self, refused: bool) {
        set_option(self.media.as_fd(), libc::SOL_SOCKET, libc::SO_NO_CHECK, refused.into()).unwrap();
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
    assert_eq!(link.messages_of(1), 150);
}

#[test]
fn a_frame_leaves_as_one_message_and_arrives_as_it_was() {
    let mut link = Link::v4();
    link.sends(link.video(0..8, 1_200));
    assert_eq!((link.messages_of(8), link.messages()), (1, 1));
    let counters = &link.counters;
    assert_eq!((counters.segments, counters.send_calls, counters.bytes_sent), (8, 1, 9_600));
}

#[test]
fn sizes_that_change_split_a_frame_and_keep_its_order() {
    let mut link = Link::v4();
    let sizes = [1_199, 1_199, 1_199, 1_200, 1_200, 80, 1_200, 13];
    link.sends(sizes.iter().zip(0..).flat_map(|(len, n)| link.video(n..n + 1, *len)).collect());
    assert_eq!([3, 2].map(|datagrams| link.messages_of(datagrams)), [2, 1]);
    assert_eq!(link.messages(), 3);
}

#[test]
fn a_frame_larger_than_a_message_leaves_as_several() {
    let mut link = Link::v4();
    link.sends(link.video(0..40, 1_200));
    assert_eq!((link.messages_of(16), link.messages_of(8)), (2, 1));
    link.sends(link.video(0..13, 6_000));
    assert_eq!((link.messages_of(10), link.messages_of(3)), (1, 1));
}

#[test]
fn dtls_and_stun_between_media_go_alone_and_keep_their_place() {
    let mut link = Link::v4();
    let mut transmits = link.video(0..9, 300);
    for (place, first) in [(2, 0), (5, 22), (6, 1)] {
        transmits[place].contents[0] = first;
    }
    link.sends(transmits);
    assert_eq!([1, 2].map(|datagrams| link.messages_of(datagrams)), [3, 3]);
}

#[test]
fn a_dual_stack_socket_sends_runs_to_both_families() {
    for to in ["127.0.0.1:0", "[::1]:0"] {
        let mut link = Link::new("[::]:0", to);
        link.sends(link.video(0..20, 1_200));
        assert_eq!((link.messages_of(16), link.messages_of(4)), (1, 1), "{to}");
    }
}

#[test]
fn an_ipv6_socket_sends_messages_as_large_as_ipv4_can() {
    let mut link = Link::new("[::1]:0", "[::1]:0");
    link.sends(link.video(0..10, 6_550));
    assert_eq!(link.messages_of(10), 1);
}

#[test]
fn many_destinations_share_a_call_and_each_gets_its_own() {
    let mut link = Link::v4();
    let peers: Vec<_> = (0..200).map(|_| UdpSocket::bind("127.0.0.1:0").unwrap()).collect();
    let mut transmits = Vec::new();
    for (n, peer) in peers.iter().enumerate() {
        transmits.extend(link.video(0..5, 700 + n));
        let destination = peer.local_addr().unwrap();
        transmits.iter_mut().rev().take(5).for_each(|transmit| transmit.destination = destination);
    }
    link.send(transmits);
    for (n, peer) in peers.iter().enumerate() {
        peer.set_read_timeout(Some(PATIENCE)).unwrap();
        for expected in 0..5 {
            let mut buffer = [0; 1_500];
            assert_eq!((peer.recv(&mut buffer).unwrap(), buffer[1]), (700 + n, expected));
        }
    }
    assert_eq!((link.messages_of(5), link.messages(), link.counters.send_calls), (200, 200, 4));
}

#[test]
fn a_datagram_that_cannot_be_sent_is_counted_by_its_reason_and_the_others_arrive() {
    let mut link = Link::v4();
    let nowhere: SocketAddr = "[::1]:9".parse().unwrap();
    let mut transmits = link.numbered(0..3);
    transmits.insert(1, Transmit { destination: nowhere, class: Class::Control, contents: vec![0; 4] });
    transmits.insert(3, link.to_peer(Class::Video, vec![0x80; 70_000]));
    link.send(transmits);
    for n in 0..3 {
        assert_eq!(link.arrives(), n);
    }
    assert_eq!((link.errors(SendError::Unreachable), link.errors(SendError::TooBig)), (1, 1));
    assert_eq!(link.counters.segments, 3);
    assert!(!link.sender.is_blocked());
}

#[test]
fn a_run_that_cannot_be_sent_is_counted_by_its_datagrams() {
    let mut link = Link::v4();
    let mut transmits = link.video(0..5, 100);
    transmits.iter_mut().for_each(|transmit| transmit.destination = "[::1]:9".parse().unwrap());
    transmits.extend(link.video(5..8, 100));
    link.send(transmits);
    assert_eq!(link.arriving(3), [5, 6, 7]);
    assert_eq!((link.errors(SendError::Unreachable), link.counters.segments), (5, 3));
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
        with_refused(libc::SYS_sendmmsg, errno, || {
            link.send(link.numbered(0..5));
            link.send(link.video(0..7, 50));
        });
        assert_eq!(link.errors(error), 12, "{error:?}");
        link.sends(link.numbered(5..6));
    }
}

#[test]
fn what_a_system_refuses_as_a_run_it_gets_datagram_by_datagram() {
    for errno in [libc::EIO, libc::EINVAL, libc::EMSGSIZE, libc::ENOBUFS] {
        let mut link = Link::v4();
        with_single_messages_refused(errno, || link.sends(link.video(0..7, 900)));
        assert_eq!((link.counters.gso_refused, link.messages_of(1), link.messages()), (1, 7, 7), "{errno}");
        assert_eq!(link.counters.send_errors, [0; SendError::ALL.len()]);
        link.sends(link.video(0..7, 900));
        assert_eq!(link.messages_of(7), 1, "{errno}");
    }
}

#[test]
fn a_run_refused_among_messages_that_are_not_is_sent_once_and_in_its_place() {
    let mut link = Link::v4();
    link.refuse_runs(true);
    let mut transmits = link.numbered(0..3);
    transmits.extend(link.video(3..9, 800));
    transmits.extend(link.numbered(9..11));
    transmits.extend(link.video(11..31, 800));
    link.sends(transmits);
    assert_eq!((link.counters.gso_refused, link.messages_of(1)), (3, 31));
}

#[test]
fn a_socket_that_refuses_every_run_is_not_asked_for_ever() {
    let mut link = Link::v4();
    link.refuse_runs(true);
    for _ in 0..3 * limits::GSO_REFUSALS {
        link.sends(link.video(0..4, 500));
    }
    assert_eq!(link.counters.gso_refused, u64::from(limits::GSO_REFUSALS));
    link.refuse_runs(false);
    link.sends(link.video(0..4, 500));
    assert_eq!(link.messages_of(4), 0);
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
    assert_eq!((link.counters.send_blocked, link.counters.backlog_drops), (2, [0; 3]));
}

#[test]
fn after_a_full_socket_control_and_audio_go_before_video() {
    let mut link = Link::v4();
    with_refused(libc::SYS_sendmmsg, libc::EAGAIN, || {
        link.send(link.video(0..6, 700));
        link.send(link.rtp(Class::Audio, 6..8, 90));
        link.send(link.video(8..10, 700));
        link.send(link.rtp(Class::Control, 10..11, 60));
    });
    link.send(link.rtp(Class::Audio, 11..12, 90));
    assert_eq!(link.arriving(12), [6, 7, 10, 0, 1, 2, 3, 4, 5, 8, 9, 11]);
    assert_eq!((link.messages_of(8), link.messages()), (1, 3));
}

#[test]
fn a_full_backlog_drops_video_before_audio_and_the_oldest_first() {
    let mut link = Link::v4();
    let size = limits::SEND_BACKLOG;
    let many = |class, how_many: usize| (0..how_many).flat_map(|_| link.rtp(class, 1..2, 12)).collect();
    let (video, audio): (Vec<_>, Vec<_>) = (many(Class::Video, size), many(Class::Audio, size));
    let newest = link.video(2..3, 12);
    let control = link.rtp(Class::Control, 3..4, 12);
    with_refused(libc::SYS_sendmmsg, libc::EAGAIN, || {
        link.send(video);
        link.send(newest);
        assert_eq!(link.counters.backlog_drops, [0, 0, 1]);
        link.send(control);
        assert_eq!(link.counters.backlog_drops, [0, 0, 2]);
        link.send(audio);
    });
    assert_eq!(link.counters.backlog_drops, [1, 0, size as u64 + 1]);
    assert_eq!(link.sender.backlog.len(), size);
}

#[test]
fn without_sendmmsg_datagrams_go_one_at_a_time() {
    let mut link = Link::v4();
    with_refused(libc::SYS_sendmmsg, libc::ENOSYS, || {
        link.sends(link.numbered(0..4));
        link.sends(link.video(4..10, 500));
    });
    let counters = &link.counters;
    assert_eq!((counters.segments, counters.send_calls, counters.unbatched_sends), (10, 10, 10));
    assert_eq!(link.messages_of(1), 10);
}

#[test]
fn a_socket_sends_no_better_than_it_may() {
    for (way, calls, messages) in
        [(SendWay::OneByOne, 8, 8), (SendWay::Batched, 1, 8), (SendWay::Segmented, 1, 1)]
    {
        let mut link = Link::v4();
        link.media.limit_sending(way);
        link.sends(link.video(0..8, 1_000));
        assert_eq!((link.counters.send_calls, link.messages()), (calls, messages), "{way:?}");
    }
}

#[test]
fn sending_allocates_nothing() {
    let mut link = Link::v4();
    let mut batches: Vec<_> = (0..4)
        .map(|n| {
            let mut transmits = link.numbered(0..70);
            transmits.extend(link.video(0..40, 1_000 + n));
            TransmitBatch { transmits, ..TransmitBatch::default() }
        })
        .collect();
    let Link { media, sender, counters, .. } = &mut link;
    let allocations =
        allocations_in(|| batches.iter_mut().for_each(|batch| sender.send(media, batch, counters)));
    assert_eq!(allocations, 0);
    assert_eq!(link.counters.segments, 440);
}
