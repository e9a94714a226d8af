//! Media threads: each waits for the sockets and deadlines of many sessions.

use std::io;
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token, Waker};
use tokio::sync::oneshot;

use crate::meters::Meters;
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
    /// To 2 ms, for viewers, whose only deadlines are those of ICE and RTCP.
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

enum Command {
    Add(Box<Session>),
    EndCounting,
    Tally(oneshot::Sender<Tally>),
    Quit,
}

/// A running media thread; dropping it ends the thread and closes its sockets.
pub(crate) struct MediaThread {
    commands: Sender<Command>,
    waker: Arc<Waker>,
    thread: Option<JoinHandle<()>>,
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
            sessions: Vec::new(),
            deadlines: Vec::new(),
            next_scan: Instant::now(),
            batch: ReceiveBatch::new(),
            meters: Meters::new(),
        };
        let thread = thread::Builder::new().name(name.into()).spawn(move || driver.run())?;
        Ok(Self { commands: sender, waker, thread: Some(thread) })
    }

    /// Drives a session from here on.
    pub(crate) fn add(&self, session: Session) {
        self.command(Command::Add(Box::new(session)));
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
    sessions: Vec<Box<Session>>,
    /// When each session wants to be advanced; apart from them, to be scanned without touching them.
    deadlines: Vec<Instant>,
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
                Command::Add(session) => self.add(session),
                Command::EndCounting => self.sessions.iter().for_each(|session| session.end_counting()),
                Command::Tally(reply) => {
                    // The asker may have been cancelled.
                    let _ = reply.send(self.tally());
                }
                Command::Quit => return false,
            }
        }
        true
    }

    fn add(&mut self, session: Box<Session>) {
        let token = Token(self.sessions.len());
        let fd = session.socket().as_raw_fd();
        if let Err(error) = self.poll.registry().register(&mut SourceFd(&fd), token, Interest::READABLE) {
            tracing::error!(%error, session = session.name(), "a socket cannot be waited for");
        }
        self.sessions.push(session);
        self.deadlines.push(Instant::now());
        self.next_scan = Instant::now();
    }

    fn tally(&self) -> Tally {
        let mut tally = Tally { meters: self.meters.clone(), ..Tally::new() };
        for session in &self.sessions {
            tally.add(session);
        }
        tally
    }

    fn advance_due(&mut self) {
        let now = Instant::now();
        if now < self.next_scan {
            return;
        }
        for (session, deadline) in self.sessions.iter_mut().zip(&mut self.deadlines) {
            if *deadline <= now {
                *deadline = session.advance(now, &mut self.meters);
            }
        }
        let earliest = self.deadlines.iter().min().copied();
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
                        *deadline = at;
                    }
                }
            }
            if count < ReceiveBatch::CAPACITY {
                break;
            }
        }
        let soonest = Instant::now() + self.pace.granularity();
        self.next_scan = self.next_scan.min(self.deadlines[index].max(soonest));
    }
}
