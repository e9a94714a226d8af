//! The calls against real loopback sockets.

use std::io::{Read, Write};
use std::iter::once;
use std::net::UdpSocket;
use std::os::fd::AsFd;

use plenum_model::limits::SEGMENTS_PER_MESSAGE;

use super::name::Name;
use super::receive::Message;
use super::*;
use crate::testing::delivered;

const SHORT: Duration = Duration::from_millis(20);
const LONG: Duration = Duration::from_secs(5);

fn socket() -> UdpSocket {
    UdpSocket::bind("127.0.0.1:0").unwrap()
}

fn send(from: &UdpSocket, to: &UdpSocket, contents: &[u8]) {
    assert_eq!(from.send_to(contents, to.local_addr().unwrap()).unwrap(), contents.len());
}

/// A socket's messages, when everything that was sent has arrived.
fn receive(arena: &mut ReceiveArena, socket: &UdpSocket) -> usize {
    delivered();
    arena.receive(socket.as_fd()).unwrap()
}

#[test]
fn an_address_survives_the_way_through_its_bytes() {
    for text in ["192.0.2.1:65535", "[2001:db8::7]:1", "[::ffff:192.0.2.1]:3478", "[fe80::1%7]:9"] {
        let address = text.parse().unwrap();
        let mut name = Name([0xff; Name::CAPACITY]);
        let len = name.write(address);
        assert_eq!(name.read(len), Some(address), "{text}");
    }
}

#[test]
fn an_address_of_another_family_or_cut_short_is_none() {
    let mut name = Name::EMPTY;
    assert_eq!(name.read(0), None);
    let len = name.write("192.0.2.1:1".parse().unwrap());
    assert_eq!(name.read(len - 1), None);
}

#[test]
fn nothing_there_is_would_block() {
    let error = ReceiveArena::new(2_048).receive(socket().as_fd()).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
}

#[test]
fn one_call_receives_a_whole_batch_in_order_and_the_next_call_the_rest() {
    let (from, to) = (socket(), socket());
    for i in 0..MESSAGES_PER_CALL as u8 + 3 {
        send(&from, &to, &[i; 9][..usize::from(i % 9) + 1]);
    }
    let mut arena = ReceiveArena::new(2_048);
    let mut seen = Vec::new();
    for expected in [MESSAGES_PER_CALL, 3] {
        assert_eq!(receive(&mut arena, &to), expected);
        for index in 0..expected {
            let message = arena.message(index);
            assert_eq!(message.source, from.local_addr().ok());
            let first = arena.bytes(index, 0..message.len)[0];
            assert_eq!(message.len, usize::from(first % 9) + 1);
            seen.push(first);
        }
    }
    assert_eq!(seen, (0..MESSAGES_PER_CALL as u8 + 3).collect::<Vec<_>>());
}

#[test]
fn a_datagram_that_fills_the_buffer_is_whole_and_one_byte_more_is_truncated() {
    let (from, to) = (socket(), socket());
    send(&from, &to, &[1; 100]);
    send(&from, &to, &[2; 101]);
    send(&from, &to, &[3; 7]);
    let mut arena = ReceiveArena::new(100);
    assert_eq!(receive(&mut arena, &to), 3);
    let source = from.local_addr().ok();
    let message = |len, truncated| Message { source, len, segment: None, truncated };
    assert_eq!(arena.message(0), message(100, false));
    assert_eq!(arena.message(1), message(100, true));
    assert_eq!(arena.message(2), message(7, false));
    assert_eq!(arena.bytes(2, 0..7), [3; 7]);
}

#[test]
fn a_coalesced_message_tells_the_size_of_its_segments() {
    let (from, to) = (socket(), socket());
    set_option(to.as_fd(), libc::SOL_UDP, libc::UDP_GRO, 1).unwrap();
    set_option(from.as_fd(), libc::SOL_UDP, libc::UDP_SEGMENT, 1_000).unwrap();
    send(&from, &to, &[5; 3_500]);
    let mut arena = ReceiveArena::new(64 * 1024);
    assert_eq!(receive(&mut arena, &to), 1);
    let source = from.local_addr().ok();
    assert_eq!(arena.message(0), Message { source, len: 3_500, segment: Some(1_000), truncated: false });
}

#[test]
fn what_the_kernel_throws_away_is_counted() {
    let (from, to) = (socket(), socket());
    set_option(to.as_fd(), libc::SOL_SOCKET, libc::SO_RCVBUF, 4_096).unwrap();
    assert_eq!(dropped_by_kernel(to.as_fd()).unwrap(), 0);
    for _ in 0..50 {
        send(&from, &to, &[0; 1_000]);
    }
    let received = receive(&mut ReceiveArena::new(2_048), &to);
    assert!(received < 50);
    assert_eq!(dropped_by_kernel(to.as_fd()).unwrap() as usize, 50 - received);
}

#[test]
fn a_batch_is_sent_with_one_call_and_each_datagram_to_its_own_destination() {
    let (from, a, b) = (socket(), socket(), socket());
    let contents: Vec<_> = (0..MESSAGES_PER_CALL as u8 + 1).map(|i| [i; 3]).collect();
    let destinations = [a.local_addr().unwrap(), b.local_addr().unwrap()];
    let messages = contents.iter().map(|c| (destinations[usize::from(c[0]) % 2], once(c.as_slice())));
    assert_eq!(SendArena::new().send_many(from.as_fd(), messages).unwrap(), MESSAGES_PER_CALL);
    for (i, contents) in contents[..MESSAGES_PER_CALL].iter().enumerate() {
        let mut buffer = [0; 9];
        let len = [&a, &b][i % 2].recv(&mut buffer).unwrap();
        assert_eq!(&buffer[..len], contents);
    }
}

#[test]
fn an_error_is_about_the_first_datagram_and_a_later_one_cuts_the_batch() {
    let (from, to) = (socket(), socket());
    let good = || (to.local_addr().unwrap(), once(&b"good"[..]));
    let bad = || ("[::1]:9".parse().unwrap(), once(&b"an IPv4 socket does not take this"[..]));
    let mut arena = SendArena::new();
    assert_eq!(arena.send_many(from.as_fd(), [good(), bad(), good()].into_iter()).unwrap(), 1);
    let error = arena.send_many(from.as_fd(), [bad(), good()].into_iter()).unwrap_err();
    assert_eq!(error.raw_os_error(), Some(libc::EAFNOSUPPORT));
}

#[test]
fn datagrams_of_one_message_are_gathered_from_their_buffers_and_arrive_apart() {
    let (from, a, b) = (socket(), socket(), socket());
    let buffers: Vec<Vec<u8>> = (0..SEGMENTS_PER_MESSAGE as u8).map(|i| vec![i; 1_100]).collect();
    let last = [99; 7];
    let run = || buffers[1..].iter().map(Vec::as_slice).chain(once(&last[..]));
    let messages = [&a, &b].map(|to| (to.local_addr().unwrap(), run()));
    let mut arena = SendArena::new();
    assert_eq!(arena.send_many(from.as_fd(), messages.into_iter()).unwrap(), 2);
    assert_eq!([0, 1].map(|index| arena.datagrams_in(index)), [SEGMENTS_PER_MESSAGE; 2]);
    for to in [&a, &b] {
        for datagram in run() {
            let mut buffer = [0; 2_048];
            let len = to.recv(&mut buffer).unwrap();
            assert_eq!(&buffer[..len], datagram);
        }
    }
}

#[test]
fn a_message_takes_no_more_datagrams_than_it_may_hold_and_says_how_many() {
    let (from, to) = (socket(), socket());
    let datagrams = std::iter::repeat_n(&[7; 100][..], SEGMENTS_PER_MESSAGE + 1);
    let mut arena = SendArena::new();
    arena.send_many(from.as_fd(), once((to.local_addr().unwrap(), datagrams))).unwrap();
    assert_eq!(arena.datagrams_in(0), SEGMENTS_PER_MESSAGE);
    assert_eq!(receive(&mut ReceiveArena::new(2_048), &to), SEGMENTS_PER_MESSAGE);
}

#[test]
fn waiting_ends_when_time_is_up() {
    let (socket, wake) = (socket(), event_descriptor().unwrap());
    let ready = wait(socket.as_fd(), wake.as_fd(), false, SHORT).unwrap();
    assert_eq!(ready, Ready { readable: false, writable: false, woken: false });
}

#[test]
fn waiting_ends_with_a_datagram() {
    let (socket, wake) = (socket(), event_descriptor().unwrap());
    send(&socket, &socket, b"x");
    let ready = wait(socket.as_fd(), wake.as_fd(), false, LONG).unwrap();
    assert_eq!(ready, Ready { readable: true, writable: false, woken: false });
}

#[test]
fn waiting_ends_when_the_socket_takes_datagrams_only_if_that_is_wanted() {
    let (socket, wake) = (socket(), event_descriptor().unwrap());
    assert!(wait(socket.as_fd(), wake.as_fd(), true, LONG).unwrap().writable);
    assert!(!wait(socket.as_fd(), wake.as_fd(), false, SHORT).unwrap().writable);
}

#[test]
fn waking_lasts_until_it_is_read() {
    let (socket, mut wake) = (socket(), event_descriptor().unwrap());
    wake.write_all(&1_u64.to_ne_bytes()).unwrap();
    wake.write_all(&1_u64.to_ne_bytes()).unwrap();
    for _ in 0..2 {
        assert!(wait(socket.as_fd(), wake.as_fd(), false, LONG).unwrap().woken);
    }
    wake.read_exact(&mut [0; 8]).unwrap();
    assert!(!wait(socket.as_fd(), wake.as_fd(), false, SHORT).unwrap().woken);
}

#[test]
fn a_thread_can_be_bound_to_the_cpu_it_is_on_but_not_to_one_that_is_not_there() {
    std::thread::spawn(|| {
        // SAFETY: no arguments.
        let cpu = unsafe { libc::sched_getcpu() };
        pin_thread(usize::try_from(cpu).unwrap()).unwrap();
    })
    .join()
    .unwrap();
    assert!(pin_thread(libc::CPU_SETSIZE as usize).is_err());
    assert!(pin_thread(usize::MAX).is_err());
}
