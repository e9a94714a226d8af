//! Participants of a room: listing, looking, changing, removing, and who waits in the lobby.

use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode};
use plenum_model::{Identity, RoomName};
use plenum_signal::conference::{Conference, ParticipantView as Present};
use plenum_signal::room::{Kind, Track};
use plenum_signal::{Access, Problem, Slug};

use super::body::{Mute, ParticipantChange, SourceWord};
use super::view::{Codecs, ParticipantList, ParticipantView, Presence, RoomView};
use super::{Sight, authorize, authorize_look, hall, no_such_room};
use crate::app::App;
use crate::directory;
use crate::http::json;

/// List participants
///
/// Members and WHIP publishers, in the order of coming; WHEP viewers with `?kind=whep`; who waits in the lobby with
/// `?kind=waiting`. Needs `roomJoin` for this room or `roomList`; hidden participants and the lobby are shown to
/// `roomAdmin` only.
#[utoipa::path(
    get,
    path = "/v1/rooms/{room}/participants",
    operation_id = "listParticipants",
    tag = "participants",
    params(
        ("room" = String, Path, description = "Name of the room"),
        ("kind" = Option<Presence>, Query, description = "Only those who are there in this way")
    ),
    responses(
        (status = 200, description = "Who is there", body = ParticipantList),
        (status = 404, description = "`room-not-found`")
    ),
    security(("token" = []))
)]
pub fn list(app: &App, room: &RoomName, request: &Request) -> Result<Response, Problem> {
    let sight = authorize_look(app, request.headers(), room)?;
    let kind = match parameter(request, "kind") {
        None => None,
        Some(kind) => Some(Presence::parse(&kind).ok_or_else(|| {
            Problem::new(Slug::MalformedRequest, "kind: expected room, whip, whep or waiting")
        })?),
    };
    if RoomView::find(app, room).is_none() {
        return Err(no_such_room());
    }
    let participants = match kind {
        Some(Presence::Whep) => viewers(app, room, sight),
        Some(Presence::Waiting) => waiting(app, room, request.headers())?,
        Some(kind) => present(app, room, sight).into_iter().filter(|view| view.kind == kind).collect(),
        None => present(app, room, sight),
    };
    Ok(json::respond(StatusCode::OK, &ParticipantList { participants }))
}

fn present(app: &App, room: &RoomName, sight: Sight) -> Vec<ParticipantView> {
    let Some(hall) = app.halls.get(room) else { return Vec::new() };
    let codecs = Codecs::of(app, room);
    let present = hall.look(Conference::participants);
    let shown = present.into_iter().filter(|view| is_shown(view, sight));
    shown.map(|view| ParticipantView::of(view, &codecs)).collect()
}

fn is_shown(view: &Present, sight: Sight) -> bool {
    sight == Sight::Moderator || !view.participant.permissions.hidden
}

fn viewers(app: &App, room: &RoomName, sight: Sight) -> Vec<ParticipantView> {
    let look = |room: &directory::Room| {
        let viewers = room.viewers().into_iter();
        let shown = viewers.filter(|viewer| sight == Sight::Moderator || !viewer.hidden);
        shown.map(ParticipantView::viewer).collect()
    };
    app.directory.room(room, look).unwrap_or_default()
}

fn waiting(app: &App, room: &RoomName, headers: &HeaderMap) -> Result<Vec<ParticipantView>, Problem> {
    authorize(app, headers, Access::Admin(room))?;
    let Some(hall) = app.halls.get(room) else { return Ok(Vec::new()) };
    Ok(hall.look(Conference::waiting).into_iter().map(ParticipantView::waiting).collect())
}

/// Look at a participant
///
/// Needs `roomJoin` for this room or `roomList`; hidden ones are shown to `roomAdmin` only.
#[utoipa::path(
    get,
    path = "/v1/rooms/{room}/participants/{participant}",
    operation_id = "showParticipant",
    tag = "participants",
    params(
        ("room" = String, Path, description = "Name of the room"),
        ("participant" = String, Path, description = "Identity of the participant")
    ),
    responses(
        (status = 200, description = "The participant", body = ParticipantView),
        (status = 404, description = "`room-not-found` or `participant-not-found`")
    ),
    security(("token" = []))
)]
pub fn show(
    app: &App,
    room: &RoomName,
    identity: &Identity,
    headers: &HeaderMap,
) -> Result<Response, Problem> {
    let sight = authorize_look(app, headers, room)?;
    respond(app, room, identity, sight)
}

fn respond(app: &App, room: &RoomName, identity: &Identity, sight: Sight) -> Result<Response, Problem> {
    let found = hall(app, room)?.look(|conference| conference.participant(identity));
    let view = found.filter(|view| is_shown(view, sight)).ok_or_else(|| nobody(identity))?;
    Ok(json::respond(StatusCode::OK, &ParticipantView::of(view, &Codecs::of(app, room))))
}

fn nobody(identity: &Identity) -> Problem {
    Problem::new(Slug::ParticipantNotFound, format!("{identity} is not in the room"))
}

/// Change a participant
///
/// What it may do, what is muted, what it is called; or whether it is let in from the lobby. Everybody in the room is
/// told at once. Needs `roomAdmin`.
#[utoipa::path(
    patch,
    path = "/v1/rooms/{room}/participants/{participant}",
    operation_id = "changeParticipant",
    tag = "participants",
    params(
        ("room" = String, Path, description = "Name of the room"),
        ("participant" = String, Path, description = "Identity of the participant")
    ),
    request_body = ParticipantChange,
    responses(
        (status = 200, description = "The participant as it is now", body = ParticipantView),
        (status = 204, description = "It was not let in from the lobby, and is gone"),
        (status = 404, description = "`room-not-found`, `participant-not-found` or `track-not-found`"),
        (status = 409, description = "`room-full`: there is no room to let it in")
    ),
    security(("token" = []))
)]
pub async fn change(
    app: &App,
    room: &RoomName,
    identity: &Identity,
    request: Request,
) -> Result<Response, Problem> {
    authorize(app, request.headers(), Access::Admin(room))?;
    let change: ParticipantChange = json::read(request).await?;
    let hall = hall(app, room)?;
    match change.admission()? {
        Some(true) => hall.with(|conference, now| conference.admit(now, identity))?,
        Some(false) => {
            hall.with(|conference, now| conference.reject(now, identity))?;
            return Ok(StatusCode::NO_CONTENT.into_response());
        }
        None => hall.with(|conference, _| apply(conference, identity, change))?,
    }
    respond(app, room, identity, Sight::Moderator)
}

/// What can be refused comes first, so that a refused request has changed nothing.
fn apply(conference: &mut Conference, identity: &Identity, change: ParticipantChange) -> Result<(), Problem> {
    let present = conference.participant(identity).ok_or_else(|| nobody(identity))?;
    let wishes = change.muted.as_ref().map_or(Ok(Vec::new()), |mute| wishes(&present, mute))?;
    conference.set_profile(identity, change.name()?, change.metadata)?;
    if let Some(permissions) = change.permissions {
        conference.set_permissions(identity, permissions.into())?;
    }
    wishes.into_iter().try_for_each(|wish| carry_out(conference, identity, wish))
}

/// What is to become of tracks.
#[derive(Debug, PartialEq, Eq)]
enum Wish {
    /// Mute this track, or all.
    Mute(Option<String>),
    /// Lift the mute of this track, or of all.
    Unmute(Option<String>),
    /// Ask to unmute this track, or the microphone.
    Ask(Option<String>),
}

/// WHIP publishers cannot be asked, and members are not unmuted by others.
fn wishes(present: &Present, mute: &Mute) -> Result<Vec<Wish>, Problem> {
    let undo = match present.participant.kind {
        Kind::Whip => Wish::Unmute,
        Kind::Room => Wish::Ask,
    };
    let sources = match mute {
        Mute::All(true) => return Ok(vec![Wish::Mute(None)]),
        Mute::All(false) => return Ok(vec![undo(None)]),
        Mute::Sources(sources) => sources,
    };
    let mut wishes = Vec::new();
    for (source, muted) in sources {
        let tracks: Vec<&Track> =
            present.tracks.iter().filter(|track| track.source == source.as_str()).collect();
        match (muted, source, &tracks[..]) {
            // As quiet as was wanted.
            (true, _, []) => {}
            (false, SourceWord::Microphone, []) if present.participant.kind == Kind::Room => {
                wishes.push(Wish::Ask(None));
            }
            (false, _, []) => {
                let detail = format!("{} publishes no {}", present.participant.identity, source.as_str());
                return Err(Problem::new(Slug::TrackNotFound, detail));
            }
            (true, _, tracks) => wishes.extend(tracks.iter().map(|track| Wish::Mute(Some(track.id.clone())))),
            (false, _, tracks) => wishes.extend(tracks.iter().map(|track| undo(Some(track.id.clone())))),
        }
    }
    Ok(wishes)
}

fn carry_out(conference: &mut Conference, identity: &Identity, wish: Wish) -> Result<(), Problem> {
    match wish {
        Wish::Mute(track) => conference.mute(identity, track.as_deref(), true),
        Wish::Unmute(track) => conference.mute(identity, track.as_deref(), false),
        Wish::Ask(track) => conference.request_unmute(None, identity, track.as_deref()),
    }
}

/// Remove a participant
///
/// Its media end at once, what it watches over WHEP included, and it cannot come back for a minute; with `?ban=true` not for the life of the room, and then
/// nobody has to be there. Who waits in the lobby is removed as well. Needs `roomAdmin`.
#[utoipa::path(
    delete,
    path = "/v1/rooms/{room}/participants/{participant}",
    operation_id = "removeParticipant",
    tag = "participants",
    params(
        ("room" = String, Path, description = "Name of the room"),
        ("participant" = String, Path, description = "Identity of the participant"),
        ("ban" = Option<bool>, Query, description = "Whether to keep this identity out for good")
    ),
    responses(
        (status = 204, description = "It is gone"),
        (status = 404, description = "`room-not-found` or `participant-not-found`")
    ),
    security(("token" = []))
)]
pub fn remove(
    app: &App,
    room: &RoomName,
    identity: &Identity,
    request: &Request,
) -> Result<Response, Problem> {
    authorize(app, request.headers(), Access::Admin(room))?;
    let for_good = match parameter(request, "ban").as_deref() {
        None | Some("false") => false,
        Some("true") => true,
        Some(_) => return Err(Problem::new(Slug::MalformedRequest, "ban: expected true or false")),
    };
    let watches = app.directory.room(room, |room| !room.places_watched_by(identity).is_empty());
    let removed = hall(app, room)?.with(|conference, now| match for_good {
        true => conference.ban(now, identity),
        false => conference.kick(now, identity),
    });
    match removed {
        // Its WHEP sessions end, of which the conference does not know.
        Err(problem) if problem.slug() == Slug::ParticipantNotFound && watches == Some(true) => {}
        removed => removed?,
    }
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// A parameter of the query, the first of its name.
fn parameter(request: &Request, name: &str) -> Option<String> {
    let query = request.uri().query().unwrap_or_default();
    form_urlencoded::parse(query.as_bytes())
        .find(|(known, _)| known == name)
        .map(|(_, value)| value.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use plenum_signal::room::{Participant, Permissions};

    fn publishing(kind: Kind, sources: &[&'static str]) -> Present {
        let permissions = Permissions {
            can_publish: true,
            can_subscribe: true,
            can_publish_data: true,
            admin: false,
            hidden: false,
        };
        let track = |(index, source): (usize, &&'static str)| Track {
            id: format!("TR_{index}"),
            participant: "ada".to_owned(),
            kind: "video",
            source,
            muted: false,
        };
        Present {
            participant: Participant {
                id: "PA_1".to_owned(),
                identity: "ada".to_owned(),
                name: "Ada".to_owned(),
                kind,
                metadata: String::new(),
                permissions,
                joined_at: String::new(),
            },
            tracks: sources.iter().enumerate().map(track).collect(),
        }
    }

    fn wishes_of(present: &Present, muted: serde_json::Value) -> Result<Vec<Wish>, Problem> {
        wishes(present, &serde_json::from_value(muted).unwrap())
    }

    #[test]
    fn nobodys_microphone_is_opened_from_afar() {
        let member = publishing(Kind::Room, &["microphone"]);
        assert_eq!(wishes_of(&member, false.into()), Ok(vec![Wish::Ask(None)]));
        let one = serde_json::json!({"microphone": false});
        assert_eq!(wishes_of(&member, one.clone()), Ok(vec![Wish::Ask(Some("TR_0".to_owned()))]));
        assert_eq!(wishes_of(&publishing(Kind::Room, &[]), one.clone()), Ok(vec![Wish::Ask(None)]));
        let publisher = publishing(Kind::Whip, &["microphone"]);
        assert_eq!(wishes_of(&publisher, one), Ok(vec![Wish::Unmute(Some("TR_0".to_owned()))]));
    }

    #[test]
    fn muting_what_is_not_published_is_done_already_and_unmuting_it_is_not_possible() {
        let member = publishing(Kind::Room, &["camera"]);
        let both = serde_json::json!({"camera": true, "screen": true});
        assert_eq!(wishes_of(&member, both), Ok(vec![Wish::Mute(Some("TR_0".to_owned()))]));
        let refused = wishes_of(&member, serde_json::json!({"screen": false})).unwrap_err();
        assert_eq!(refused.slug(), Slug::TrackNotFound);
    }
}
