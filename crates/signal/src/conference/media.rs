//! Media sessions of members: from an offer to its answer, and their tracks.
//!
//! Negotiating takes a while and happens elsewhere, so it is two calls here, with a [`Ticket`] in between. The member may
//! be gone by the second one, or have sent another offer: the newest counts.

use std::collections::BTreeMap;
use std::time::Instant;

use plenum_model::{
    Allowed, CloseReason, Identity, MediaKind, MediaOffer, OfferedLine, Place, Source, TrackTerms,
};

use super::announce::Audience;
use super::member::{Exit, Line, Member, MemberId, Session};
use super::requests::{no_media, not_admitted};
use super::tracks::{Change, TrackId};
use super::{Conference, Effect, SocketId};
use crate::room::{Quality, RequestId, ServerMessage, TrackRequest, check_grants};
use crate::{Problem, Slug};

/// What an offer is to the media plane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Goes {
    /// A first session.
    New,
    /// Another session instead of this one: the certificate is another one, so it is another connection.
    Replace(Place),
    /// On with this session: more lines, or new ICE credentials.
    On(Place),
}

/// An offer on its way through the negotiation. It comes back with what became of it.
#[derive(Debug)]
pub struct Ticket {
    /// Whose.
    pub identity: Identity,
    /// What it may do.
    pub allowed: Allowed,
    /// What the offer says of the lines that are new in it and send.
    pub terms: Vec<TrackTerms>,
    /// A new session, or on with one.
    pub goes: Goes,
    member: MemberId,
    number: u32,
    id: Option<RequestId>,
    fingerprint: (String, String),
    /// The lines to receive on, by mid.
    slots: Vec<(String, MediaKind)>,
}

impl Conference {
    /// Looks at an offer that has passed [`crate::room::read_offer`]: whether its sender may send and receive on these
    /// lines, and what it is to the media plane. `tracks` is what `offer` says of its lines; a sending line that it
    /// does not mention is a muted camera or microphone. Lines of before are as they are, whatever it says of them.
    pub fn offered(
        &mut self,
        now: Instant,
        socket: SocketId,
        id: Option<RequestId>,
        offer: &MediaOffer,
        tracks: &BTreeMap<String, TrackRequest>,
    ) -> Result<Ticket, Problem> {
        let member = self.member_on(socket)?;
        self.spend(now, member)?;
        let Some(member) = self.roster.get_mut(member) else { return Err(not_joined()) };
        let session = member.media.as_ref().filter(|session| session.fingerprint == offer.fingerprint);
        let is_known =
            |line: &OfferedLine| session.is_some_and(|session| session.lines.contains_key(&line.mid));
        check_grants(offer, member.allowed(), is_known)?;
        let terms = terms(offer, tracks, is_known)?;
        let goes = match (session, &member.media) {
            (Some(session), _) => Goes::On(session.place),
            (None, Some(former)) => Goes::Replace(former.place),
            (None, None) => Goes::New,
        };
        let receiving = offer.lines.iter().filter(|line| line.direction.receives());
        let slots = receiving.filter_map(|line| Some((line.mid.clone(), line.kind?))).collect();
        member.offers += 1;
        member.early = Some(Vec::new());
        Ok(Ticket {
            identity: member.identity.clone(),
            allowed: member.allowed(),
            terms,
            goes,
            member: member.id,
            number: member.offers,
            id,
            fingerprint: offer.fingerprint.clone(),
            slots,
        })
    }

    fn member_on(&mut self, socket: SocketId) -> Result<MemberId, Problem> {
        match self.roster.of_socket(socket) {
            Some(member) => Ok(member),
            None if self.lobby.on_socket(socket).is_some() => Err(not_admitted()),
            None => Err(not_joined()),
        }
    }

    /// The session is there, or has changed: `answer` and the engine's numbers of all tracks on sending lines go to the
    /// member, and what is unmuted is announced. If the member is gone or has overtaken itself, the session ends.
    pub fn media_admitted(&mut self, ticket: Ticket, place: Place, answer: &str, tracks: &[(String, u32)]) {
        let Some(member) = self.roster.get(ticket.member) else {
            return self.out.push(Effect::EndMedia { place, reason: CloseReason::Deleted });
        };
        let overtaken = member.offers != ticket.number;
        let current = member.media.as_ref().map(|session| session.place);
        match ticket.goes {
            Goes::On(_) if current != Some(place) => return self.media_refused(ticket, &no_media()),
            Goes::On(_) => {}
            Goes::New | Goes::Replace(_) if overtaken => {
                return self.out.push(Effect::EndMedia { place, reason: CloseReason::Replaced });
            }
            Goes::New | Goes::Replace(_) => {
                self.begin_session(ticket.member, place, ticket.fingerprint.clone())
            }
        }
        let new = self.add_lines(&ticket, tracks);
        if !overtaken {
            self.answer(&ticket, answer);
        }
        self.announce_tracks(&ticket, place, new);
    }

    /// Nothing came of the offer.
    pub fn media_refused(&mut self, ticket: Ticket, problem: &Problem) {
        if let Some(member) = self.roster.get_mut(ticket.member)
            && member.offers == ticket.number
        {
            member.early = None;
            self.tell_one(ticket.member, &ServerMessage::error(ticket.id, problem));
        }
    }

    /// A session instead of the one of before, if there was one.
    fn begin_session(&mut self, id: MemberId, place: Place, fingerprint: (String, String)) {
        self.drop_tracks(id);
        let session = Session { place, fingerprint, lines: BTreeMap::new(), slots: Vec::new() };
        let former = self.roster.set_media(id, Some(session)).filter(|former| former.place != place);
        if let Some(former) = former {
            self.out.push(Effect::EndMedia { place: former.place, reason: CloseReason::Replaced });
        }
        self.set_interrupted(id, false);
    }

    /// Notes the lines that are new in an offer.
    fn add_lines(&mut self, ticket: &Ticket, engine: &[(String, u32)]) -> Vec<(TrackId, bool)> {
        let mut lines: Vec<_> =
            ticket.slots.iter().map(|(mid, kind)| (mid.clone(), Line::Slot(*kind))).collect();
        let mut new = Vec::new();
        for terms in &ticket.terms {
            if let Some((_, number)) = engine.iter().find(|(mid, _)| *mid == terms.mid) {
                let track = self.tracks.add(ticket.member, *number, terms.source);
                lines.push((terms.mid.clone(), Line::Sends(track)));
                new.push((track, terms.muted));
            }
        }
        let media = self.roster.get_mut(ticket.member).and_then(|member| member.media.as_mut());
        if let Some(session) = media {
            session.lines.extend(lines);
        }
        new
    }

    fn answer(&mut self, ticket: &Ticket, sdp: &str) {
        let Some(member) = self.roster.get_mut(ticket.member) else { return };
        let early = member.early.take().unwrap_or_default();
        let Some(session) = &member.media else { return };
        let place = session.place;
        let sending = session.lines.iter().filter_map(|(mid, line)| match line {
            Line::Sends(track) => Some((mid.clone(), track.to_string())),
            Line::Slot(_) => None,
        });
        let message =
            ServerMessage::Answer { id: ticket.id.clone(), sdp: sdp.to_owned(), tracks: sending.collect() };
        self.tell_one(ticket.member, &message);
        if !early.is_empty() {
            self.out.push(Effect::AddCandidates { place, candidates: early });
        }
    }

    /// Publishes what starts unmuted: the engine has it so already. Should the member not be allowed to any more, the
    /// engine learns of that instead.
    fn announce_tracks(&mut self, ticket: &Ticket, place: Place, new: Vec<(TrackId, bool)>) {
        let allowed = self.roster.get(ticket.member).map_or(ticket.allowed, Member::allowed);
        if allowed != ticket.allowed {
            self.out.push(Effect::Allow { place, allowed });
        }
        let mut published = Vec::new();
        for (id, muted) in new {
            let Some(track) = self.tracks.get_mut(id) else { continue };
            if !muted && !allowed.publish {
                self.out.push(Effect::Mute { place, track: track.engine, muted: true });
            } else if track.set_muted(muted) == Some(Change::Published) {
                published.push(track.engine);
                self.tell_track(id, Change::Published);
            }
        }
        self.tell_slots_with(&published, ticket.member);
    }

    /// Slots that show a track which nobody could name until now.
    pub(super) fn tell_slots_with(&mut self, engine: &[u32], owner: MemberId) {
        let shows = |session: &Session| {
            session.slots.iter().any(|(_, shown)| shown.is_some_and(|shown| engine.contains(&shown)))
        };
        let viewers = self.roster.iter().filter(|member| member.id != owner);
        let viewers = viewers.filter(|member| member.media.as_ref().is_some_and(shows));
        for id in viewers.map(|member| member.id).collect::<Vec<_>>() {
            self.tell_slots(id);
        }
    }

    /// A media session is over, whoever ended it. A member stays and may offer again; a WHIP publisher was nothing else.
    /// A place that is nobody's (any more) means nothing here.
    pub fn media_ended(&mut self, now: Instant, place: Place) {
        let Some(member) = self.roster.of_place(place) else { return };
        let id = member.id;
        if Self::is_whip(member) {
            return self.remove(now, id, Exit::MediaOver);
        }
        self.drop_tracks(id);
        self.roster.set_media(id, None);
        self.tell_slots(id);
    }

    /// Mutes or unmutes a track for everybody.
    pub(super) fn set_muted(&mut self, id: TrackId, muted: bool) {
        let Some(track) = self.tracks.get_mut(id) else { return };
        let changes = track.muted != muted;
        let change = track.set_muted(muted);
        let (owner, engine) = (track.owner, track.engine);
        let media = self.roster.get(owner).and_then(|member| member.media.as_ref());
        if let (true, Some(session)) = (changes, media) {
            self.out.push(Effect::Mute { place: session.place, track: engine, muted });
        }
        if let Some(change) = change {
            self.tell_track(id, change);
        }
    }

    /// Mutes and unpublishes all that a member sends; it keeps its lines.
    pub(super) fn withdraw_tracks(&mut self, id: MemberId) {
        for track in self.tracks_of(id) {
            self.unpublish(track);
            self.set_muted(track, true);
        }
    }

    /// Forgets all that a member sent on lines that are gone.
    fn drop_tracks(&mut self, id: MemberId) {
        for track in self.tracks_of(id) {
            self.unpublish(track);
            self.tracks.remove(track);
        }
    }

    fn unpublish(&mut self, id: TrackId) {
        if let Some(track) = self.tracks.get_mut(id)
            && std::mem::replace(&mut track.published, false)
        {
            self.tell_track(id, Change::Unpublished);
        }
    }

    pub(super) fn tracks_of(&self, id: MemberId) -> Vec<TrackId> {
        self.tracks.of(id).map(|track| track.id).collect()
    }

    pub(super) fn set_interrupted(&mut self, id: MemberId, interrupted: bool) {
        let Some(member) = self.roster.get_mut(id) else { return };
        if std::mem::replace(&mut member.interrupted, interrupted) != interrupted {
            let quality = if interrupted { Quality::Lost } else { Quality::Good };
            let message = ServerMessage::Quality { participant: member.identity.to_string(), quality };
            self.tell(Audience::About(id), &message);
        }
    }
}

fn not_joined() -> Problem {
    Problem::new(Slug::NotJoined, "join the room before anything else")
}

/// What is known of the lines that send and are new.
fn terms(
    offer: &MediaOffer,
    tracks: &BTreeMap<String, TrackRequest>,
    is_known: impl Fn(&OfferedLine) -> bool,
) -> Result<Vec<TrackTerms>, Problem> {
    let mut terms = Vec::new();
    for line in offer.lines.iter().filter(|line| line.direction.sends() && !is_known(line)) {
        let Some(kind) = line.kind else { continue };
        let request = tracks.get(&line.mid).copied();
        let request = request.unwrap_or(TrackRequest { source: Source::of_kind(kind), muted: true });
        if request.source.kind() != kind {
            let (mid, source) = (&line.mid, request.source.as_str());
            let detail = format!("line {mid:?} is {}, which a {source} is not", kind.as_str());
            return Err(Problem::new(Slug::MalformedRequest, detail));
        }
        terms.push(TrackTerms { mid: line.mid.clone(), source: request.source, muted: request.muted });
    }
    Ok(terms)
}
