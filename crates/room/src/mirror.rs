//! A room on more than one shard: what the home tells its mirrors, and what they ask of it.

use plenum_model::{Identity, MediaKind};

use crate::track::Track;
use crate::{Origin, Publisher, Room, TrackId};

/// A publisher as a mirror knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishedTracks {
    /// Who.
    pub identity: Identity,
    /// Its tracks, in the order of its lines: id, kind, simulcast layers.
    pub tracks: Vec<(TrackId, MediaKind, u8)>,
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

    /// Whoever takes anything also gets the best layer, so that its subscribers can go over to it.
    pub fn wants(&self, layer: u8, best: u8) -> bool {
        self.demand != LayerMask::NONE && (layer == best || self.demand.has(layer))
    }
}

impl Room {
    /// Those who publish here, in the order of their coming: what a new mirror has to know.
    pub fn published(&self) -> Vec<PublishedTracks> {
        self.publishers.iter().filter(|p| p.seat.is_some()).map(|p| self.describe(p)).collect()
    }

    fn describe(&self, publisher: &Publisher) -> PublishedTracks {
        let tracks = publisher.tracks.iter().filter_map(|id| {
            let track = self.tracks.get(id)?;
            Some((*id, track.kind(), track.layers()))
        });
        PublishedTracks { identity: publisher.identity.clone(), tracks: tracks.collect() }
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

    /// In a mirror: someone publishes at home.
    pub fn mirror_publisher(&mut self, published: PublishedTracks) {
        for (id, kind, layers) in &published.tracks {
            self.tracks.insert(*id, Track::new(Origin::Home, *kind, *layers, &[]));
        }
        let tracks = published.tracks.iter().map(|(id, ..)| *id).collect();
        self.publishers.push(Publisher { seat: None, identity: published.identity, tracks });
        self.rebind();
    }

    /// In a mirror: the publisher of these tracks has left.
    pub fn unmirror_publisher(&mut self, tracks: &[TrackId]) {
        if let Some(index) = self.publishers.iter().position(|p| p.seat.is_none() && p.tracks == tracks) {
            self.remove_publisher(index);
        }
    }

    /// In a mirror: the layer of a track that everyone should get.
    pub fn set_best(&mut self, track: TrackId, best: u8) {
        if let Some(track) = self.tracks.get_mut(&track) {
            track.set_best(best);
        }
    }

    /// In a mirror: relayed packets were lost.
    pub fn want_keyframes_after_loss(&mut self) {
        self.tracks.values_mut().for_each(Track::want_keyframe_after_loss);
    }

    /// In a mirror: the next track of which subscribers take other layers than home knows.
    pub fn poll_demand(&mut self) -> Option<Demand> {
        self.tracks.iter_mut().find_map(|(id, track)| track.poll_demand(*id))
    }

    /// At home: what a mirror's subscribers take.
    pub fn set_demand(&mut self, shard: u16, demand: Demand) {
        if let Some(track) = self.tracks.get_mut(&demand.track) {
            track.set_demand(shard, demand.layers);
        }
    }

    /// At home: a mirror's subscribers wait for a keyframe.
    pub fn want_keyframe_of(&mut self, track: TrackId, layer: u8) {
        if let Some(track) = self.tracks.get_mut(&track) {
            track.want_keyframe_of(layer);
        }
    }
}
