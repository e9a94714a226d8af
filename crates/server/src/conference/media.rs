//! From an offer in a message to its answer: the conference looks at it, the shard's place is reserved and the
//! session negotiated as for WHIP, or the session that there is gets more lines or new ICE credentials.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

use plenum_engine::{Command, Reply, Role, TrackId};
use plenum_model::{MediaOffer, Place};
use plenum_net::CallError;
use plenum_signal::conference::{Goes, SocketId, Ticket};
use plenum_signal::room::{self, Refused, RequestId, TrackRequest};
use plenum_signal::{Problem, Slug};

use super::hall::Hall;
use crate::app::App;
use crate::directory::{Session, SessionKind};
use crate::http::source::checkable;
use crate::join::{self, Joining};

/// An `offer` message, and where it came from.
pub struct Offer {
    /// On which socket.
    pub socket: SocketId,
    /// Where that comes from.
    pub source: IpAddr,
    /// What the client calls it.
    pub id: Option<RequestId>,
    /// The SDP.
    pub sdp: String,
    /// What it says of its sending lines.
    pub tracks: BTreeMap<String, TrackRequest>,
}

/// Answers an offer, or tells why not.
pub async fn offer(app: &Arc<App>, hall: &Arc<Hall>, offer: Offer) {
    hall.room_for_more().await;
    let Offer { socket, source, id, sdp, tracks } = offer;
    let asked_at = Instant::now();
    let read = join::off_thread(move || room::read_offer(&sdp)).await.and_then(|read| read);
    let looked_at = read.and_then(|offer| {
        let ticket =
            hall.with(|conference, now| conference.offered(now, socket, id.clone(), &offer, &tracks))?;
        Ok((ticket, offer))
    });
    let (ticket, offer) = match looked_at {
        Ok(both) => both,
        Err(problem) => {
            let refused = Refused { id, problem };
            return hall.with(|conference, now| conference.refuse(now, socket, &refused));
        }
    };
    let candidates = checkable(&offer.candidates, source, &app.local_addresses());
    match ticket.goes {
        Goes::On(place) => go_on(app, hall, ticket, place, offer, candidates).await,
        Goes::New | Goes::Replace(_) => begin(app, hall, ticket, offer, candidates, asked_at).await,
    }
}

/// A new session; one of the same identity ends for it.
async fn begin(
    app: &Arc<App>,
    hall: &Arc<Hall>,
    ticket: Ticket,
    offer: MediaOffer,
    candidates: Vec<SocketAddr>,
    asked_at: Instant,
) {
    let joining = Joining {
        room: hall.name().clone(),
        kind: SessionKind::Room,
        role: Role::Participant { tracks: ticket.terms.clone(), allowed: ticket.allowed },
        identity: ticket.identity.clone(),
        name: None,
        metadata: None,
        hidden: false,
        offer,
        candidates,
        asked_at,
        hall: Some(hall.clone()),
    };
    match join::enter(app.clone(), joining).await {
        Ok(entered) => {
            let (place, answer, tracks) = (entered.session.place, entered.answer, numbers(entered.tracks));
            if let Some(expected) = entered.expected {
                expected.seated(|conference, _| conference.media_admitted(ticket, place, &answer, &tracks));
            }
        }
        Err(problem) => hall.with(|conference, _| conference.media_refused(ticket, &problem)),
    }
}

/// On with the session that there is.
async fn go_on(
    app: &Arc<App>,
    hall: &Arc<Hall>,
    ticket: Ticket,
    place: Place,
    offer: MediaOffer,
    candidates: Vec<SocketAddr>,
) {
    match renegotiate(app, &ticket, place, offer, candidates).await {
        Ok((answer, tracks)) => {
            hall.with(|conference, _| conference.media_admitted(ticket, place, &answer, &tracks));
        }
        Err(problem) => hall.with(|conference, _| conference.media_refused(ticket, &problem)),
    }
}

type Answered = (String, Vec<(String, u32)>);

async fn renegotiate(
    app: &App,
    ticket: &Ticket,
    place: Place,
    offer: MediaOffer,
    candidates: Vec<SocketAddr>,
) -> Result<Answered, Problem> {
    let session = app.directory.at(place).ok_or_else(over)?;
    let shard = app.shard(place).clone();
    let _permit = join::wait_for_turn(&shard).await?;
    let mut ice = session.ice.lock().await;
    let restarts = ice.remote != offer.ice;
    let candidates = match restarts {
        true => candidates,
        false => ice.new_among(&candidates),
    };
    let remote = offer.ice.clone();
    let prepared = prepare(&session, ticket, offer, candidates.clone()).await?;
    match shard.handle.call(Command::Renegotiate(Box::new(prepared))).await {
        Ok(Reply::Answered { answer, tracks }) => {
            match restarts {
                true => (ice.remote, ice.candidates) = (remote, candidates),
                false => ice.candidates.extend(candidates),
            }
            Ok((answer, numbers(tracks)))
        }
        Ok(Reply::Refused) => {
            Err(Problem::new(Slug::UnsupportedOffer, "the session cannot be changed in this way"))
        }
        Ok(_) | Err(CallError::Gone) => Err(over()),
        Err(CallError::Busy) => Err(join::busy()),
    }
}

async fn prepare(
    session: &Arc<Session>,
    ticket: &Ticket,
    offer: MediaOffer,
    candidates: Vec<SocketAddr>,
) -> Result<plenum_engine::Renegotiation, Problem> {
    let (session, terms, secret) = (session.clone(), ticket.terms.clone(), join::random()?);
    let prepare = move || {
        let first = &session.offer;
        plenum_engine::prepare_renegotiation(session.place, first, &offer, terms, &candidates, secret)
    };
    join::off_thread(prepare).await?.map_err(join::refuse)
}

fn numbers(tracks: Vec<(String, TrackId)>) -> Vec<(String, u32)> {
    tracks.into_iter().map(|(mid, track)| (mid, track.number())).collect()
}

fn over() -> Problem {
    Problem::new(Slug::NoMedia, "the media session has just ended; begin another one")
}
