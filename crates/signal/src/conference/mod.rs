//! A conference: who is in a room, may do what, and is told what. One pure state machine per room.
//!
//! Requests of clients ([`Conference::handle`]), what happens to sockets, what the media plane reports (`media_*`) and
//! the HTTP API go in as calls with `now`; messages and orders come out as [`Effect`]s. After every call, take all
//! effects ([`Conference::poll_effect`]) and look at [`Conference::next_deadline`] again. Nothing in here is a socket, a
//! clock or a lock, and no packet passes: the engine forwards media and knows places and tracks by number; this is
//! where they get names.
//!
//! The way in: [`Conference::resume`] if `join` carries a token for it, else [`Entrant::new`] and
//! [`Conference::join`]. Then, as often as the client offers: [`Conference::offered`] gives a [`Ticket`], the server
//! negotiates, and [`Conference::media_admitted`] or [`Conference::media_refused`] takes it back. WHIP publishers are
//! members with media and nothing else ([`Conference::publisher_came`]).
//!
//! What always holds:
//! - a member is told of another's tracks, state and end only between that one's `participant_joined` (or its place in
//!   `welcome`) and `participant_left`, which alternate;
//! - nobody sees anything of a hidden member, and nobody gets anything after `closed`;
//! - members never exceed the cap, people in the lobby do not count;
//! - what is said to many is written once.

mod allowance;
mod announce;
mod bans;
mod chat;
mod door;
mod effect;
mod entrant;
mod entry;
mod lobby;
mod media;
mod member;
mod moderation;
mod overrides;
mod publishers;
mod reports;
mod requests;
mod roster;
mod settings;
mod tracks;
mod views;

#[cfg(test)]
mod tests;

use std::time::{Duration, Instant, SystemTime};

use plenum_model::{CloseReason, RoomName};

use crate::room::{ClosedReason, ServerMessage};
use bans::Bans;
use chat::History;
use effect::Outbox;
use lobby::Lobby;
use member::{Connection, MemberId};
use overrides::Overrides;
use roster::Roster;
use tracks::Tracks;

pub use effect::{Effect, NORMAL_CLOSURE, POLICY_VIOLATION, SocketId};
pub use entrant::{Arrival, Entrant};
pub use media::{Goes, Ticket};
pub use moderation::PermissionsChange;
pub use settings::{Settings, SettingsChange};
pub use views::ParticipantView;

/// One room. See the module.
pub struct Conference {
    name: RoomName,
    settings: Settings,
    locked: bool,
    calendar: Calendar,
    roster: Roster,
    lobby: Lobby,
    bans: Bans,
    overrides: Overrides,
    tracks: Tracks,
    chat: History,
    /// The loudest first.
    speakers: Vec<MemberId>,
    last_member: u32,
    /// Since when nobody is there.
    empty_since: Option<Instant>,
    closed: bool,
    out: Outbox,
}

/// What date it is at a moment of the clock that the conference runs by.
#[derive(Debug, Clone, Copy)]
struct Calendar {
    moment: Instant,
    date: SystemTime,
}

impl Calendar {
    /// RFC 3339, UTC, with milliseconds.
    fn date_at(&self, now: Instant) -> String {
        let date = self.date + now.saturating_duration_since(self.moment);
        humantime::format_rfc3339_millis(date).to_string()
    }
}

impl Conference {
    /// A room that nobody is in yet. `date` is what the calendar says at `now`.
    pub fn new(name: RoomName, settings: Settings, now: Instant, date: SystemTime) -> Self {
        Self {
            name,
            settings,
            locked: false,
            calendar: Calendar { moment: now, date },
            roster: Roster::default(),
            lobby: Lobby::default(),
            bans: Bans::default(),
            overrides: Overrides::default(),
            tracks: Tracks::default(),
            chat: History::default(),
            speakers: Vec::new(),
            last_member: 0,
            empty_since: Some(now),
            closed: false,
            out: Outbox::default(),
        }
    }

    /// The next thing to do, in order.
    pub fn poll_effect(&mut self) -> Option<Effect> {
        self.out.pop()
    }

    /// Whether it is over: [`Effect::Closed`] has come or is about to.
    pub fn is_closed(&self) -> bool {
        self.closed
    }

    /// When [`Conference::tick`] has something to do.
    pub fn next_deadline(&self) -> Option<Instant> {
        if self.closed {
            return None;
        }
        let departures = self.roster.iter().filter_map(|member| match member.connection {
            Connection::Away { until } => Some(until),
            Connection::Here(_) | Connection::MediaOnly => None,
        });
        let end = self.empty_since.map(|since| self.settings.end_of_empty(since));
        departures.chain(end).min()
    }

    /// Lets go of those who did not come back, and closes the room when nobody has been there for long enough.
    pub fn tick(&mut self, now: Instant) {
        self.remove_the_departed(now);
        if self.empty_since.is_some_and(|since| now >= self.settings.end_of_empty(since)) {
            self.close(ClosedReason::RoomClosed);
        }
    }

    /// Ends it for everybody.
    pub fn close(&mut self, reason: ClosedReason) {
        if self.closed {
            return;
        }
        self.closed = true;
        let media = match reason {
            ClosedReason::Shutdown => CloseReason::Shutdown,
            _ => CloseReason::RoomClosed,
        };
        for member in std::mem::take(&mut self.roster).into_members() {
            if let Some(socket) = member.socket() {
                self.out.close(socket, reason);
            }
            if let Some(session) = member.media {
                self.out.push(Effect::EndMedia { place: session.place, reason: media });
            }
        }
        for visitor in self.lobby.take_all() {
            self.out.close(visitor.arrival.socket, reason);
        }
        self.tracks = Tracks::default();
        self.chat = History::default();
        self.speakers.clear();
        self.out.push(Effect::Closed);
    }

    /// Sends everybody to `url`, one after the other over the time `within`, so that whoever takes them in is not
    /// run over. They stay members until they go.
    pub fn reconnect(&mut self, url: &str, within: Duration) {
        let sockets: Vec<_> =
            self.roster.sockets().map(|(socket, _)| socket).chain(self.lobby.sockets()).collect();
        let step_ms = within.as_millis() as u64 / sockets.len().max(1) as u64;
        for (index, socket) in (0..).zip(sockets) {
            let message = ServerMessage::Reconnect { url: url.to_owned(), after_ms: step_ms * index };
            self.out.send(socket, &message);
        }
    }

    /// Notes whether anybody is there. To be called after whatever changes it.
    fn settle(&mut self, now: Instant) {
        let empty = self.roster.is_empty() && self.lobby.is_empty();
        match empty {
            true => self.empty_since = self.empty_since.or(Some(now)),
            false => self.empty_since = None,
        }
    }
}

#[cfg(test)]
impl Conference {
    /// Whether nothing is remembered of anybody, but for those who are kept out.
    fn is_bare(&self) -> bool {
        let nobody = self.roster.is_bare() && self.lobby.is_empty() && self.speakers.is_empty();
        nobody && self.tracks.is_empty() && self.chat.entries().is_empty()
    }
}

impl std::fmt::Debug for Conference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Conference({}, {} members)", self.name, self.roster.len())
    }
}
