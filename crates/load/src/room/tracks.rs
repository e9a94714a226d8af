//! What a participant has been told: who sends which track, and which track is in which slot.

use std::collections::{BTreeMap, HashMap};

use str0m::media::{MediaKind, Mid};

use super::message::{Kind, Notice, Track};
use super::slots::Occupant;
use super::stretch::Source;
use crate::cast::Cast;

/// The state that `welcome` begins and later messages change.
#[derive(Debug, Default)]
pub(crate) struct Tracks {
    published: HashMap<String, Track>,
    slots: BTreeMap<String, Option<String>>,
}

impl Tracks {
    /// Takes a message. True when slots may hold something else than before.
    pub(crate) fn note(&mut self, notice: Notice) -> bool {
        match notice {
            Notice::Welcome { tracks } => {
                self.published.extend(tracks.into_iter().map(|track| (track.id.clone(), track)));
            }
            Notice::TrackPublished { track } => {
                self.published.insert(track.id.clone(), track);
            }
            Notice::TrackUnpublished { track } => {
                self.published.remove(&track);
            }
            Notice::ParticipantLeft { participant } => {
                self.published.retain(|_, track| track.participant != participant);
            }
            Notice::Slots { slots } => self.slots = slots,
            _ => return false,
        }
        true
    }

    /// What is in each slot. A track that was not announced yet is nobody's.
    pub(crate) fn occupants(&self, cast: &Cast) -> Vec<(Mid, Occupant)> {
        let occupant = |id: &Option<String>| match id.as_ref().and_then(|id| self.published.get(id)) {
            Some(track) => source(track, cast).map_or(Occupant::Stranger, Occupant::Known),
            None => Occupant::Nobody,
        };
        self.slots.iter().map(|(mid, id)| (Mid::from(mid.as_str()), occupant(id))).collect()
    }
}

fn source(track: &Track, cast: &Cast) -> Option<Source> {
    let broadcast = cast.find(&track.participant)?;
    let kind = match track.kind {
        Kind::Audio => MediaKind::Audio,
        Kind::Video => MediaKind::Video,
    };
    Some(Source { origin: broadcast.origin, feed: broadcast.feed(kind)?.clone() })
}
