//! The world: one shard, its clients, the network between them, and the clock.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use plenum_engine::{
    Admission, Command, DtlsIdentity, Engine, EngineConfig, Event, Reply, Role, Terms, TransmitBatch,
    negotiate, prepare_restart,
};
use plenum_model::{CloseReason, IceFragment, Identity, MediaOffer, Place, RoomName, limits};
use plenum_signal::sdp;

use crate::client::{Client, Part, State};
use crate::errors::ErrorLog;
use crate::identity;
use crate::network::{Datagram, Link, Network, Path, rank};
use crate::publisher::{Media, Publisher};
use crate::sessions::Sessions;
use crate::trace::Trace;
use crate::viewer::Viewer;

/// Where the shard is.
pub const SHARD_ADDRESS: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)), 7_882);
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
        let is_up = world.run_until(deadline, |world| {
            watching.iter().all(|id| world.viewer(*id).decoded() > 0)
        });
        assert!(is_up, "{viewers} viewers are not connected within {deadline:?}");
        (world, publisher)
    }

    /// The virtual time.
    pub fn now(&self) -> Instant {
        self.now
    }

    /// Virtual time since the beginning.
    pub fn elapsed(&self) -> Duration {
        self.now.duration_since(self.start)
    }

    /// The seed.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// The world's random numbers, for scenarios.
    pub fn random(&mut self) -> &mut fastrand::Rng {
        &mut self.random
    }

    /// The shard.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// The shard, to be driven by hand: pass [`Self::now`] or later, and nothing that it says is delivered.
    pub fn engine_mut(&mut self) -> &mut Engine {
        &mut self.engine
    }

    /// Everything the shard told its control plane, in order.
    pub fn events(&self) -> &[(Instant, Event)] {
        &self.events
    }

    /// A fingerprint of everything observable so far.
    pub fn hash(&self) -> u64 {
        self.trace.hash()
    }

    /// What a viewer received.
    pub fn viewer(&self, id: ClientId) -> &Viewer {
        match &self.attended(id).client.part {
            Part::Viewer(viewer) => viewer,
            Part::Publisher(_) => panic!("{id:?} is a publisher"),
        }
    }

    /// Starts to measure a viewer's gaps anew.
    pub fn forget_gaps(&mut self, id: ClientId) {
        if let Part::Viewer(viewer) = &mut self.clients[id.0 as usize].client.part {
            viewer.forget_gaps();
        }
    }

    /// The place of a client's session.
    pub fn place(&self, id: ClientId) -> Place {
        self.attended(id).place
    }

    /// Where a client's packets come from.
    pub fn address(&self, id: ClientId) -> SocketAddr {
        self.attended(id).client.outer
    }

    /// The local ICE username fragment that the shard gave to a client.
    pub fn ufrag_of_shard(&self, id: ClientId) -> &str {
        let answer = &self.attended(id).answer;
        answer.lines().find_map(|line| line.strip_prefix("a=ice-ufrag:")).expect("an answer has a ufrag")
    }

    /// Why a client's session ended, if it did.
    pub fn end_of(&self, id: ClientId) -> Option<CloseReason> {
        self.sessions.end_of(self.place(id))
    }

    /// Whether a client is connected, as far as it knows.
    pub fn is_connected(&self, id: ClientId) -> bool {
        self.attended(id).client.state == State::Connected
    }

    /// All there is to know about a client, for messages.
    pub fn describe(&self, id: ClientId) -> String {
        let Attended { client, place, role, .. } = self.attended(id);
        let mut text = format!("{id:?} ({role:?}, {:?}) at {place:?}", client.state);
        let since = |at: Instant| at.duration_since(self.start);
        if let Part::Viewer(viewer) = &client.part {
            let (video, audio) = (viewer.video(), viewer.audio());
            let last = (viewer.last_decoded().map(since), viewer.last_audio().map(since));
            text += &format!("\n  video {video:?}, audio {audio:?}, of {:?}", viewer.publishers());
            text += &format!("\n  last frame and voice at {last:?} of {:?}", self.elapsed());
        }
        for (at, event) in self.events.iter().filter(|(_, event)| place_of(event) == Some(*place)) {
            text += &format!("\n  {:?}: {event:?}", since(*at));
        }
        text
    }

    /// A publisher comes in.
    pub fn publish(&mut self, room: u16, identity: &str, media: Media, wire: Wire) -> ClientId {
        let number = self.clients.len() as u32;
        let (client, offer) = Client::publisher(self.now, room, number, &media);
        self.join(client, room, identity, Role::Publisher, offer, wire)
    }

    /// A viewer comes in, of one publisher or of whoever is on.
    pub fn watch(&mut self, room: u16, of: Option<&str>, wire: Wire) -> ClientId {
        let number = self.clients.len() as u32;
        let (client, offer) = Client::viewer(self.now, room, number);
        let role = Role::Viewer { of: of.map(|name| Identity::parse(name).expect("a name")) };
        self.join(client, room, &format!("viewer-{number}"), role, offer, wire)
    }

    /// `DELETE` on a session.
    pub fn close(&mut self, id: ClientId) {
        let command = Command::Close { place: self.place(id), reason: CloseReason::Deleted };
        self.command(command);
    }

    /// A client falls silent, as if its machine had been unplugged.
    pub fn crash(&mut self, id: ClientId) {
        self.clients[id.0 as usize].client.state = State::Silent;
    }

    /// A client's NAT gives it another address.
    pub fn rebind(&mut self, id: ClientId) {
        let client = &mut self.clients[id.0 as usize].client;
        self.by_address.remove(&client.outer);
        client.outer.set_port(client.outer.port() + 1);
        self.by_address.insert(client.outer, id.0 as usize);
        let note = ("rebind", id, client.outer);
        self.trace.note(self.now, &note);
    }

    /// The quality of a client's path changes.
    pub fn rewire(&mut self, id: ClientId, wire: Wire) {
        let attended = &mut self.clients[id.0 as usize];
        (attended.up.link, attended.down.link) = (wire.up, wire.down);
    }

    /// A publisher stops sending media, or goes on.
    pub fn pause(&mut self, id: ClientId, paused: bool) {
        let client = &mut self.clients[id.0 as usize].client;
        client.deadline = self.now;
        if let Part::Publisher(publisher) = &mut client.part {
            Publisher::pause(publisher, self.now, paused);
        }
    }

    /// Whether a client has got the answers to all its offers, and may make another.
    pub fn is_settled(&self, id: ClientId) -> bool {
        self.attended(id).client.is_settled()
    }

    /// A client restarts ICE (a PATCH with new credentials). Returns whether it could be applied.
    pub fn restart_ice(&mut self, id: ClientId) -> bool {
        assert!(self.is_settled(id), "{id:?} waits for an answer");
        self.trace.note(self.now, &("restart", id));
        let secret = self.secret();
        let attended = &mut self.clients[id.0 as usize];
        let offer = sdp::parse_offer(attended.client.restart_ice().as_bytes(), &limits::SDP_WHIP);
        let offer = offer.expect("a proper offer");
        let candidates: Vec<SocketAddr> = match attended.announced {
            true => offer.candidates.iter().map(|candidate| candidate.addr).collect(),
            false => Vec::new(),
        };
        let fragment = IceFragment { ice: offer.ice, candidates: offer.candidates };
        let Attended { place, role, offer, .. } = attended;
        let restart = prepare_restart(*place, role, offer, &fragment, &candidates, secret)
            .expect("the offer is the old one");
        attended.answer = with_credentials(&attended.answer, &restart.ice.ufrag, &restart.ice.pwd);
        let (answer, delay) = (attended.answer.clone(), attended.down.link.delay);
        self.answers.insert((self.now + delay, id.0 as usize), answer);
        self.command(Command::RestartIce(Box::new(restart))) == Reply::Done
    }

    /// A room's work panics.
    pub fn panic_room(&mut self, room: u16) -> Reply {
        self.sessions.panics += 1;
        let reply = self.command(Command::PanicRoom { room: room_name(room) });
        if reply != Reply::Done {
            self.sessions.panics -= 1;
        }
        reply
    }

    /// A command of the control plane.
    pub fn command(&mut self, command: Command) -> Reply {
        let errors = self.errors.clone();
        let reply = errors.listen(|| self.engine.handle_command(self.now, command));
        self.trace.note(self.now, &reply);
        self.settle();
        reply
    }

    /// Lets a datagram arrive at the shard now, from anywhere.
    pub fn inject(&mut self, source: SocketAddr, contents: Vec<u8>) {
        self.network.put(self.now, Datagram { source, destination: SHARD_ADDRESS, contents });
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
            let is_rtp = |d: &Datagram| matches!(d.contents[..], [128..=191, pt, ..] if !(64..96).contains(&(pt & 0x7f)));
            let packets = self.out.drain(..).filter(is_rtp);
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

    fn attended(&self, id: ClientId) -> &Attended {
        &self.clients[id.0 as usize]
    }

    fn secret(&mut self) -> [u8; 24] {
        std::array::from_fn(|_| self.random.u8(..))
    }

    /// What the server does with a POST: guard, place, negotiation, admission.
    fn join(
        &mut self,
        client: Client,
        room: u16,
        identity: &str,
        role: Role,
        offer: String,
        wire: Wire,
    ) -> ClientId {
        let index = self.clients.len();
        let offer = sdp::parse_offer(offer.as_bytes(), &limits::SDP_WHIP).expect("a proper offer");
        let place = self.sessions.seats.reserve().expect("a free place");
        let candidates: Vec<SocketAddr> = offer.candidates.iter().map(|candidate| candidate.addr).collect();
        let secret = self.secret();
        let negotiated = negotiate(Terms {
            place,
            role: &role,
            offer: &offer,
            remote_candidates: if wire.announced { &candidates } else { &[] },
            local_candidates: &[SHARD_ADDRESS],
            secret,
            dtls: &self.dtls,
            now: self.now,
        })
        .expect("the offer can be answered");
        self.by_address.insert(client.outer, index);
        self.answers.insert((self.now + wire.down.delay, index), negotiated.answer.clone());
        self.clients.push(Attended {
            client,
            up: Path::new(wire.up),
            down: Path::new(wire.down),
            announced: wire.announced,
            role: role.clone(),
            place,
            offer,
            answer: negotiated.answer,
        });
        self.sessions.admitted(place, room_name(room));
        let identity = Identity::parse(identity).expect("a name");
        let admission = Admission { place, room: room_name(room), home: 0, identity, role, peer: negotiated.peer };
        let reply = self.command(Command::Admit(Box::new(admission)));
        assert_eq!(reply, Reply::Done, "admission");
        ClientId(index as u32)
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

fn place_of(event: &Event) -> Option<Place> {
    match event {
        Event::Connected { place, .. }
        | Event::TrackStarted { place, .. }
        | Event::FirstPacket { place, .. }
        | Event::Interrupted { place }
        | Event::Resumed { place }
        | Event::Ended { place, .. } => Some(*place),
        Event::RoomPanicked { .. } => None,
    }
}

/// The name of a room by its number.
pub(crate) fn room_name(room: u16) -> RoomName {
    RoomName::parse(&format!("room-{room}")).expect("a proper name")
}

/// An answer with other ICE credentials, in its candidates too: what a client makes of the fragment that answers
/// its restart.
fn with_credentials(answer: &str, ufrag: &str, pwd: &str) -> String {
    let value = |name: &str| answer.lines().find_map(|line| line.strip_prefix(name)).expect("in an answer");
    answer.replace(value("a=ice-ufrag:"), ufrag).replace(value("a=ice-pwd:"), pwd)
}
