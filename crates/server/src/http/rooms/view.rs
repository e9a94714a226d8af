//! How rooms and participants look from outside: shapes of their own, since what the conference says to members may
//! change without the API's doing so.

use std::collections::{BTreeMap, HashMap};

use plenum_model::{MediaKind, RoomName};
use plenum_signal::conference::{self, Conference, Settings};
use plenum_signal::room;
use serde::Serialize;
use utoipa::ToSchema;

use super::body::SourceWord;
use crate::app::App;
use crate::directory::{self, Session, SessionKind};

/// All rooms.
#[derive(Debug, Serialize, ToSchema)]
pub struct RoomList {
    /// In the order of their names.
    pub rooms: Vec<RoomView>,
}

/// A room.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Room)]
pub struct RoomView {
    /// As in its URLs.
    pub name: String,
    /// How many take part, WHIP publishers among them.
    pub participants: usize,
    /// How many watch over WHEP, hidden ones aside.
    pub viewers: usize,
    /// How many of the participants publish anything.
    pub publishers: usize,
    /// RFC 3339, UTC.
    #[schema(format = DateTime)]
    pub created_at: String,
    /// Whether nobody new may enter.
    pub locked: bool,
    /// Whether who comes waits until a moderator lets them in.
    pub lobby: bool,
    /// Participants at a time; 0 sets no bound of its own.
    pub max_participants: u32,
    /// Seconds that the room stays when nobody is there.
    pub empty_timeout: u64,
    /// Seconds that a participant may be away whose connection is lost.
    pub departure_timeout: u64,
    /// Of the application; empty if there is none.
    pub metadata: String,
}

impl RoomView {
    /// The room of this name, if it is there: a conference, or viewers who have outlived one.
    pub fn find(app: &App, name: &RoomName) -> Option<Self> {
        let watched =
            app.directory.room(name, |room| (room.count(SessionKind::Whep) > 0, Audience::of(room)));
        let audience = watched.as_ref().map_or(0, |(_, audience)| audience.viewers);
        if let Some(hall) = app.halls.get(name) {
            return Some(hall.look(|conference| Self::of(conference, audience)));
        }
        let (_, audience) = watched.filter(|(has_viewers, _)| *has_viewers)?;
        Some(Self::without_conference(name, audience, app.halls.defaults()))
    }

    fn of(conference: &Conference, viewers: usize) -> Self {
        let participants = conference.participants();
        let visible = || participants.iter().filter(|view| !view.participant.permissions.hidden);
        let room = conference.room();
        Self {
            participants: visible().count(),
            publishers: visible().filter(|view| !view.tracks.is_empty()).count(),
            viewers,
            created_at: conference.created_at(),
            locked: room.locked,
            metadata: room.metadata,
            ..Self::empty(room.name, conference.settings())
        }
    }

    fn without_conference(name: &RoomName, audience: Audience, settings: &Settings) -> Self {
        Self {
            viewers: audience.viewers,
            created_at: audience.since,
            ..Self::empty(name.to_string(), settings)
        }
    }

    fn empty(name: String, settings: &Settings) -> Self {
        Self {
            name,
            participants: 0,
            viewers: 0,
            publishers: 0,
            created_at: String::new(),
            locked: false,
            lobby: settings.lobby,
            max_participants: settings.max_participants,
            empty_timeout: settings.empty_timeout.as_secs(),
            departure_timeout: settings.departure_timeout.as_secs(),
            metadata: settings.metadata.clone(),
        }
    }
}

/// What the directory knows of a room.
struct Audience {
    viewers: usize,
    since: String,
}

impl Audience {
    fn of(room: &directory::Room) -> Self {
        Self {
            viewers: room.viewers().into_iter().filter(|viewer| !viewer.hidden).count(),
            since: humantime::format_rfc3339_millis(room.created_at).to_string(),
        }
    }
}

/// Participants of a room, or who else was asked for.
#[derive(Debug, Serialize, ToSchema)]
pub struct ParticipantList {
    /// In the order of coming.
    pub participants: Vec<ParticipantView>,
}

/// How somebody is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Presence {
    /// As a member, over the room protocol.
    Room,
    /// As a publisher, over WHIP.
    Whip,
    /// As a viewer, over WHEP.
    Whep,
    /// Waiting in the lobby.
    Waiting,
}

impl Presence {
    /// As in `?kind=`.
    pub fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "room" => Self::Room,
            "whip" => Self::Whip,
            "whep" => Self::Whep,
            "waiting" => Self::Waiting,
            _ => return None,
        })
    }
}

/// A participant.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Participant)]
pub struct ParticipantView {
    /// Of this stay: the same identity has another one when it comes again.
    pub id: String,
    /// Who it is, in URLs and messages.
    pub identity: String,
    /// What people call it; its identity if it has no name.
    pub name: String,
    /// How it is there.
    pub kind: Presence,
    /// What it publishes.
    pub tracks: Vec<TrackView>,
    /// What it may do.
    pub permissions: PermissionsView,
    /// Of the application; empty if there is none.
    pub metadata: String,
    /// RFC 3339, UTC. Only of participants.
    #[schema(format = DateTime, nullable = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub joined_at: Option<String>,
}

/// A published track.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Track)]
pub struct TrackView {
    /// Never used again within the room.
    pub id: String,
    /// `audio` or `video`.
    #[schema(pattern = "^(audio|video)$")]
    pub kind: &'static str,
    /// What it shows.
    #[schema(value_type = SourceWord)]
    pub source: &'static str,
    /// Whether nothing of it is forwarded at the moment.
    pub muted: bool,
    /// From its first packet on.
    #[schema(nullable = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub codec: Option<String>,
}

/// What somebody may do.
#[derive(Debug, Clone, Copy, Default, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Permissions)]
pub struct PermissionsView {
    /// Send media.
    pub can_publish: bool,
    /// Receive media.
    pub can_subscribe: bool,
    /// Send data messages and signals.
    pub can_publish_data: bool,
    /// Moderate.
    pub admin: bool,
    /// Not seen by others.
    pub hidden: bool,
}

impl From<room::Permissions> for PermissionsView {
    fn from(permissions: room::Permissions) -> Self {
        Self {
            can_publish: permissions.can_publish,
            can_subscribe: permissions.can_subscribe,
            can_publish_data: permissions.can_publish_data,
            admin: permissions.admin,
            hidden: permissions.hidden,
        }
    }
}

impl ParticipantView {
    /// A member or a WHIP publisher.
    pub fn of(view: conference::ParticipantView, codecs: &Codecs) -> Self {
        let conference::ParticipantView { participant, tracks } = view;
        let track = |track: room::Track| TrackView {
            codec: codecs.get(&participant.identity, track.kind),
            id: track.id,
            kind: track.kind,
            source: track.source,
            muted: track.muted,
        };
        Self {
            tracks: tracks.into_iter().map(track).collect(),
            id: participant.id,
            identity: participant.identity,
            name: participant.name,
            kind: match participant.kind {
                room::Kind::Room => Presence::Room,
                room::Kind::Whip => Presence::Whip,
            },
            permissions: participant.permissions.into(),
            metadata: participant.metadata,
            joined_at: Some(participant.joined_at),
        }
    }

    /// A WHEP viewer.
    pub fn viewer(session: &Session) -> Self {
        // The place is unique and says nothing about the session's URL.
        let place = session.place;
        Self {
            id: format!("{}-{}-{}", place.shard, place.slot, place.epoch),
            kind: Presence::Whep,
            permissions: PermissionsView {
                can_subscribe: true,
                hidden: session.hidden,
                ..PermissionsView::default()
            },
            metadata: session.metadata.clone().unwrap_or_default(),
            ..Self::nobody(
                session.identity.to_string(),
                session.name.as_ref().map(|name| name.as_str().to_owned()),
            )
        }
    }

    /// Somebody in the lobby.
    pub fn waiting(waiting: room::Waiting) -> Self {
        Self::nobody(waiting.identity, Some(waiting.name))
    }

    fn nobody(identity: String, name: Option<String>) -> Self {
        Self {
            id: identity.clone(),
            name: name.unwrap_or_else(|| identity.clone()),
            identity,
            kind: Presence::Waiting,
            tracks: Vec::new(),
            permissions: PermissionsView::default(),
            metadata: String::new(),
            joined_at: None,
        }
    }
}

/// What participants really send, by identity, as the media plane has reported it.
#[derive(Debug, Default)]
pub struct Codecs(HashMap<String, BTreeMap<MediaKind, String>>);

impl Codecs {
    /// Of a room.
    pub fn of(app: &App, room: &RoomName) -> Self {
        let look = |room: &directory::Room| {
            let sent = |publisher: &directory::Publisher| {
                let formats =
                    publisher.current.iter().map(|(kind, format)| (*kind, format.codec.to_string()));
                (publisher.session.identity.to_string(), formats.collect())
            };
            Self(room.participants().into_iter().map(sent).collect())
        };
        app.directory.room(room, look).unwrap_or_default()
    }

    fn get(&self, identity: &str, kind: &str) -> Option<String> {
        let formats = self.0.get(identity)?;
        formats.iter().find(|(known, _)| known.as_str() == kind).map(|(_, codec)| codec.clone())
    }
}
