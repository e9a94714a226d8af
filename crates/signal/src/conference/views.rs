//! What the HTTP API shows of a conference. Its callers are admins of the room: hidden members are in it.

use plenum_model::{Identity, RoomName};
use serde::Serialize;

use super::member::{Member, MemberId};
use super::{Conference, Settings};
use crate::room::{Kind, Participant, Room, Track, Waiting};

/// A participant and what it publishes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ParticipantView {
    /// Who it is.
    #[serde(flatten)]
    pub participant: Participant,
    /// What it publishes.
    pub tracks: Vec<Track>,
}

impl Conference {
    /// The room's name.
    pub fn name(&self) -> &RoomName {
        &self.name
    }

    /// The room's own state, as in messages.
    pub fn room(&self) -> Room {
        Room {
            name: self.name.to_string(),
            locked: self.locked,
            lobby: self.settings.lobby,
            metadata: self.settings.metadata.clone(),
        }
    }

    /// How the room is meant to be.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// RFC 3339, UTC.
    pub fn created_at(&self) -> String {
        self.calendar.date_at(self.calendar.moment)
    }

    /// How many members there are, WHIP publishers among them.
    pub fn members(&self) -> usize {
        self.roster.len()
    }

    /// How many members publish anything.
    pub fn publishers(&self) -> usize {
        let publishes = |member: &&Member| self.tracks.of(member.id).any(|track| track.published);
        self.roster.iter().filter(publishes).count()
    }

    /// Everybody, in the order of coming.
    pub fn participants(&self) -> Vec<ParticipantView> {
        self.roster.iter().map(|member| self.participant_view(member)).collect()
    }

    /// One of them.
    pub fn participant(&self, identity: &Identity) -> Option<ParticipantView> {
        self.roster.of_identity(identity).map(|member| self.participant_view(member))
    }

    /// Who waits in the lobby, in the order of coming.
    pub fn waiting(&self) -> Vec<Waiting> {
        self.lobby.views()
    }

    fn participant_view(&self, member: &Member) -> ParticipantView {
        let tracks = self.tracks.of(member.id).filter(|track| track.published);
        ParticipantView {
            participant: member.view(),
            tracks: tracks.map(|track| track.view(&member.identity)).collect(),
        }
    }

    /// What is published, as `viewer` may know it: its own tracks, and those of all who are not hidden.
    pub(super) fn published_tracks(&self, viewer: MemberId) -> Vec<Track> {
        let published = self.tracks.iter().filter(|track| track.published);
        let owned = published.filter_map(|track| Some((track, self.roster.get(track.owner)?)));
        let visible = owned.filter(|(_, owner)| !owner.is_hidden() || owner.id == viewer);
        visible.map(|(track, owner)| track.view(&owner.identity)).collect()
    }

    /// Whether somebody is here as a WHIP publisher.
    pub(super) fn is_whip(member: &Member) -> bool {
        member.kind == Kind::Whip
    }
}
