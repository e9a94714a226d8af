//! The members, and the ways to find one: by number, identity, socket, place. All four agree at any time; that is all
//! that is decided here.

use std::collections::BTreeMap;

use plenum_model::{Identity, Place};

use super::SocketId;
use super::member::{Connection, Member, MemberId, Session};

/// Everybody in the room, in the order of coming.
#[derive(Default)]
pub(super) struct Roster {
    members: BTreeMap<MemberId, Member>,
    identities: BTreeMap<Identity, MemberId>,
    sockets: BTreeMap<SocketId, MemberId>,
    places: BTreeMap<Place, MemberId>,
}

impl Roster {
    pub(super) fn len(&self) -> usize {
        self.members.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// The identity must not be there yet.
    pub(super) fn insert(&mut self, member: Member) {
        let id = member.id;
        if let Some(socket) = member.socket() {
            self.sockets.insert(socket, id);
        }
        if let Some(session) = &member.media {
            self.places.insert(session.place, id);
        }
        let former = self.identities.insert(member.identity.clone(), id);
        debug_assert!(former.is_none(), "an identity is there once");
        self.members.insert(id, member);
    }

    pub(super) fn remove(&mut self, id: MemberId) -> Option<Member> {
        let member = self.members.remove(&id)?;
        self.identities.remove(&member.identity);
        if let Some(socket) = member.socket() {
            self.sockets.remove(&socket);
        }
        if let Some(session) = &member.media {
            self.places.remove(&session.place);
        }
        Some(member)
    }

    pub(super) fn into_members(self) -> impl Iterator<Item = Member> {
        self.members.into_values()
    }

    pub(super) fn get(&self, id: MemberId) -> Option<&Member> {
        self.members.get(&id)
    }

    pub(super) fn get_mut(&mut self, id: MemberId) -> Option<&mut Member> {
        self.members.get_mut(&id)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Member> {
        self.members.values()
    }

    pub(super) fn of_identity(&self, identity: &Identity) -> Option<&Member> {
        self.identities.get(identity).and_then(|id| self.members.get(id))
    }

    pub(super) fn of_socket(&self, socket: SocketId) -> Option<MemberId> {
        self.sockets.get(&socket).copied()
    }

    pub(super) fn of_place(&self, place: Place) -> Option<&Member> {
        self.places.get(&place).and_then(|id| self.members.get(id))
    }

    /// All sockets of members, and whose they are.
    pub(super) fn sockets(&self) -> impl Iterator<Item = (SocketId, MemberId)> {
        self.sockets.iter().map(|(socket, id)| (*socket, *id))
    }

    /// Connects a member in another way; the socket that it had is returned.
    pub(super) fn connect(&mut self, id: MemberId, connection: Connection) -> Option<SocketId> {
        let member = self.members.get_mut(&id)?;
        let former = member.socket();
        member.connection = connection;
        if let Some(socket) = former {
            self.sockets.remove(&socket);
        }
        if let Connection::Here(socket) = connection {
            self.sockets.insert(socket, id);
        }
        former
    }

    /// Whether no map remembers anybody.
    #[cfg(test)]
    pub(super) fn is_bare(&self) -> bool {
        let reachable = self.identities.len() + self.sockets.len() + self.places.len();
        self.members.is_empty() && reachable == 0
    }

    /// Gives a member another media session, or none; the one that it had is returned.
    pub(super) fn set_media(&mut self, id: MemberId, session: Option<Session>) -> Option<Session> {
        let member = self.members.get_mut(&id)?;
        if let Some(session) = &session {
            self.places.insert(session.place, id);
        }
        let former = std::mem::replace(&mut member.media, session);
        let current = member.media.as_ref().map(|session| session.place);
        if let Some(former) = &former
            && current != Some(former.place)
        {
            self.places.remove(&former.place);
        }
        former
    }
}
