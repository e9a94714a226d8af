//! Participants of a conference: what they can do, and what they see.

use std::net::SocketAddr;

use plenum_engine::{Command, Event, Reply, Role, TrackId, prepare_renegotiation};
use plenum_model::{Allowed, Direction, Identity, MediaKind, MediaOffer, SlotDemand, Source, limits};
use plenum_signal::sdp;

use super::acts::Joining;
use super::{Attended, ClientId, Wire, World};
use crate::client::{Change, Client, Part};
use crate::member::{Attendance, Member};

impl World {
    /// A participant comes in, at its room's home.
    pub fn attend(&mut self, room: u16, identity: &str, attendance: &Attendance, wire: Wire) -> ClientId {
        let number = self.clients.len() as u32;
        let (client, offer) = Client::member(self.now, room, number, attendance);
        let Part::Member(member) = &client.part else { unreachable!("made above") };
        let role = Role::Participant { tracks: member.terms(), allowed: attendance.allowed };
        let identity = Identity::parse(identity).expect("a name");
        self.join(client, Joining { room, shard: self.home(room), identity, role, offer, wire })
    }

    /// A participant stops to send from one of its sources and says so, or goes on.
    pub fn mute(&mut self, id: ClientId, source: Source, muted: bool) {
        let now = self.now;
        let member = self.member_mut(id);
        let mid = member.mid_of(source);
        member.publisher.set_idle(now, mid, muted);
        self.clients[id.0 as usize].client.deadline = now;
        assert_eq!(self.mute_at_shard(id, source, muted), Reply::Done);
    }

    /// The shard is told that a track is muted, or is not; its participant goes on as before.
    pub fn mute_at_shard(&mut self, id: ClientId, source: Source, muted: bool) -> Reply {
        let (place, track) = (self.place(id), self.track(id, source));
        self.command(place.shard, Command::Mute { place, track, muted })
    }

    /// A participant speaks as loud as this from now on, in -dBov.
    pub fn set_level(&mut self, id: ClientId, level: i8) {
        self.member_mut(id).publisher.set_level(level);
    }

    /// Pins a source of somebody to a slot, or frees the slot.
    pub fn pin(&mut self, id: ClientId, mid: &str, what: Option<(ClientId, Source)>) -> Reply {
        let track = what.map(|(whose, source)| self.track(whose, source));
        let place = self.place(id);
        self.command(place.shard, Command::Pin { place, mid: mid.to_owned(), track })
    }

    /// Says how large a slot is shown.
    pub fn demand(&mut self, id: ClientId, mid: &str, demand: SlotDemand) -> Reply {
        let place = self.place(id);
        self.command(place.shard, Command::Demand { place, mid: mid.to_owned(), demand })
    }

    /// A participant may do more or less from now on.
    pub fn allow(&mut self, id: ClientId, allowed: Allowed) -> Reply {
        let place = self.place(id);
        self.command(place.shard, Command::Allow { place, allowed })
    }

    /// A participant makes another offer. Returns whether it was answered.
    pub fn offer_again(&mut self, id: ClientId, change: Change) -> bool {
        assert!(self.is_settled(id), "{id:?} waits for an answer");
        self.trace.note(self.now, &("offer", id, change));
        let (secret, now) = (self.secret(), self.now);
        let attended = &mut self.clients[id.0 as usize];
        let text = attended.client.offer_again(now, id.0, change);
        let offer = sdp::parse_offer(text.as_bytes(), &limits::SDP_ROOM).expect("a proper offer");
        let candidates: Vec<SocketAddr> = match attended.announced {
            true => offer.candidates.iter().map(|candidate| candidate.addr).collect(),
            false => Vec::new(),
        };
        let Part::Member(member) = &attended.client.part else { panic!("{id:?} is not a participant") };
        let (place, delay, tracks) = (attended.place, attended.down.link.delay, member.terms());
        let renegotiation =
            prepare_renegotiation(place, &attended.offer, &offer, tracks, &candidates, secret)
                .expect("it fits");
        let reply = self.command(place.shard, Command::Renegotiate(Box::new(renegotiation)));
        let Reply::Answered { answer, tracks } = reply else { return false };
        let attended = &mut self.clients[id.0 as usize];
        (attended.answer, attended.tracks) = (answer.clone(), tracks);
        self.answers.insert((self.now + delay, id.0 as usize), answer);
        true
    }

    /// A participant opens another topic.
    pub fn open_topic(&mut self, id: ClientId, topic: &str) {
        let now = self.now;
        self.clients[id.0 as usize].client.open_topic(now, topic);
    }

    /// A participant says something on a topic that it has opened.
    pub fn say(&mut self, id: ClientId, topic: &str, text: &str) {
        self.say_bytes(id, topic, false, text.as_bytes().to_vec());
    }

    /// The same, in bytes of any kind.
    pub fn say_bytes(&mut self, id: ClientId, topic: &str, binary: bool, bytes: Vec<u8>) {
        let now = self.now;
        self.member_mut(id).say(topic, binary, bytes);
        self.clients[id.0 as usize].client.deadline = now;
    }

    /// A participant.
    pub fn member(&self, id: ClientId) -> &Member {
        match &self.attended(id).client.part {
            Part::Member(member) => member,
            Part::Publisher(_) | Part::Viewer(_) => panic!("{id:?} is not a participant"),
        }
    }

    fn member_mut(&mut self, id: ClientId) -> &mut Member {
        match &mut self.clients[id.0 as usize].client.part {
            Part::Member(member) => member,
            Part::Publisher(_) | Part::Viewer(_) => panic!("{id:?} is not a participant"),
        }
    }

    /// Starts to measure the gaps of all its slots anew.
    pub fn forget_slot_gaps(&mut self, id: ClientId) {
        self.member_mut(id).slots_mut().for_each(|slot| slot.forget_gaps());
    }

    /// The track of a source.
    pub fn track(&self, id: ClientId, source: Source) -> TrackId {
        let mid = self.member(id).mid_of(source).to_string();
        let track = self.attended(id).tracks.iter().find(|(m, _)| *m == mid);
        track.map(|(_, track)| *track).expect("a line that is sent on")
    }

    /// What a participant was told of its slots last: what is in each, by mid.
    pub fn shown(&self, id: ClientId) -> Vec<(String, Option<(ClientId, Source)>)> {
        let of_it = |event: &Event| match event {
            Event::Slots { place, slots } if *place == self.place(id) => Some(slots.clone()),
            _ => None,
        };
        let slots = self.events.iter().rev().find_map(|(_, event)| of_it(event)).unwrap_or_default();
        let room = self.attended(id).room;
        slots.into_iter().map(|(mid, track)| (mid, track.map(|track| self.whose(room, track)))).collect()
    }

    /// The first offer of a client, as its shard got it.
    pub fn offer_of(&self, id: ClientId) -> &MediaOffer {
        &self.attended(id).offer
    }

    /// The slots for video of its first offer, by mid.
    pub fn video_slots(&self, id: ClientId) -> Vec<String> {
        let lines = self.attended(id).offer.lines.iter();
        let slots = lines.filter(|l| l.kind == Some(MediaKind::Video) && l.direction == Direction::RecvOnly);
        slots.map(|line| line.mid.clone()).collect()
    }

    /// How often a participant was told of its slots.
    pub fn times_told_of_slots(&self, id: ClientId) -> usize {
        let is_it = |event: &Event| matches!(event, Event::Slots { place, .. } if *place == self.place(id));
        self.events.iter().filter(|(_, event)| is_it(event)).count()
    }

    /// The slot in which a participant sees or hears something.
    pub fn slot_with(&self, id: ClientId, what: (ClientId, Source)) -> Option<String> {
        self.shown(id).into_iter().find(|(_, shown)| *shown == Some(what)).map(|(mid, _)| mid)
    }

    /// Who speaks in a room, as was last told.
    pub fn speaking(&self, room: u16) -> Vec<ClientId> {
        let name = super::acts::room_name(room);
        let of_it = |event: &Event| match event {
            Event::Speakers { room, speaking } if *room == name => Some(speaking.clone()),
            _ => None,
        };
        let speaking = self.events.iter().rev().find_map(|(_, event)| of_it(event)).unwrap_or_default();
        speaking.into_iter().map(|track| self.whose(room, track).0).collect()
    }

    fn whose(&self, room: u16, track: TrackId) -> (ClientId, Source) {
        let owns = |attended: &Attended| {
            let line = attended.tracks.iter().find(|(_, t)| *t == track).map(|(mid, _)| mid)?;
            match &attended.client.part {
                Part::Member(member) => member.source_on(line),
                Part::Publisher(_) | Part::Viewer(_) => Some(Source::Camera),
            }
        };
        let of_room = self.clients.iter().enumerate().filter(|(_, attended)| attended.room == room);
        let found =
            of_room.rev().find_map(|(number, attended)| Some((ClientId(number as u32), owns(attended)?)));
        found.expect("a track of somebody in the room")
    }
}
