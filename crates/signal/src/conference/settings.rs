//! How a room is meant to be: from the configuration, changed through the HTTP API.

use std::time::{Duration, Instant};

use plenum_model::limits;

use crate::room::METADATA;
use crate::{Problem, Slug};

/// The settings of one room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Members at a time, WHIP publishers among them; 0 for as many as [`limits::MEMBERS_PER_CONFERENCE`].
    pub max_participants: u32,
    /// Whether who comes waits until an admin lets them in.
    pub lobby: bool,
    /// How long the room stays when nobody is there.
    pub empty_timeout: Duration,
    /// How long a member may be away whose socket is lost.
    pub departure_timeout: Duration,
    /// Of the application; empty if there is none.
    pub metadata: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            max_participants: 0,
            lobby: false,
            empty_timeout: Duration::from_secs(300),
            departure_timeout: Duration::from_secs(30),
            metadata: String::new(),
        }
    }
}

/// What to change; `None` stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SettingsChange {
    /// See [`Settings::max_participants`]. Nobody is sent away for it.
    pub max_participants: Option<u32>,
    /// See [`Settings::lobby`]. Switched off, it lets everybody in who waits.
    pub lobby: Option<bool>,
    /// See [`Settings::empty_timeout`].
    pub empty_timeout: Option<Duration>,
    /// See [`Settings::departure_timeout`].
    pub departure_timeout: Option<Duration>,
    /// See [`Settings::metadata`].
    pub metadata: Option<String>,
}

/// Longer time-outs mean the same, and can be added to any moment.
const FOR_EVER: Duration = Duration::from_secs(10 * 365 * 24 * 3600);

impl Settings {
    /// When a room ends that nobody is in since then.
    pub(super) fn end_of_empty(&self, since: Instant) -> Instant {
        since + self.empty_timeout.min(FOR_EVER)
    }

    /// When a member has left whose socket is lost now.
    pub(super) fn departure(&self, now: Instant) -> Instant {
        now + self.departure_timeout.min(FOR_EVER)
    }

    /// How many members there may be.
    pub(super) fn cap(&self) -> usize {
        match usize::try_from(self.max_participants) {
            Ok(0) | Err(_) => limits::MEMBERS_PER_CONFERENCE,
            Ok(cap) => cap.min(limits::MEMBERS_PER_CONFERENCE),
        }
    }

    /// Takes over what is to change. Either all of it or, with a problem, nothing.
    pub(super) fn apply(&mut self, change: SettingsChange) -> Result<(), Problem> {
        if let Some(metadata) = &change.metadata {
            check_metadata(metadata)?;
        }
        self.max_participants = change.max_participants.unwrap_or(self.max_participants);
        self.lobby = change.lobby.unwrap_or(self.lobby);
        self.empty_timeout = change.empty_timeout.unwrap_or(self.empty_timeout);
        self.departure_timeout = change.departure_timeout.unwrap_or(self.departure_timeout);
        if let Some(metadata) = change.metadata {
            self.metadata = metadata;
        }
        Ok(())
    }
}

/// Refuses metadata beyond [`METADATA`], wherever it comes from.
pub(super) fn check_metadata(metadata: &str) -> Result<(), Problem> {
    match metadata.len() <= METADATA {
        true => Ok(()),
        false => {
            let detail = format!("metadata has {} bytes, at most {METADATA} are taken", metadata.len());
            Err(Problem::new(Slug::MalformedRequest, detail))
        }
    }
}
