//! Media threads: each waits for the sockets and deadlines of many sessions.

use std::collections::HashMap;
use std::io;
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token, Waker};
use slab::Slab;
use str0m::media::Mid;
use tokio::sync::oneshot;

use crate::meters::Meters;
use crate::room::slots::Occupant;
use crate::session::Session;
use crate::tally::Tally;
use crate::udp::ReceiveBatch;

const WAKER: Token = Token(usize::MAX);
/// Readiness taken per wait.
const EVENTS: usize = 256;
/// The longest wait; nothing depends on it.
const LONGEST_WAIT: Duration = Duration::from_secs(1);

/// How closely a thread keeps to its deadlines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pace {
    /// To some 100 us, for publishers: their schedule is the measurement's clock.
    Exact,
    /// To 2 ms, for viewers, whose only deadlines are those of ICE and RTCP, and for participants, of whom
    /// there are too many to wake up for each.
    Relaxed,
}

impl Pace {
    fn granularity(self) -> Duration {
        match self {
            Pace::Exact => Duration::ZERO,
            Pace::Relaxed => Duration::from_millis(2),
        }
    }
}

/// Names a session of a media thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct SessionKey(usize);

enum Command {
    Add(SessionKey, Box<Session>),
    Assign(SessionKey, Instant, Vec<(Mid, Occupant)>),
    Remove(SessionKey, oneshot::Sender<()>),
    End(SessionKey, String),
    EndCounting,
    Tally(oneshot::Sender<Tally>),
    Quit,
}

/// A running media thread; dropping it ends the thread and closes its sockets.
pub(crate) struct MediaThread {
    commands: Sender<Command>,
    waker: Arc<Waker>,
    thread: Option<JoinHandle<()>>,
    next_key: AtomicUsize,
}

impl MediaThread {
    /// Starts a thread without sessions.
    pub(crate) fn start(name: &str, pace: Pace) -> io::Result<Self> {
        let poll = Poll::new()?;
        let waker = Arc::new(Waker::new(poll.registry(), WAKER)?);
        let (sender, commands) = channel();
        let driver = Driver {
            poll,
            pace,
            commands,
            sessions: Slab::new(),
            deadlines: Vec::new(),
            places: HashMap::new(),
            departed: Tally::new(),
            next_scan: Instant::now(),
            batch: ReceiveBatch::new(),
            meters: Meters::new(),
        };
        let thread = thread::Builder::new().name(name.into()).spawn(move || driver.run())?;
        Ok(Self { commands: sender, waker, thread: Some(thread), next_key: AtomicUsize::new(0) })
    }

    /// Drives a session from here on.
    pub(crate) fn add(&self, session: Session) -> SessionKey {
        let key = SessionKey(self.next_key.fetch_add(1, Ordering::Relaxed));
        self.command(Command::Add(key, Box::new(session)));
        key
    }

    /// Tells a participant what the server said at `now` about its slots.
    pub(crate) fn assign(&self, key: SessionKey, now: Instant, occupants: Vec<(Mid, Occupant)>) {
        self.command(Command::Assign(key, now, occupants));
    }

    /// Drives a session no more, because it leaves; done when this returns, so that nothing the server does
    /// about it is seen. What it has done still counts.
    pub(crate) async fn remove(&self, key: SessionKey) {
        let (sender, removed) = oneshot::channel();
        self.command(Command::Remove(key, sender));
        // A thread that is gone drives nothing.
        let _ = removed.await;
    }

    /// Ends a session for a reason that only others know.
    pub(crate) fn end(&self, key: SessionKey, reason: String) {
        self.command(Command::End(key, reason));
    }

    /// Ends counting for all publishers here; done before the next [`MediaThread::tally`] is answered.
    pub(crate) fn end_counting(&self) {
        self.command(Command::EndCounting);
    }

    /// What its sessions have done so far.
    pub(crate) async fn tally(&self) -> Tally {
        let (sender, tally) = oneshot::channel();
        self.command(Command::Tally(sender));
        tally.await.expect("a media thread lives as long as its owner")
    }

    fn command(&self, command: Command) {
        // Both can fail only when the thread is gone, which `tally` and `drop` report.
        let _ = self.commands.send(command);
        let _ = self.waker.wake();
    }
}

impl Drop for MediaThread {
    fn drop(&mut self) {
        self.command(Command::Quit);
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("a media thread panicked");
        }
    }
}

struct Driver {
    poll: Poll,
    pace: Pace,
    commands: Receiver<Command>,
    sessions: Slab<Box<Session>>,
    /// When each session wants to be advanced; apart from them, to be scanned without touching them.
    deadlines: Vec<Option<Instant>>,
    places: HashMap<SessionKey, usize>,
    /// What sessions did that are no longer driven.
    departed: Tally,
    next_scan: Instant,
    batch: ReceiveBatch,
    meters: Meters,
}

impl Driver {
    fn run(mut self) {
        let mut events = Events::with_capacity(EVENTS);
        while self.obey() {
            self.advance_due();
            if let Err(error) = self.wait(&mut events) {
                tracing::error!(%error, "waiting for sockets failed");
                return;
            }
            for event in &events {
                if event.token() != WAKER {
                    self.receive(event.token().0);
                }
            }
        }
    }

    /// Carries out commands; false when it is time to end.
    fn obey(&mut self) -> bool {
        while let Ok(command) = self.commands.try_recv() {
            match command {
                Command::Add(key, session) => self.add(key, session),
                Command::Assign(key, now, occupants) => {
                    if let Some(session) = self.session(key) {
                        session.assign(now, &occupants);
                    }
                }
                Command::Remove(key, done) => {
                    self.remove(key);
                    let _ = done.send(());
                }
                Command::End(key, reason) => {
                    if let Some(session) = self.session(key) {
                        session.end(reason);
                    }
                }
                Command::EndCounting => self.sessions.iter().for_each(|(_, session)| session.end_counting()),
                Command::Tally(reply) => {
                    // The asker may have been cancelled.
                    let _ = reply.send(self.tally());
                }
                Command::Quit => return false,
            }
        }
        true
    }

    fn session(&mut self, key: SessionKey) -> Option<&mut Box<Session>> {
        self.sessions.get_mut(*self.places.get(&key)?)
    }

    fn add(&mut self, key: SessionKey, session: Box<Session>) {
        let fd = session.socket().as_raw_fd();
        let name = session.name().to_owned();
        let place = self.sessions.insert(session);
        let registry = self.poll.registry();
        if let Err(error) = registry.register(&mut SourceFd(&fd), Token(place), Interest::READABLE) {
            tracing::error!(%error, session = name, "a socket cannot be waited for");
        }
        self.deadlines.resize(self.deadlines.len().max(place + 1), None);
        self.deadlines[place] = Some(Instant::now());
        self.places.insert(key, place);
        self.next_scan = Instant::now();
    }

    fn remove(&mut self, key: SessionKey) {
        let Some(place) = self.places.remove(&key) else { return };
        let mut session = self.sessions.remove(place);
        self.deadlines[place] = None;
        session.leave(Instant::now());
        // Closing the socket takes it out of the poll.
        self.departed.add_departed(&session);
    }

    fn tally(&self) -> Tally {
        let mut tally = Tally { meters: self.meters.clone(), ..self.departed.clone() };
        for (_, session) in &self.sessions {
            tally.add(session);
        }
        tally
    }

    fn advance_due(&mut self) {
        let now = Instant::now();
        if now < self.next_scan {
            return;
        }
        for (place, deadline) in self.deadlines.iter_mut().enumerate() {
            if deadline.is_some_and(|at| at <= now) {
                *deadline = self.sessions.get_mut(place).map(|s| s.advance(now, &mut self.meters));
            }
        }
        let earliest = self.deadlines.iter().flatten().min().copied();
        self.next_scan = earliest.unwrap_or(now + LONGEST_WAIT).max(now + self.pace.granularity());
    }

    /// Waits for sockets, commands or the next deadline. The system call counts in milliseconds and rounds
    /// up, so an exact thread sleeps the last one.
    fn wait(&mut self, events: &mut Events) -> io::Result<()> {
        let left = self.next_scan.saturating_duration_since(Instant::now()).min(LONGEST_WAIT);
        let timeout = match self.pace {
            Pace::Relaxed => left,
            Pace::Exact if left < Duration::from_millis(1) => {
                thread::sleep(left);
                Duration::ZERO
            }
            Pace::Exact => Duration::from_millis(left.as_millis() as u64),
        };
        match self.poll.poll(events, Some(timeout)) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(()),
            outcome => outcome,
        }
    }

    /// Reads a socket until it is empty, as edge-triggered readiness demands.
    fn receive(&mut self, index: usize) {
        let Self { sessions, deadlines, batch, meters, .. } = self;
        let (Some(session), Some(deadline)) = (sessions.get_mut(index), deadlines.get_mut(index)) else {
            return;
        };
        while let Ok(count) = batch.receive(session.socket()) {
            let now = Instant::now();
            for message in (0..count).filter_map(|i| batch.message(i)) {
                session.set_overflow(message.overflow);
                let arrived = now.checked_sub(message.age).unwrap_or(now);
                for datagram in message.datagrams() {
                    if let Some(at) = session.receive(now, arrived, message.source, datagram, meters) {
                        *deadline = Some(at);
                    }
                }
            }
            if count < ReceiveBatch::CAPACITY {
                break;
            }
        }
        let soonest = Instant::now() + self.pace.granularity();
        self.next_scan = self.next_scan.min(deadline.map_or(soonest, |at| at.max(soonest)));
    }
}
