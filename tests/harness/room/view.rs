//! What a member knows from the messages it got.

use std::collections::BTreeMap;

use serde_json::Value;

/// What a member has been told.
#[derive(Debug, Clone, Default)]
pub struct View {
    /// The others, by identity.
    pub participants: BTreeMap<String, Value>,
    /// By id.
    pub tracks: BTreeMap<String, Track>,
    /// Track id by mid.
    pub slots: BTreeMap<String, Option<String>>,
    /// Who speaks, by identity, loudest first.
    pub speakers: Vec<String>,
    /// Everything since the welcome, in order.
    pub messages: Vec<Value>,
    /// Why the server closed the connection.
    pub closed: Option<String>,
    /// Offers that the member sent.
    pub offers: usize,
    /// Answers that it got.
    pub answers: usize,
}

/// Somebody's track.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Track {
    /// Whose.
    pub participant: String,
    /// `camera`, `microphone`, `screen` or `screen_audio`.
    pub source: String,
    /// Whether it is muted.
    pub muted: bool,
}

impl View {
    /// The id of a participant's track.
    pub fn track_of(&self, identity: &str, source: &str) -> Option<String> {
        let is_it = |track: &Track| track.participant == identity && track.source == source;
        self.tracks.iter().find(|(_, track)| is_it(track)).map(|(id, _)| id.clone())
    }

    /// Whose track is in which slot.
    pub fn occupants(&self) -> BTreeMap<String, Track> {
        let track = |id: &Option<String>| self.tracks.get(id.as_ref()?).cloned();
        self.slots.iter().filter_map(|(mid, id)| Some((mid.clone(), track(id)?))).collect()
    }

    /// The mid of the slot that a participant's track is in.
    pub fn slot_of(&self, identity: &str, source: &str) -> Option<String> {
        let is_it = |track: &Track| track.participant == identity && track.source == source;
        self.occupants().into_iter().find(|(_, track)| is_it(track)).map(|(mid, _)| mid)
    }

    pub(super) fn note(&mut self, message: Value) {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        match message["type"].as_str().unwrap_or_default() {
            "welcome" => {
                for participant in message["participants"].as_array().into_iter().flatten() {
                    self.participants.insert(text(&participant["identity"]), participant.clone());
                }
                message["tracks"].as_array().into_iter().flatten().for_each(|track| self.note_track(track));
            }
            "answer" => self.answers += 1,
            "participant_joined" | "participant_updated" => {
                let participant = &message["participant"];
                self.participants.insert(text(&participant["identity"]), participant.clone());
            }
            "participant_left" => {
                // Said instead of `track_unpublished` for each of the tracks.
                let identity = text(&message["participant"]);
                self.tracks.retain(|_, track| track.participant != identity);
                self.participants.remove(&identity);
            }
            "track_published" | "track_updated" => self.note_track(&message["track"]),
            "track_unpublished" => drop(self.tracks.remove(&text(&message["track"]))),
            "slots" => {
                let slots = message["slots"].as_object().expect("slots are an object");
                let id = |value: &Value| value.as_str().map(str::to_owned);
                self.slots = slots.iter().map(|(mid, value)| (mid.clone(), id(value))).collect();
            }
            "speakers" => {
                self.speakers = message["speakers"].as_array().into_iter().flatten().map(text).collect();
            }
            "closed" => self.closed = Some(text(&message["reason"])),
            _ => {}
        }
        self.messages.push(message);
    }

    fn note_track(&mut self, track: &Value) {
        let text = |name: &str| track[name].as_str().unwrap_or_default().to_owned();
        let muted = track["muted"].as_bool().unwrap_or_default();
        let known = Track { participant: text("participant"), source: text("source"), muted };
        self.tracks.insert(text("id"), known);
    }
}
