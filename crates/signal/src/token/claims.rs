//! The claims of a token as they stand in it, and what they allow.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use plenum_model::{DisplayName, Identity, RoomName};
use serde::{Deserialize, Serialize};
use serde_json::Number;

use super::{Access, Grant};

/// Clocks differ: a token may be used this long before its `nbf`. `exp` is exact.
const NOT_BEFORE_LEEWAY: Duration = Duration::from_secs(10);

/// JSON numbers only: a date in quotes is a token that cannot be read (RFC 7519, section 2, NumericDate).
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Claims {
    pub(super) exp: Number,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) nbf: Option<Number>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) iss: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) sub: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) metadata: Option<String>,
    #[serde(default)]
    pub(super) video: VideoGrant,
}

/// The `video` claim. What is absent is not granted, except for the three `can...`, which limit
/// `roomJoin` when they are false.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct VideoGrant {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) room: Option<String>,
    pub(super) room_join: bool,
    pub(super) room_create: bool,
    pub(super) room_list: bool,
    pub(super) room_admin: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) can_publish: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) can_subscribe: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) can_publish_data: Option<bool>,
    pub(super) hidden: bool,
}

impl VideoGrant {
    pub(super) fn is_for(&self, room: &RoomName) -> bool {
        self.room.as_deref() == Some(room.as_str())
    }

    pub(super) fn allows(&self, access: Access<'_>) -> bool {
        match access {
            Access::Publish(_) => self.room_join && self.can_publish != Some(false),
            Access::Subscribe(_) => self.room_join && self.can_subscribe != Some(false),
            Access::Join(_) | Access::JoinAny => self.room_join,
            Access::Admin(_) => self.room_admin,
            Access::CreateRoom => self.room_create,
            Access::ListRooms => self.room_list,
        }
    }
}

impl Claims {
    /// Whether the token may be used at `now`. The error is a sentence.
    pub(super) fn check_time(&self, now: SystemTime) -> Result<(), &'static str> {
        let now = now.duration_since(UNIX_EPOCH).unwrap_or_default();
        let exp = date(&self.exp).ok_or("the token's exp is not a date")?;
        if exp <= now {
            return Err("the token has expired");
        }
        let Some(nbf) = &self.nbf else { return Ok(()) };
        let nbf = date(nbf).ok_or("the token's nbf is not a date")?;
        match nbf > now + NOT_BEFORE_LEEWAY {
            true => Err("the token is not valid yet"),
            false => Ok(()),
        }
    }

    /// The grant, if the names in it are valid. The error is a sentence. Some libraries write empty
    /// strings for what was not given.
    pub(super) fn into_grant(self) -> Result<Grant, &'static str> {
        let given = |text: Option<String>| text.filter(|text| !text.is_empty());
        let identity = given(self.sub).map(|sub| Identity::parse(&sub)).transpose();
        let name = given(self.name).map(|name| DisplayName::parse(&name)).transpose();
        let video = self.video;
        let can = |part: Option<bool>| video.room_join && part != Some(false);
        Ok(Grant {
            vouched: true,
            identity: identity.map_err(|_| "the token's sub is not a valid identity")?,
            name: name.map_err(|_| "the token's name is not a valid display name")?,
            metadata: given(self.metadata),
            can_publish: can(video.can_publish),
            can_subscribe: can(video.can_subscribe),
            can_publish_data: can(video.can_publish_data),
            admin: video.room_admin,
            hidden: video.hidden,
            room: given(video.room).and_then(|room| RoomName::parse(&room).ok()),
        })
    }
}

/// Seconds since 1970, up to far beyond any calendar.
fn date(seconds: &Number) -> Option<Duration> {
    Duration::try_from_secs_f64(seconds.as_f64()?).ok()
}
