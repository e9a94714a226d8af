//! What a datagram costs by the way it leaves. `cargo test --release -p plenum-net cost -- --nocapture` prints
//! the table; the assertion only keeps runs from silently becoming as dear as single datagrams.

use std::time::{Duration, Instant};

use super::*;

const PEERS: usize = 96;
const SIZE: usize = 1_200;
const ROUNDS: usize = 25;

#[derive(Clone, Copy)]
enum Way {
    OneByOne,
    Batched,
    Runs,
}

const WAYS: [Way; 3] = [Way::OneByOne, Way::Batched, Way::Runs];

struct Stage {
    link: Link,
    peers: Vec<UdpSocket>,
}

impl Stage {
    fn new() -> Self {
        let peer = || {
            let peer = UdpSocket::bind("127.0.0.1:0").unwrap();
            peer.set_nonblocking(true).unwrap();
            // So that a run stays one message over loopback, as it does on its way to a network card.
            set_option(peer.as_fd(), libc::SOL_UDP, libc::UDP_GRO, 1).unwrap();
            peer
        };
        Self { link: Link::v4(), peers: (0..PEERS).map(|_| peer()).collect() }
    }

    /// Sends `run` datagrams to every peer; returns how long that took.
    fn send(&mut self, way: Way, run: usize) -> Duration {
        let mut transmits = Vec::new();
        for peer in &self.peers {
            let destination = peer.local_addr().unwrap();
            let datagram = || Transmit { destination, class: Class::Video, contents: vec![0x80; SIZE] };
            transmits.extend(std::iter::repeat_with(datagram).take(run));
        }
        let outlet = &mut self.link.sender.outlet;
        outlet.one_by_one = matches!(way, Way::OneByOne);
        outlet.segmentation.pause = if matches!(way, Way::Runs) { 0 } else { u64::MAX };
        let began = Instant::now();
        let settled = outlet.submit(&self.link.media, &transmits, &mut self.link.counters);
        let took = began.elapsed();
        assert_eq!(settled, PEERS * run);
        self.empty_peers();
        took
    }

    fn empty_peers(&self) {
        let mut buffer = vec![0; 65_536];
        self.peers.iter().for_each(|peer| while peer.recv(&mut buffer).is_ok() {});
    }
}

/// The least microseconds per datagram, of rounds in which the ways take turns.
fn measure(stage: &mut Stage, run: usize) -> [f64; WAYS.len()] {
    let mut least = [Duration::MAX; WAYS.len()];
    for _ in 0..ROUNDS {
        for (least, way) in least.iter_mut().zip(WAYS) {
            *least = stage.send(way, run).min(*least);
        }
    }
    least.map(|least| least.as_secs_f64() * 1e6 / (PEERS * run) as f64)
}

#[test]
fn a_datagram_of_a_run_costs_less_than_half_of_one_alone() {
    let mut stage = Stage::new();
    println!("us per datagram of {SIZE} B:\n run   sendmsg  sendmmsg      runs  runs/sendmsg");
    for run in [1, 2, 6, 8, 16] {
        let [alone, batched, runs] = measure(&mut stage, run);
        println!("{run:4} {alone:9.2} {batched:9.2} {runs:9.2} {:13.2}", runs / alone);
        assert!(run < 6 || runs < alone / 2.0, "runs of {run}: {runs} us, alone: {alone} us");
    }
}
