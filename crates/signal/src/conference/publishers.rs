//! WHIP publishers as members: they have media, and nobody to talk to. They come with [`Conference::publisher_came`] and
//! go with [`Conference::media_ended`] or as other members do; their HTTP session is the server's.

use std::time::Instant;

use plenum_model::{CloseReason, MediaKind, Place, Source};

use super::allowance::Allowance;
use super::entrant::{Claimed, name_of};
use super::member::{Connection, Line, Member, MemberId, Session};
use super::{Conference, Effect};
use crate::Problem;
use crate::room::json::escaped_len;
use crate::room::{ClosedReason, Kind, Permissions};
use crate::whip::Publisher;

/// What a WHIP session is good for.
const PERMISSIONS: Permissions = Permissions {
    can_publish: true,
    can_subscribe: false,
    can_publish_data: false,
    admin: false,
    hidden: false,
};

impl Conference {
    /// A WHIP session has begun. `tracks` are its lines, by mid, with the engine's numbers; all of them are live. The
    /// same identity is replaced. [`Conference::check_publisher`] was asked before the session was negotiated; should the
    /// room have filled up since or the like, the session ends, with the problem for the server to tell.
    pub fn publisher_came(
        &mut self,
        now: Instant,
        publisher: Publisher,
        place: Place,
        tracks: &[(String, u32, MediaKind)],
    ) -> Result<(), Problem> {
        if let Err(problem) = self.check_arrival(now, &publisher.identity, &publisher.grant) {
            self.out.push(Effect::EndMedia { place, reason: CloseReason::Kicked });
            return Err(problem);
        }
        self.send_away(&publisher.identity, ClosedReason::Replaced);
        self.replace(now, &publisher.identity);
        let id = self.next_member();
        let session = self.whip_session(id, place, tracks);
        self.roster.insert(self.whip_member(now, id, publisher, session));
        self.tell_joined(id);
        for track in self.tracks_of(id) {
            if let Some(change) = self.tracks.get_mut(track).and_then(|track| track.set_muted(false)) {
                self.tell_track(track, change);
            }
        }
        let engine: Vec<_> = tracks.iter().map(|(_, engine, _)| *engine).collect();
        self.tell_slots_with(&engine, id);
        self.settle(now);
        Ok(())
    }

    fn whip_session(&mut self, id: MemberId, place: Place, tracks: &[(String, u32, MediaKind)]) -> Session {
        let lines = tracks.iter().map(|(mid, engine, kind)| {
            (mid.clone(), Line::Sends(self.tracks.add(id, *engine, Source::of_kind(*kind))))
        });
        let lines = lines.collect();
        // It never offers again here: WHIP restarts ICE on its own URL.
        Session { place, fingerprint: Default::default(), lines, slots: Vec::new() }
    }

    fn whip_member(&self, now: Instant, id: MemberId, publisher: Publisher, session: Session) -> Member {
        let name = publisher.name.unwrap_or_else(|| name_of(&publisher.identity));
        let metadata = publisher.grant.metadata.unwrap_or_default();
        Member {
            id,
            identity: publisher.identity,
            named: publisher.grant.identity.is_some(),
            name: Claimed { value: name, vouched: true },
            metadata_bytes: escaped_len(&metadata),
            metadata: Claimed { value: metadata, vouched: true },
            kind: Kind::Whip,
            granted: PERMISSIONS,
            joined_at: self.calendar.date_at(now),
            connection: Connection::MediaOnly,
            resume: None,
            allowance: Allowance::new(now),
            media: Some(session),
            offers: 0,
            early: None,
            interrupted: false,
        }
    }
}
