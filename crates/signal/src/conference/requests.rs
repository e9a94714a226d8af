//! What clients ask for, one message at a time. Whatever is refused is answered with an `error`; what has no reply of
//! its own, with `ok`.

use std::time::Instant;

use plenum_model::{Identity, SlotDemand};
use serde_json::value::RawValue;

use super::member::{Exit, Line, Member, MemberId, Session};
use super::tracks::TrackId;
use super::{Conference, Effect, SocketId};
use crate::ice;
use crate::room::{ClientMessage, Refused, Request, RequestId, ServerMessage};
use crate::{Problem, Slug};

impl Conference {
    /// Carries out a request; all but `join` and `offer`, which the server brings with what they need. Of a socket that
    /// the conference does not know, nothing is taken.
    pub fn handle(&mut self, now: Instant, socket: SocketId, request: Request) {
        let Request { message, id } = request;
        if self.lobby.on_socket(socket).is_some() {
            return self.handle_visitor(now, socket, &message, id);
        }
        let Some(member) = self.roster.of_socket(socket) else { return };
        let farewell = matches!(message, ClientMessage::Leave);
        let result = self.spend(now, member).and_then(|()| self.carry_out(now, member, message));
        match (result, id) {
            (Ok(()), Some(id)) if !farewell => self.out.send(socket, &ServerMessage::Ok { id }),
            (Ok(()), _) => {}
            (Err(problem), id) => self.out.send(socket, &ServerMessage::error(id, &problem)),
        }
    }

    /// Answers a message that could not be read. It counts like one that could.
    pub fn refuse(&mut self, now: Instant, socket: SocketId, refused: &Refused) {
        let spent = match self.roster.of_socket(socket) {
            Some(member) => self.spend(now, member),
            None if self.lobby.on_socket(socket).is_some() => Ok(()),
            None => return,
        };
        let problem = spent.err().unwrap_or_else(|| refused.problem.clone());
        self.out.send(socket, &ServerMessage::error(refused.id.clone(), &problem));
    }

    /// Takes one message off a member's allowance.
    pub(super) fn spend(&mut self, now: Instant, member: MemberId) -> Result<(), Problem> {
        self.roster.get_mut(member).map_or(Ok(()), |member| member.allowance.take(now))
    }

    /// Who waits can leave; everything else is for members.
    fn handle_visitor(
        &mut self,
        now: Instant,
        socket: SocketId,
        message: &ClientMessage,
        id: Option<RequestId>,
    ) {
        if matches!(message, ClientMessage::Leave) {
            if self.lobby.take_socket(socket).is_some() {
                self.out.close(socket, Exit::Left.closed());
                self.tell_lobby();
                self.settle(now);
            }
            return;
        }
        let Some(visitor) = self.lobby.on_socket(socket) else { return };
        let problem = match visitor.allowance.take(now) {
            Ok(()) => not_admitted(),
            Err(problem) => problem,
        };
        self.out.send(socket, &ServerMessage::error(id, &problem));
    }

    fn carry_out(&mut self, now: Instant, id: MemberId, message: ClientMessage) -> Result<(), Problem> {
        match message {
            ClientMessage::Candidate { candidate, .. } => self.take_candidate(id, &candidate),
            ClientMessage::Pin { slot, track } => self.pin(id, slot, track.as_deref()),
            ClientMessage::Demand { slot, max_width, max_height, priority } => {
                self.demand(id, slot, SlotDemand { max_width, max_height, priority })
            }
            ClientMessage::Mute { track, muted } => self.mute_own(id, &track, muted),
            ClientMessage::Signal { to, payload } => self.signal(now, id, &to, payload),
            ClientMessage::UpdateMetadata { metadata, name } => {
                self.update_own_profile(now, id, name, metadata)
            }
            ClientMessage::Leave => {
                self.remove(now, id, Exit::Left);
                Ok(())
            }
            ClientMessage::Join(_) | ClientMessage::Offer { .. } => {
                Err(Problem::new(Slug::MalformedRequest, "this socket has joined already"))
            }
            moderation => self.moderate(now, id, moderation),
        }
    }

    /// The messages of admins.
    fn moderate(&mut self, now: Instant, id: MemberId, message: ClientMessage) -> Result<(), Problem> {
        if !self.is_admin(id) {
            let detail = format!("{} is for admins of the room", message.kind());
            return Err(Problem::new(Slug::Forbidden, detail));
        }
        match message {
            ClientMessage::Kick { participant } => self.kick(now, &participant),
            ClientMessage::Ban { participant } => self.ban(now, &participant),
            ClientMessage::Admit { participant } => self.admit(now, &participant),
            ClientMessage::Reject { participant } => self.reject(now, &participant),
            ClientMessage::MuteParticipant { participant, track } => {
                self.mute(&participant, track.as_deref(), true)
            }
            ClientMessage::RequestUnmute { participant, track } => {
                let by = self.roster.get(id).map(|member| member.identity.clone());
                self.request_unmute(by.as_ref(), &participant, track.as_deref())
            }
            ClientMessage::Lock => {
                self.set_locked(true);
                Ok(())
            }
            ClientMessage::Unlock => {
                self.set_locked(false);
                Ok(())
            }
            _ => Err(Problem::new(Slug::UnknownMessage, "this is not a message to a conference")),
        }
    }

    fn mute_own(&mut self, id: MemberId, track: &str, muted: bool) -> Result<(), Problem> {
        let track = self.own_track(id, track)?;
        let may = self.roster.get(id).is_some_and(|member| member.permissions().can_publish);
        if !muted && !may {
            return Err(Problem::new(Slug::Forbidden, "you may not publish"));
        }
        self.set_muted(track, muted);
        Ok(())
    }

    fn signal(
        &mut self,
        now: Instant,
        id: MemberId,
        to: &Identity,
        payload: Box<RawValue>,
    ) -> Result<(), Problem> {
        let Some(sender) = self.roster.get(id) else { return Ok(()) };
        if !sender.permissions().can_publish_data {
            return Err(Problem::new(Slug::Forbidden, "you may not send signals"));
        }
        let from = sender.identity.to_string();
        let receiver = self.roster.of_identity(to).filter(|member| !member.is_hidden());
        let Some(socket) = receiver.and_then(Member::socket) else {
            let detail = format!("{to} cannot be reached by a signal");
            return Err(Problem::new(Slug::ParticipantNotFound, detail));
        };
        if let Some(sender) = self.roster.get_mut(id) {
            sender.allowance.take_bytes(now, payload.get().len())?;
        }
        self.out.send(socket, &ServerMessage::Signal { from, payload });
        Ok(())
    }

    /// A candidate of the offer that is being negotiated, or of the session. What cannot be used (TCP, host names) is
    /// passed over in silence, as browsers send it all the time.
    fn take_candidate(&mut self, id: MemberId, candidate: &str) -> Result<(), Problem> {
        let value = candidate.strip_prefix("a=").unwrap_or(candidate);
        let value = value.strip_prefix("candidate:").unwrap_or(value);
        let candidates = ice::candidates(std::iter::once(value));
        let Some(member) = self.roster.get_mut(id) else { return Ok(()) };
        match (&mut member.early, &member.media) {
            (Some(early), _) => {
                early.extend(candidates);
                early.truncate(plenum_model::limits::REMOTE_CANDIDATES);
            }
            (None, Some(session)) if !candidates.is_empty() => {
                self.out.push(Effect::AddCandidates { place: session.place, candidates });
            }
            (None, Some(_)) => {}
            (None, None) => return Err(no_media()),
        }
        Ok(())
    }

    fn pin(&mut self, id: MemberId, slot: String, track: Option<&str>) -> Result<(), Problem> {
        let (session, kind) = self.slot(id, &slot)?;
        let place = session.place;
        let track = match track {
            None => None,
            Some(name) => {
                let track = TrackId::parse(name).and_then(|id| self.tracks.get(id));
                let owned = track.filter(|track| track.published && track.owner != id);
                let Some(track) = owned else {
                    return Err(Problem::new(Slug::TrackNotFound, format!("nobody publishes {name:?}")));
                };
                if track.source.kind() != kind {
                    let detail = format!("{name} is {}, slot {slot} is not", track.source.kind().as_str());
                    return Err(Problem::new(Slug::MalformedRequest, detail));
                }
                Some(track.engine)
            }
        };
        self.out.push(Effect::Pin { place, mid: slot, track });
        Ok(())
    }

    fn demand(&mut self, id: MemberId, slot: String, demand: SlotDemand) -> Result<(), Problem> {
        let (session, _) = self.slot(id, &slot)?;
        let place = session.place;
        self.out.push(Effect::Demand { place, mid: slot, demand });
        Ok(())
    }

    /// A slot of a member's session: 409 without a session, 404 without such a slot.
    fn slot(&self, id: MemberId, mid: &str) -> Result<(&Session, plenum_model::MediaKind), Problem> {
        let session = self.roster.get(id).and_then(|member| member.media.as_ref()).ok_or_else(no_media)?;
        match session.lines.get(mid) {
            Some(Line::Slot(kind)) => Ok((session, *kind)),
            _ => Err(Problem::new(Slug::SlotNotFound, format!("line {mid:?} is not one of your slots"))),
        }
    }
}

pub(super) fn no_media() -> Problem {
    Problem::new(Slug::NoMedia, "send an offer first")
}

pub(super) fn not_admitted() -> Problem {
    Problem::new(Slug::NotAdmitted, "you wait in the lobby until somebody lets you in")
}
