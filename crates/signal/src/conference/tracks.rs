//! The tracks of all members: one for each line that somebody sends on, published or not.
//!
//! A track has an id from the first offer with its line on, so that its owner can unmute it; others learn of it when
//! it is published.

use std::collections::BTreeMap;
use std::fmt;

use plenum_model::{Identity, Source};

use super::member::MemberId;
use crate::room;

/// Counts the tracks of a conference. Never used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct TrackId(u32);

impl TrackId {
    /// From a message.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix("TR_")?;
        let id = Self(digits.parse().ok()?);
        // Other spellings of the number (`+7`, `07`) are not its name.
        (id.to_string() == text).then_some(id)
    }
}

impl fmt::Display for TrackId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TR_{}", self.0)
    }
}

/// What somebody sends on one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Track {
    pub(super) id: TrackId,
    pub(super) owner: MemberId,
    /// The engine's number of it.
    pub(super) engine: u32,
    pub(super) source: Source,
    pub(super) muted: bool,
    /// Whether others know of it.
    pub(super) published: bool,
}

/// What muting or unmuting a track is to others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    Published,
    Updated,
    Unpublished,
}

impl Track {
    /// Mutes or unmutes. The first unmuting publishes; a camera or microphone stays published from then on, while a
    /// shared screen that is muted has ended.
    pub(super) fn set_muted(&mut self, muted: bool) -> Option<Change> {
        let was_muted = std::mem::replace(&mut self.muted, muted);
        match (self.published, muted) {
            (false, true) => None,
            (false, false) => {
                self.published = true;
                Some(Change::Published)
            }
            (true, true) if self.source.is_screen() => {
                self.published = false;
                Some(Change::Unpublished)
            }
            (true, _) if was_muted == muted => None,
            (true, _) => Some(Change::Updated),
        }
    }

    /// As others see it.
    pub(super) fn view(&self, owner: &Identity) -> room::Track {
        room::Track {
            id: self.id.to_string(),
            participant: owner.to_string(),
            kind: self.source.kind().as_str(),
            source: self.source.as_str(),
            muted: self.muted,
        }
    }
}

/// All tracks, by their ids and by the engine's numbers.
#[derive(Debug, Default)]
pub(super) struct Tracks {
    tracks: BTreeMap<TrackId, Track>,
    by_engine: BTreeMap<u32, TrackId>,
    last: u32,
}

impl Tracks {
    /// A new track, not published yet.
    pub(super) fn add(&mut self, owner: MemberId, engine: u32, source: Source) -> TrackId {
        self.last += 1;
        let id = TrackId(self.last);
        self.tracks.insert(id, Track { id, owner, engine, source, muted: true, published: false });
        // A room of the engine that has ended and begun again counts from the start: the newer track wins.
        self.by_engine.insert(engine, id);
        id
    }

    pub(super) fn get(&self, id: TrackId) -> Option<&Track> {
        self.tracks.get(&id)
    }

    pub(super) fn get_mut(&mut self, id: TrackId) -> Option<&mut Track> {
        self.tracks.get_mut(&id)
    }

    /// The track that the engine means, if others know of it.
    pub(super) fn published(&self, engine: u32) -> Option<&Track> {
        self.by_engine.get(&engine).and_then(|id| self.tracks.get(id)).filter(|track| track.published)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Track> {
        self.tracks.values()
    }

    /// Those of one member.
    pub(super) fn of(&self, owner: MemberId) -> impl Iterator<Item = &Track> {
        self.tracks.values().filter(move |track| track.owner == owner)
    }

    pub(super) fn remove(&mut self, id: TrackId) -> Option<Track> {
        let track = self.tracks.remove(&id)?;
        if self.by_engine.get(&track.engine) == Some(&id) {
            self.by_engine.remove(&track.engine);
        }
        Some(track)
    }

    /// Whether there is nothing left over.
    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.tracks.is_empty() && self.by_engine.is_empty()
    }
}
