//! The corridor that every join takes: place, handshake permit, negotiation off the shard, admission.
//!
//! Tokens and offers were checked before. Whatever goes wrong on the way, the place goes back: by the
//! [`Reservation`]'s drop until the session is known, by [`Directory::end`] after that. Whoever asked
//! may hang up at any time: from the admission on the work runs in a task of its own.
//!
//! [`Directory::end`]: crate::directory::Directory::end

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use plenum_engine::{Admission, Command, Negotiated, NegotiationError, Reply, Role, Terms, TrackId};
use plenum_model::{CloseReason, DisplayName, Identity, MediaOffer, Place, RoomName, limits};
use plenum_net::CallError;
use plenum_signal::session::{Created, respond_created};
use plenum_signal::{EntityTag, Problem, Response, Slug};
use tokio::sync::{Mutex, Notify, OwnedSemaphorePermit, oneshot};
use tokio::time::timeout;

use crate::app::{App, Shard};
use crate::conference::{Expected, Hall};
use crate::directory::{End, IceSession, Reservation, Session, SessionId, SessionKind};
use crate::metrics;

/// Who wants in, and with what.
#[derive(Debug)]
pub struct Joining {
    /// Where to.
    pub room: RoomName,
    /// Through which door.
    pub kind: SessionKind,
    /// What it will do there.
    pub role: Role,
    /// As whom.
    pub identity: Identity,
    /// As people see it.
    pub name: Option<DisplayName>,
    /// The token's `metadata`.
    pub metadata: Option<String>,
    /// Whether it is a viewer that only moderators see.
    pub hidden: bool,
    /// What it offers.
    pub offer: MediaOffer,
    /// Its candidates that may be checked.
    pub candidates: Vec<SocketAddr>,
    /// When the request came.
    pub asked_at: Instant,
    /// Whose conference is to be told of it.
    pub hall: Option<Arc<Hall>>,
}

/// Who was let in.
#[derive(Debug)]
pub struct Entered {
    /// The session.
    pub session: Arc<Session>,
    /// The SDP answer.
    pub answer: String,
    /// The lines that it sends on, by mid, and the tracks that they are.
    pub tracks: Vec<(String, TrackId)>,
    /// For the conference.
    pub expected: Option<Expected>,
}

/// A handshake that is not done after this long is not waited for by other joins: a peer that only posts
/// offers must not keep others out.
const HANDSHAKE_SHARE: Duration = Duration::from_millis(250);
/// How soon to come back when there is no room.
const RETRY_AFTER_S: u32 = 2;

/// Lets someone in, or says why not.
pub async fn enter(app: Arc<App>, joining: Joining) -> Result<Entered, Problem> {
    let reservation = app.directory.reserve(&joining.room, joining.kind).ok_or_else(full)?;
    let shard = app.shard(reservation.place()).clone();
    let permit = wait_for_turn(&shard).await?;
    let (negotiated, joining) = negotiate(&app, &shard, reservation.place(), joining).await?;
    let (tell, told) = oneshot::channel();
    tokio::spawn(admit(app, shard, reservation, joining, negotiated, permit, tell));
    told.await.unwrap_or_else(|_| Err(internal()))
}

/// A permit for work that keeps the shard or the blocking pool busy.
pub async fn wait_for_turn(shard: &Shard) -> Result<OwnedSemaphorePermit, Problem> {
    match timeout(limits::JOIN_QUEUE, shard.handshakes.clone().acquire_owned()).await {
        Ok(permit) => Ok(permit.expect("the semaphore is never closed")),
        Err(_) => Err(busy()),
    }
}

async fn negotiate(
    app: &App,
    shard: &Shard,
    place: Place,
    joining: Joining,
) -> Result<(Negotiated, Joining), Problem> {
    let secret = random()?;
    let dtls = app.dtls.clone();
    let local_candidates = shard.handle.candidates().to_vec();
    let (negotiated, joining) = off_thread(move || {
        let negotiated = plenum_engine::negotiate(Terms {
            place,
            role: &joining.role,
            offer: &joining.offer,
            remote_candidates: &joining.candidates,
            local_candidates: &local_candidates,
            secret,
            dtls: &dtls,
            now: Instant::now(),
        });
        (negotiated, joining)
    })
    .await?;
    Ok((negotiated.map_err(refuse)?, joining))
}

/// What a peer is told of an offer that cannot be answered.
pub fn refuse(error: NegotiationError) -> Problem {
    let slug = match error {
        NegotiationError::Unsupported(_) => Slug::UnsupportedOffer,
        NegotiationError::Malformed(_) => Slug::MalformedSdp,
    };
    Problem::new(slug, error.to_string())
}

/// Moves the finished connection into its shard. Not to be cancelled: see the module.
async fn admit(
    app: Arc<App>,
    shard: Arc<Shard>,
    reservation: Reservation,
    joining: Joining,
    negotiated: Negotiated,
    permit: OwnedSemaphorePermit,
    tell: oneshot::Sender<Result<Entered, Problem>>,
) {
    let admission = Box::new(Admission {
        place: reservation.place(),
        room: joining.room.clone(),
        home: reservation.home(),
        identity: joining.identity.clone(),
        role: joining.role.clone(),
        peer: negotiated.peer,
    });
    let expect = |hall: &Arc<Hall>| Expected::new(app.halls.clone(), hall.clone(), reservation.place());
    let expected = joining.hall.as_ref().map(expect);
    let session = match new_session(reservation.place(), joining, &negotiated.ice.ufrag) {
        Ok(session) => reservation.enter(session),
        Err(problem) => return drop(tell.send(Err(problem))),
    };
    let problem = match shard.handle.call(Command::Admit(admission)).await {
        Ok(Reply::Admitted { replaced, tracks }) => {
            // Its end is on its way; whoever has replaced it must not find it any more.
            if let Some(former) = replaced.and_then(|place| app.directory.at(place)) {
                app.directory.leave(&former.id);
            }
            app.directory.confirm(&session);
            let (kind, room, place) = (session.kind.as_str(), &session.room, session.place);
            tracing::info!(kind, %room, identity = %session.identity, ?place, "session created");
            let entered = Entered { session: session.clone(), answer: negotiated.answer, tracks, expected };
            if tell.send(Ok(entered)).is_err() {
                // Nobody will ever know its URL.
                let _ = shard.handle.call(Command::Close { place, reason: CloseReason::Deleted }).await;
            }
            let _ = timeout(HANDSHAKE_SHARE, session.settled.notified()).await;
            return drop(permit);
        }
        Ok(_) => full(),
        Err(CallError::Busy) => busy(),
        Err(CallError::Gone) => internal(),
    };
    app.directory.end(session.place, End::NotAdmitted);
    let _ = tell.send(Err(problem));
}

fn new_session(place: Place, joining: Joining, local_ufrag: &str) -> Result<Session, Problem> {
    let remote = joining.offer.ice.clone();
    Ok(Session {
        id: SessionId::new(random()?),
        place,
        room: joining.room,
        kind: joining.kind,
        role: joining.role,
        identity: joining.identity,
        name: joining.name,
        metadata: joining.metadata,
        hidden: joining.hidden,
        offer: joining.offer,
        ice: Mutex::new(IceSession {
            etag: EntityTag::new(local_ufrag),
            remote,
            candidates: joining.candidates,
        }),
        asked_at: joining.asked_at,
        settled: Notify::new(),
        closing: AtomicBool::new(false),
    })
}

/// The 201 of a session with a URL.
pub async fn created(session: &Session, answer: String) -> Response {
    let ice = session.ice.lock().await;
    respond_created(Created { id: session.id.as_str(), etag: &ice.etag, answer, ice_servers: &[] })
}

/// Runs work that takes milliseconds where it keeps nobody waiting. Its panic is a 500, counted.
pub async fn off_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Problem> {
    tokio::task::spawn_blocking(work).await.map_err(|_| {
        metrics::count_panic("negotiation");
        internal()
    })
}

/// From the system's generator.
pub fn random<const N: usize>() -> Result<[u8; N], Problem> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|_| internal())?;
    Ok(bytes)
}

/// 503: this shard has more to do than it can take.
pub fn busy() -> Problem {
    let detail = "too many joins at the moment; try again shortly";
    Problem::new(Slug::Overloaded, detail).with_retry_after(RETRY_AFTER_S)
}

fn full() -> Problem {
    Problem::new(Slug::Overloaded, "there is no place left").with_retry_after(RETRY_AFTER_S)
}

/// 500, without saying more than that.
pub fn internal() -> Problem {
    Problem::new(Slug::Internal, "the server could not do this")
}
