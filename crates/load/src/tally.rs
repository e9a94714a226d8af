//! What sessions have done, added up.

use std::time::Instant;

use str0m::media::MediaKind;

use crate::meters::Meters;
use crate::room::slots::Fillings;
use crate::session::{Role, Session, State};
use crate::viewer::Count;

/// What a thread's sessions have done so far.
#[derive(Debug, Clone)]
pub(crate) struct Tally {
    /// Sessions that are being set up.
    pub connecting: usize,
    /// Publishers with media flowing.
    pub publishers: usize,
    /// Viewers with media flowing.
    pub viewers: usize,
    /// Participants with media flowing.
    pub participants: usize,
    /// Packets sent by publishers and participants.
    pub sent: u64,
    /// Packets that viewers and participants should have.
    pub expected: u64,
    /// Packets that they have.
    pub received: u64,
    /// Packets that they got again.
    pub duplicates: u64,
    /// Packets that they should never have seen.
    pub foreign: u64,
    /// Packets changed on the way.
    pub corrupt: u64,
    /// How slots were filled.
    pub fillings: Fillings,
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
            publishers: 0,
            viewers: 0,
            participants: 0,
            sent: 0,
            expected: 0,
            received: 0,
            duplicates: 0,
            foreign: 0,
            corrupt: 0,
            fillings: Fillings::default(),
            overflow: 0,
            unsent: 0,
            meters: Meters::new(),
            failures: Vec::new(),
        }
    }

    /// Adds what another thread has done.
    pub(crate) fn merge(&mut self, other: Tally) {
        self.connecting += other.connecting;
        self.publishers += other.publishers;
        self.viewers += other.viewers;
        self.participants += other.participants;
        self.sent += other.sent;
        self.expected += other.expected;
        self.received += other.received;
        self.duplicates += other.duplicates;
        self.foreign += other.foreign;
        self.corrupt += other.corrupt;
        self.fillings.merge(other.fillings);
        self.overflow += other.overflow;
        self.unsent += other.unsent;
        self.meters.merge(&other.meters);
        self.failures.extend(other.failures);
    }

    /// Sessions that receive, with media flowing.
    pub(crate) fn receiving(&self) -> usize {
        self.viewers + self.participants
    }

    /// Adds what a session has done, except for its times, which its thread keeps.
    pub(crate) fn add(&mut self, session: &Session) {
        let is_connected = usize::from(*session.state() == State::Connected);
        self.connecting += usize::from(*session.state() == State::Connecting);
        match session.role() {
            Role::Publisher(_) => self.publishers += is_connected,
            Role::Viewer(_) => self.viewers += is_connected,
            Role::Participant(_) => self.participants += is_connected,
        }
        self.add_packets(session);
        if let Some(why) = failure(session) {
            self.failures.push(format!("{}: {why}", session.name()));
        }
    }

    /// The same for a participant that has left and is not there any more.
    pub(crate) fn add_departed(&mut self, session: &Session) {
        self.add_packets(session);
        if let Some(why) = failure_of_departed(session) {
            self.failures.push(format!("{}: {why}", session.name()));
        }
    }

    fn add_packets(&mut self, session: &Session) {
        self.unsent += session.unsent();
        self.overflow += u64::from(session.overflow());
        match session.role() {
            Role::Publisher(publisher) => self.sent += publisher.sent(),
            Role::Viewer(viewer) => self.add_received(viewer.count()),
            Role::Participant(participant) => {
                self.sent += participant.publisher().sent();
                self.add_received(participant.count());
                self.fillings.merge(participant.fillings(Instant::now()));
            }
        }
    }

    fn add_received(&mut self, count: Count) {
        self.expected += count.expected;
        self.received += count.received;
        self.duplicates += count.duplicates;
        self.foreign += count.foreign;
        self.corrupt += count.corrupt;
    }
}

/// Why a session would be called a failure if everything ended now.
fn failure(session: &Session) -> Option<String> {
    match (session.state(), session.role()) {
        (State::Connecting, _) => Some("not connected".into()),
        (State::Ended(reason), _) => Some(reason.clone()),
        (State::Connected, Role::Publisher(_)) => None,
        (State::Connected, Role::Viewer(viewer)) => {
            let missing = viewer.missing().map(|kind| match kind {
                MediaKind::Audio => "no audio arrived".into(),
                MediaKind::Video => "no video arrived".into(),
            });
            stray(viewer.count()).or(missing)
        }
        (State::Connected, Role::Participant(participant)) => {
            stray(participant.count()).or_else(|| participant.lacks(Instant::now()))
        }
    }
}

/// Who has left lacks nothing any more.
fn failure_of_departed(session: &Session) -> Option<String> {
    match (session.state(), session.role()) {
        (State::Connected, Role::Participant(participant)) => {
            stray(participant.count()).or_else(|| participant.mistakes(Instant::now()))
        }
        _ => failure(session),
    }
}

fn stray(count: Count) -> Option<String> {
    let foreign = (count.foreign > 0).then(|| format!("{} foreign packets", count.foreign));
    foreign.or((count.corrupt > 0).then(|| format!("{} corrupt packets", count.corrupt)))
}
