//! A room on more than one shard: what the home tells its mirrors, and what they ask of it.

use plenum_model::{Identity, MediaKind, Source};

use crate::binding::Whose;
use crate::ladder::Ladder;
use crate::track::{Nature, Track};
use crate::{Origin, Publisher, Room, Seat, TrackId};

/// A publisher as a mirror knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishedTracks {
    /// Who.
    pub identity: Identity,
    /// Its tracks, in the order in which they were published.
    pub tracks: Vec<PublishedTrack>,
}

/// A track as a mirror knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PublishedTrack {
    id: TrackId,
    source: Source,
    kind: MediaKind,
    layers: u8,
    muted: bool,
    ladder: Ladder,
}

/// A set of simulcast layers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LayerMask(u8);

impl LayerMask {
    /// No layer: nobody watches.
    pub const NONE: Self = Self(0);

    /// One layer.
    pub fn of(layer: u8) -> Self {
        Self::NONE.with(layer)
    }

    /// One more.
    pub fn with(self, layer: u8) -> Self {
        Self(self.0 | 1_u8.checked_shl(layer.into()).unwrap_or(0))
    }

    /// Whether `layer` is in it.
    pub fn has(self, layer: u8) -> bool {
        self.0 & 1_u8.checked_shl(layer.into()).unwrap_or(0) != 0
    }
}

/// Which layers of a track a mirror's subscribers take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Demand {
    /// The track.
    pub track: TrackId,
    /// The layers.
    pub layers: LayerMask,
}

/// A mirror as a consumer of one track.
#[derive(Debug)]
pub(crate) struct Mirrored {
    shard: u16,
    demand: LayerMask,
}

impl Mirrored {
    pub fn new(shard: u16) -> Self {
        Self { shard, demand: LayerMask::NONE }
    }

    pub fn shard(&self) -> u16 {
        self.shard
    }

    pub fn set_demand(&mut self, demand: LayerMask) {
        self.demand = demand;
    }

    /// Whoever takes anything gets the best layer as long as nothing it takes is sent: with each packet comes the
    /// ladder, from which its subscribers choose.
    pub fn wants(&self, layer: u8, ladder: &Ladder) -> bool {
        let takes_nothing_there_is = || !ladder.layers().any(|active| self.demand.has(active));
        self.demand != LayerMask::NONE
            && (self.demand.has(layer) || layer == ladder.best() && takes_nothing_there_is())
    }
}

impl Room {
    /// Those who publish here, in the order of their coming: what a new mirror has to know.
    pub fn published(&self) -> Vec<PublishedTracks> {
        self.publishers.iter().filter_map(|publisher| self.describe(publisher)).collect()
    }

    /// What someone here publishes, if anything: what mirrors have to know when it has changed.
    pub fn published_of(&self, seat: Seat) -> Option<PublishedTracks> {
        self.describe(self.publishers.iter().find(|publisher| publisher.seat == Some(seat))?)
    }

    fn describe(&self, publisher: &Publisher) -> Option<PublishedTracks> {
        publisher.seat.filter(|_| !publisher.tracks.is_empty())?;
        let tracks = publisher.tracks.iter().filter_map(|id| {
            let track = self.tracks.get(id)?;
            let Nature { source, kind, layers, .. } = *track.nature();
            Some(PublishedTrack {
                id: *id,
                source,
                kind,
                layers,
                muted: track.is_muted(),
                ladder: track.ladder(),
            })
        });
        Some(PublishedTracks { identity: publisher.identity.clone(), tracks: tracks.collect() })
    }

    /// Whose stream is the main one, by its first track, if somebody has taken the floor.
    pub fn floor(&self) -> Option<TrackId> {
        self.floor
    }

    /// The shards that have a mirror of this room.
    pub fn mirrors(&self) -> &[u16] {
        &self.mirrors
    }

    /// `shard` has viewers of this room now.
    pub fn add_mirror(&mut self, shard: u16) {
        if !self.mirrors.contains(&shard) {
            self.mirrors.push(shard);
            self.tracks.values_mut().for_each(|track| track.add_mirror(shard));
        }
    }

    /// `shard` has none any more.
    pub fn remove_mirror(&mut self, shard: u16) {
        self.mirrors.retain(|mirror| *mirror != shard);
        self.tracks.values_mut().for_each(|track| track.remove_mirror(shard));
    }

    /// In a mirror: someone publishes at home, or publishes something else than before.
    pub fn mirror_publisher(&mut self, published: PublishedTracks) {
        let Some(first) = published.tracks.first().map(|track| track.id) else { return };
        for told in &published.tracks {
            self.mirror_track(first, told);
        }
        let tracks: Vec<TrackId> = published.tracks.iter().map(|track| track.id).collect();
        match self.publishers.iter_mut().find(|publisher| publisher.id() == Some(first)) {
            Some(known) => known.tracks = tracks,
            None => self.publishers.push(Publisher { seat: None, identity: published.identity, tracks }),
        }
        self.rebind(Whose::Everyones);
    }

    fn mirror_track(&mut self, publisher: TrackId, told: &PublishedTrack) {
        let PublishedTrack { id, source, kind, layers, muted, ladder } = *told;
        let nature = Nature { origin: Origin::Home, source, kind, layers, publisher };
        let track = self.tracks.entry(id).or_insert_with(|| Track::new(nature, muted, &[]));
        if track.is_muted() != muted {
            track.set_muted(muted);
        }
        track.set_ladder(ladder);
    }

    /// In a mirror: the publisher of these tracks has left.
    pub fn unmirror_publisher(&mut self, tracks: &[TrackId]) {
        let Some(first) = tracks.first().copied() else { return };
        if let Some(index) = self.publishers.iter().position(|p| p.seat.is_none() && p.id() == Some(first)) {
            self.remove_publisher(index);
        }
    }

    /// In a mirror: the layers of a track that there are.
    pub fn set_ladder(&mut self, track: TrackId, ladder: Ladder) {
        if let Some(track) = self.tracks.get_mut(&track) {
            track.set_ladder(ladder);
        }
    }

    /// In a mirror: relayed packets were lost.
    pub fn want_keyframes_after_loss(&mut self) {
        self.tracks.values_mut().for_each(Track::want_keyframe_after_loss);
        self.restless.extend(self.tracks.keys());
    }

    /// In a mirror: the next track of which subscribers take other layers than home knows.
    pub fn poll_demand(&mut self) -> Option<Demand> {
        let Self { restless, tracks, .. } = self;
        restless.iter().find_map(|id| tracks.get_mut(id)?.poll_demand(*id))
    }

    /// At home: what a mirror's subscribers take.
    pub fn set_demand(&mut self, shard: u16, demand: Demand) {
        if let Some(track) = self.tracks.get_mut(&demand.track) {
            track.set_demand(shard, demand.layers);
        }
    }

    /// At home: a mirror's subscribers wait for a keyframe.
    pub fn want_keyframe_of(&mut self, track: TrackId, layer: u8) {
        self.with_track(track, |track| track.ask_for_keyframe(layer));
    }
}
