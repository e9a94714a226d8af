//! The world: shards, their clients, the network between them, and the clock.

mod acts;
mod members;
mod relay;
mod shard;
mod view;

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use plenum_engine::{Command, Counters, DtlsIdentity, Event, Role, TrackId};
use plenum_model::{CloseReason, Identity, MediaOffer, Place};

use crate::client::{Client, Part};
use crate::crossings::Crossings;
use crate::errors::ErrorLog;
use crate::identity;
use crate::network::{Datagram, Link, Network, Path, is_rtp, rank};
use crate::publisher::Media;
use crate::rings::Rings;
use crate::sessions::Sessions;
use crate::trace::Trace;
use shard::Shard;

/// Where the first shard is.
pub const SHARD_ADDRESS: SocketAddr = address_of(0);
/// How much virtual time [`World::finish`] leaves for goodbyes.
const GOODBYE: Duration = Duration::from_secs(1);

/// Where a shard is: all have one host, and each its own port.
pub const fn address_of(shard: u16) -> SocketAddr {
    SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)), 7_882 + shard)
}

/// On which shards the viewers of a room sit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spread {
    /// At its home, with its publishers.
    AtHome,
    /// The first at its home, the next on the next shard, and so on.
    RoundRobin,
}

/// A client of a world.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ClientId(pub u32);

/// The path between a client and its shard.
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
    room: u16,
    identity: Identity,
    is_admitted: bool,
    up: Path,
    down: Path,
    announced: bool,
    role: Role,
    place: Place,
    offer: MediaOffer,
    answer: String,
    /// The lines that it sends on, by mid, and the tracks that they are.
    tracks: Vec<(String, TrackId)>,
}

/// See the module.
pub struct World {
    seed: u64,
    start: Instant,
    now: Instant,
    random: fastrand::Rng,
    shards: Vec<Shard>,
    rings: Rings,
    crossings: Crossings,
    spread: Spread,
    /// Rooms whose home is not the one that their number gives.
    homes: BTreeMap<u16, u16>,
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
    out: Vec<Datagram>,
}

impl World {
    /// One shard without participants.
    pub fn new(seed: u64) -> Self {
        Self::with_shards(seed, 1, Spread::AtHome)
    }

    /// Shards without participants. The home of room r is shard r, round and round. One world at a time runs on a
    /// thread, since the seed is also that of the thread's generator.
    pub fn with_shards(seed: u64, shards: u16, spread: Spread) -> Self {
        // One time zero per process, so that clocks derived from it are the same in every run.
        static START: LazyLock<Instant> = LazyLock::new(Instant::now);
        let start = *START;
        fastrand::seed(seed);
        Self {
            seed,
            start,
            now: start,
            random: fastrand::Rng::with_seed(seed ^ 0x706c_656e_756d),
            shards: (0..shards).map(|number| Shard::new(number, start, seed)).collect(),
            rings: Rings::new(seed, shards),
            crossings: Crossings::default(),
            spread,
            homes: BTreeMap::new(),
            dtls: identity::of_shard(),
            network: Network::default(),
            clients: Vec::new(),
            by_address: BTreeMap::new(),
            answers: BTreeMap::new(),
            sessions: Sessions::new(shards),
            events: Vec::new(),
            errors: ErrorLog::new(),
            trace: Trace::new(start),
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
        for shard in 0..self.shards.len() as u16 {
            self.command(shard, Command::CloseAll { reason: CloseReason::Shutdown });
        }
        self.run_for(GOODBYE);
        assert_eq!(self.sessions.living(), 0, "sessions left");
        assert!(self.rings.are_silent(), "shards talk though there is nobody to talk about");
        for shard in &self.shards {
            let counters = shard.engine.counters();
            assert_eq!((counters.participants, counters.rooms), (0, 0), "left on shard {}", shard.number);
        }
        let sum = |count: fn(&Counters) -> u64| self.engines().map(|e| count(e.counters())).sum::<u64>();
        assert_eq!(sum(|counters| counters.panics), self.sessions.panics, "panics");
        assert_eq!(sum(|counters| counters.packets_relayed), self.crossings.total() as u64, "relayed");
        for (number, attended) in self.clients.iter().enumerate() {
            let verdict = match &attended.client.part {
                Part::Viewer(viewer) => viewer.verify(),
                Part::Member(member) => member.verify(),
                Part::Publisher(_) => Ok(()),
            };
            verdict.unwrap_or_else(|complaint| panic!("client {number}: {complaint}"));
        }
        self.hash()
    }

    fn next_step(&self) -> Option<Instant> {
        let clients = self.clients.iter().filter(|a| a.client.is_active()).map(|a| a.client.deadline);
        let answer = self.answers.keys().next().map(|(at, _)| *at);
        let shards = self.shards.iter().filter_map(|shard| shard.next_step(&self.rings));
        clients.chain(answer).chain(self.network.next_arrival()).chain(shards).min()
    }

    fn step(&mut self, at: Instant) {
        self.now = self.now.max(at);
        let errors = self.errors.clone();
        errors.listen(|| {
            self.deliver();
            self.let_shards_work();
            self.shards.iter().for_each(|shard| shard.check_at_rest(self.now));
            self.wake_clients();
        });
        self.settle();
    }

    fn deliver(&mut self) {
        while let Some(entry) = self.answers.first_entry().filter(|entry| entry.key().0 <= self.now) {
            let ((_, index), answer) = entry.remove_entry();
            self.clients[index].client.accept(self.now, &answer);
        }
        while let Some(datagram) = self.network.receive(self.now) {
            let to = |shard: &&mut Shard| address_of(shard.number) == datagram.destination;
            let shard = self.shards.iter_mut().find(to);
            if let Some(stalled) = shard.as_ref().filter(|shard| shard.is_stalled(self.now)) {
                self.network.put(stalled.stalled_until, datagram);
                continue;
            }
            let Datagram { source, destination, contents } = datagram;
            self.trace.datagram(self.now, source, destination, &contents);
            if let Some(shard) = shard {
                shard.engine.handle_datagram(self.now, source, &contents);
            } else if let Some(index) = self.by_address.get(&destination).copied()
                && self.clients[index].client.is_active()
            {
                self.clients[index].client.receive(self.now, source, &contents, &mut self.out);
                self.send_from(index);
            }
        }
    }

    fn let_shards_work(&mut self) {
        let elapsed = self.elapsed();
        self.shards.iter_mut().for_each(|shard| shard.wake(self.now, elapsed));
        self.exchange();
    }

    /// Sends what a shard has to say to its clients.
    fn send_transmits(&mut self, index: usize) {
        let mut transmits = std::mem::take(&mut self.shards[index].batch.transmits);
        transmits.sort_by_key(|transmit| (transmit.destination, rank(&transmit.contents)));
        for transmit in transmits {
            let (source, destination) = (address_of(index as u16), transmit.destination);
            self.trace.datagram(self.now, source, destination, &transmit.contents);
            if let Some(index) = self.by_address.get(&destination) {
                let datagram = Datagram { source, destination, contents: transmit.contents };
                self.network.send(self.now, &mut self.clients[*index].down, datagram);
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
            if self.shards.iter().any(|shard| address_of(shard.number) == datagram.destination) {
                self.network.send(self.now, &mut self.clients[index].up, datagram);
            }
        }
    }

    /// Hears what the shards have to tell and compares their counters with the book.
    fn settle(&mut self) {
        for shard in &mut self.shards {
            while let Some(event) = shard.engine.poll_event() {
                self.trace.note(self.now, &event);
                self.sessions.hear(self.now, &event);
                self.events.push((self.now, event));
            }
        }
        let is_silent = self.rings.are_silent();
        for shard in &self.shards {
            self.sessions.check(shard.number, shard.engine.counters(), is_silent);
        }
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
