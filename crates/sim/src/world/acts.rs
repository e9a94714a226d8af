//! What can be made to happen in a world: people come, go, move and fall silent.

use std::net::SocketAddr;

use plenum_engine::{Admission, Command, Reply, Role, Terms, negotiate, prepare_restart};
use plenum_model::{CloseReason, IceFragment, Identity, RoomName, limits};
use plenum_signal::sdp;

use super::{Attended, ClientId, SHARD_ADDRESS, Wire, World};
use crate::client::{Client, Part, State};
use crate::network::{Datagram, Path};
use crate::publisher::Media;

impl World {
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
            publisher.pause(self.now, paused);
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
        let admission =
            Admission { place, room: room_name(room), home: 0, identity, role, peer: negotiated.peer };
        let reply = self.command(Command::Admit(Box::new(admission)));
        assert_eq!(reply, Reply::Done, "admission");
        ClientId(index as u32)
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
