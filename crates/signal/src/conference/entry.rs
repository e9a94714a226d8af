//! Coming and going: joining, going on after a lost socket, leaving in all ways.

use std::time::Instant;

use plenum_model::Identity;

use super::allowance::Allowance;
use super::announce::Audience;
use super::lobby::Visitor;
use super::member::{Connection, Exit, Member, MemberId, Resume};
use super::{Arrival, Conference, Effect, Entrant, NORMAL_CLOSURE, SocketId};
use crate::room::json::escaped_len;
use crate::room::{ClosedReason, Kind, ServerMessage};
use crate::{Problem, Slug};

impl Conference {
    /// Goes on as the member whose resume token this is, on another socket: its media session, tracks and place are as
    /// they were, and `welcome` tells it the whole state. A token is the right to do so by itself; that of the
    /// admission may have expired meanwhile. `false`: it is nobody's any more, and the client has to join.
    pub fn resume(&mut self, token: &str, arrival: &Arrival) -> bool {
        let member = Resume::member(token).and_then(|id| self.roster.get(id));
        let Some(member) =
            member.filter(|member| member.resume.is_some_and(|resume| resume.verifies(member.id, token)))
        else {
            return false;
        };
        let id = member.id;
        // The old socket may not have noticed yet that it is dead. It is not told `closed`: the member goes on.
        if let Some(former) = self.roster.connect(id, Connection::Here(arrival.socket)) {
            self.out.push(Effect::HangUp { socket: former, code: NORMAL_CLOSURE });
        }
        self.welcome(id, arrival.id.clone(), arrival.ice_servers.clone(), true);
        true
    }

    /// Lets somebody in, or has them wait in the lobby. `secret` is 16 random bytes for the resume token. A problem is
    /// for the server to tell: the conference knows nothing of the socket then.
    pub fn join(
        &mut self,
        now: Instant,
        entrant: Entrant,
        arrival: Arrival,
        secret: [u8; 16],
    ) -> Result<(), Problem> {
        self.check_open()?;
        self.bans.check(now, &entrant.identity)?;
        self.check_claim(&entrant.identity, entrant.named || !entrant.vouched)?;
        self.check_metadata_space(&entrant.identity, &entrant.metadata.value)?;
        if !self.is_inside(&entrant.identity) {
            self.check_door(&entrant.identity)?;
            if self.must_wait(&entrant) {
                self.lobby.check_space()?;
                let allowance = Allowance::new(now);
                self.wait(Visitor { entrant, arrival, secret, allowance });
                self.settle(now);
                return Ok(());
            }
        }
        self.send_away(&entrant.identity, ClosedReason::Replaced);
        self.enter(now, entrant, arrival, secret);
        Ok(())
    }

    /// 404 when it is over.
    pub(super) fn check_open(&self) -> Result<(), Problem> {
        match self.closed {
            false => Ok(()),
            true => Err(Problem::new(Slug::RoomNotFound, format!("room {} was closed", self.name))),
        }
    }

    /// Makes a member of somebody who may come in, instead of the one of this identity that there is.
    pub(super) fn enter(&mut self, now: Instant, entrant: Entrant, arrival: Arrival, secret: [u8; 16]) {
        self.replace(now, &entrant.identity);
        let id = self.next_member();
        let granted = self.overrides.applied(&entrant.identity, entrant.permissions);
        self.roster.insert(Member {
            id,
            identity: entrant.identity,
            named: entrant.named,
            name: entrant.name,
            metadata_bytes: escaped_len(&entrant.metadata.value),
            metadata: entrant.metadata,
            kind: Kind::Room,
            granted,
            joined_at: self.calendar.date_at(now),
            connection: Connection::Here(arrival.socket),
            resume: Some(Resume::new(secret)),
            allowance: Allowance::new(now),
            media: None,
            offers: 0,
            early: None,
            interrupted: false,
        });
        self.welcome(id, arrival.id, arrival.ice_servers, false);
        self.tell_joined(id);
        self.settle(now);
    }

    /// Makes way for the same identity.
    pub(super) fn replace(&mut self, now: Instant, identity: &Identity) {
        if let Some(former) = self.roster.of_identity(identity).map(|member| member.id) {
            self.remove(now, former, Exit::Replaced);
        }
    }

    pub(super) fn next_member(&mut self) -> MemberId {
        self.last_member += 1;
        MemberId(self.last_member)
    }

    /// A socket is gone without a goodbye. Its member may come back for a while, and its media go on; who waited in
    /// the lobby has to ask again.
    pub fn socket_lost(&mut self, now: Instant, socket: SocketId) {
        if let Some(id) = self.roster.of_socket(socket) {
            let until = self.settings.departure(now);
            self.roster.connect(id, Connection::Away { until });
        } else if self.lobby.take_socket(socket).is_some() {
            self.tell_lobby();
            self.settle(now);
        }
    }

    /// Lets go of members who did not come back in time.
    pub(super) fn remove_the_departed(&mut self, now: Instant) {
        let departed = self.roster.iter().filter(|member| match member.connection {
            Connection::Away { until } => until <= now,
            Connection::Here(_) | Connection::MediaOnly => false,
        });
        for id in departed.map(|member| member.id).collect::<Vec<_>>() {
            self.remove(now, id, Exit::TimedOut);
        }
    }

    /// The one way out for every member. Its tracks go with it: `participant_left` says it all.
    pub(super) fn remove(&mut self, now: Instant, id: MemberId, exit: Exit) {
        let Some(member) = self.roster.remove(id) else { return };
        if let Some(socket) = member.socket() {
            self.out.close(socket, exit.closed());
        }
        if let (Some(session), Some(reason)) = (&member.media, exit.media()) {
            self.out.push(Effect::EndMedia { place: session.place, reason });
        }
        for track in self.tracks_of(id) {
            self.tracks.remove(track);
        }
        self.speakers.retain(|speaker| *speaker != id);
        if !member.is_hidden() {
            let participant = member.identity.to_string();
            let message = ServerMessage::ParticipantLeft { participant, reason: exit.left() };
            self.tell(Audience::Everyone, &message);
        }
        self.settle(now);
    }

    /// The member of this identity, or 404.
    pub(super) fn member_called(&self, identity: &Identity) -> Result<&Member, Problem> {
        self.roster.of_identity(identity).ok_or_else(|| {
            Problem::new(Slug::ParticipantNotFound, format!("{identity} is not in room {}", self.name))
        })
    }
}
