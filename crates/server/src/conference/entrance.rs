//! The `join` of a new socket: who it is, by token or by its own word, and into which hall it goes.

use std::sync::Arc;
use std::time::SystemTime;

use plenum_signal::conference::{Arrival, Entrant, SocketId};
use plenum_signal::room::{Join, RequestId};
use plenum_signal::{Access, Grant, Problem};
use serde_json::json;

use super::hall::Hall;
use super::outbox::Outbox;
use super::socket::Visitor;
use crate::app::App;
use crate::join;

/// A room that is closed at the moment of a join is opened again; not for ever.
const TRIES: usize = 3;

/// Lets a socket in, as the member that it was before or as a new one.
pub fn enter(
    app: &Arc<App>,
    socket: SocketId,
    outbox: &Outbox,
    visitor: &Visitor,
    id: Option<RequestId>,
    join: &Join,
) -> Result<Arc<Hall>, Problem> {
    // There is no TURN server yet.
    let arrival = Arrival { socket, id, ice_servers: json!([]) };
    if let Some(hall) = resume(app, outbox, visitor, join, &arrival) {
        return Ok(hall);
    }
    app.drain.check()?;
    app.halls.check_waiting()?;
    let grant = grant(app, visitor, join)?;
    let entrant = Entrant::new(grant, join, &suffix()?)?;
    let secret = join::random()?;
    for _ in 0..TRIES {
        let hall = app.halls.find(app, &visitor.room)?;
        let (entrant, arrival) = (entrant.clone(), arrival.clone());
        match hall.connect(socket, outbox, |conference, now| conference.join(now, entrant, arrival, secret)) {
            Ok(()) => return Ok(hall),
            Err(_) if hall.is_over() => {}
            Err(problem) => return Err(problem),
        }
    }
    Err(join::busy())
}

/// On as a member that has lost its socket; even while the server drains, for its media session is here.
fn resume(
    app: &App,
    outbox: &Outbox,
    visitor: &Visitor,
    join: &Join,
    arrival: &Arrival,
) -> Option<Arc<Hall>> {
    let token = join.resume.as_deref()?;
    let hall = app.halls.get(&visitor.room)?;
    let resumed = hall.connect(arrival.socket, outbox, |conference, _| {
        conference.resume(token, arrival).then_some(()).ok_or(())
    });
    resumed.ok().map(|()| hall)
}

/// The token in the message is the fresher one.
fn grant(app: &App, visitor: &Visitor, join: &Join) -> Result<Grant, Problem> {
    match (&join.token, &visitor.grant) {
        (None, Some(grant)) => Ok(grant.clone()),
        (token, _) => app.keyring.authorize(SystemTime::now(), token.as_deref(), Access::Join(&visitor.room)),
    }
}

/// Tells people of the same name apart: four characters that are hard to confuse.
fn suffix() -> Result<String, Problem> {
    let random: [u8; 4] = join::random()?;
    let letters = b"abcdefghijkmnpqrstuvwxyz23456789";
    Ok(random.iter().map(|byte| char::from(letters[usize::from(byte % 32)])).collect())
}
