//! One room: its conference, the sockets of those who are in it, and what turns the conference's effects into deeds.
//!
//! The conference sits behind a lock that is held for one call at a time and never while anything waits: messages
//! go into outboxes, orders for the media plane are left with [`Errands`], both in the order of the effects.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant, SystemTime};

use plenum_engine::Event;
use plenum_model::{Place, RoomName};
use plenum_signal::conference::{Conference, Effect, POLICY_VIOLATION, Settings, SocketId};
use plenum_signal::room::{ClosedReason, ServerMessage};
use tokio::sync::Notify;

use super::errands::Errands;
use super::outbox::Outbox;
use super::registry::Halls;
use super::reports;
use crate::app::App;
use crate::directory::{Directory, SessionKind};
use crate::metrics;

/// How soon to see again whether somebody still watches a room that would end otherwise.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// See the module.
pub struct Hall {
    name: RoomName,
    inside: Mutex<Inside>,
    errands: Errands,
    halls: Weak<Halls>,
    directory: Arc<Directory>,
    /// Told when the conference's next deadline is another one.
    alarm: Notify,
}

struct Inside {
    conference: Conference,
    sockets: HashMap<SocketId, Outbox>,
    /// What was reported of places whose admission the conference has not heard of yet.
    early: HashMap<Place, Vec<Event>>,
    deadline: Option<Instant>,
    /// As last told to [`Halls`].
    members: usize,
}

impl Hall {
    /// Opens it, with its tasks, which end when the conference does.
    pub(super) fn open(app: &Arc<App>, name: RoomName, settings: Settings) -> Arc<Self> {
        let conference = Conference::new(name.clone(), settings, Instant::now(), SystemTime::now());
        let inside = Inside {
            deadline: conference.next_deadline(),
            conference,
            sockets: HashMap::new(),
            early: HashMap::new(),
            members: 0,
        };
        let hall = Arc::new(Self {
            inside: Mutex::new(inside),
            errands: Errands::spawn(app.clone(), name.clone()),
            name,
            halls: Arc::downgrade(&app.halls),
            directory: app.directory.clone(),
            alarm: Notify::new(),
        });
        tokio::spawn(keep_time(hall.clone()));
        hall
    }

    /// The room's name.
    pub fn name(&self) -> &RoomName {
        &self.name
    }

    /// A panic in one call must not shut the room for all others: what it left is consistent as far as each call is.
    fn lock(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Calls the conference and carries out what comes of it.
    pub fn with<T>(&self, call: impl FnOnce(&mut Conference, Instant) -> T) -> T {
        self.call(None, |inside, now| call(&mut inside.conference, now))
    }

    /// The same for a message that came from `source`.
    pub(super) fn with_source<T>(
        &self,
        source: IpAddr,
        call: impl FnOnce(&mut Conference, Instant) -> T,
    ) -> T {
        self.call(Some(source), |inside, now| call(&mut inside.conference, now))
    }

    /// A look at the conference.
    pub fn look<T>(&self, look: impl FnOnce(&Conference) -> T) -> T {
        look(&self.lock().conference)
    }

    fn call<T>(&self, source: Option<IpAddr>, call: impl FnOnce(&mut Inside, Instant) -> T) -> T {
        let now = Instant::now();
        let mut inside = self.lock();
        let result = call(&mut inside, now);
        self.carry_out(&mut inside, now, source);
        result
    }

    /// Brings a socket in: `enter` may use it at once, and if that is refused, it is unknown again.
    pub(super) fn connect<E>(
        &self,
        socket: SocketId,
        outbox: &Outbox,
        enter: impl FnOnce(&mut Conference, Instant) -> Result<(), E>,
    ) -> Result<(), E> {
        self.call(None, |inside, now| {
            inside.sockets.insert(socket, outbox.clone());
            let entered = enter(&mut inside.conference, now);
            if entered.is_err() {
                inside.sockets.remove(&socket);
            }
            entered
        })
    }

    /// A socket has ended. Its member may come back; who hung up knows it already.
    pub(super) fn disconnect(&self, socket: SocketId) {
        self.call(None, |inside, now| {
            if inside.sockets.remove(&socket).is_some() {
                inside.conference.socket_lost(now, socket);
            }
        });
    }

    /// From now on, what is reported of `place` waits for [`Self::seated`] or [`Self::unseated`].
    pub(super) fn expect(&self, place: Place) {
        self.lock().early.insert(place, Vec::new());
    }

    /// Tells the conference of an admission, then what was reported of it meanwhile.
    pub(super) fn seated<T>(&self, place: Place, admit: impl FnOnce(&mut Conference, Instant) -> T) -> T {
        self.call(None, |inside, now| {
            let result = admit(&mut inside.conference, now);
            for event in inside.early.remove(&place).unwrap_or_default() {
                reports::tell(&mut inside.conference, now, event);
            }
            result
        })
    }

    /// There is no admission after all.
    pub(super) fn unseated(&self, place: Place) {
        self.lock().early.remove(&place);
    }

    /// What the media plane has to say.
    pub(super) fn report(&self, event: Event) {
        self.call(None, |inside, now| {
            match reports::place(&event).and_then(|place| inside.early.get_mut(&place)) {
                Some(early) => early.push(event),
                None => reports::tell(&mut inside.conference, now, event),
            }
        });
    }

    /// Waits while more is ordered of the media plane than it can take.
    pub(super) async fn room_for_more(&self) {
        self.errands.room_for_more().await;
    }

    fn carry_out(&self, inside: &mut Inside, now: Instant, source: Option<IpAddr>) {
        while let Some(effect) = inside.conference.poll_effect() {
            match effect {
                Effect::Send { socket, text } => inside.send(now, socket, text),
                Effect::HangUp { socket, code } => {
                    if let Some(outbox) = inside.sockets.remove(&socket) {
                        outbox.hang_up(code);
                    }
                }
                Effect::Closed => self.leave_registry(),
                order => self.errands.leave(order, source),
            }
        }
        self.account(inside);
        let deadline = inside.conference.next_deadline();
        if deadline != inside.deadline || inside.conference.is_closed() {
            inside.deadline = deadline;
            self.alarm.notify_one();
        }
    }

    fn leave_registry(&self) {
        if let Some(halls) = self.halls.upgrade() {
            halls.forget(self);
        }
    }

    fn account(&self, inside: &mut Inside) {
        let members = inside.conference.members();
        if members != inside.members
            && let Some(halls) = self.halls.upgrade()
        {
            halls.count_members(inside.members, members);
            inside.members = members;
        }
    }

    /// Whether nobody is in the room, but somebody watches it over WHEP. The conference does not know of them; what it
    /// keeps, bans and a lock among it, is for them as well.
    pub(super) fn is_only_watched(&self) -> bool {
        let watched = || self.directory.room(&self.name, |room| room.count(SessionKind::Whep) > 0);
        self.look(|conference| conference.members() == 0 && conference.waiting().is_empty())
            && watched() == Some(true)
    }

    /// The conference's deadline has come. Rooms that somebody watches do not end of being empty.
    async fn tick(&self) {
        if !self.is_only_watched() {
            return self.with(|conference, now| conference.tick(now));
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK_AGAIN) => {}
            () = self.alarm.notified() => {}
        }
    }

    /// Whether the conference is over; whoever comes now needs another hall.
    pub fn is_over(&self) -> bool {
        self.look(Conference::is_closed)
    }
}

impl std::fmt::Debug for Hall {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Hall({})", self.name)
    }
}

impl Inside {
    /// Who does not read is cut off, and may come back.
    fn send(&mut self, now: Instant, socket: SocketId, text: Arc<str>) {
        // As `ServerMessage::to_text` begins it.
        if text.starts_with("{\"type\":\"error\"") {
            metrics::count_refused_message();
        }
        let Some(outbox) = self.sockets.get(&socket) else { return };
        if outbox.push(text).is_ok() {
            return;
        }
        metrics::count_slow_socket();
        outbox.cut_off(ServerMessage::Closed { reason: ClosedReason::TooSlow }.to_text(), POLICY_VIOLATION);
        self.sockets.remove(&socket);
        self.conference.socket_lost(now, socket);
    }
}

/// Wakes the conference at its deadlines until it is over.
async fn keep_time(hall: Arc<Hall>) {
    loop {
        let (deadline, over) = {
            let inside = hall.lock();
            (inside.deadline, inside.conference.is_closed())
        };
        if over {
            return;
        }
        tokio::select! {
            () = until(deadline) => hall.tick().await,
            () = hall.alarm.notified() => {}
        }
    }
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline.into()).await,
        None => std::future::pending().await,
    }
}
