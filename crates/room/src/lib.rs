//! The router of one room: who publishes what, who gets which track, what each subscriber's numbers are, and
//! which keyframes are missing; who speaks; whom a message is for. It knows seats and line numbers, never a
//! connection: packets come in as headers and go out as [`Delivery`] values that the engine carries to the
//! participant in that seat.
//!
//! A room has its publishers on one shard, its home; viewers may sit on others. There the room is a mirror: its
//! tracks are those of the home under the same ids, fed with relayed packets, and what its viewers need flows
//! back as keyframe wishes and layer demand. At home, a shard with a mirror is one more consumer of a track.
//!
//! Entry types: [`Room`]; [`PacketHead`] in, [`Forward`], [`KeyframeWish`] and [`Demand`] out; [`data`].
//!
//! Invariants:
//! - A viewer's line is bound to at most one track, and its [`plenum_rtp::Rewriter`] lives as long as the
//!   line: it moves with the subscription when the source changes, so the viewer sees one stream.
//! - Nobody is shown their own tracks in a slot, and no track is in two slots of one viewer.
//! - Joining, leaving and switching touch only this room, and a packet never decides who gets what.

#![cfg_attr(test, allow(clippy::disallowed_methods))] // tests take their time zero from the clock

mod binding;
pub mod data;
mod ladder;
mod mirror;
mod slots;
mod subscription;
mod track;
mod viewer;
mod voices;
mod wishes;

pub use ladder::Ladder;
pub use mirror::{Demand, LayerMask, PublishedTrack, PublishedTracks};
pub use subscription::{Delivery, ViewerLine};
pub use track::{PacketHead, TrackId};
pub use viewer::Target;
pub use wishes::{Missing, Shown};

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use plenum_model::{Format, Identity, MediaKind, RoomName, Source};

use binding::Whose;
use track::{Nature, Track};
use viewer::Viewer;
use voices::{Turn, Voices};

/// The slot of a participant within the shard.
pub type Seat = u32;

/// A line on which a publisher sends.
#[derive(Debug, Clone)]
pub struct PublishedLine {
    /// Its index among the publisher's lines.
    pub line: u8,
    /// Audio or video.
    pub kind: MediaKind,
    /// What it shows or sounds.
    pub source: Source,
    /// Whether nothing of it is to be forwarded until [`Room::set_muted`] says otherwise.
    pub muted: bool,
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
        /// The layers there are at the moment.
        ladder: Ladder,
    },
}

#[derive(Debug)]
struct Publisher {
    /// `None` in a mirror: it sits on the home shard.
    seat: Option<Seat>,
    identity: Identity,
    tracks: Vec<TrackId>,
}

impl Publisher {
    /// Its first track stands for it, since ids are not used again.
    fn id(&self) -> Option<TrackId> {
        self.tracks.first().copied()
    }
}

/// One room on one shard.
#[derive(Debug)]
pub struct Room {
    name: RoomName,
    /// In the order of their coming. Whoever only receives slots is one without tracks.
    publishers: Vec<Publisher>,
    viewers: BTreeMap<Seat, Viewer>,
    tracks: BTreeMap<TrackId, Track>,
    /// Ids are not used again: a packet that waits for its flush must not find another track.
    next_track: u32,
    /// The shards that have a mirror of this room.
    mirrors: Vec<u16>,
    /// Whose stream is the main one, by its first track; the first publisher's if nobody has taken the floor.
    floor: Option<TrackId>,
    voices: Voices,
    /// Viewers of slots who do not know yet what those show.
    changed: BTreeSet<Seat>,
    /// All tracks that may have something to be polled, and perhaps some that have not.
    restless: BTreeSet<TrackId>,
}

impl Room {
    /// An empty room.
    pub fn new(name: RoomName) -> Self {
        Self {
            name,
            publishers: Vec::new(),
            viewers: BTreeMap::new(),
            tracks: BTreeMap::new(),
            next_track: 0,
            mirrors: Vec::new(),
            floor: None,
            voices: Voices::default(),
            changed: BTreeSet::new(),
            restless: BTreeSet::new(),
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

    /// Who publishes under this identity, or takes part in the room without publishing.
    pub fn publisher(&self, identity: &Identity) -> Option<Seat> {
        self.publishers.iter().find(|p| p.identity == *identity).and_then(|p| p.seat)
    }

    /// The tracks of a publisher, muted or not.
    pub fn tracks_of(&self, seat: Seat) -> Option<Vec<TrackId>> {
        self.publishers.iter().find(|p| p.seat == Some(seat)).map(|p| p.tracks.clone())
    }

    /// Who sends a track, and on which line.
    pub fn origin_of(&self, track: TrackId) -> Option<Origin> {
        self.tracks.get(&track).map(|track| track.nature().origin)
    }

    /// Everyone's seat, once.
    pub fn seats(&self) -> impl Iterator<Item = Seat> + '_ {
        let only_views = |seat: &Seat| !self.publishers.iter().any(|p| p.seat == Some(*seat));
        self.publishers.iter().filter_map(|p| p.seat).chain(self.viewers.keys().copied().filter(only_views))
    }

    /// A publisher comes in, or a participant that may not publish, without lines. Returns its tracks, one per line,
    /// in the order of `lines`.
    pub fn publish(&mut self, seat: Seat, identity: Identity, lines: &[PublishedLine]) -> Vec<TrackId> {
        self.publishers.push(Publisher { seat: Some(seat), identity, tracks: Vec::new() });
        self.add_published_lines(seat, lines)
    }

    /// A publisher sends on more lines. Returns their tracks.
    pub fn add_published_lines(&mut self, seat: Seat, lines: &[PublishedLine]) -> Vec<TrackId> {
        let Self { publishers, tracks, next_track, mirrors, .. } = self;
        let Some(publisher) = publishers.iter_mut().find(|p| p.seat == Some(seat)) else { return Vec::new() };
        let added: Vec<TrackId> = (*next_track..).map(TrackId).take(lines.len()).collect();
        *next_track += lines.len() as u32;
        publisher.tracks.extend(&added);
        for (id, line) in added.iter().zip(lines) {
            let PublishedLine { line, kind, source, muted, layers, .. } = *line;
            let first = publisher.tracks[0];
            let nature =
                Nature { origin: Origin::Here { seat, line }, source, kind, layers, publisher: first };
            tracks.insert(*id, Track::new(nature, muted, mirrors));
        }
        self.rebind(Whose::Everyones);
        added
    }

    /// Nothing of a track is forwarded while it is muted. Returns whether that is a change.
    pub fn set_muted(&mut self, track: TrackId, muted: bool) -> bool {
        let Some(known) = self.tracks.get_mut(&track).filter(|known| known.is_muted() != muted) else {
            return false;
        };
        known.set_muted(muted);
        if muted {
            self.voices.forget(track);
        }
        self.rebind(Whose::Everyones);
        true
    }

    /// A viewer comes in with the lines it receives on.
    pub fn watch(&mut self, seat: Seat, target: Target, lines: Vec<ViewerLine>) {
        self.viewers.insert(seat, Viewer::new(target));
        if !lines.is_empty() {
            self.add_lines(seat, lines);
        }
    }

    /// A viewer can be sent to on more lines: what it gets there begins now.
    pub fn add_lines(&mut self, seat: Seat, lines: Vec<ViewerLine>) {
        let Some(viewer) = self.viewers.get_mut(&seat) else { return };
        lines.into_iter().for_each(|line| viewer.add_line(seat, line));
        if viewer.target == Target::Slots {
            self.changed.insert(seat);
        }
        self.rebind(Whose::Of(seat));
    }

    /// A participant leaves, if it is there.
    pub fn leave(&mut self, seat: Seat) {
        self.changed.remove(&seat);
        if let Some(viewer) = self.viewers.remove(&seat) {
            let shown = viewer.slots.iter().filter_map(|slot| slot.shows);
            for track in shown {
                self.with_track(track, |track| track.unsubscribe(seat));
            }
        }
        if let Some(index) = self.publishers.iter().position(|p| p.seat == Some(seat)) {
            self.remove_publisher(index);
        }
    }

    /// Takes the packets of one track that arrived since the last flush, in order, and calls `out` for
    /// each one that goes to a subscriber: subscriber by subscriber, so that each one's state is touched once.
    /// Returns how many more could have gone, were they not held back (no keyframe yet, no format in common).
    pub fn forward(&mut self, track: TrackId, packets: &[PacketHead], out: impl FnMut(Forward)) -> u64 {
        self.with_track(track, |track| track.forward(packets, out)).unwrap_or(0)
    }

    /// A viewer's decoder asks for a keyframe on one of its lines. A line without a track asks nobody.
    pub fn want_keyframe(&mut self, seat: Seat, line: u8) {
        let slot = self.viewers.get(&seat).and_then(|viewer| viewer.slot(line));
        if let Some(track) = slot.and_then(|slot| slot.shows) {
            self.with_track(track, |track| track.want_keyframe_for(seat, line));
        }
    }

    /// The next request that is due towards a publisher.
    pub fn poll_keyframe(&mut self, now: Instant) -> Option<KeyframeWish> {
        let Self { restless, tracks, .. } = self;
        let wish = restless.iter().find_map(|id| tracks.get_mut(id)?.poll_keyframe(*id, now));
        if wish.is_none() {
            restless.retain(|id| tracks.get(id).is_some_and(Track::is_restless));
        }
        wish
    }

    /// When [`Self::poll_keyframe`] may have something, if anything is asked for.
    pub fn next_keyframe_at(&self) -> Option<Instant> {
        self.restless.iter().filter_map(|id| self.tracks.get(id)?.next_keyframe_at()).min()
    }

    /// When to call [`Self::handle_timeout`] and [`Self::poll_keyframe`] at the latest.
    pub fn next_deadline(&self) -> Option<Instant> {
        [self.next_keyframe_at(), self.voices.next_look_at()].into_iter().flatten().min()
    }

    /// Whoever has not been heard for a while does not speak any more.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.voices.next_look_at().is_some_and(|at| at <= now) {
            let floor = self.main_publisher().and_then(Publisher::id);
            let turn = self.voices.look(now, floor);
            self.take_turn(turn);
        }
    }

    /// Takes in the level of an audio packet (RFC 6464, in -dBov). Returns the first track of the publisher
    /// whose stream has become the main one, if that has changed.
    pub fn hear(&mut self, now: Instant, track: TrackId, level: u8) -> Option<TrackId> {
        let is_voice = |track: &&Track| !track.is_muted() && track.nature().source == Source::Microphone;
        let publisher = self.tracks.get(&track).filter(is_voice)?.nature().publisher;
        let has_begun = self.voices.hear(now, track, publisher, level);
        if !self.voices.wants_look(now) {
            return self.take_turn(Turn { ranking: has_begun, floor: None });
        }
        let floor = self.main_publisher().and_then(Publisher::id);
        let turn = self.voices.look(now, floor);
        self.take_turn(Turn { ranking: turn.ranking || has_begun, ..turn })
    }

    fn take_turn(&mut self, turn: Turn) -> Option<TrackId> {
        if turn.ranking {
            self.rebind(Whose::Slots);
        }
        turn.floor.inspect(|publisher| self.give_floor(*publisher))
    }

    /// Who speaks now, by the tracks of their microphones, the loudest first, if it is not the same people any more.
    pub fn poll_speakers(&mut self) -> Option<Vec<TrackId>> {
        self.voices.poll_speakers()
    }

    /// Makes the stream of the publisher with this first track the main one.
    pub fn give_floor(&mut self, publisher: TrackId) {
        self.floor = Some(publisher);
        self.rebind(Whose::Everyones);
    }

    /// Whose stream is the main one: of those who are not muted whoever has the floor, else the first with a
    /// picture, else the first.
    fn main_publisher(&self) -> Option<&Publisher> {
        let on = |p: &Publisher| p.tracks.iter().filter_map(|id| self.tracks.get(id)).any(|t| !t.is_muted());
        let is_seen = |p: &Publisher| {
            let mut tracks = p.tracks.iter().filter_map(|id| self.tracks.get(id));
            tracks.any(|track| !track.is_muted() && track.kind() == MediaKind::Video)
        };
        let has_floor = |p: &&Publisher| self.floor.is_some() && p.id() == self.floor && on(p);
        let everyone = || self.publishers.iter();
        everyone()
            .find(has_floor)
            .or_else(|| everyone().find(|p| is_seen(p)))
            .or_else(|| everyone().find(|p| on(p)))
    }

    fn remove_publisher(&mut self, index: usize) {
        let publisher = self.publishers.remove(index);
        if let Some(id) = publisher.id() {
            self.voices.forget_publisher(id);
            self.floor = self.floor.filter(|floor| *floor != id);
        }
        for id in &publisher.tracks {
            self.voices.forget(*id);
            self.tracks.get_mut(id).into_iter().for_each(|track| track.set_muted(true));
        }
        // Muted, they lose their subscriptions first.
        self.rebind(Whose::Everyones);
        for id in &publisher.tracks {
            self.tracks.remove(id);
            self.restless.remove(id);
        }
    }

    /// Works with a track, and notes whether there is something to be polled from it afterwards.
    fn with_track<R>(&mut self, id: TrackId, work: impl FnOnce(&mut Track) -> R) -> Option<R> {
        let track = self.tracks.get_mut(&id)?;
        let result = work(track);
        if track.is_restless() {
            self.restless.insert(id);
        }
        Some(result)
    }
}

#[cfg(test)]
mod tests;
