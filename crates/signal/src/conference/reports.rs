//! What the media plane reports, put into the names that members know. Reports about places and tracks that are gone mean
//! nothing and are passed over.

use std::collections::BTreeMap;
use std::time::Instant;

use plenum_model::Place;
use serde_json::value::RawValue;

use super::Conference;
use super::announce::Audience;
use super::member::{Member, MemberId};
use crate::room::{ChatEntry, ServerMessage};

impl Conference {
    /// What a member's slots show now: all of them, in the engine's numbers.
    pub fn media_slots(&mut self, place: Place, slots: &[(String, Option<u32>)]) {
        let Some(id) = self.member_at(place) else { return };
        let media = self.roster.get_mut(id).and_then(|member| member.media.as_mut());
        if let Some(session) = media {
            session.slots = slots.to_vec();
            self.tell_slots(id);
        }
    }

    /// Who speaks now, the loudest first. Whoever speaks on several tracks is there once.
    pub fn media_speakers(&mut self, speaking: &[u32]) {
        let mut speakers: Vec<MemberId> = Vec::new();
        for track in speaking.iter().filter_map(|engine| self.tracks.published(*engine)) {
            if !speakers.contains(&track.owner) {
                speakers.push(track.owner);
            }
        }
        if speakers != self.speakers {
            self.speakers = speakers;
            let speakers = self.speaker_names();
            self.tell(Audience::Everyone, &ServerMessage::Speakers { speakers });
        }
    }

    /// A message to everyone on the topic `chat`, for those who come later. `payload` is a JSON value; one that some parser
    /// refuses is not kept, for nobody could read a `welcome` with it.
    pub fn media_chat(&mut self, now: Instant, place: Place, payload: &str) {
        let Some(member) = self.roster.of_place(place) else { return };
        if !member.permissions().can_publish_data {
            return;
        }
        if !plenum_model::is_plain(payload) {
            return;
        }
        let Ok(payload) = RawValue::from_string(payload.to_owned()) else { return };
        self.chat.push(ChatEntry {
            from: member.identity.to_string(),
            name: member.name.value.as_str().to_owned(),
            payload,
            at: self.calendar.date_at(now),
        });
    }

    /// Messages of the member at `place` did not reach the one at `to`, who does not take them in.
    pub fn media_data_dropped(&mut self, place: Place, topic: &str, to: Place, messages: u64) {
        let Some(id) = self.member_at(place) else { return };
        let Some(receiver) = self.roster.of_place(to).filter(|member| !member.is_hidden()) else { return };
        let to = receiver.identity.to_string();
        self.tell_one(id, &ServerMessage::DataDropped { topic: topic.to_owned(), to, messages });
    }

    /// Nothing has been heard of this session for a while; it may come back.
    pub fn media_interrupted(&mut self, place: Place) {
        if let Some(id) = self.member_at(place) {
            self.set_interrupted(id, true);
        }
    }

    /// It is back.
    pub fn media_resumed(&mut self, place: Place) {
        if let Some(id) = self.member_at(place) {
            self.set_interrupted(id, false);
        }
    }

    /// Which simulcast layers of a track anybody watches, by rid: its owner need not send the others.
    pub fn media_layers(&mut self, place: Place, track: u32, rids: &[(String, bool)]) {
        let Some(owner) = self.member_at(place) else { return };
        let own = self.tracks.of(owner).find(|known| known.engine == track);
        if let Some(track) = own.map(|track| track.id.to_string()) {
            let rids: BTreeMap<_, _> = rids.iter().cloned().collect();
            self.tell_one(owner, &ServerMessage::Layers { track, rids });
        }
    }

    fn member_at(&self, place: Place) -> Option<MemberId> {
        self.roster.of_place(place).map(|member: &Member| member.id)
    }
}
