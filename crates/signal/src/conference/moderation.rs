//! What is done to members, by admins in the room or through the HTTP API: removing, muting, asking, changing what they
//! may do and what they are called.

use std::time::Instant;

use plenum_model::{DisplayName, Identity};

use super::announce::Audience;
use super::entrant::Claimed;
use super::member::{Connection, Exit, Member, MemberId};
use super::settings::check_metadata;
use super::tracks::TrackId;
use super::{Conference, Effect};
use crate::room::json::escaped_len;
use crate::room::{LeftReason, Permissions, ServerMessage};
use crate::{Problem, Slug};

/// What to change of a member's permissions; `None` stays as it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PermissionsChange {
    /// Send media. Taken away, it ends what is published.
    pub can_publish: Option<bool>,
    /// Receive media.
    pub can_subscribe: Option<bool>,
    /// Send data messages and signals.
    pub can_publish_data: Option<bool>,
    /// Moderate.
    pub admin: Option<bool>,
    /// Not be seen by others.
    pub hidden: Option<bool>,
}

impl PermissionsChange {
    /// Both, the `later` one on top.
    pub(super) fn then(self, later: Self) -> Self {
        Self {
            can_publish: later.can_publish.or(self.can_publish),
            can_subscribe: later.can_subscribe.or(self.can_subscribe),
            can_publish_data: later.can_publish_data.or(self.can_publish_data),
            admin: later.admin.or(self.admin),
            hidden: later.hidden.or(self.hidden),
        }
    }

    pub(super) fn apply(self, to: &mut Permissions) {
        to.can_publish = self.can_publish.unwrap_or(to.can_publish);
        to.can_subscribe = self.can_subscribe.unwrap_or(to.can_subscribe);
        to.can_publish_data = self.can_publish_data.unwrap_or(to.can_publish_data);
        to.admin = self.admin.unwrap_or(to.admin);
        to.hidden = self.hidden.unwrap_or(to.hidden);
    }
}

impl Conference {
    /// Removes a member, or somebody who waits, and keeps them out for a while, so that a client that joins again by
    /// itself does not undo it. 404 if there is neither; but even then its WHEP sessions end and it stays out, for who
    /// only watches is not known here.
    pub fn kick(&mut self, now: Instant, identity: &Identity) -> Result<(), Problem> {
        self.bans.keep_out(now, identity);
        self.expel(now, identity, Exit::Kicked)
    }

    /// Keeps an identity out for the room's life, and removes it if it is here; its WHEP sessions, too.
    pub fn ban(&mut self, now: Instant, identity: &Identity) -> Result<(), Problem> {
        self.bans.ban(now, identity)?;
        // Nobody of that name is here: the ban is for the future.
        let _absent = self.expel(now, identity, Exit::Banned);
        Ok(())
    }

    /// Lets an identity come again that was kicked or banned.
    pub fn unban(&mut self, identity: &Identity) -> Result<(), Problem> {
        match self.bans.lift(identity) {
            true => Ok(()),
            false => Err(Problem::new(Slug::ParticipantNotFound, format!("{identity} is not banned"))),
        }
    }

    fn expel(&mut self, now: Instant, identity: &Identity, exit: Exit) -> Result<(), Problem> {
        self.out.push(Effect::EndViewers { identity: identity.clone() });
        let waited = self.send_away(identity, exit.closed());
        // Who waits may publish over WHIP all the while.
        match self.member_called(identity).map(|member| member.id) {
            Ok(id) => self.remove(now, id, exit),
            Err(_) if waited => self.settle(now),
            Err(problem) => return Err(problem),
        }
        Ok(())
    }

    /// Mutes one track of a member, or all of them. Its owner is told by `track_updated` and may unmute. Nobody unmutes
    /// somebody else, except for a WHIP publisher, who could not do it.
    pub fn mute(&mut self, identity: &Identity, track: Option<&str>, muted: bool) -> Result<(), Problem> {
        let member = self.member_called(identity)?;
        if !muted && !Self::is_whip(member) {
            let detail = format!("only {identity} can unmute; ask for it");
            return Err(Problem::new(Slug::Forbidden, detail));
        }
        if !muted && !member.permissions().can_publish {
            return Err(Problem::new(Slug::Forbidden, format!("{identity} may not publish")));
        }
        let owner = member.id;
        let chosen = match track {
            Some(track) => vec![self.own_track(owner, track)?],
            None => self.tracks_of(owner),
        };
        for track in chosen {
            self.set_muted(track, muted);
        }
        Ok(())
    }

    /// Asks a member to unmute a track, or (none) its microphone. `by` is who asks; a hidden one is not named.
    pub fn request_unmute(
        &mut self,
        by: Option<&Identity>,
        identity: &Identity,
        track: Option<&str>,
    ) -> Result<(), Problem> {
        let member = self.member_called(identity)?;
        let id = member.id;
        if member.connection == Connection::MediaOnly {
            let detail = format!("{identity} publishes over WHIP, where nobody can be asked");
            return Err(Problem::new(Slug::ParticipantNotFound, detail));
        }
        if let Some(track) = track {
            self.own_track(id, track)?;
        }
        let visible = |member: &&Member| !member.is_hidden();
        let from = by.and_then(|by| self.roster.of_identity(by)).filter(visible);
        let from = from.map(|member| member.identity.to_string());
        let message = ServerMessage::UnmuteRequested { from, track: track.map(str::to_owned) };
        self.tell_one(id, &message);
        Ok(())
    }

    /// Changes what a member may do, from now on: also when it comes again, whatever its token says.
    pub fn set_permissions(&mut self, identity: &Identity, change: PermissionsChange) -> Result<(), Problem> {
        let id = self.member_called(identity)?.id;
        self.overrides.note(identity, change)?;
        let Some(member) = self.roster.get_mut(id) else { return Ok(()) };
        let (before, allowed) = (member.permissions(), member.allowed());
        change.apply(&mut member.granted);
        let (after, now_allowed) = (member.permissions(), member.allowed());
        let place = member.media.as_ref().map(|session| session.place);
        if before.can_publish && !after.can_publish {
            self.withdraw_tracks(id);
        }
        if before.can_subscribe && !after.can_subscribe {
            self.out.push(Effect::EndViewers { identity: identity.clone() });
        }
        if let (Some(place), true, false) = (place, allowed != now_allowed, self.publishes_over_whip(id)) {
            self.out.push(Effect::Allow { place, allowed: now_allowed });
        }
        if before != after {
            self.tell_permissions(id, before, after);
        }
        Ok(())
    }

    fn tell_permissions(&mut self, id: MemberId, before: Permissions, after: Permissions) {
        match (before.hidden, after.hidden) {
            (false, true) => self.tell_gone(id),
            (true, false) => self.tell_joined(id),
            _ => {}
        }
        // One who comes out of hiding is `joined` to the others, and updated to itself.
        match before.hidden && !after.hidden {
            false => self.tell_updated(id),
            true => self.tell_itself(id),
        }
        if after.admin && !before.admin && !self.lobby.is_empty() {
            let waiting = self.lobby.views();
            self.tell_one(id, &ServerMessage::Lobby { waiting });
        }
    }

    fn tell_gone(&mut self, id: MemberId) {
        let Some(member) = self.roster.get(id) else { return };
        let participant = member.identity.to_string();
        let message = ServerMessage::ParticipantLeft { participant, reason: LeftReason::Left };
        self.tell(Audience::AllBut(id), &message);
        self.speakers.retain(|speaker| *speaker != id);
    }

    fn tell_itself(&mut self, id: MemberId) {
        if let Some(member) = self.roster.get(id) {
            let message = ServerMessage::ParticipantUpdated { participant: member.view() };
            self.tell_one(id, &message);
        }
    }

    fn publishes_over_whip(&self, id: MemberId) -> bool {
        self.roster.get(id).is_some_and(Self::is_whip)
    }

    /// Changes what others see of a member, whatever its token says.
    pub fn set_profile(
        &mut self,
        identity: &Identity,
        name: Option<DisplayName>,
        metadata: Option<String>,
    ) -> Result<(), Problem> {
        if let Some(metadata) = &metadata {
            check_metadata(metadata)?;
            self.check_metadata_space(identity, metadata)?;
        }
        let id = self.member_called(identity)?.id;
        let Some(member) = self.roster.get_mut(id) else { return Ok(()) };
        let changed = assign(&mut member.name, name) | assign(&mut member.metadata, metadata);
        member.metadata_bytes = escaped_len(&member.metadata.value);
        if changed {
            self.tell_updated(id);
        }
        Ok(())
    }

    /// The same by the member itself: what stands in its token is not its own to change.
    pub(super) fn update_own_profile(
        &mut self,
        now: Instant,
        id: MemberId,
        name: Option<DisplayName>,
        metadata: Option<String>,
    ) -> Result<(), Problem> {
        let Some(member) = self.roster.get_mut(id) else { return Ok(()) };
        check_own("name", &member.name, name.as_ref())?;
        check_own("metadata", &member.metadata, metadata.as_ref())?;
        // Others are told all of it, whatever has changed.
        let bytes = metadata.as_ref().map_or(member.metadata_bytes, |metadata| escaped_len(metadata));
        member.allowance.take_bytes(now, bytes)?;
        let identity = member.identity.clone();
        self.set_profile(&identity, name, metadata)
    }

    /// A track of this member, by the id that is in messages, or 404.
    pub(super) fn own_track(&self, owner: MemberId, id: &str) -> Result<TrackId, Problem> {
        let track = TrackId::parse(id).and_then(|id| self.tracks.get(id));
        match track.filter(|track| track.owner == owner) {
            Some(track) => Ok(track.id),
            None => {
                let owner = self.roster.get(owner).map_or("nobody", |member| member.identity.as_str());
                Err(Problem::new(Slug::TrackNotFound, format!("{owner} has no track {id:?}")))
            }
        }
    }
}

fn assign<T: PartialEq>(field: &mut Claimed<T>, value: Option<T>) -> bool {
    match value {
        Some(value) if value != field.value => {
            field.value = value;
            true
        }
        _ => false,
    }
}

fn check_own<T: PartialEq>(what: &str, field: &Claimed<T>, wanted: Option<&T>) -> Result<(), Problem> {
    match field.vouched && wanted.is_some_and(|wanted| *wanted != field.value) {
        false => Ok(()),
        true => Err(Problem::new(Slug::Forbidden, format!("the {what} stands in the token"))),
    }
}
