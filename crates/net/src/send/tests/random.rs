//! Random batches, against one `sendto` per datagram: whatever way they leave, every destination must get the
//! same datagrams in the same order. `PLENUM_SEED` replays one case.

use super::*;
use crate::testing::delivered;

const CASES: u64 = 50;
/// Few enough to fit into a socket's buffer of the size that every system grants.
const DATAGRAMS_PER_PEER: usize = 40;

/// What a peer got.
type Inbox = Vec<Vec<u8>>;

#[test]
fn random_batches_arrive_as_if_each_datagram_had_been_sent_alone() {
    let seeds = match std::env::var("PLENUM_SEED") {
        Ok(seed) => vec![seed.parse().unwrap()],
        Err(_) => (0..CASES).collect(),
    };
    for seed in seeds {
        let mut random = fastrand::Rng::with_seed(seed);
        let from = ["127.0.0.1:0", "[::]:0"][random.usize(..2)];
        let peers: Vec<_> = (0..random.usize(1..8)).map(|_| peer()).collect();
        let transmits = transmits(&mut random, &peers);
        let expected = sent_alone(&transmits, &peers);
        let received = sent_in_batches(&mut random, from, transmits, &peers);
        assert!(received == expected, "PLENUM_SEED={seed}: {}", difference(&received, &expected));
    }
}

fn peer() -> UdpSocket {
    let peer = UdpSocket::bind("127.0.0.1:0").unwrap();
    peer.set_nonblocking(true).unwrap();
    peer
}

/// Stretches for one peer of mostly one size, as frames are, with other things in between.
fn transmits(random: &mut fastrand::Rng, peers: &[UdpSocket]) -> Vec<Transmit> {
    let mut left = vec![DATAGRAMS_PER_PEER; peers.len()];
    let mut transmits = Vec::new();
    for _ in 0..random.usize(1..30) {
        let to = random.usize(..peers.len());
        let size = random.usize(2..1_400);
        for _ in 0..random.usize(1..25).min(left[to]) {
            let len = match random.u8(..20) {
                0 => size + 1,
                1 => random.usize(2..=size),
                2 => 0,
                _ => size,
            };
            let mut contents: Vec<u8> = (0..len).map(|_| random.u8(..)).collect();
            let first = [0, 22, 0x80, 0x90, 0x80, 0x80][random.usize(..6)];
            contents.iter_mut().take(1).for_each(|byte| *byte = first);
            let destination = peers[to].local_addr().unwrap();
            transmits.push(Transmit { destination, class: Class::Video, contents });
            left[to] -= 1;
        }
    }
    transmits
}

fn sent_alone(transmits: &[Transmit], peers: &[UdpSocket]) -> Vec<Inbox> {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    for transmit in transmits {
        socket.send_to(&transmit.contents, transmit.destination).unwrap();
    }
    inboxes(peers)
}

/// In flushes of random length, on a system that sometimes refuses runs and sometimes is full.
fn sent_in_batches(
    random: &mut fastrand::Rng,
    from: &str,
    mut transmits: Vec<Transmit>,
    peers: &[UdpSocket],
) -> Vec<Inbox> {
    let mut link = Link::new(from, "127.0.0.1:0");
    let total = transmits.len() as u64;
    while !transmits.is_empty() {
        let rest = transmits.split_off(random.usize(1..=transmits.len()));
        let flush = std::mem::replace(&mut transmits, rest);
        link.refuse_runs(random.u8(..3) == 0);
        match random.u8(..8) {
            0 => with_refused(libc::SYS_sendmmsg, libc::EAGAIN, || link.send(flush)),
            _ => link.send(flush),
        }
    }
    link.send(Vec::new());
    assert_eq!((link.counters.segments, link.counters.backlog_drops), (total, [0; 3]));
    inboxes(peers)
}

fn inboxes(peers: &[UdpSocket]) -> Vec<Inbox> {
    delivered();
    let mut buffer = [0; 2_048];
    let mut inbox = |peer: &UdpSocket| {
        let mut all = Inbox::new();
        while let Ok(len) = peer.recv(&mut buffer) {
            all.push(buffer[..len].to_vec());
        }
        all
    };
    peers.iter().map(&mut inbox).collect()
}

fn difference(received: &[Inbox], expected: &[Inbox]) -> String {
    let lens = |inboxes: &[Inbox]| -> Vec<Vec<usize>> {
        inboxes.iter().map(|inbox| inbox.iter().map(Vec::len).collect()).collect()
    };
    format!("received {:?}, expected {:?}", lens(received), lens(expected))
}
