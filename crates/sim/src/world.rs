//! The world: one shard, its clients, the network between them, and the clock.

mod acts;
mod view;

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use plenum_engine::{Command, DtlsIdentity, Engine, EngineConfig, Event, Role, TransmitBatch};
use plenum_model::{CloseReason, MediaOffer, Place};

use crate::client::{Client, Part};
use crate::errors::ErrorLog;
use crate::identity;
use crate::network::{Datagram, Link, Network, Path, is_rtp, rank};
use crate::publisher::Media;
use crate::sessions::Sessions;
use crate::trace::Trace;

/// Where the shard is.
pub const SHARD_ADDRESS: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)), 7_882);
/// Wake-ups of an engine per participant and virtual second; more would be a busy loop.
const WAKES_PER_PARTICIPANT: u64 = 500;
/// How much virtual time [`World::finish`] leaves for goodbyes.
const GOODBYE: Duration = Duration::from_secs(1);

/// A client of a world.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ClientId(pub u32);

/// The path between a client and the shard.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Wire {
    /// From the client to the shard.
    pub up: Link,
    /// From the shard to the client.
    pub down: Link,
    /// Whether the shard is told the client's candidates; otherwise it has to learn them from checks.
    pub announced: bool,
}

impl Wire {
    /// Everything arrives at once.
    pub const PERFECT: Self = Self::of(Link::PERFECT);

    /// The same in both directions.
    pub const fn of(link: Link) -> Self {
        Self { up: link, down: link, announced: true }
    }
}

/// A client with what the control plane knows of it.
struct Attended {
    client: Client,
    up: Path,
    down: Path,
    announced: bool,
    role: Role,
    place: Place,
    offer: MediaOffer,
    answer: String,
}

/// See the module.
pub struct World {
    seed: u64,
    start: Instant,
    now: Instant,
    random: fastrand::Rng,
    engine: Engine,
    batch: TransmitBatch,
    dtls: DtlsIdentity,
    network: Network,
    clients: Vec<Attended>,
    by_address: BTreeMap<SocketAddr, usize>,
    /// Answers on their way to their clients.
    answers: BTreeMap<(Instant, usize), String>,
    sessions: Sessions,
    events: Vec<(Instant, Event)>,
    errors: ErrorLog,
    trace: Trace,
    wakes: (u64, u64),
    out: Vec<Datagram>,
}

impl World {
    /// An empty shard. One world at a time runs on a thread, since the seed is also that of the thread's
    /// generator.
    pub fn new(seed: u64) -> Self {
        // One time zero per process, so that clocks derived from it are the same in every run.
        static START: LazyLock<Instant> = LazyLock::new(Instant::now);
        let start = *START;
        fastrand::seed(seed);
        let config = EngineConfig { shard: 0, candidates: vec![SHARD_ADDRESS], seed };
        Self {
            seed,
            start,
            now: start,
            random: fastrand::Rng::with_seed(seed ^ 0x706c_656e_756d),
            engine: Engine::new(config, start),
            batch: TransmitBatch::default(),
            dtls: identity::of_shard(),
            network: Network::default(),
            clients: Vec::new(),
            by_address: BTreeMap::new(),
            answers: BTreeMap::new(),
            sessions: Sessions::new(0),
            events: Vec::new(),
            errors: ErrorLog::new(),
            trace: Trace::new(start),
            wakes: (0, 0),
            out: Vec::new(),
        }
    }

    /// A shard with one publisher and so many connected viewers, without delay or loss, media flowing.
    pub fn connected(viewers: usize, media: Media) -> (Self, ClientId) {
        let mut world = Self::new(1);
        let publisher = world.publish(0, "publisher", media, Wire::PERFECT);
        let watching: Vec<ClientId> = (0..viewers).map(|_| world.watch(0, None, Wire::PERFECT)).collect();
        let deadline = Duration::from_secs(10);
        let is_up =
            world.run_until(deadline, |world| watching.iter().all(|id| world.viewer(*id).decoded() > 0));
        assert!(is_up, "{viewers} viewers are not connected within {deadline:?}");
        (world, publisher)
    }

    /// Lets virtual time pass.
    pub fn run_for(&mut self, duration: Duration) {
        self.run_until(duration, |_| false);
    }

    /// Lets virtual time pass until something is so, but not for longer than `limit`. Returns whether it is.
    pub fn run_until(&mut self, limit: Duration, mut is_so: impl FnMut(&Self) -> bool) -> bool {
        let end = self.now + limit;
        loop {
            if is_so(self) {
                return true;
            }
            match self.next_step().filter(|at| *at <= end) {
                Some(at) => self.step(at),
                None => {
                    self.now = end;
                    return is_so(self);
                }
            }
        }
    }

    /// The protected RTP packets that a publisher sends next, `count` of them, with their times: for benches
    /// that feed the shard by hand. Nothing else happens meanwhile, though virtual time passes.
    pub fn take_media(&mut self, publisher: ClientId, count: usize) -> Vec<(Instant, SocketAddr, Vec<u8>)> {
        let mut taken = Vec::with_capacity(count);
        let client = &mut self.clients[publisher.0 as usize].client;
        while taken.len() < count {
            self.now = self.now.max(client.deadline);
            client.advance(self.now, &mut self.out);
            let packets = self.out.drain(..).filter(|datagram| is_rtp(&datagram.contents));
            taken.extend(packets.map(|datagram| (self.now, datagram.source, datagram.contents)));
        }
        taken.truncate(count);
        taken
    }

    /// Ends everything and checks that nothing is left and that no viewer has a complaint. Returns the hash.
    pub fn finish(mut self) -> u64 {
        self.command(Command::CloseAll { reason: CloseReason::Shutdown });
        self.run_for(GOODBYE);
        assert_eq!(self.sessions.living(), 0, "sessions left");
        assert_eq!((self.engine.counters().participants, self.engine.counters().rooms), (0, 0));
        assert_eq!(self.engine.counters().panics, self.sessions.panics, "panics");
        for (number, attended) in self.clients.iter().enumerate() {
            if let Part::Viewer(viewer) = &attended.client.part
                && let Err(complaint) = viewer.verify()
            {
                panic!("viewer {number}: {complaint}");
            }
        }
        self.hash()
    }

    fn next_step(&self) -> Option<Instant> {
        let clients = self.clients.iter().filter(|a| a.client.is_active()).map(|a| a.client.deadline);
        let answer = self.answers.keys().next().map(|(at, _)| *at);
        clients.chain(answer).chain(self.network.next_arrival()).chain(self.engine.next_deadline()).min()
    }

    fn step(&mut self, at: Instant) {
        self.now = self.now.max(at);
        let errors = self.errors.clone();
        errors.listen(|| {
            self.deliver();
            self.wake_engine();
            self.flush();
            self.wake_clients();
        });
        self.settle();
    }

    fn deliver(&mut self) {
        while let Some(entry) = self.answers.first_entry().filter(|entry| entry.key().0 <= self.now) {
            let ((_, index), answer) = entry.remove_entry();
            self.clients[index].client.accept(self.now, &answer);
        }
        while let Some(Datagram { source, destination, contents }) = self.network.receive(self.now) {
            self.trace.datagram(self.now, source, destination, &contents);
            if destination == SHARD_ADDRESS {
                self.engine.handle_datagram(self.now, source, &contents);
            } else if let Some(index) = self.by_address.get(&destination).copied()
                && self.clients[index].client.is_active()
            {
                self.clients[index].client.receive(self.now, source, &contents, &mut self.out);
                self.send_from(index);
            }
        }
    }

    fn wake_engine(&mut self) {
        if self.engine.next_deadline().is_some_and(|deadline| deadline <= self.now) {
            self.engine.handle_timeout(self.now);
            self.count_wake();
        }
    }

    fn count_wake(&mut self) {
        let second = self.elapsed().as_secs();
        let (last, wakes) = &mut self.wakes;
        if *last != second {
            (*last, *wakes) = (second, 0);
        }
        *wakes += 1;
        let limit = WAKES_PER_PARTICIPANT * (self.sessions.living() as u64 + 1);
        assert!(*wakes <= limit, "{wakes} wake-ups within one second: a busy loop");
    }

    /// Lets the shard forward and sends what it has to say.
    fn flush(&mut self) {
        if self.engine.wants_flush() {
            self.engine.flush(self.now, &mut self.batch);
        }
        assert!(!self.engine.wants_flush(), "a flush that leaves something behind");
        let deadline = self.engine.next_deadline();
        assert!(deadline.is_none_or(|at| at > self.now), "something is due after its time was given");
        self.batch.transmits.sort_by_key(|transmit| (transmit.destination, rank(&transmit.contents)));
        for transmit in self.batch.transmits.drain(..) {
            let (source, destination) = (SHARD_ADDRESS, transmit.destination);
            self.trace.datagram(self.now, source, destination, &transmit.contents);
            if let Some(index) = self.by_address.get(&destination) {
                let datagram = Datagram { source, destination, contents: transmit.contents };
                self.network.send(self.now, &mut self.clients[*index].down, datagram, &mut self.random);
            }
        }
    }

    fn wake_clients(&mut self) {
        for index in 0..self.clients.len() {
            let client = &mut self.clients[index].client;
            if client.is_active() && client.deadline <= self.now {
                client.advance(self.now, &mut self.out);
                self.send_from(index);
            }
        }
    }

    fn send_from(&mut self, index: usize) {
        self.out.sort_by_key(|datagram| rank(&datagram.contents));
        for datagram in self.out.drain(..) {
            if datagram.destination == SHARD_ADDRESS {
                self.network.send(self.now, &mut self.clients[index].up, datagram, &mut self.random);
            }
        }
    }

    /// Hears what the shard has to tell and compares its counters with the book.
    fn settle(&mut self) {
        while let Some(event) = self.engine.poll_event() {
            self.trace.note(self.now, &event);
            self.sessions.hear(&event);
            self.events.push((self.now, event));
        }
        self.sessions.check(self.engine.counters());
        for line in self.errors.take() {
            let is_asked_for = line.contains("a panic in this room's work") && self.sessions.panics > 0;
            assert!(is_asked_for, "logged as an error: {line}");
        }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let name = std::thread::current().name().unwrap_or_default().to_owned();
            eprintln!(
                "failed after {:?} of virtual time with seed {}; replay it with\n  PLENUM_SEED={} cargo test --release -p plenum-sim --test sim -- {name}",
                self.elapsed(),
                self.seed,
                self.seed,
            );
        }
    }
}
