//! Who is told what: everybody who may know, in one text.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Conference;
use super::member::{Member, MemberId};
use super::tracks::{Change, TrackId};
use crate::room::{PROTOCOL, Quality, RequestId, Room, ServerMessage, Welcome};

/// Who is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Audience {
    /// All members.
    Everyone,
    /// All but this one.
    AllBut(MemberId),
    /// Who may know of this member: everyone; if it is hidden, itself alone.
    About(MemberId),
}

impl Conference {
    pub(super) fn tell(&mut self, audience: Audience, message: &ServerMessage) {
        let only = match audience {
            Audience::About(id) if self.is_hidden(id) => Some(id),
            _ => None,
        };
        let sockets = self.roster.sockets().filter(|(_, member)| match (audience, only) {
            (_, Some(only)) => *member == only,
            (Audience::AllBut(id), None) => *member != id,
            (_, None) => true,
        });
        self.out.send_to_all(sockets.map(|(socket, _)| socket), message);
    }

    /// To one member, if it is there.
    pub(super) fn tell_one(&mut self, id: MemberId, message: &ServerMessage) {
        if let Some(socket) = self.roster.get(id).and_then(Member::socket) {
            self.out.send(socket, message);
        }
    }

    fn is_hidden(&self, id: MemberId) -> bool {
        self.roster.get(id).is_some_and(Member::is_hidden)
    }

    /// Tells a member all there is, on the socket that it has now.
    pub(super) fn welcome(
        &mut self,
        id: MemberId,
        request: Option<RequestId>,
        ice_servers: Value,
        resumed: bool,
    ) {
        let Some(member) = self.roster.get(id) else { return };
        let others = self.roster.iter().filter(|other| other.id != id && !other.is_hidden());
        let welcome = Welcome {
            id: request,
            protocol: PROTOCOL,
            resumed,
            participant: member.view(),
            room: self.room(),
            participants: others.map(Member::view).collect(),
            tracks: self.published_tracks(id),
            ice_servers,
            resume: member.resume.map(|resume| resume.to_token(id)).unwrap_or_default(),
            chat: self.chat.entries(),
            slots: self.slots_of(member),
        };
        self.tell_one(id, &ServerMessage::Welcome(Box::new(welcome)));
        self.tell_what_goes_on(id);
    }

    /// What a welcome has no place for, as the messages that told it to the others.
    fn tell_what_goes_on(&mut self, id: MemberId) {
        if !self.speakers.is_empty() {
            let speakers = self.speaker_names();
            self.tell_one(id, &ServerMessage::Speakers { speakers });
        }
        let interrupted = self.roster.iter().filter(|other| other.interrupted);
        let visible = interrupted.filter(|other| !other.is_hidden() || other.id == id);
        let lost: Vec<_> = visible.map(|other| other.identity.to_string()).collect();
        for participant in lost {
            self.tell_one(id, &ServerMessage::Quality { participant, quality: Quality::Lost });
        }
        if !self.lobby.is_empty() && self.is_admin(id) {
            self.tell_one(id, &ServerMessage::Lobby { waiting: self.lobby.views() });
        }
    }

    pub(super) fn is_admin(&self, id: MemberId) -> bool {
        self.roster.get(id).is_some_and(|member| member.granted.admin)
    }

    /// Tells the admins who waits.
    pub(super) fn tell_lobby(&mut self) {
        let admins = self.roster.iter().filter(|member| member.granted.admin).filter_map(Member::socket);
        self.out.send_to_all(admins, &ServerMessage::Lobby { waiting: self.lobby.views() });
    }

    pub(super) fn tell_joined(&mut self, id: MemberId) {
        if let Some(member) = self.roster.get(id).filter(|member| !member.is_hidden()) {
            let message = ServerMessage::ParticipantJoined { participant: member.view() };
            self.tell(Audience::AllBut(id), &message);
        }
    }

    pub(super) fn tell_updated(&mut self, id: MemberId) {
        if let Some(member) = self.roster.get(id) {
            let message = ServerMessage::ParticipantUpdated { participant: member.view() };
            self.tell(Audience::About(id), &message);
        }
    }

    pub(super) fn tell_room(&mut self, before: &Room) {
        let room = self.room();
        if room != *before {
            self.tell(Audience::Everyone, &ServerMessage::RoomUpdated { room });
        }
    }

    /// What has become of a track, to all who may know of its owner.
    pub(super) fn tell_track(&mut self, id: TrackId, change: Change) {
        let Some(track) = self.tracks.get(id) else { return };
        let Some(owner) = self.roster.get(track.owner) else { return };
        let audience = Audience::About(owner.id);
        let message = match change {
            Change::Published => ServerMessage::TrackPublished { track: track.view(&owner.identity) },
            Change::Updated => ServerMessage::TrackUpdated { track: track.view(&owner.identity) },
            Change::Unpublished => ServerMessage::TrackUnpublished { track: id.to_string() },
        };
        self.tell(audience, &message);
    }

    pub(super) fn tell_slots(&mut self, id: MemberId) {
        if let Some(member) = self.roster.get(id) {
            let slots = self.slots_of(member);
            self.tell_one(id, &ServerMessage::Slots { slots });
        }
    }

    /// What a member's slots show, in the names that it knows. A track that is not published (any more, or yet) shows
    /// nothing; when it comes to be known, the slots are told again.
    fn slots_of(&self, member: &Member) -> BTreeMap<String, Option<String>> {
        let slots = member.media.iter().flat_map(|session| &session.slots);
        slots
            .map(|(mid, engine)| {
                let track = engine.and_then(|engine| self.tracks.published(engine));
                (mid.clone(), track.map(|track| track.id.to_string()))
            })
            .collect()
    }

    pub(super) fn speaker_names(&self) -> Vec<String> {
        let members = self.speakers.iter().filter_map(|id| self.roster.get(*id));
        members.map(|member| member.identity.to_string()).collect()
    }
}
