//! What can be made to happen in a world: people come, go, move and fall silent.

use std::net::SocketAddr;
use std::time::Duration;

use plenum_engine::{Admission, Command, Reply, Role, Terms, negotiate, prepare_restart};
use plenum_model::{CloseReason, IceFragment, Identity, RoomName, limits};
use plenum_signal::sdp;

use super::{Attended, ClientId, SHARD_ADDRESS, Spread, Wire, World, address_of};
use crate::client::{Client, Part, State};
use crate::network::{Datagram, Path};
use crate::publisher::Media;
use crate::rings::RingTerms;

impl World {
    /// A publisher comes in, at its room's home.
    pub fn publish(&mut self, room: u16, identity: &str, media: Media, wire: Wire) -> ClientId {
        let number = self.clients.len() as u32;
        let (client, offer) = Client::publisher(self.now, room, number, &media);
        let identity = Identity::parse(identity).expect("a name");
        self.join(
            client,
            Joining { room, shard: self.home(room), identity, role: Role::Publisher, offer, wire },
        )
    }

    /// A viewer comes in, of one publisher or of whoever is on. Which shard it sits on is up to the world's
    /// [`Spread`].
    pub fn watch(&mut self, room: u16, of: Option<&str>, wire: Wire) -> ClientId {
        let viewers = self.clients.iter().filter(|c| c.room == room && !c.role.publishes()).count();
        let shard = match self.spread {
            Spread::AtHome => self.home(room),
            Spread::RoundRobin => (self.home(room) + viewers as u16) % self.shards.len() as u16,
        };
        self.watch_on(shard, room, of, wire)
    }

    /// A viewer comes in on a certain shard.
    pub fn watch_on(&mut self, shard: u16, room: u16, of: Option<&str>, wire: Wire) -> ClientId {
        let number = self.clients.len() as u32;
        let (client, offer) = Client::viewer(self.now, room, number);
        let role = Role::Viewer { of: of.map(|name| Identity::parse(name).expect("a name")) };
        let identity = Identity::parse(&format!("viewer-{number}")).expect("a name");
        self.join(client, Joining { room, shard, identity, role, offer, wire })
    }

    /// Newcomers of a room have their home on this shard from now on.
    pub fn move_home(&mut self, room: u16, shard: u16) {
        self.homes.insert(room, shard);
    }

    /// The rings between shards become others; what is in them stays.
    pub fn set_rings(&mut self, terms: RingTerms) {
        self.rings.terms = terms;
    }

    /// A shard's thread gets no time for a while: whatever is sent to it waits.
    pub fn stall(&mut self, shard: u16, duration: Duration) {
        self.shards[usize::from(shard)].stalled_until = self.now + duration;
        self.trace.note(self.now, &("stall", shard, duration));
    }

    /// `DELETE` on a session.
    pub fn close(&mut self, id: ClientId) {
        let place = self.place(id);
        self.command(place.shard, Command::Close { place, reason: CloseReason::Deleted });
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
        match &mut client.part {
            Part::Publisher(publisher) => publisher.pause(self.now, paused),
            Part::Member(member) => member.publisher.pause(self.now, paused),
            Part::Viewer(_) => {}
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
        let shard = self.place(id).shard;
        self.command(shard, Command::RestartIce(Box::new(restart))) == Reply::Done
    }

    /// A room's work panics at its home.
    pub fn panic_room(&mut self, room: u16) -> Reply {
        self.panic_room_on(self.home(room), room)
    }

    /// A room's work panics on one shard.
    pub fn panic_room_on(&mut self, shard: u16, room: u16) -> Reply {
        self.sessions.panics += 1;
        let reply = self.command(shard, Command::PanicRoom { room: room_name(room) });
        if reply != Reply::Done {
            self.sessions.panics -= 1;
        }
        reply
    }

    /// A room is closed on one shard.
    pub fn close_room_on(&mut self, shard: u16, room: u16) -> Reply {
        let command = Command::CloseRoom { room: room_name(room), reason: CloseReason::RoomClosed };
        self.command(shard, command)
    }

    /// A command of the control plane to a shard that is not stalled.
    pub fn command(&mut self, shard: u16, command: Command) -> Reply {
        let reply = self.carry_out(shard, command);
        self.settle();
        reply
    }

    fn carry_out(&mut self, shard: u16, command: Command) -> Reply {
        let (errors, index) = (self.errors.clone(), usize::from(shard));
        assert!(!self.shards[index].is_stalled(self.now), "a command to a shard that has no time");
        let reply = errors.listen(|| {
            let reply = self.shards[index].engine.handle_command(self.now, command);
            self.let_shards_work();
            reply
        });
        self.trace.note(self.now, &reply);
        reply
    }

    /// Lets a datagram arrive at the first shard now, from anywhere.
    pub fn inject(&mut self, source: SocketAddr, contents: Vec<u8>) {
        self.network.put(self.now, Datagram { source, destination: SHARD_ADDRESS, contents });
    }

    pub(super) fn secret(&mut self) -> [u8; 24] {
        std::array::from_fn(|_| self.random.u8(..))
    }

    /// What the server does with a POST: guard, place, negotiation, admission.
    pub(super) fn join(&mut self, client: Client, joining: Joining) -> ClientId {
        let Joining { room, shard, identity, role, offer, wire } = joining;
        let (index, number) = (self.clients.len(), self.clients.len() as u32);
        let offer = sdp::parse_offer(offer.as_bytes(), &limits::SDP_ROOM).expect("a proper offer");
        let place = self.sessions.reserve(shard);
        let candidates: Vec<SocketAddr> = offer.candidates.iter().map(|candidate| candidate.addr).collect();
        let secret = self.secret();
        let negotiated = negotiate(Terms {
            place,
            role: &role,
            offer: &offer,
            remote_candidates: if wire.announced { &candidates } else { &[] },
            local_candidates: &[address_of(shard)],
            secret,
            dtls: &self.dtls,
            now: self.now,
        })
        .expect("the offer can be answered");
        self.by_address.insert(client.outer, index);
        let path = |link, way| Path::new(link, self.seed ^ u64::from(2 * number + way) << 32);
        self.clients.push(Attended {
            client,
            room,
            identity: identity.clone(),
            is_admitted: true,
            up: path(wire.up, 0),
            down: path(wire.down, 1),
            announced: wire.announced,
            role: role.clone(),
            place,
            offer,
            answer: negotiated.answer.clone(),
            tracks: Vec::new(),
        });
        let (room, home) = (room_name(room), self.home(room));
        let admission = Admission { place, room: room.clone(), home, identity, role, peer: negotiated.peer };
        let reply = self.carry_out(shard, Command::Admit(Box::new(admission)));
        if let Reply::Admitted { replaced, tracks } = reply {
            self.clients[index].tracks = tracks;
            self.sessions.admitted(place, room, home);
            self.answers.insert((self.now + wire.down.delay, index), negotiated.answer);
            self.settle();
            assert!(replaced.is_none_or(|former| !self.sessions.is_living(former)), "replaced but alive");
        } else {
            let attended = &mut self.clients[index];
            (attended.is_admitted, attended.client.state) = (false, State::Closed);
            self.sessions.refused(place, &room, home);
            self.settle();
        }
        ClientId(number)
    }
}

/// A client on its way in.
pub(super) struct Joining {
    pub room: u16,
    pub shard: u16,
    pub identity: Identity,
    pub role: Role,
    pub offer: String,
    pub wire: Wire,
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
