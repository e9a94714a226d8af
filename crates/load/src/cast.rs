//! Who sends what in one room, by the identity under which the server knows them.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use str0m::media::MediaKind;

use crate::broadcast::Broadcast;
use crate::payload::Origin;
use crate::room::stretch::Source;

/// The senders of one room, those who have left included: their last packets may be under way. Shared by
/// all who take part in it.
#[derive(Debug, Default)]
pub(crate) struct Cast {
    senders: Mutex<HashMap<String, Broadcast>>,
}

impl Cast {
    /// `identity` will send `broadcast`. Said before it joins, so that nobody sees it unannounced.
    pub(crate) fn add(&self, identity: String, broadcast: Broadcast) {
        self.senders().insert(identity, broadcast);
    }

    /// What `identity` sends.
    pub(crate) fn find(&self, identity: &str) -> Option<Broadcast> {
        self.senders().get(identity).cloned()
    }

    /// The stream that packets of `origin` are of.
    pub(crate) fn find_source(&self, origin: Origin, kind: MediaKind) -> Option<Source> {
        let senders = self.senders();
        let broadcast = senders.values().find(|broadcast| broadcast.origin == origin)?;
        Some(Source { origin, feed: broadcast.feed(kind)?.clone() })
    }

    fn senders(&self) -> std::sync::MutexGuard<'_, HashMap<String, Broadcast>> {
        self.senders.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
