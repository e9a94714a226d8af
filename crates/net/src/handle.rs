//! How the control plane talks to a shard. Everything here runs outside of the shard's thread and may lock,
//! wait and allocate; what is shared with the thread is an eventfd, a bounded queue, two atomics and a
//! snapshot that is exchanged once a second.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use plenum_engine::{Command, EngineConfig, Event, Reply};
use plenum_model::{Fault, Place, Seats, limits};
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::oneshot;

use crate::mesh::{Doorbell, Endpoint};
use crate::shard::Shard;
use crate::{MediaSocket, ShardSnapshot, syscall};

/// What a shard's thread is started with.
#[derive(Debug)]
pub struct ShardConfig {
    /// Its number.
    pub shard: u16,
    /// For everything random that is no secret.
    pub seed: u64,
    /// The addresses that its answers advertise.
    pub candidates: Vec<SocketAddr>,
    /// Its socket, from [`crate::bind_media`].
    pub socket: MediaSocket,
    /// The CPU that its thread is bound to, if any.
    pub pin_to: Option<usize>,
    /// Its connection to the other shards, from [`crate::mesh`].
    pub endpoint: Endpoint,
}

/// Why a shard did not answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// [`limits::COMMANDS_PER_SHARD`] commands wait already: come back later (503).
    #[error("the shard is busy")]
    Busy,
    /// The shard's thread has ended.
    #[error("the shard is gone")]
    Gone,
}

impl CallError {
    /// Whose fault it is.
    pub fn fault(self) -> Fault {
        match self {
            Self::Busy => Fault::Limit,
            Self::Gone => Fault::Ourselves,
        }
    }
}

/// What is asked of the shard's thread.
pub(crate) enum Request {
    Command {
        command: Command,
        reply: oneshot::Sender<Reply>,
    },
    Snapshot {
        reply: oneshot::Sender<Arc<ShardSnapshot>>,
    },
    /// Runs on the shard's thread: for tests that stall it or make it panic.
    #[cfg(test)]
    Run(Box<dyn FnOnce() + Send>),
}

/// What the thread and the handles share.
#[derive(Debug)]
pub(crate) struct Shared {
    started: Instant,
    /// Milliseconds from `started` to the thread's last round.
    heartbeat: AtomicU64,
    stopping: AtomicBool,
    snapshot: Mutex<Arc<ShardSnapshot>>,
    bell: Arc<Doorbell>,
}

impl Shared {
    fn new(bell: Arc<Doorbell>) -> Self {
        Self {
            started: Instant::now(),
            heartbeat: AtomicU64::new(0),
            stopping: AtomicBool::new(false),
            snapshot: Mutex::default(),
            bell,
        }
    }

    /// Wakes the thread.
    pub(crate) fn bell(&self) -> &Doorbell {
        &self.bell
    }

    pub(crate) fn beat(&self, now: Instant) {
        let age = now.saturating_duration_since(self.started);
        self.heartbeat.store(age.as_millis() as u64, Ordering::Relaxed);
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }

    pub(crate) fn publish(&self, snapshot: Arc<ShardSnapshot>) {
        *lock(&self.snapshot) = snapshot;
    }
}

/// A running shard. Clones are the same shard; when the last one goes, the thread ends.
#[derive(Debug, Clone)]
pub struct ShardHandle {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    shard: u16,
    candidates: Vec<SocketAddr>,
    address: SocketAddr,
    seats: Mutex<Seats>,
    requests: SyncSender<Request>,
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// Starts the thread of a shard. What its engine has to tell goes to `events`, with the shard's number.
pub fn spawn(config: ShardConfig, events: UnboundedSender<(u16, Event)>) -> io::Result<ShardHandle> {
    let ShardConfig { shard, seed, candidates, socket, pin_to, endpoint } = config;
    let address = socket.local_addr();
    let (sender, requests) = sync_channel(limits::COMMANDS_PER_SHARD);
    let shared = Arc::new(Shared::new(endpoint.bell()));
    let engine = EngineConfig { shard, candidates: candidates.clone(), seed };
    let thread = thread::Builder::new().name(format!("shard-{shard}")).spawn({
        let shared = Arc::clone(&shared);
        move || {
            if let Some(cpu) = pin_to {
                pin(shard, cpu);
            }
            Shard::new(engine, socket, endpoint, requests, events, shared).run();
        }
    })?;
    let inner = Inner {
        shard,
        candidates,
        address,
        seats: Mutex::new(Seats::new(shard)),
        requests: sender,
        shared,
        thread: Mutex::new(Some(thread)),
    };
    Ok(ShardHandle { inner: Arc::new(inner) })
}

/// A shard that may run anywhere still works: a CPU that cannot be had is no reason not to start.
fn pin(shard: u16, cpu: usize) {
    if let Err(error) = syscall::pin_thread(cpu) {
        tracing::warn!(shard, cpu, %error, "the shard's thread could not be bound to its CPU");
    }
}

impl ShardHandle {
    /// The shard's number.
    pub fn shard(&self) -> u16 {
        self.inner.shard
    }

    /// The addresses that its answers advertise.
    pub fn candidates(&self) -> &[SocketAddr] {
        &self.inner.candidates
    }

    /// Where its media socket is bound.
    pub fn local_addr(&self) -> SocketAddr {
        self.inner.address
    }

    /// Takes a free place, before negotiation; `None` when the shard is full.
    pub fn reserve(&self) -> Option<Place> {
        lock(&self.inner.seats).reserve()
    }

    /// Gives a place back: after its [`Event::Ended`], or when its negotiation came to nothing.
    pub fn release(&self, place: Place) {
        lock(&self.inner.seats).release(place);
    }

    /// How many places are taken.
    pub fn taken(&self) -> usize {
        lock(&self.inner.seats).taken()
    }

    /// Has a command carried out, and returns the engine's reply.
    pub async fn call(&self, command: Command) -> Result<Reply, CallError> {
        let (reply, answer) = oneshot::channel();
        self.ask(Request::Command { command, reply })?;
        answer.await.map_err(|_| CallError::Gone)
    }

    /// What was counted as of a second ago at most. Never waits for the shard.
    pub fn snapshot(&self) -> Arc<ShardSnapshot> {
        Arc::clone(&lock(&self.inner.shared.snapshot))
    }

    /// What was counted as of now, which takes the place of the last [`Self::snapshot`].
    pub async fn fresh_snapshot(&self) -> Result<Arc<ShardSnapshot>, CallError> {
        let (reply, answer) = oneshot::channel();
        self.ask(Request::Snapshot { reply })?;
        answer.await.map_err(|_| CallError::Gone)
    }

    /// Since when the loop has not gone round. It does at least twice a second; of a shard that has ended or
    /// hangs, the age only grows.
    pub fn heartbeat_age(&self) -> Duration {
        let shared = &self.inner.shared;
        let beat = Duration::from_millis(shared.heartbeat.load(Ordering::Relaxed));
        shared.started.elapsed().saturating_sub(beat)
    }

    /// Ends the thread after a last flush, and waits for that: about one round of the loop. Commands that
    /// wait are answered with [`CallError::Gone`].
    pub fn stop(&self) {
        self.inner.stop();
    }

    #[cfg(test)]
    pub(crate) fn is_stopping(&self) -> bool {
        self.inner.shared.is_stopping()
    }

    pub(crate) fn ask(&self, request: Request) -> Result<(), CallError> {
        self.inner.requests.try_send(request).map_err(|error| match error {
            TrySendError::Full(_) => CallError::Busy,
            TrySendError::Disconnected(_) => CallError::Gone,
        })?;
        self.inner.shared.bell().ring();
        Ok(())
    }
}

impl Inner {
    fn stop(&self) {
        self.shared.stopping.store(true, Ordering::Release);
        self.shared.bell().ring();
        let thread = lock(&self.thread).take();
        if thread.is_some_and(|thread| thread.join().is_err()) {
            tracing::error!(shard = self.shard, "the shard's thread had ended with a panic");
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.stop();
    }
}

/// What these locks guard is whole after every statement, so a panic elsewhere does not spoil it.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
