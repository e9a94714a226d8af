//! The rooms that there are, and whose media session is in which of them.
//!
//! Locks: a hall may reach for the registry while it is locked, never the other way round.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use dashmap::{DashMap, Entry};
use plenum_engine::Event;
use plenum_model::{Place, RoomName, limits};
use plenum_signal::conference::{Conference, Settings, SocketId};
use plenum_signal::room::ClosedReason;
use plenum_signal::{Problem, Slug};
use tokio::sync::Notify;

use super::hall::Hall;
use super::outbox::Total;
use super::reports;
use crate::app::App;
use crate::config::Rooms;

/// Rooms at a time; when there are as many, empty ones go before their time, and if there are none, new ones are
/// refused.
const ROOMS: usize = 10_000;
/// How soon to come back then.
const RETRY_AFTER_S: u32 = 10;
/// Over which time those inside are sent elsewhere when the server goes away.
const RECONNECT_WITHIN: Duration = Duration::from_secs(5);

/// See the module.
pub struct Halls {
    rooms: DashMap<RoomName, Arc<Hall>>,
    places: DashMap<Place, Arc<Hall>>,
    defaults: Settings,
    auto_create: bool,
    members: AtomicUsize,
    sockets: AtomicUsize,
    last_socket: AtomicU64,
    waiting: Total,
    /// Told whenever members or sockets have become fewer.
    fewer: Notify,
}

impl Halls {
    /// No rooms yet; those to come are as the configuration says.
    pub fn new(rooms: &Rooms) -> Self {
        Self {
            rooms: DashMap::new(),
            places: DashMap::new(),
            defaults: Settings {
                max_participants: rooms.max_participants,
                lobby: rooms.lobby,
                empty_timeout: rooms.empty_timeout,
                departure_timeout: rooms.departure_timeout,
                ..Settings::default()
            },
            auto_create: rooms.auto_create,
            members: AtomicUsize::new(0),
            sockets: AtomicUsize::new(0),
            last_socket: AtomicU64::new(0),
            waiting: Total::default(),
            fewer: Notify::new(),
        }
    }

    /// What a room is like unless its maker says otherwise.
    pub fn defaults(&self) -> &Settings {
        &self.defaults
    }

    /// A room that is there.
    pub fn get(&self, name: &RoomName) -> Option<Arc<Hall>> {
        self.rooms.get(name).map(|hall| hall.clone())
    }

    /// Whether somebody may come in, before anything is done for them; 404 if there is no such room and newcomers do
    /// not open any.
    pub fn check(
        &self,
        name: &RoomName,
        check: impl FnOnce(&Conference) -> Result<(), Problem>,
    ) -> Result<(), Problem> {
        match self.get(name) {
            Some(hall) => hall.look(check),
            None if self.auto_create => Ok(()),
            None => Err(no_such_room(name)),
        }
    }

    /// The room that somebody wants into: opened if it is not there, unless the configuration leaves that to the API.
    pub fn find(&self, app: &Arc<App>, name: &RoomName) -> Result<Arc<Hall>, Problem> {
        if let Some(hall) = self.get(name) {
            return Ok(hall);
        }
        if !self.auto_create {
            return Err(no_such_room(name));
        }
        self.make_space()?;
        let open = || Hall::open(app, name.clone(), self.defaults.clone());
        Ok(self.rooms.entry(name.clone()).or_insert_with(open).clone())
    }

    /// A new room with settings of its own; 409 if there is one of this name.
    pub fn create(&self, app: &Arc<App>, name: &RoomName, settings: Settings) -> Result<Arc<Hall>, Problem> {
        self.make_space()?;
        match self.rooms.entry(name.clone()) {
            Entry::Occupied(_) => {
                Err(Problem::new(Slug::RoomExists, format!("there is a room {name} already")))
            }
            Entry::Vacant(entry) => Ok(entry.insert(Hall::open(app, name.clone(), settings)).clone()),
        }
    }

    fn make_space(&self) -> Result<(), Problem> {
        if self.rooms.len() < ROOMS {
            return Ok(());
        }
        let closed = self.all().iter().any(|hall| {
            !hall.is_only_watched()
                && hall.with(|conference, _| {
                    let empty = conference.members() == 0 && conference.waiting().is_empty();
                    if empty {
                        conference.close(ClosedReason::RoomClosed);
                    }
                    empty
                })
        });
        match closed {
            true => Ok(()),
            false => Err(Problem::new(Slug::Overloaded, "there are too many rooms at the moment")
                .with_retry_after(RETRY_AFTER_S)),
        }
    }

    /// All rooms, in the order of their names.
    pub fn all(&self) -> Vec<Arc<Hall>> {
        let mut halls: Vec<Arc<Hall>> = self.rooms.iter().map(|hall| hall.clone()).collect();
        halls.sort_by(|a, b| a.name().cmp(b.name()));
        halls
    }

    /// A hall that is over; another one of the same name may have taken its place.
    pub(super) fn forget(&self, hall: &Hall) {
        self.rooms.remove_if(hall.name(), |_, there| std::ptr::eq(Arc::as_ptr(there), hall));
    }

    /// From now on, what is reported of `place` is this hall's business.
    pub(super) fn seat(&self, place: Place, hall: &Arc<Hall>) {
        self.places.insert(place, hall.clone());
    }

    /// A place that nobody sits on any more.
    pub(super) fn release(&self, place: Place) {
        self.places.remove(&place);
    }

    /// Brings what the media plane reports to the room that it is about, if that has a conference.
    pub fn report(&self, event: Event) {
        let hall = match (&event, reports::place(&event)) {
            (Event::Ended { place, .. }, _) => self.places.remove(place).map(|(_, hall)| hall),
            (Event::Speakers { room, .. }, _) => self.get(room),
            (_, Some(place)) => self.places.get(&place).map(|hall| hall.clone()),
            (_, None) => None,
        };
        if let Some(hall) = hall {
            hall.report(event);
        }
    }

    /// A number for a new socket, which is open until [`Self::socket_closed`].
    pub(super) fn socket_opened(&self) -> SocketId {
        self.sockets.fetch_add(1, Ordering::Relaxed);
        SocketId(self.last_socket.fetch_add(1, Ordering::Relaxed))
    }

    pub(super) fn socket_closed(&self) {
        self.sockets.fetch_sub(1, Ordering::Relaxed);
        self.fewer.notify_waiters();
    }

    /// What waits to be sent on all sockets.
    pub(super) fn waiting(&self) -> &Total {
        &self.waiting
    }

    /// 503 while so much waits to be sent that nobody new can be told anything.
    pub(super) fn check_waiting(&self) -> Result<(), Problem> {
        match self.waiting.bytes() < limits::OUTBOXES {
            true => Ok(()),
            false => {
                Err(Problem::new(Slug::Overloaded, "too much waits to be sent")
                    .with_retry_after(RETRY_AFTER_S))
            }
        }
    }

    pub(super) fn count_members(&self, before: usize, now: usize) {
        match now > before {
            true => self.members.fetch_add(now - before, Ordering::Relaxed),
            false => self.members.fetch_sub(before - now, Ordering::Relaxed),
        };
        self.fewer.notify_waiters();
    }

    /// How many rooms there are, empty ones among them.
    pub fn rooms(&self) -> usize {
        self.rooms.len()
    }

    /// How many members all rooms have.
    pub fn members(&self) -> usize {
        self.members.load(Ordering::Relaxed)
    }

    /// How many WebSockets are open.
    pub fn sockets(&self) -> usize {
        self.sockets.load(Ordering::Relaxed)
    }

    /// Asks everybody to come again, elsewhere or to our successor.
    pub fn send_away(&self) {
        for hall in self.all() {
            let url = format!("/v1/rooms/{}/connect", hall.name());
            hall.with(|conference, _| conference.reconnect(&url, RECONNECT_WITHIN));
        }
    }

    /// Ends all rooms: the server is about to stop.
    pub fn close(&self) {
        for hall in self.all() {
            hall.with(|conference, _| conference.close(ClosedReason::Shutdown));
        }
    }

    /// Returns when no room has a member.
    pub async fn empty(&self) {
        self.until(|| self.members() == 0).await;
    }

    /// Returns when no WebSocket is open.
    pub async fn silent(&self) {
        self.until(|| self.sockets() == 0).await;
    }

    async fn until(&self, done: impl Fn() -> bool) {
        loop {
            let mut fewer = std::pin::pin!(self.fewer.notified());
            fewer.as_mut().enable();
            if done() {
                return;
            }
            fewer.await;
        }
    }
}

fn no_such_room(name: &RoomName) -> Problem {
    let detail = format!("there is no room {name}; rooms are opened through the API here");
    Problem::new(Slug::RoomNotFound, detail)
}
