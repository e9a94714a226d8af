//! Who is where: rooms and their shards, sessions by id and by place.
//!
//! A session comes in three steps: [`Directory::reserve`] takes a place, [`Reservation::enter`] makes the
//! session known (before its shard is told, so that no event of it is missed), [`Directory::confirm`]
//! shows it to viewers. It goes in one: [`Directory::end`], the only function that does it, whatever the
//! reason, any number of times. [`Directory::leave`] is the half of it that a `DELETE` may do ahead of
//! the shard's own word.
//!
//! Nothing here waits or talks to a shard; who sits where is [`Placement`]'s.

mod formats;
mod placement;
mod room;
mod session;

pub use formats::NoCommonCodec;
pub use placement::{Placement, Seating};
pub use room::{Publisher, Room};
pub use session::{IceSession, Session, SessionId, SessionKind};

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use dashmap::{DashMap, Entry};
use plenum_model::{CloseReason, Format, Identity, MediaKind, MediaOffer, Place, RoomName};
use tokio::sync::Notify;

/// How long a session that its peer ended still answers one `DELETE` with 200: clients such as OBS
/// close the connection first.
const FAREWELL: Duration = Duration::from_secs(60);
/// Farewells remembered; beyond it a late `DELETE` gets 404.
const FAREWELLS: usize = 10_000;

/// See the module.
pub struct Directory {
    placement: Placement,
    rooms: DashMap<RoomName, Room>,
    sessions: DashMap<SessionId, Arc<Session>>,
    places: DashMap<Place, SessionId>,
    farewells: DashMap<SessionId, Instant>,
    emptied: Notify,
}

/// How a session came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// Its shard had it and closed it.
    Closed(CloseReason),
    /// Its shard never took it.
    NotAdmitted,
}

/// Why there is nothing to watch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unwatchable {
    /// Nobody, or not the one who was asked for, publishes.
    NobodyLive,
    /// What is published cannot be decoded by the viewer.
    NoCommonCodec(NoCommonCodec),
}

impl Directory {
    /// Empty, over the places of all shards.
    pub fn new(placement: Placement) -> Self {
        Self {
            placement,
            rooms: DashMap::new(),
            sessions: DashMap::new(),
            places: DashMap::new(),
            farewells: DashMap::new(),
            emptied: Notify::new(),
        }
    }

    /// Takes a place in `room` for a session of this kind. `None` when the shards that it could sit on are
    /// full or overloaded.
    pub fn reserve(self: &Arc<Self>, room: &RoomName, kind: SessionKind) -> Option<Reservation> {
        let (place, home) = {
            let mut entry = match self.rooms.entry(room.clone()) {
                Entry::Occupied(entry) => entry.into_ref(),
                Entry::Vacant(entry) => entry.insert(Room::new(self.placement.home(), SystemTime::now())),
            };
            let place = match kind.publishes() {
                true => self.placement.seat_publisher(entry.home),
                false => self.placement.seat_viewer(entry.home, entry.viewers_at_home()),
            };
            entry.expected += usize::from(place.is_some());
            (place, entry.home)
        };
        if place.is_none() {
            self.forget_if_empty(room);
        }
        Some(Reservation { directory: self.clone(), room: room.clone(), place: place?, home, taken: false })
    }

    fn forget_if_empty(&self, room: &RoomName) {
        self.rooms.remove_if(room, |_, room| room.is_empty());
        self.notify_if_empty();
    }

    fn is_empty(&self) -> bool {
        self.places.is_empty() && self.rooms.is_empty()
    }

    fn notify_if_empty(&self) {
        if self.is_empty() {
            self.emptied.notify_waiters();
        }
    }

    /// The shard has let a publisher in: now it can be watched. A member of the room has to send first.
    pub fn confirm(&self, session: &Session) {
        if session.kind == SessionKind::Whip
            && let Some(mut room) = self.rooms.get_mut(&session.room)
            && let Some(publisher) = room.publishers.get_mut(&session.id)
        {
            publisher.live = true;
        }
    }

    /// A session that is not over.
    pub fn session(&self, id: &SessionId) -> Option<Arc<Session>> {
        self.sessions.get(id).map(|session| session.clone())
    }

    /// The session at a place.
    pub fn at(&self, place: Place) -> Option<Arc<Session>> {
        let id = self.places.get(&place)?.clone();
        self.session(&id)
    }

    /// What a publisher really sends became known.
    pub fn track_started(&self, place: Place, kind: MediaKind, format: Format) {
        let Some(session) = self.at(place) else { return };
        if let Some(mut room) = self.rooms.get_mut(&session.room)
            && let Some(publisher) = room.publishers.get_mut(&session.id)
        {
            publisher.current.insert(kind, format);
            publisher.live = true;
        }
    }

    /// Whether a viewer with `offer` could watch `of`, or anybody, in `room`.
    pub fn can_watch(
        &self,
        room: &RoomName,
        of: Option<&Identity>,
        offer: &MediaOffer,
    ) -> Result<(), Unwatchable> {
        let room = self.rooms.get(room).ok_or(Unwatchable::NobodyLive)?;
        let publishers: Vec<_> = room.live(of).collect();
        if publishers.is_empty() {
            return Err(Unwatchable::NobodyLive);
        }
        formats::check(&publishers, offer).map_err(Unwatchable::NoCommonCodec)
    }

    /// Takes a session out of sight at once: its URL is gone and its room no longer counts it. Its place
    /// stays taken until [`Self::end`]. `None` if somebody else did so before.
    pub fn leave(&self, id: &SessionId) -> Option<Arc<Session>> {
        let (_, session) = self.sessions.remove(id)?;
        if let Some(mut room) = self.rooms.get_mut(&session.room) {
            room.remove(id);
        }
        self.forget_if_empty(&session.room);
        session.settled.notify_one();
        Some(session)
    }

    /// Ends the session at `place`, however far it got: out of sight, place released. Idempotent; returns
    /// the session to the first caller, unless it had left already.
    pub fn end(&self, place: Place, end: End) -> Option<Arc<Session>> {
        let (_, id) = self.places.remove(&place)?;
        let session = self.leave(&id);
        if session.is_some() && matches!(end, End::Closed(reason) if reason.is_by_peer()) {
            self.remember_farewell(id);
        }
        self.release(place);
        session
    }

    fn release(&self, place: Place) {
        self.placement.release(place);
        self.notify_if_empty();
    }

    fn remember_farewell(&self, id: SessionId) {
        let now = Instant::now();
        if self.farewells.len() >= FAREWELLS {
            self.farewells.retain(|_, since| now.duration_since(*since) < FAREWELL);
        }
        if self.farewells.len() < FAREWELLS {
            self.farewells.insert(id, now);
        }
    }

    /// Whether the peer of this session ended it lately; true once.
    pub fn take_farewell(&self, id: &SessionId) -> bool {
        self.farewells.remove(id).is_some_and(|(_, since)| since.elapsed() < FAREWELL)
    }

    /// Returns when there is nobody any more, nobody on the way in either.
    pub async fn empty(&self) {
        loop {
            let mut emptied = std::pin::pin!(self.emptied.notified());
            emptied.as_mut().enable();
            if self.is_empty() {
                return;
            }
            emptied.await;
        }
    }

    /// A look at one room.
    pub fn room<T>(&self, name: &RoomName, look: impl FnOnce(&Room) -> T) -> Option<T> {
        self.rooms.get(name).map(|room| look(&room))
    }

    /// A look at all rooms that have somebody in them, in the order of their names.
    pub fn rooms<T>(&self, look: impl Fn(&RoomName, &Room) -> T) -> Vec<T> {
        let mut names: Vec<RoomName> = self.rooms.iter().map(|room| room.key().clone()).collect();
        names.sort();
        let visible = |name| {
            let room = self.rooms.get(name)?;
            room.has_members().then(|| look(name, &room))
        };
        names.iter().filter_map(visible).collect()
    }

    /// Sessions by kind.
    pub fn count(&self, kind: SessionKind) -> usize {
        self.rooms.iter().map(|room| room.count(kind)).sum()
    }

    /// Places that are taken by sessions, in sight or not.
    pub fn taken(&self) -> usize {
        self.places.len()
    }
}

/// A place that was taken for a join in progress. Dropped on any early exit, it gives the place back.
pub struct Reservation {
    directory: Arc<Directory>,
    room: RoomName,
    place: Place,
    home: u16,
    taken: bool,
}

impl Reservation {
    /// Where it is.
    pub fn place(&self) -> Place {
        self.place
    }

    /// The shard where the room's publishers are.
    pub fn home(&self) -> u16 {
        self.home
    }

    /// Makes the session known. From here on [`Directory::end`] gives the place back.
    pub fn enter(mut self, session: Session) -> Arc<Session> {
        debug_assert_eq!(session.place, self.place);
        self.taken = true;
        let session = Arc::new(session);
        let directory = &self.directory;
        directory.sessions.insert(session.id.clone(), session.clone());
        if let Some(mut room) = directory.rooms.get_mut(&self.room) {
            room.expected -= 1;
            room.add(session.clone());
        }
        directory.places.insert(self.place, session.id.clone());
        session
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        if self.taken {
            return;
        }
        if let Some(mut room) = self.directory.rooms.get_mut(&self.room) {
            room.expected -= 1;
        }
        self.directory.forget_if_empty(&self.room);
        self.directory.release(self.place);
    }
}

#[cfg(test)]
mod tests;
