//! What the shards report, brought into the directory, the conferences, the metrics and the log.

use std::sync::Arc;

use plenum_engine::Event;
use plenum_model::{CloseReason, Fault, Place};
use tokio::sync::mpsc::UnboundedReceiver;

use crate::conference::Halls;
use crate::directory::{Directory, End, Session};
use crate::metrics;

/// Takes events until all shards are gone.
pub async fn run(directory: Arc<Directory>, halls: Arc<Halls>, mut events: UnboundedReceiver<(u16, Event)>) {
    while let Some((shard, event)) = events.recv().await {
        take(&directory, shard, &event);
        halls.report(event);
    }
}

fn take(directory: &Directory, shard: u16, event: &Event) {
    match *event {
        Event::Connected { place, .. } => connected(directory, place),
        Event::TrackStarted { place, kind, format, .. } => {
            tracing::info!(?place, kind = kind.as_str(), %format, "track started");
            directory.track_started(place, kind, format);
        }
        Event::FirstPacket { after, .. } => metrics::record_first_packet(after),
        Event::Interrupted { place } => tracing::info!(?place, "connection interrupted"),
        Event::Resumed { place } => tracing::info!(?place, "connection resumed"),
        Event::Ended { place, reason } => ended(directory, place, reason),
        Event::RoomPanicked { ref room } => {
            tracing::error!(shard, %room, "a room's work panicked; the room was dropped")
        }
        Event::Slots { .. } | Event::Speakers { .. } | Event::Chat { .. } | Event::DataDropped { .. } => {}
    }
}

fn connected(directory: &Directory, place: Place) {
    let Some(session) = directory.at(place) else { return };
    session.settled.notify_one();
    metrics::record_join(session.asked_at.elapsed());
    tracing::debug!(?place, kind = session.kind.as_str(), "connected");
}

fn ended(directory: &Directory, place: Place, reason: CloseReason) {
    // A session that a DELETE took out of sight is found no more, but its end counts all the same.
    let session = directory.end(place, End::Closed(reason));
    metrics::count_end(reason);
    log_end(session.as_deref(), place, reason);
}

fn log_end(session: Option<&Session>, place: Place, reason: CloseReason) {
    let kind = session.map(|session| session.kind.as_str());
    let room = session.map(|session| session.room.as_str());
    match (reason, reason.fault()) {
        (CloseReason::Shutdown, _) | (_, Fault::Client | Fault::Peer) => {
            tracing::info!(?place, kind, room, reason = reason.as_str(), "session ended");
        }
        _ => tracing::warn!(?place, kind, room, reason = reason.as_str(), "session ended"),
    }
}
