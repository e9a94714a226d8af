//! Who may come in: the lock, the cap, the lobby. For WHIP publishers and WHEP viewers, too, who would otherwise walk
//! around them.

use std::time::Instant;

use plenum_model::Identity;
use plenum_model::limits::ROOM_METADATA;

use super::entrant::permissions;
use super::lobby::Visitor;
use super::member::Member;
use super::settings::check_metadata;
use super::{Conference, Entrant, SettingsChange};
use crate::room::json::escaped_len;
use crate::room::{ClosedReason, ServerMessage};
use crate::{Grant, Problem, Slug};

impl Conference {
    /// Whether this identity has come in through the door. One that publishes over WHIP has not: encoders do not wait, and
    /// see nothing.
    pub(super) fn is_inside(&self, identity: &Identity) -> bool {
        self.roster.of_identity(identity).is_some_and(|member| !Self::is_whip(member))
    }

    /// 403 for those whom no token names (`own` is false) when somebody else goes by this identity.
    pub(super) fn check_claim(&self, identity: &Identity, own: bool) -> Result<(), Problem> {
        let held = |member: &Member| member.named || !Self::is_whip(member);
        let taken = self.roster.of_identity(identity).is_some_and(held) || self.lobby.contains(identity);
        match taken && !own {
            false => Ok(()),
            true => {
                let detail = format!("somebody else is {identity} in this room, and the token names nobody");
                Err(Problem::new(Slug::IdentityMismatch, detail))
            }
        }
    }

    /// 403 or 409 for somebody new when the room is locked or full.
    pub(super) fn check_door(&self, identity: &Identity) -> Result<(), Problem> {
        if self.locked {
            let detail = format!("room {} is locked: nobody new may enter", self.name);
            return Err(Problem::new(Slug::RoomLocked, detail));
        }
        self.check_cap(identity)
    }

    /// 409 when there is no place for this identity among the others.
    fn check_cap(&self, identity: &Identity) -> Result<(), Problem> {
        let cap = self.settings.cap();
        let others = self.roster.len() - usize::from(self.roster.of_identity(identity).is_some());
        match others < cap {
            true => Ok(()),
            false => {
                let detail = format!("room {} takes {cap} participants, and they are here", self.name);
                Err(Problem::new(Slug::RoomFull, detail))
            }
        }
    }

    /// 413 when the metadata of all members, with this for `identity`, were more than a `welcome` may hold. Less than
    /// before is always fine.
    pub(super) fn check_metadata_space(&self, identity: &Identity, metadata: &str) -> Result<(), Problem> {
        let own = self.roster.of_identity(identity).map_or(0, |member| member.metadata_bytes);
        let all: usize = self.roster.iter().map(|member| member.metadata_bytes).sum();
        let bytes = escaped_len(metadata);
        match bytes <= own || all - own + bytes <= ROOM_METADATA {
            true => Ok(()),
            false => {
                let detail = format!(
                    "the metadata of all participants has at most {ROOM_METADATA} bytes of JSON, {} of them are left",
                    ROOM_METADATA.saturating_sub(all - own)
                );
                Err(Problem::new(Slug::BodyTooLarge, detail))
            }
        }
    }

    /// Whether somebody new has to wait.
    pub(super) fn must_wait(&self, entrant: &Entrant) -> bool {
        let may = self.overrides.applied(&entrant.identity, entrant.permissions);
        self.settings.lobby && !self.opens(may.admin, entrant.vouched)
    }

    /// Admins open doors and do not wait at them. Where everybody is an admin, for want of keys, that goes for the first
    /// one only.
    fn opens(&self, admin: bool, vouched: bool) -> bool {
        admin && (vouched || !self.roster.iter().any(|member| member.granted.admin))
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
        let visitor = self.visitor(identity)?;
        self.check_space_for(&visitor.entrant)?;
        if let Some(visitor) = self.lobby.take(identity) {
            self.tell_lobby();
            self.enter(now, visitor.entrant, visitor.arrival, visitor.secret);
        }
        Ok(())
    }

    /// For somebody who has waited: what was there on coming may be gone.
    fn check_space_for(&self, entrant: &Entrant) -> Result<(), Problem> {
        self.check_cap(&entrant.identity)?;
        self.check_metadata_space(&entrant.identity, &entrant.metadata.value)
    }

    /// Sends somebody away who waits.
    pub fn reject(&mut self, now: Instant, identity: &Identity) -> Result<(), Problem> {
        self.visitor(identity)?;
        self.send_away(identity, ClosedReason::Rejected);
        self.settle(now);
        Ok(())
    }

    /// Who waits under this identity, or 404.
    fn visitor(&self, identity: &Identity) -> Result<&Visitor, Problem> {
        self.lobby.get(identity).ok_or_else(|| {
            Problem::new(Slug::ParticipantNotFound, format!("{identity} does not wait in the lobby"))
        })
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
            match self.check_space_for(&visitor.entrant) {
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
        self.check_arrival(now, identity, grant)?;
        if self.roster.of_identity(identity).is_some() {
            return Ok(());
        }
        let may = self.overrides.applied(identity, permissions(grant));
        self.check_not_waiting(self.opens(may.admin, grant.vouched) || !grant.can_subscribe)
    }

    /// The same, but for the lobby, once it is negotiated.
    pub(super) fn check_arrival(
        &self,
        now: Instant,
        identity: &Identity,
        grant: &Grant,
    ) -> Result<(), Problem> {
        self.check_open()?;
        self.bans.check(now, identity)?;
        let may = self.overrides.applied(identity, permissions(grant));
        if may.hidden {
            return Err(Problem::new(Slug::Forbidden, "a hidden participant does not publish"));
        }
        if !may.can_publish {
            return Err(Problem::new(Slug::Forbidden, format!("{identity} may not publish")));
        }
        self.check_claim(identity, grant.identity.is_some() || !grant.vouched)?;
        let metadata = grant.metadata.as_deref().unwrap_or_default();
        check_metadata(metadata)?;
        self.check_metadata_space(identity, metadata)?;
        match self.roster.of_identity(identity) {
            Some(_) => Ok(()),
            None => self.check_door(identity),
        }
    }

    /// Whether a WHEP viewer may watch: members may, by the identity of their token; others where a newcomer could just
    /// walk in.
    pub fn check_viewer(&self, now: Instant, grant: &Grant) -> Result<(), Problem> {
        let mut may = permissions(grant);
        if let Some(identity) = &grant.identity {
            self.bans.check(now, identity)?;
            may = self.overrides.applied(identity, may);
            if !may.can_subscribe {
                return Err(Problem::new(Slug::Forbidden, format!("{identity} may not watch")));
            }
            if self.is_inside(identity) {
                return Ok(());
            }
        }
        if self.locked {
            let detail = format!("room {} is locked: nobody new may watch", self.name);
            return Err(Problem::new(Slug::RoomLocked, detail));
        }
        self.check_not_waiting(self.opens(may.admin, grant.vouched))
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
