//! What sessions have done, added up.

use str0m::media::MediaKind;

use crate::meters::Meters;
use crate::session::{Role, Session, State};

/// What a thread's sessions have done so far.
#[derive(Debug, Clone)]
pub(crate) struct Tally {
    /// Sessions that are being set up.
    pub connecting: usize,
    /// Sessions with media flowing.
    pub connected: usize,
    /// Packets sent by publishers.
    pub sent: u64,
    /// Packets that viewers should have.
    pub expected: u64,
    /// Packets that viewers have.
    pub received: u64,
    /// Packets that viewers got again.
    pub duplicates: u64,
    /// Packets that viewers should never have seen.
    pub foreign: u64,
    /// Packets changed on the way.
    pub corrupt: u64,
    /// Datagrams lost in this process's own receive buffers.
    pub overflow: u64,
    /// Datagrams that sockets did not take.
    pub unsent: u64,
    /// Times.
    pub meters: Meters,
    /// Sessions that did not do what they were there for, and why.
    pub failures: Vec<String>,
}

impl Tally {
    /// Nothing done.
    pub(crate) fn new() -> Self {
        Self {
            connecting: 0,
            connected: 0,
            sent: 0,
            expected: 0,
            received: 0,
            duplicates: 0,
            foreign: 0,
            corrupt: 0,
            overflow: 0,
            unsent: 0,
            meters: Meters::new(),
            failures: Vec::new(),
        }
    }

    /// Adds what another thread has done.
    pub(crate) fn merge(&mut self, other: Tally) {
        self.connecting += other.connecting;
        self.connected += other.connected;
        self.sent += other.sent;
        self.expected += other.expected;
        self.received += other.received;
        self.duplicates += other.duplicates;
        self.foreign += other.foreign;
        self.corrupt += other.corrupt;
        self.overflow += other.overflow;
        self.unsent += other.unsent;
        self.meters.merge(&other.meters);
        self.failures.extend(other.failures);
    }

    /// Adds what a session has done, except for its times, which its thread keeps.
    pub(crate) fn add(&mut self, session: &Session) {
        match session.state() {
            State::Connecting => self.connecting += 1,
            State::Connected => self.connected += 1,
            State::Ended(_) => {}
        }
        self.unsent += session.unsent();
        self.overflow += u64::from(session.overflow());
        match session.role() {
            Role::Publisher(publisher) => self.sent += publisher.sent(),
            Role::Viewer(viewer) => {
                let count = viewer.count();
                self.expected += count.expected;
                self.received += count.received;
                self.duplicates += count.duplicates;
                self.foreign += count.foreign;
                self.corrupt += count.corrupt;
            }
        }
        if let Some(why) = failure(session) {
            self.failures.push(format!("{}: {why}", session.name()));
        }
    }
}

/// Why a session would be called a failure if everything ended now.
fn failure(session: &Session) -> Option<String> {
    match (session.state(), session.role()) {
        (State::Connecting, _) => Some("not connected".into()),
        (State::Ended(reason), _) => Some(reason.clone()),
        (State::Connected, Role::Publisher(_)) => None,
        (State::Connected, Role::Viewer(viewer)) => {
            let count = viewer.count();
            let missing = viewer.missing().map(|kind| match kind {
                MediaKind::Audio => "no audio arrived".into(),
                MediaKind::Video => "no video arrived".into(),
            });
            let foreign = (count.foreign > 0).then(|| format!("{} foreign packets", count.foreign));
            let corrupt = (count.corrupt > 0).then(|| format!("{} corrupt packets", count.corrupt));
            foreign.or(corrupt).or(missing)
        }
    }
}
