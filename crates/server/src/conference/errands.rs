//! What a conference orders of the media plane, carried out in the order in which it was ordered. Shards are asked
//! over a queue that may be full, and an order to end somebody's media must not be lost over that: it is repeated.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use plenum_engine::{Command, TrackId};
use plenum_model::{CloseReason, Place, RoomName};
use plenum_net::CallError;
use plenum_signal::conference::Effect;
use tokio::sync::{Notify, mpsc};

use crate::app::App;
use crate::http::source;

/// Orders that may wait before those who cause them have to.
const WAITING: usize = 1_024;
/// How long to wait for a shard whose queue is full.
const BACK_OFF: Duration = Duration::from_millis(20);

/// One order, and where the message came from that caused it.
#[derive(Debug)]
struct Errand {
    effect: Effect,
    source: Option<IpAddr>,
}

/// How many orders wait, and who waits for that to become less.
#[derive(Debug, Default)]
struct Backlog {
    waiting: AtomicUsize,
    shrunk: Notify,
}

/// Where orders are left.
#[derive(Debug, Clone)]
pub struct Errands {
    queue: mpsc::UnboundedSender<Errand>,
    backlog: Arc<Backlog>,
}

impl Errands {
    /// A queue of a room, and a task that works it off until all of its senders are gone.
    pub fn spawn(app: Arc<App>, room: RoomName) -> Self {
        let (queue, errands) = mpsc::unbounded_channel();
        let backlog = Arc::new(Backlog::default());
        tokio::spawn(work_off(app, room, errands, backlog.clone()));
        Self { queue, backlog }
    }

    /// Leaves an order, caused by a message that came from `source`. Never waits: see [`Self::room_for_more`].
    pub fn leave(&self, effect: Effect, source: Option<IpAddr>) {
        self.backlog.waiting.fetch_add(1, Ordering::Relaxed);
        // The task ends with the last sender only.
        let _ = self.queue.send(Errand { effect, source });
    }

    /// Waits while too much is to be done. To be called before each message that may cause orders; what waits is
    /// bounded by this and by what one message of each socket can cause.
    pub async fn room_for_more(&self) {
        loop {
            let mut shrunk = std::pin::pin!(self.backlog.shrunk.notified());
            shrunk.as_mut().enable();
            if self.backlog.waiting.load(Ordering::Relaxed) < WAITING {
                return;
            }
            shrunk.await;
        }
    }
}

async fn work_off(
    app: Arc<App>,
    room: RoomName,
    mut errands: mpsc::UnboundedReceiver<Errand>,
    backlog: Arc<Backlog>,
) {
    while let Some(errand) = errands.recv().await {
        run(&app, &room, errand).await;
        backlog.waiting.fetch_sub(1, Ordering::Relaxed);
        backlog.shrunk.notify_waiters();
    }
}

async fn run(app: &App, room: &RoomName, errand: Errand) {
    match (&errand.effect, errand.source) {
        (Effect::AddCandidates { place, candidates }, Some(source)) => {
            let candidates = source::checkable(candidates, source, &app.local_addresses());
            add_candidates(app, *place, &candidates).await;
        }
        (Effect::EndViewers { identity }, _) => {
            let own = app.directory.room(room, |room| room.places_watched_by(identity));
            for place in own.unwrap_or_default() {
                end_viewer(app, place, CloseReason::Kicked).await;
            }
        }
        (effect, _) => order(app, || command(effect)).await,
    }
}

async fn add_candidates(app: &App, place: Place, candidates: &[SocketAddr]) {
    let Some(session) = app.directory.at(place) else { return };
    let mut ice = session.ice.lock().await;
    let new = ice.new_among(candidates);
    if !new.is_empty() {
        ice.candidates.extend(&new);
        order(app, || Some((place, Command::AddCandidates { place, candidates: new.clone() }))).await;
    }
}

/// Ends a WHEP session, of which no conference knows. It is out of sight then.
pub async fn end_viewer(app: &App, place: Place, reason: CloseReason) {
    order(app, || Some((place, Command::Close { place, reason }))).await;
    if let Some(session) = app.directory.at(place) {
        app.directory.leave(&session.id);
    }
}

/// Until the shard has taken it. A place that is gone has nothing to carry out any more, and neither has a shard.
async fn order(app: &App, command: impl Fn() -> Option<(Place, Command)>) {
    while let Some((place, command)) = command() {
        match app.shard(place).handle.call(command).await {
            Err(CallError::Busy) => tokio::time::sleep(BACK_OFF).await,
            Ok(_) | Err(CallError::Gone) => return,
        }
    }
}

/// What an effect means to the shard of a place.
fn command(effect: &Effect) -> Option<(Place, Command)> {
    Some(match *effect {
        Effect::EndMedia { place, reason } => (place, Command::Close { place, reason }),
        Effect::Mute { place, track, muted } => {
            (place, Command::Mute { place, track: TrackId::from_number(track), muted })
        }
        Effect::Pin { place, ref mid, track } => {
            let track = track.map(TrackId::from_number);
            (place, Command::Pin { place, mid: mid.clone(), track })
        }
        Effect::Demand { place, ref mid, demand } => {
            (place, Command::Demand { place, mid: mid.clone(), demand })
        }
        Effect::Allow { place, allowed } => (place, Command::Allow { place, allowed }),
        Effect::AddCandidates { .. }
        | Effect::EndViewers { .. }
        | Effect::Send { .. }
        | Effect::HangUp { .. }
        | Effect::Closed => return None,
    })
}
