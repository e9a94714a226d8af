//! The router of one room: who publishes what, who gets which track, what each subscriber's numbers are, and
//! which keyframes are missing. It knows seats and line numbers, never a connection: packets come in as
//! headers and go out as [`Delivery`] values that the engine carries to the participant in that seat.
//!
//! A room has its publishers on one shard, its home; viewers may sit on others. There the room is a mirror: its
//! tracks are those of the home under the same ids, fed with relayed packets, and what its viewers need flows
//! back as keyframe wishes and layer demand. At home, a shard with a mirror is one more consumer of a track.
//!
//! Entry types: [`Room`]; [`PacketHead`] in, [`Forward`], [`KeyframeWish`] and [`Demand`] out.
//!
//! Invariants:
//! - A viewer's line is bound to at most one track, and its [`plenum_rtp::Rewriter`] lives as long as the
//!   line: it moves with the subscription when the source changes, so the viewer sees one stream.
//! - Joining, leaving and switching touch only this room.

#![cfg_attr(test, allow(clippy::disallowed_methods))] // tests take their time zero from the clock

mod mirror;
mod speaker;
mod subscription;
mod track;

pub use mirror::{Demand, LayerMask, PublishedTracks};
pub use subscription::{Delivery, ViewerLine};
pub use track::{PacketHead, TrackId};

use std::collections::BTreeMap;
use std::time::Instant;

use plenum_model::{Format, Identity, MediaKind, RoomName};

use speaker::Speakers;
use subscription::Subscription;
use track::Track;

/// The slot of a participant within the shard.
pub type Seat = u32;

/// A line on which a publisher sends.
#[derive(Debug, Clone)]
pub struct PublishedLine {
    /// Its index among the publisher's lines.
    pub line: u8,
    /// Audio or video.
    pub kind: MediaKind,
    /// What it may send with; packets name an index into this.
    pub formats: Vec<Format>,
    /// Simulcast layers, at least 1.
    pub layers: u8,
}

/// A publisher is asked for a keyframe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyframeWish {
    /// Of which track.
    pub track: TrackId,
    /// Where its publisher is.
    pub origin: Origin,
    /// Which layer of it.
    pub layer: u8,
}

/// Where a track comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// From a participant of this shard.
    Here {
        /// The publisher.
        seat: Seat,
        /// Its line.
        line: u8,
    },
    /// From the room's home shard.
    Home,
}

/// Where a packet goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Forward {
    /// To a subscriber.
    Deliver(Delivery),
    /// To the mirror of the room on another shard.
    Relay {
        /// Which shard.
        shard: u16,
        /// Index into the packets given to [`Room::forward`].
        packet: usize,
        /// The layer that everyone should get at the moment.
        best: u8,
    },
}

/// Whom a viewer watches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// The room's main stream: the only publisher, else the one who speaks, else the first.
    Main,
    /// One participant, present or not yet.
    Participant(Identity),
}

#[derive(Debug)]
struct Publisher {
    /// `None` in a mirror: it sits on the home shard.
    seat: Option<Seat>,
    identity: Identity,
    tracks: Vec<TrackId>,
}

impl Publisher {
    /// Its first track stands for it: there is at least one, and ids are not used again.
    fn id(&self) -> Option<TrackId> {
        self.tracks.first().copied()
    }
}

#[derive(Debug)]
struct Viewer {
    seat: Seat,
    target: Target,
    /// The subscriptions of lines that have no track at the moment.
    parked: Vec<Subscription>,
}

/// One room on one shard.
#[derive(Debug)]
pub struct Room {
    name: RoomName,
    /// In the order of their coming.
    publishers: Vec<Publisher>,
    viewers: Vec<Viewer>,
    tracks: BTreeMap<TrackId, Track>,
    /// Ids are not used again: a packet that waits for its flush must not find another track.
    next_track: u32,
    /// The shards that have a mirror of this room.
    mirrors: Vec<u16>,
    /// Whose stream is the main one, by its first track; the first publisher's if nobody has taken the floor.
    floor: Option<TrackId>,
    speakers: Speakers<TrackId>,
}

impl Room {
    /// An empty room.
    pub fn new(name: RoomName) -> Self {
        Self {
            name,
            publishers: Vec::new(),
            viewers: Vec::new(),
            tracks: BTreeMap::new(),
            next_track: 0,
            mirrors: Vec::new(),
            floor: None,
            speakers: Speakers::default(),
        }
    }

    /// Its name.
    pub fn name(&self) -> &RoomName {
        &self.name
    }

    /// Whether nobody is left: nobody in a seat here, and no mirror elsewhere.
    pub fn is_empty(&self) -> bool {
        self.seats().next().is_none() && self.mirrors.is_empty()
    }

    /// Who publishes under this identity.
    pub fn publisher(&self, identity: &Identity) -> Option<Seat> {
        self.publishers.iter().find(|p| p.identity == *identity).and_then(|p| p.seat)
    }

    /// The tracks of a publisher.
    pub fn tracks_of(&self, seat: Seat) -> Option<Vec<TrackId>> {
        self.publishers.iter().find(|p| p.seat == Some(seat)).map(|p| p.tracks.clone())
    }

    /// Everyone's seat.
    pub fn seats(&self) -> impl Iterator<Item = Seat> + '_ {
        self.publishers.iter().filter_map(|p| p.seat).chain(self.viewers.iter().map(|v| v.seat))
    }

    /// A publisher comes in. Returns its tracks, one per line, in the order of `lines`.
    pub fn publish(&mut self, seat: Seat, identity: Identity, lines: &[PublishedLine]) -> Vec<TrackId> {
        let tracks: Vec<TrackId> = lines
            .iter()
            .map(|line| {
                let id = TrackId(self.next_track);
                self.next_track += 1;
                let origin = Origin::Here { seat, line: line.line };
                self.tracks.insert(id, Track::new(origin, line.kind, line.layers, &self.mirrors));
                id
            })
            .collect();
        self.publishers.push(Publisher { seat: Some(seat), identity, tracks: tracks.clone() });
        self.rebind();
        tracks
    }

    /// A viewer comes in with the lines it receives on.
    pub fn watch(&mut self, seat: Seat, target: Target, lines: Vec<ViewerLine>) {
        self.viewers.push(Viewer { seat, target, parked: Vec::new() });
        self.add_lines(seat, lines);
    }

    /// A viewer can be sent to on more lines: what it gets there begins now.
    pub fn add_lines(&mut self, seat: Seat, lines: Vec<ViewerLine>) {
        if let Some(viewer) = self.viewers.iter_mut().find(|viewer| viewer.seat == seat) {
            viewer.parked.extend(lines.into_iter().map(|line| Subscription::new(seat, line)));
            self.rebind();
        }
    }

    /// A participant leaves, if it is there.
    pub fn leave(&mut self, seat: Seat) {
        if let Some(index) = self.publishers.iter().position(|p| p.seat == Some(seat)) {
            self.remove_publisher(index);
        }
        if let Some(index) = self.viewers.iter().position(|v| v.seat == seat) {
            self.viewers.remove(index);
            self.tracks.values_mut().for_each(|track| track.unsubscribe(seat));
        }
    }

    /// Takes the packets of one track that arrived since the last flush, in order, and calls `out` for
    /// each one that goes to a subscriber: subscriber by subscriber, so that each one's state is touched once.
    /// Returns how many more could have gone, were they not held back (no keyframe yet, no format in common).
    pub fn forward(&mut self, track: TrackId, packets: &[PacketHead], out: impl FnMut(Forward)) -> u64 {
        self.tracks.get_mut(&track).map_or(0, |track| track.forward(packets, out))
    }

    /// A viewer's decoder asks for a keyframe on one of its lines. A line without a track asks nobody.
    pub fn want_keyframe(&mut self, seat: Seat, line: u8) {
        for track in self.tracks.values_mut() {
            track.want_keyframe_for(seat, line);
        }
    }

    /// The next request that is due towards a publisher.
    pub fn poll_keyframe(&mut self, now: Instant) -> Option<KeyframeWish> {
        self.tracks.iter_mut().find_map(|(id, track)| track.poll_keyframe(*id, now))
    }

    /// When [`Self::poll_keyframe`] may have something, if anything is asked for.
    pub fn next_keyframe_at(&self) -> Option<Instant> {
        self.tracks.values().filter_map(Track::next_keyframe_at).min()
    }

    /// Takes in the level of an audio packet (RFC 6464, in -dBov). Returns the first track of the publisher
    /// whose stream has become the main one, if that has changed.
    pub fn hear(&mut self, now: Instant, track: TrackId, level: u8) -> Option<TrackId> {
        if self.publishers.len() < 2 {
            return None;
        }
        let speaker = self.publishers.iter().find(|p| p.tracks.contains(&track))?.id()?;
        let floor = self.main_publisher().and_then(Publisher::id);
        let next = self.speakers.hear(now, speaker, level, floor)?;
        self.give_floor(next);
        Some(next)
    }

    /// Makes the stream of the publisher with this first track the main one.
    pub fn give_floor(&mut self, publisher: TrackId) {
        self.floor = Some(publisher);
        let watching_main = |seat| self.viewers.iter().any(|v| v.seat == seat && v.target == Target::Main);
        let taken = self.tracks.values_mut().flat_map(|track| track.take_subscriptions(watching_main));
        let taken: Vec<Subscription> = taken.collect();
        taken.into_iter().for_each(|subscription| self.park(subscription));
        self.rebind();
    }

    fn main_publisher(&self) -> Option<&Publisher> {
        let has_floor = |p: &&Publisher| self.floor.is_some() && p.id() == self.floor;
        self.publishers.iter().find(has_floor).or(self.publishers.first())
    }

    fn remove_publisher(&mut self, index: usize) {
        let publisher = self.publishers.remove(index);
        if let Some(id) = publisher.id() {
            self.speakers.forget(id);
            self.floor = self.floor.filter(|floor| *floor != id);
        }
        for track in publisher.tracks {
            let orphans = self.tracks.remove(&track).map(Track::into_subscriptions);
            orphans.into_iter().flatten().for_each(|subscription| self.park(subscription));
        }
        self.rebind();
    }

    /// Binds each viewer's lines to the tracks it should get: the n-th line of a kind to the n-th track of
    /// that kind. Lines that are bound already stay as they are.
    fn rebind(&mut self) {
        for index in 0..self.viewers.len() {
            let Some(tracks) = self.tracks_for(&self.viewers[index].target) else { continue };
            for subscription in std::mem::take(&mut self.viewers[index].parked) {
                let track = self.track_for(&tracks, &subscription).and_then(|id| self.tracks.get_mut(&id));
                match track {
                    Some(track) => track.subscribe(subscription),
                    None => self.viewers[index].parked.push(subscription),
                }
            }
        }
    }

    fn tracks_for(&self, target: &Target) -> Option<Vec<TrackId>> {
        let publisher = match target {
            Target::Main => self.main_publisher(),
            Target::Participant(identity) => self.publishers.iter().find(|p| p.identity == *identity),
        };
        publisher.map(|p| p.tracks.clone())
    }

    fn track_for(&self, tracks: &[TrackId], subscription: &Subscription) -> Option<TrackId> {
        let of_kind = |id: &&TrackId| self.tracks.get(id).is_some_and(|t| t.kind() == subscription.kind());
        tracks.iter().filter(of_kind).nth(subscription.ordinal()).copied()
    }

    fn park(&mut self, subscription: Subscription) {
        if let Some(viewer) = self.viewers.iter_mut().find(|v| v.seat == subscription.seat()) {
            viewer.parked.push(subscription.unbound());
        }
    }
}

#[cfg(test)]
mod tests;
