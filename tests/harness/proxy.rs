//! A UDP proxy between peers and the server that loses packets on the way back, from a seed.
//!
//! It takes the place of the server's candidate (`media.advertise`), so peers know nothing else. Each
//! peer gets a socket of its own towards the server, as behind a NAT.

use std::collections::HashMap;
use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const READ_TIMEOUT: Duration = Duration::from_millis(50);

/// A running proxy; its threads end when it is dropped.
#[derive(Debug)]
pub struct LossyProxy {
    /// What the server should advertise.
    pub address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    front: UdpSocket,
    random: Mutex<fastrand::Rng>,
    loss: f64,
    stop: AtomicBool,
    passed: AtomicU64,
    lost: AtomicU64,
}

impl LossyProxy {
    /// Binds the side of the peers. `loss` (0 to 1) is the share of the server's packets that disappear.
    pub fn bind(loss: f64, seed: u64) -> Self {
        let front = UdpSocket::bind("127.0.0.1:0").expect("loopback has free ports");
        front.set_read_timeout(Some(READ_TIMEOUT)).expect("a timeout can be set");
        let address = front.local_addr().expect("a bound socket has an address");
        let shared = Shared {
            front,
            random: Mutex::new(fastrand::Rng::with_seed(seed)),
            loss,
            stop: AtomicBool::new(false),
            passed: AtomicU64::new(0),
            lost: AtomicU64::new(0),
        };
        Self { address, shared: Arc::new(shared) }
    }

    /// Starts passing packets on to `server`.
    pub fn run(&self, server: SocketAddr) {
        let shared = Arc::clone(&self.shared);
        std::thread::spawn(move || shared.pass_to(server));
    }

    /// How many of the server's packets were passed on, and how many lost.
    pub fn passed_and_lost(&self) -> (u64, u64) {
        (self.shared.passed.load(Ordering::Relaxed), self.shared.lost.load(Ordering::Relaxed))
    }
}

impl Drop for LossyProxy {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
    }
}

impl Shared {
    fn pass_to(self: Arc<Self>, server: SocketAddr) {
        let mut backs: HashMap<SocketAddr, UdpSocket> = HashMap::new();
        let mut buffer = [0; 2_000];
        while !self.stop.load(Ordering::Relaxed) {
            let Ok((length, peer)) = self.front.recv_from(&mut buffer) else { continue };
            let back = backs.entry(peer).or_insert_with(|| self.open_back(server, peer));
            let _ = back.send(&buffer[..length]);
        }
    }

    fn open_back(self: &Arc<Self>, server: SocketAddr, peer: SocketAddr) -> UdpSocket {
        let back = UdpSocket::bind("127.0.0.1:0").expect("loopback has free ports");
        back.connect(server).expect("loopback is reachable");
        back.set_read_timeout(Some(READ_TIMEOUT)).expect("a timeout can be set");
        let (shared, receiving) = (Arc::clone(self), back.try_clone().expect("a socket can be cloned"));
        std::thread::spawn(move || shared.pass_back(&receiving, peer));
        back
    }

    fn pass_back(&self, back: &UdpSocket, peer: SocketAddr) {
        let mut buffer = [0; 2_000];
        while !self.stop.load(Ordering::Relaxed) {
            let Ok(length) = back.recv(&mut buffer) else { continue };
            if self.random.lock().unwrap().f64() < self.loss {
                self.lost.fetch_add(1, Ordering::Relaxed);
            } else {
                self.passed.fetch_add(1, Ordering::Relaxed);
                let _ = self.front.send_to(&buffer[..length], peer);
            }
        }
    }
}
