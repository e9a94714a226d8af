//! What a world shows of itself.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use plenum_engine::{Engine, Event};
use plenum_model::{CloseReason, Place};

use super::{Attended, ClientId, World};
use crate::client::{Part, State};
use crate::viewer::Viewer;

impl World {
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

    /// The first shard.
    pub fn engine(&self) -> &Engine {
        &self.shards[0].engine
    }

    /// All shards, in order.
    pub fn engines(&self) -> impl Iterator<Item = &Engine> {
        self.shards.iter().map(|shard| &shard.engine)
    }

    /// The first shard, to be driven by hand: pass [`Self::now`] or later, and nothing that it says is delivered.
    pub fn engine_mut(&mut self) -> &mut Engine {
        &mut self.shards[0].engine
    }

    /// The shard where the publishers of a room sit.
    pub fn home(&self, room: u16) -> u16 {
        self.homes.get(&room).copied().unwrap_or(room % self.shards.len() as u16)
    }

    /// Video packets of a layer of a publisher that were relayed to a shard.
    pub fn relayed_video(&self, publisher: ClientId, layer: u8, to: u16) -> u64 {
        self.crossings.video(publisher.0, layer, to)
    }

    /// Packets that were lost between shards.
    pub fn lost_in_rings(&self) -> u64 {
        self.rings.lost()
    }

    /// Whether a client was let in.
    pub fn was_admitted(&self, id: ClientId) -> bool {
        self.attended(id).is_admitted
    }

    /// The most keyframe requests for one layer that reached a publisher within a second.
    pub fn most_keyframe_requests_in_a_second(&self, id: ClientId) -> usize {
        match &self.attended(id).client.part {
            Part::Publisher(publisher) => publisher.most_requests_in_a_second(),
            Part::Member(member) => member.publisher.most_requests_in_a_second(),
            Part::Viewer(_) => panic!("{id:?} is a viewer"),
        }
    }

    /// Everything the shards told their control plane, in order.
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
            Part::Publisher(_) | Part::Member(_) => panic!("{id:?} is not a viewer"),
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

    /// The local ICE username fragment that its shard gave to a client.
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
        let Attended { client, room, place, role, .. } = self.attended(id);
        let mut text = format!("{id:?} ({role:?}, {:?}) of room {room} at {place:?}", client.state);
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

    pub(super) fn attended(&self, id: ClientId) -> &Attended {
        &self.clients[id.0 as usize]
    }
}

fn place_of(event: &Event) -> Option<Place> {
    match event {
        Event::Connected { place, .. }
        | Event::TrackStarted { place, .. }
        | Event::FirstPacket { place, .. }
        | Event::Slots { place, .. }
        | Event::Chat { place, .. }
        | Event::DataDropped { place, .. }
        | Event::Interrupted { place }
        | Event::Resumed { place }
        | Event::Ended { place, .. } => Some(*place),
        Event::Speakers { .. } | Event::RoomPanicked { .. } => None,
    }
}
