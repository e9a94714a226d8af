//! What a client makes of what it is told, and what it would be surprised by.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// The room as one client knows it.
#[derive(Debug, Default)]
pub(super) struct Ear {
    /// Its own identity, once it is welcomed.
    pub(super) me: Option<String>,
    pub(super) others: BTreeSet<String>,
    /// The owners of tracks, by the tracks' ids.
    pub(super) tracks: BTreeMap<String, String>,
    /// What its own sending lines are called.
    pub(super) own: Vec<String>,
    pub(super) resume: Option<String>,
    pub(super) closed: bool,
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no string")).to_owned()
}

impl Ear {
    /// Takes a message in. The error is what is wrong with it.
    pub(super) fn hear(&mut self, message: &Value) -> Result<(), String> {
        if self.closed {
            return Err("after closed".into());
        }
        let kind = text(&message["type"]);
        if self.me.is_none() && !["welcome", "lobby", "error", "closed", "reconnect"].contains(&&*kind) {
            return Err("before welcome".into());
        }
        match kind.as_str() {
            "welcome" => self.welcome(message),
            "participant_joined" => self.joined(&text(&message["participant"]["identity"])),
            "participant_left" => self.left(&text(&message["participant"])),
            "participant_updated" => self.known(&text(&message["participant"]["identity"])),
            "track_published" => self.published(&message["track"]),
            "track_updated" => self.known_track(&text(&message["track"]["id"])),
            "track_unpublished" => self.unpublished(&text(&message["track"])),
            "answer" => self.answer(&message["tracks"]),
            "slots" => self.slots(&message["slots"]),
            "speakers" => {
                message["speakers"].as_array().unwrap().iter().try_for_each(|name| self.known(&text(name)))
            }
            "quality" => self.known(&text(&message["participant"])),
            "signal" => self.known(&text(&message["from"])),
            "data_dropped" => self.known(&text(&message["to"])),
            "unmute_requested" => message.get("from").map_or(Ok(()), |from| self.known(&text(from))),
            "closed" => {
                self.closed = true;
                Ok(())
            }
            "ok" | "error" | "lobby" | "room_updated" | "layers" => Ok(()),
            other => Err(format!("of type {other}")),
        }
    }

    fn welcome(&mut self, message: &Value) -> Result<(), String> {
        let own = std::mem::take(&mut self.own);
        *self = Self { me: Some(text(&message["participant"]["identity"])), own, ..Self::default() };
        self.resume = Some(text(&message["resume"]));
        for participant in message["participants"].as_array().unwrap() {
            self.joined(&text(&participant["identity"]))?;
        }
        message["tracks"].as_array().unwrap().iter().try_for_each(|track| self.published(track))?;
        self.slots(&message["slots"])
    }

    fn joined(&mut self, identity: &str) -> Result<(), String> {
        let news = self.me.as_deref() != Some(identity) && self.others.insert(identity.to_owned());
        news.then_some(()).ok_or_else(|| format!("{identity} is here already"))
    }

    fn left(&mut self, identity: &str) -> Result<(), String> {
        self.tracks.retain(|_, owner| owner != identity);
        self.others.remove(identity).then_some(()).ok_or_else(|| format!("{identity} was not here"))
    }

    fn known(&self, identity: &str) -> Result<(), String> {
        let known = self.me.as_deref() == Some(identity) || self.others.contains(identity);
        known.then_some(()).ok_or_else(|| format!("{identity} is not known"))
    }

    fn published(&mut self, track: &Value) -> Result<(), String> {
        let (id, owner) = (text(&track["id"]), text(&track["participant"]));
        self.known(&owner)?;
        match self.tracks.insert(id.clone(), owner) {
            None => Ok(()),
            Some(_) => Err(format!("{id} is published already")),
        }
    }

    fn known_track(&self, id: &str) -> Result<(), String> {
        self.tracks.contains_key(id).then_some(()).ok_or_else(|| format!("{id} is not known"))
    }

    fn unpublished(&mut self, id: &str) -> Result<(), String> {
        self.tracks.remove(id).map(|_| ()).ok_or_else(|| format!("{id} is not known"))
    }

    fn answer(&mut self, tracks: &Value) -> Result<(), String> {
        self.own = tracks.as_object().unwrap().values().map(text).collect();
        Ok(())
    }

    fn slots(&self, slots: &Value) -> Result<(), String> {
        let shown = slots.as_object().unwrap().values().filter_map(Value::as_str);
        shown.into_iter().try_for_each(|id| self.known_track(id))
    }
}
