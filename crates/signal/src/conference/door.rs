//! Who may come in: the lock, the cap, the lobby. For WHIP publishers and WHEP viewers, too, who would otherwise walk
//! around them.

use std::time::Instant;

use plenum_model::Identity;

use super::lobby::Visitor;
use super::member::Member;
use super::{Conference, Entrant, SettingsChange};
use crate::room::{ClosedReason, ServerMessage};
use crate::{Grant, Problem, Slug};

impl Conference {
    /// 403 or 409 for somebody new when the room is locked or full.
    pub(super) fn check_door(&self) -> Result<(), Problem> {
        if self.locked {
            let detail = format!("room {} is locked: nobody new may enter", self.name);
            return Err(Problem::new(Slug::RoomLocked, detail));
        }
        self.check_cap()
    }

    fn check_cap(&self) -> Result<(), Problem> {
        let cap = self.settings.cap();
        match self.roster.len() < cap {
            true => Ok(()),
            false => {
                let detail = format!("room {} takes {cap} participants, and they are here", self.name);
                Err(Problem::new(Slug::RoomFull, detail))
            }
        }
    }

    /// Whether somebody new has to wait. Admins open doors and do not wait at them. Where everybody is an admin, for
    /// want of keys, that goes for the first one only.
    pub(super) fn must_wait(&self, entrant: &Entrant) -> bool {
        let opens = entrant.permissions.admin
            && (entrant.vouched || !self.roster.iter().any(|member| member.granted.admin));
        self.settings.lobby && !opens
    }

    /// Has somebody wait; the same identity does not wait twice.
    pub(super) fn wait(&mut self, visitor: Visitor) {
        if let Some(former) = self.lobby.take(&visitor.entrant.identity) {
            self.out.close(former.arrival.socket, ClosedReason::Replaced);
        }
        self.out.send(visitor.arrival.socket, &ServerMessage::Lobby { waiting: vec![visitor.view()] });
        self.lobby.push(visitor);
        self.tell_lobby();
    }

    /// Closes the socket of somebody who waits. Whether anybody did.
    pub(super) fn send_away(&mut self, identity: &Identity, reason: ClosedReason) -> bool {
        let Some(visitor) = self.lobby.take(identity) else { return false };
        self.out.close(visitor.arrival.socket, reason);
        self.tell_lobby();
        true
    }

    /// Lets somebody in who waits, even if the room is locked; 409 if it is full.
    pub fn admit(&mut self, now: Instant, identity: &Identity) -> Result<(), Problem> {
        self.check_waits(identity)?;
        self.check_cap()?;
        if let Some(visitor) = self.lobby.take(identity) {
            self.tell_lobby();
            self.enter(now, visitor.entrant, visitor.arrival, visitor.secret);
        }
        Ok(())
    }

    /// Sends somebody away who waits.
    pub fn reject(&mut self, now: Instant, identity: &Identity) -> Result<(), Problem> {
        self.check_waits(identity)?;
        self.send_away(identity, ClosedReason::Rejected);
        self.settle(now);
        Ok(())
    }

    fn check_waits(&self, identity: &Identity) -> Result<(), Problem> {
        match self.lobby.contains(identity) {
            true => Ok(()),
            false => {
                Err(Problem::new(Slug::ParticipantNotFound, format!("{identity} does not wait in the lobby")))
            }
        }
    }

    /// Lets nobody new in, or people again. Who waits may still be admitted.
    pub fn set_locked(&mut self, locked: bool) {
        let before = self.room();
        self.locked = locked;
        self.tell_room(&before);
    }

    /// Changes how the room is meant to be. Without a lobby, those who wait come in as far as there is room for them.
    pub fn change_settings(&mut self, now: Instant, change: SettingsChange) -> Result<(), Problem> {
        let before = self.room();
        self.settings.apply(change)?;
        self.tell_room(&before);
        if !self.settings.lobby && !self.lobby.is_empty() {
            self.open_lobby(now);
        }
        Ok(())
    }

    fn open_lobby(&mut self, now: Instant) {
        for visitor in self.lobby.take_all() {
            match self.check_cap() {
                Ok(()) => self.enter(now, visitor.entrant, visitor.arrival, visitor.secret),
                Err(problem) => {
                    let Visitor { arrival, .. } = visitor;
                    self.out.send(arrival.socket, &ServerMessage::error(arrival.id, &problem));
                    self.out.close(arrival.socket, ClosedReason::Rejected);
                }
            }
        }
        self.tell_lobby();
        self.settle(now);
    }

    /// Whether a WHIP publisher may come in, before anything is negotiated for it. It cannot wait in a lobby: an
    /// encoder passes that cannot watch anyway (a stream key, a token without `canSubscribe`), and admins do.
    pub fn check_publisher(&self, now: Instant, identity: &Identity, grant: &Grant) -> Result<(), Problem> {
        self.check_open()?;
        self.bans.check(now, identity)?;
        if grant.hidden {
            return Err(Problem::new(Slug::Forbidden, "a hidden participant does not publish"));
        }
        if self.roster.of_identity(identity).is_some() {
            return Ok(());
        }
        self.check_door()?;
        self.check_not_waiting(grant.admin || !grant.can_subscribe)
    }

    /// Whether a WHEP viewer may watch: members may, by the identity of their token; others where a newcomer could just
    /// walk in.
    pub fn check_viewer(&self, now: Instant, grant: &Grant) -> Result<(), Problem> {
        if let Some(identity) = &grant.identity {
            self.bans.check(now, identity)?;
            if self.roster.of_identity(identity).is_some_and(|member: &Member| !Self::is_whip(member)) {
                return Ok(());
            }
        }
        if self.locked {
            let detail = format!("room {} is locked: nobody new may watch", self.name);
            return Err(Problem::new(Slug::RoomLocked, detail));
        }
        self.check_not_waiting(grant.admin)
    }

    fn check_not_waiting(&self, passes: bool) -> Result<(), Problem> {
        match self.settings.lobby && !passes {
            false => Ok(()),
            true => {
                let detail = format!("room {} has a lobby: join it first and wait to be admitted", self.name);
                Err(Problem::new(Slug::NotAdmitted, detail))
            }
        }
    }
}
