//! A conference with an audience: clients that remember what they were told, and a clock that moves when it is told to.

use std::collections::BTreeMap;
use std::time::{Duration, Instant, SystemTime};

use plenum_model::{Identity, MediaOffer, Place, RoomName, Source};
use serde_json::{Value, json};

use super::super::*;
use crate::room::{ClientMessage, TrackRequest, parse, read_offer};
use crate::{Grant, Problem};

pub(super) const OFFER: &str = include_str!("../../../testdata/chromium-room.sdp");

/// A conference, what it has said to each socket, and what it wants of the media plane.
pub(super) struct Stage {
    pub(super) conference: Conference,
    pub(super) now: Instant,
    heard: BTreeMap<SocketId, Vec<Value>>,
    pub(super) hung_up: BTreeMap<SocketId, u16>,
    /// All effects but messages and closed sockets.
    pub(super) orders: Vec<Effect>,
    sockets: u64,
    places: u32,
}

pub(super) fn identity(name: &str) -> Identity {
    Identity::parse(name).unwrap()
}

/// What a token grants that is for a participant.
pub(super) fn grant(name: &str) -> Grant {
    Grant {
        vouched: true,
        room: None,
        identity: Some(identity(name)),
        name: None,
        metadata: None,
        can_publish: true,
        can_subscribe: true,
        can_publish_data: true,
        admin: false,
        hidden: false,
    }
}

pub(super) fn admin(name: &str) -> Grant {
    Grant { admin: true, ..grant(name) }
}

pub(super) fn hidden(name: &str) -> Grant {
    Grant { hidden: true, ..grant(name) }
}

pub(super) fn entrant(grant: Grant) -> Entrant {
    let Ok(request) = parse(r#"{"type":"join","protocol":1}"#) else { panic!("a valid join") };
    let ClientMessage::Join(join) = request.message else { panic!("a join") };
    Entrant::new(grant, &join, "x7k2").unwrap()
}

/// The offer of a browser: microphone "0" and camera "1", both muted; slots "2" and "3".
pub(super) fn offer() -> MediaOffer {
    read_offer(OFFER).unwrap()
}

/// With a screen on line "5", and another certificate each time it is called with another `name`.
pub(super) fn offer_with_screen(name: &str) -> MediaOffer {
    let mut offer = offer();
    let screen = plenum_model::OfferedLine { mid: "5".into(), ..offer.lines[1].clone() };
    offer.lines.push(screen);
    offer.fingerprint.1 = name.to_owned();
    offer
}

pub(super) fn tracks(entries: &[(&str, &str, bool)]) -> BTreeMap<String, TrackRequest> {
    let request = |source, muted| TrackRequest { source: Source::parse(source).unwrap(), muted };
    entries.iter().map(|(mid, source, muted)| ((*mid).to_owned(), request(source, *muted))).collect()
}

/// All four sources, idle.
pub(super) fn idle() -> BTreeMap<String, TrackRequest> {
    tracks(&[("0", "microphone", true), ("1", "camera", true), ("5", "screen", true)])
}

impl Stage {
    pub(super) fn new(settings: Settings) -> Self {
        #[expect(clippy::disallowed_methods, reason = "a moment to count from; time moves by hand")]
        let now = Instant::now();
        let name = RoomName::parse("stage").unwrap();
        let date = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        Self {
            conference: Conference::new(name, settings, now, date),
            now,
            heard: BTreeMap::new(),
            hung_up: BTreeMap::new(),
            orders: Vec::new(),
            sockets: 0,
            places: 0,
        }
    }

    /// Carries out what the conference wants.
    pub(super) fn settle(&mut self) {
        while let Some(effect) = self.conference.poll_effect() {
            match effect {
                Effect::Send { socket, text } => {
                    assert!(!self.hung_up.contains_key(&socket), "{text} to a closed socket");
                    let message = serde_json::from_str(&text).unwrap();
                    self.heard.entry(socket).or_default().push(message);
                }
                Effect::HangUp { socket, code } => {
                    assert_eq!(self.hung_up.insert(socket, code), None, "hung up twice");
                }
                order => self.orders.push(order),
            }
        }
    }

    pub(super) fn new_socket(&mut self) -> SocketId {
        self.sockets += 1;
        SocketId(self.sockets)
    }

    /// How many there were so far.
    pub(super) fn sockets(&self) -> u64 {
        self.sockets
    }

    pub(super) fn new_place(&mut self) -> Place {
        self.places += 1;
        Place { shard: 0, slot: self.places, epoch: 0 }
    }

    pub(super) fn arrival(&mut self) -> Arrival {
        Arrival { socket: self.new_socket(), id: None, ice_servers: json!([]) }
    }

    pub(super) fn try_join(&mut self, entrant: Entrant) -> Result<SocketId, Problem> {
        let arrival = self.arrival();
        let socket = arrival.socket;
        let result = self.conference.join(self.now, entrant, arrival, [socket.0 as u8; 16]);
        self.settle();
        result.map(|()| socket)
    }

    pub(super) fn join(&mut self, grant: Grant) -> SocketId {
        self.try_join(entrant(grant)).unwrap()
    }

    /// Comes again with the token of a `welcome`.
    pub(super) fn resume(&mut self, token: &str) -> Option<SocketId> {
        let arrival = self.arrival();
        let resumed = self.conference.resume(token, &arrival);
        self.settle();
        resumed.then_some(arrival.socket)
    }

    pub(super) fn say(&mut self, socket: SocketId, message: Value) {
        let request = parse(&message.to_string()).unwrap();
        self.conference.handle(self.now, socket, request);
        self.settle();
    }

    /// Time passes; what is due happens.
    pub(super) fn wait(&mut self, seconds: u64) {
        self.now += Duration::from_secs(seconds);
        self.conference.tick(self.now);
        self.settle();
    }

    pub(super) fn lose(&mut self, socket: SocketId) {
        self.conference.socket_lost(self.now, socket);
        self.settle();
    }

    /// What a socket was told since the last time.
    pub(super) fn heard(&mut self, socket: SocketId) -> Vec<Value> {
        self.heard.remove(&socket).unwrap_or_default()
    }

    /// The types of that.
    pub(super) fn types(&mut self, socket: SocketId) -> Vec<String> {
        self.heard(socket).iter().map(|message| message["type"].as_str().unwrap().to_owned()).collect()
    }

    /// The only thing that it was told.
    pub(super) fn told(&mut self, socket: SocketId) -> Value {
        let mut heard = self.heard(socket);
        assert_eq!(heard.len(), 1, "{heard:?}");
        heard.remove(0)
    }

    pub(super) fn deafen(&mut self) {
        self.heard.clear();
        self.orders.clear();
    }

    pub(super) fn offer(
        &mut self,
        socket: SocketId,
        offer: &MediaOffer,
        tracks: &BTreeMap<String, TrackRequest>,
    ) -> Result<Ticket, Problem> {
        let ticket = self.conference.offered(self.now, socket, None, offer, tracks);
        self.settle();
        ticket
    }

    /// The engine admits it: line "0" is its track `first`, and so on.
    pub(super) fn admit(&mut self, ticket: Ticket, first: u32) -> Place {
        let place = match ticket.goes {
            Goes::On(place) => place,
            Goes::New | Goes::Replace(_) => self.new_place(),
        };
        let tracks: Vec<_> = ticket.terms.iter().map(|terms| terms.mid.clone()).zip(first..).collect();
        self.conference.media_admitted(ticket, place, "v=0", &tracks);
        self.settle();
        place
    }

    /// A media session with all lines idle. Engine numbers of microphone, camera, screen: `first` and the two after it.
    pub(super) fn connect(&mut self, socket: SocketId, first: u32) -> Place {
        let ticket = self.offer(socket, &offer_with_screen(&socket.0.to_string()), &idle()).unwrap();
        self.admit(ticket, first)
    }
}
