//! One room: its shard and who is in it.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::SystemTime;

use plenum_model::{Format, Identity, MediaKind, Place};

use super::{Session, SessionId, SessionKind};

/// See the module.
#[derive(Debug)]
pub struct Room {
    /// The shard where its publishers sit, and its viewers as long as there is room.
    pub home: u16,
    /// When the first one came.
    pub created_at: SystemTime,
    /// Reservations that have not become sessions yet: they keep the room on its shard.
    pub(super) expected: usize,
    pub(super) publishers: HashMap<SessionId, Publisher>,
    pub(super) viewers: HashMap<SessionId, Arc<Session>>,
}

/// A session that may send, and what it sends.
#[derive(Debug)]
pub struct Publisher {
    /// The session.
    pub session: Arc<Session>,
    /// What it really sends, by kind, since its first packet.
    pub current: BTreeMap<MediaKind, Format>,
    /// Whether it can be watched: its shard has let it in, and a member of the room has begun to send.
    pub(super) live: bool,
}

impl Room {
    pub(super) fn new(home: u16, created_at: SystemTime) -> Self {
        Self { home, created_at, expected: 0, publishers: HashMap::new(), viewers: HashMap::new() }
    }

    pub(super) fn add(&mut self, session: Arc<Session>) {
        let id = session.id.clone();
        match session.kind.publishes() {
            true => {
                self.publishers.insert(id, Publisher { session, current: BTreeMap::new(), live: false });
            }
            false => {
                self.viewers.insert(id, session);
            }
        }
    }

    pub(super) fn remove(&mut self, id: &SessionId) {
        self.publishers.remove(id);
        self.viewers.remove(id);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.expected == 0 && !self.has_members()
    }

    /// Whether anybody is in it.
    pub fn has_members(&self) -> bool {
        !(self.publishers.is_empty() && self.viewers.is_empty())
    }

    /// Sessions of a kind.
    pub fn count(&self, kind: SessionKind) -> usize {
        match kind {
            SessionKind::Whep => self.viewers.len(),
            _ => self.publishers.values().filter(|publisher| publisher.session.kind == kind).count(),
        }
    }

    /// Those who publish: all, or the one called `of`. While a publisher is being replaced by another of
    /// the same identity, both are there.
    pub fn live<'a>(&'a self, of: Option<&'a Identity>) -> impl Iterator<Item = &'a Publisher> {
        let wanted = move |publisher: &&Publisher| of.is_none_or(|of| publisher.session.identity == *of);
        self.publishers.values().filter(|publisher| publisher.live).filter(wanted)
    }

    /// One publisher per identity, the latest, in the order of their names.
    pub fn participants(&self) -> Vec<&Publisher> {
        let mut latest: BTreeMap<&Identity, &Publisher> = BTreeMap::new();
        for publisher in self.live(None) {
            let entry = latest.entry(&publisher.session.identity).or_insert(publisher);
            if entry.session.asked_at < publisher.session.asked_at {
                *entry = publisher;
            }
        }
        latest.into_values().collect()
    }

    pub(super) fn viewers_at_home(&self) -> usize {
        self.viewers.values().filter(|viewer| viewer.place.shard == self.home).count()
    }

    /// Where the WHEP sessions of an identity sit; the same may watch many times.
    pub fn places_watched_by(&self, identity: &Identity) -> Vec<Place> {
        let own = self.viewers.values().filter(|viewer| viewer.identity == *identity);
        own.map(|viewer| viewer.place).collect()
    }

    /// The WHEP sessions, oldest first.
    pub fn viewers(&self) -> Vec<&Session> {
        let mut viewers: Vec<&Session> = self.viewers.values().map(Arc::as_ref).collect();
        viewers.sort_by_key(|session| session.asked_at);
        viewers
    }
}
