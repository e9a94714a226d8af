//! What requests say of rooms and participants. What is absent or `null` stays as it is; what is not known is refused
//! by name.

use std::collections::BTreeMap;
use std::time::Duration;

use plenum_model::{DisplayName, Source};
use plenum_signal::conference::{PermissionsChange, Settings, SettingsChange};
use plenum_signal::room::METADATA;
use plenum_signal::{Problem, Slug};
use serde::Deserialize;
use utoipa::ToSchema;

/// The longest time-out, in seconds: a month.
const LONGEST_TIMEOUT_S: u32 = 30 * 24 * 3_600;

/// A room to be made. What is not given is as the configuration has it.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"name": "demo", "max_participants": 50, "lobby": true}))]
pub struct NewRoom {
    /// As in its URLs; neither `.` nor `..`.
    #[schema(pattern = "^[A-Za-z0-9_.-]{1,128}$")]
    pub name: String,
    /// Participants at a time, WHIP publishers among them; 0 sets no bound of its own.
    max_participants: Option<u32>,
    /// Seconds that the room stays when nobody is there.
    #[schema(maximum = 2_592_000)]
    empty_timeout: Option<u32>,
    /// Seconds that a participant may be away whose connection is lost.
    #[schema(maximum = 2_592_000)]
    departure_timeout: Option<u32>,
    /// Whether who comes waits until a moderator lets them in.
    lobby: Option<bool>,
    /// Anything that the application wants participants to know; up to 16 KiB.
    #[schema(max_length = 16_384)]
    metadata: Option<String>,
    /// Whether nobody may enter yet.
    pub locked: Option<bool>,
}

impl NewRoom {
    /// How it is to be: as `defaults` where nothing else is said.
    pub fn settings(&self, defaults: &Settings) -> Result<Settings, Problem> {
        let metadata = self.metadata.as_ref().unwrap_or(&defaults.metadata);
        if metadata.len() > METADATA {
            let detail = format!("metadata: {} bytes, at most {METADATA} are taken", metadata.len());
            return Err(Problem::new(Slug::MalformedRequest, detail));
        }
        let timeout = |field, given, default| Ok::<_, Problem>(timeout(field, given)?.unwrap_or(default));
        Ok(Settings {
            max_participants: self.max_participants.unwrap_or(defaults.max_participants),
            lobby: self.lobby.unwrap_or(defaults.lobby),
            empty_timeout: timeout("empty_timeout", self.empty_timeout, defaults.empty_timeout)?,
            departure_timeout: timeout(
                "departure_timeout",
                self.departure_timeout,
                defaults.departure_timeout,
            )?,
            metadata: metadata.clone(),
        })
    }
}

/// What to change of a room.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"locked": true}))]
pub struct RoomChange {
    /// Whether nobody new may enter.
    pub locked: Option<bool>,
    /// Whether who comes waits until a moderator lets them in. Switched off, it lets everybody in who waits.
    lobby: Option<bool>,
    /// Participants at a time; nobody is sent away for it.
    max_participants: Option<u32>,
    /// Anything that the application wants participants to know; up to 16 KiB.
    #[schema(max_length = 16_384)]
    metadata: Option<String>,
    /// Seconds that the room stays when nobody is there.
    #[schema(maximum = 2_592_000)]
    empty_timeout: Option<u32>,
    /// Seconds that a participant may be away whose connection is lost.
    #[schema(maximum = 2_592_000)]
    departure_timeout: Option<u32>,
}

impl RoomChange {
    /// What becomes of its settings.
    pub fn settings(&self) -> Result<SettingsChange, Problem> {
        Ok(SettingsChange {
            max_participants: self.max_participants,
            lobby: self.lobby,
            empty_timeout: timeout("empty_timeout", self.empty_timeout)?,
            departure_timeout: timeout("departure_timeout", self.departure_timeout)?,
            metadata: self.metadata.clone(),
        })
    }
}

fn timeout(field: &str, seconds: Option<u32>) -> Result<Option<Duration>, Problem> {
    match seconds {
        Some(seconds) if seconds > LONGEST_TIMEOUT_S => {
            let detail = format!("{field}: at most {LONGEST_TIMEOUT_S} seconds are taken");
            Err(Problem::new(Slug::MalformedRequest, detail))
        }
        _ => Ok(seconds.map(|seconds| Duration::from_secs(seconds.into()))),
    }
}

/// What to change of a participant; `admitted` goes alone, since who waits has nothing else to change.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"permissions": {"canPublish": false}, "muted": {"microphone": true}}))]
pub struct ParticipantChange {
    /// What it may do from now on.
    pub permissions: Option<GrantChange>,
    /// `true` mutes all that it publishes, an object only these sources. `false` lifts the mute of a WHIP publisher
    /// and asks a member of the room to unmute: nobody's microphone is opened from afar.
    pub muted: Option<Mute>,
    /// What people call it.
    #[schema(min_length = 1, max_length = 128)]
    name: Option<String>,
    /// Anything that the application wants others to know; up to 16 KiB.
    #[schema(max_length = 16_384)]
    pub metadata: Option<String>,
    /// Lets somebody in who waits in the lobby, or sends them away.
    pub admitted: Option<bool>,
}

impl ParticipantChange {
    /// The new name, if it is one.
    pub fn name(&self) -> Result<Option<DisplayName>, Problem> {
        let parse = |name: &String| {
            DisplayName::parse(name).map_err(|why| Problem::new(Slug::InvalidName, format!("name: {why}")))
        };
        self.name.as_ref().map(parse).transpose()
    }

    /// Whether it is about somebody in the lobby: `true` to let them in. An error if it is about more than that.
    pub fn admission(&self) -> Result<Option<bool>, Problem> {
        let is_alone = self.permissions.is_none()
            && self.muted.is_none()
            && self.name.is_none()
            && self.metadata.is_none();
        match self.admitted.is_none() || is_alone {
            true => Ok(self.admitted),
            false => Err(Problem::new(Slug::MalformedRequest, "admitted: goes without any other field")),
        }
    }
}

/// Permissions to be given or taken.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct GrantChange {
    /// Send media. Taken away, its tracks end.
    can_publish: Option<bool>,
    /// Receive media.
    can_subscribe: Option<bool>,
    /// Send data messages and signals.
    can_publish_data: Option<bool>,
    /// Moderate.
    admin: Option<bool>,
    /// Not be seen by others.
    hidden: Option<bool>,
}

impl From<GrantChange> for PermissionsChange {
    fn from(change: GrantChange) -> Self {
        Self {
            can_publish: change.can_publish,
            can_subscribe: change.can_subscribe,
            can_publish_data: change.can_publish_data,
            admin: change.admin,
            hidden: change.hidden,
        }
    }
}

/// What is to be muted.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(untagged, expecting = "expected true, false, or an object of sources such as {\"microphone\": true}")]
pub enum Mute {
    /// Everything.
    All(bool),
    /// By source.
    Sources(BTreeMap<SourceWord, bool>),
}

/// What a track carries, as in a URL or a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SourceWord {
    /// A camera.
    Camera,
    /// A microphone.
    Microphone,
    /// A screen, a window or a tab.
    Screen,
    /// What is heard there.
    ScreenAudio,
}

impl SourceWord {
    /// The word itself.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Camera => Source::Camera.as_str(),
            Self::Microphone => Source::Microphone.as_str(),
            Self::Screen => Source::Screen.as_str(),
            Self::ScreenAudio => Source::ScreenAudio.as_str(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn change(body: serde_json::Value) -> Result<ParticipantChange, String> {
        serde_json::from_value(body).map_err(|error| error.to_string())
    }

    #[test]
    fn muting_is_for_everything_or_by_source() {
        assert!(matches!(change(json!({"muted": true})).unwrap().muted, Some(Mute::All(true))));
        let Some(Mute::Sources(sources)) = change(json!({"muted": {"screen_audio": true}})).unwrap().muted
        else {
            panic!("an object of sources")
        };
        assert_eq!(sources.into_iter().collect::<Vec<_>>(), [(SourceWord::ScreenAudio, true)]);
        for wrong in [json!("microphone"), json!({"mike": true}), json!({"camera": 1}), json!([true])] {
            assert!(change(json!({"muted": wrong})).unwrap_err().contains("an object of sources"), "{wrong}");
        }
    }

    #[test]
    fn who_waits_is_admitted_and_nothing_else() {
        assert_eq!(change(json!({"admitted": false})).unwrap().admission(), Ok(Some(false)));
        assert_eq!(change(json!({"muted": true})).unwrap().admission(), Ok(None));
        assert!(change(json!({"admitted": true, "name": "Ada"})).unwrap().admission().is_err());
    }

    #[test]
    fn a_time_out_is_at_most_a_month() {
        assert_eq!(timeout("empty_timeout", Some(2_592_000)), Ok(Some(Duration::from_secs(2_592_000))));
        assert!(timeout("empty_timeout", Some(2_592_001)).unwrap_err().detail().contains("empty_timeout"));
    }
}
