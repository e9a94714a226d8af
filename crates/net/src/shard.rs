//! The thread of a shard: one loop around the engine. Wait for the socket, a request or a deadline; take in
//! what there is, within bounds; flush once; send; go round.
//!
//! A panic that escapes the engine (which isolates rooms by itself) is caught here, logged and counted, and
//! the loop goes on behind the datagram or request that caused it: ending all calls of a shard because of one
//! packet would make that packet a weapon. An engine that panics again and again is broken, though: after
//! [`limits::ESCAPED_PANICS`] within [`limits::ESCAPED_PANICS_WINDOW`] the thread ends, the heartbeat stops,
//! `/healthz` fails, and whoever supervises the process starts it anew.

#[cfg(test)]
mod tests;

use std::any::Any;
use std::io::Read;
use std::ops::ControlFlow;
use std::os::fd::AsFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver as RequestQueue, TryRecvError};
use std::time::{Duration, Instant};

use plenum_engine::{Command, Engine, EngineConfig, Event, TransmitBatch};
use plenum_model::limits;
use tokio::sync::mpsc::UnboundedSender;

use crate::busy::BusyTime;
use crate::handle::{Request, Shared};
use crate::mesh::{Endpoint, Incoming};
use crate::receive::Receiver;
use crate::send::Sender;
use crate::syscall::{self, Ready};
use crate::{MediaSocket, NetCounters, ShardSnapshot};

/// The longest wait, so that the heartbeat of an idle shard beats.
const LONGEST_WAIT: Duration = Duration::from_millis(500);

/// Everything that the thread owns.
pub(crate) struct Shard {
    shard: u16,
    engine: Engine,
    socket: MediaSocket,
    receiver: Receiver,
    sender: Sender,
    batch: TransmitBatch,
    endpoint: Endpoint,
    requests: RequestQueue<Request>,
    /// Requests may wait although the eventfd is silent: the last round did not take them all.
    requests_pending: bool,
    events: UnboundedSender<(u16, Event)>,
    shared: Arc<Shared>,
    counters: NetCounters,
    time: BusyTime,
    escaped: EscapedPanics,
}

impl Shard {
    pub(crate) fn new(
        config: EngineConfig,
        socket: MediaSocket,
        endpoint: Endpoint,
        requests: RequestQueue<Request>,
        events: UnboundedSender<(u16, Event)>,
        shared: Arc<Shared>,
    ) -> Self {
        let now = Instant::now();
        Self {
            shard: config.shard,
            engine: Engine::new(config, now),
            receiver: Receiver::new(&socket),
            sender: Sender::new(),
            batch: TransmitBatch::default(),
            endpoint,
            counters: NetCounters { buffers: socket.buffers(), ..NetCounters::default() },
            socket,
            requests,
            requests_pending: false,
            events,
            shared,
            time: BusyTime::new(now),
            escaped: EscapedPanics::new(now),
        }
    }

    /// Goes round until it is told to stop, or the engine is beyond hope.
    pub(crate) fn run(mut self) {
        while !self.shared.is_stopping() {
            if let Err(panic) = catch_unwind(AssertUnwindSafe(|| self.round())) {
                self.counters.panics += 1;
                tracing::error!(shard = self.shard, panic = text_of(&*panic), "a panic escaped the engine");
                if !self.escaped.may_go_on(Instant::now()) {
                    tracing::error!(shard = self.shard, "too many panics: the shard ends");
                    return;
                }
            }
        }
        let farewell = catch_unwind(AssertUnwindSafe(|| {
            let now = Instant::now();
            self.flush(now);
            self.publish(now);
        }));
        if let Err(panic) = farewell {
            tracing::error!(shard = self.shard, panic = text_of(&*panic), "a panic in the last flush");
        }
    }

    fn round(&mut self) {
        let (ready, now) = self.wait();
        self.shared.beat(now);
        if ready.woken || self.requests_pending {
            self.take_requests(now, ready.woken);
        }
        self.take_relays(now);
        if ready.readable || !self.receiver.is_empty() {
            self.take_datagrams(now);
        }
        let now = Instant::now();
        if self.engine.next_deadline().is_some_and(|deadline| deadline <= now) {
            self.engine.handle_timeout(now);
        }
        self.flush(now);
        if self.time.end_interval(now) {
            self.publish(now);
        }
    }

    /// Waits for something to do; returns what, and the time.
    fn wait(&mut self) -> (Ready, Instant) {
        let asleep = Instant::now();
        self.shared.bell().lie_down();
        let timeout = self.longest_wait(asleep);
        let ready = syscall::wait(
            self.socket.as_fd(),
            self.shared.bell().descriptor().as_fd(),
            self.sender.is_blocked(),
            timeout,
        );
        self.shared.bell().get_up();
        let awake = Instant::now();
        self.time.add_wait(awake - asleep);
        // A wait that fails (no memory in the kernel) must neither end the shard nor spin without looking.
        (ready.unwrap_or(Ready { readable: true, writable: true, woken: true }), awake)
    }

    fn longest_wait(&self, now: Instant) -> Duration {
        if self.requests_pending || !self.receiver.is_empty() || self.endpoint.has_waiting() {
            return Duration::ZERO;
        }
        let deadline = self.engine.next_deadline();
        deadline.map_or(LONGEST_WAIT, |d| d.saturating_duration_since(now).min(LONGEST_WAIT))
    }

    /// Carries out what waits: some at a time, and one admission or restart at a time, because each of them
    /// starts a handshake or moves one.
    fn take_requests(&mut self, now: Instant, woken: bool) {
        if woken {
            // Before looking into the queue: what is added after that wakes us again.
            let _ = self.shared.bell().descriptor().read(&mut [0; 8]);
        }
        self.requests_pending = true;
        for _ in 0..limits::COMMANDS_PER_FLUSH {
            match self.requests.try_recv() {
                Ok(request) => {
                    if self.carry_out(now, request).is_break() {
                        return;
                    }
                }
                Err(TryRecvError::Empty | TryRecvError::Disconnected) => {
                    self.requests_pending = false;
                    return;
                }
            }
        }
    }

    fn carry_out(&mut self, now: Instant, request: Request) -> ControlFlow<()> {
        match request {
            Request::Command { command, reply } => {
                let weighs =
                    matches!(command, Command::Admit(_) | Command::RestartIce(_) | Command::Renegotiate(_));
                // Who asked may have left meanwhile; the command holds all the same.
                let _ = reply.send(self.engine.handle_command(now, command));
                if weighs { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            }
            Request::Snapshot { reply } => {
                let _ = reply.send(self.publish(now));
                ControlFlow::Continue(())
            }
            #[cfg(test)]
            Request::Run(work) => {
                work();
                ControlFlow::Continue(())
            }
        }
    }

    /// Takes in what other shards have sent.
    fn take_relays(&mut self, now: Instant) {
        let Self { endpoint, engine, counters, .. } = self;
        endpoint.take(|from, incoming| match incoming {
            Incoming::Message(message) => {
                counters.relays_received += u64::from(message.is_packet());
                engine.handle_relay(now, from, message);
            }
            Incoming::Loss => engine.handle_relay_loss(from),
        });
    }

    /// Takes in datagrams until there are none, or it is time to flush.
    fn take_datagrams(&mut self, started: Instant) {
        let mut now = started;
        let mut taken = 0;
        loop {
            if self.receiver.is_empty() {
                if !self.receiver.fill(&self.socket, &mut self.counters) {
                    return;
                }
                now = Instant::now();
            }
            while let Some(datagram) = self.receiver.next(&mut self.counters) {
                self.engine.handle_datagram(now, datagram.source, datagram.contents);
                taken += 1;
                if taken == limits::PACKETS_PER_FLUSH {
                    return;
                }
            }
            if self.receiver.ran_dry() || now.saturating_duration_since(started) >= limits::FLUSH_AFTER {
                return;
            }
        }
    }

    fn flush(&mut self, now: Instant) {
        self.engine.flush(now, &mut self.batch);
        // First what others can work on meanwhile.
        for relay in self.batch.relays.drain(..) {
            self.counters.relays_lost += u64::from(self.endpoint.send(relay));
        }
        self.endpoint.ring_bells();
        self.sender.send(&self.socket, &mut self.batch, &mut self.counters);
        while let Some(event) = self.engine.poll_event() {
            // Without a listener the server is on its way out.
            let _ = self.events.send((self.shard, event));
        }
    }

    fn publish(&mut self, now: Instant) -> Arc<ShardSnapshot> {
        if let Ok(dropped) = syscall::dropped_by_kernel(self.socket.as_fd()) {
            // The kernel's counter has 32 bits and starts over.
            let before = self.counters.receive_overflow as u32;
            self.counters.receive_overflow += u64::from(dropped.wrapping_sub(before));
        }
        (self.counters.busy, self.counters.wall) = self.time.totals(now);
        let snapshot = Arc::new(ShardSnapshot {
            engine: self.engine.counters().clone(),
            net: self.counters.clone(),
            busy_ratio: self.time.ratio(),
        });
        self.shared.publish(Arc::clone(&snapshot));
        snapshot
    }
}

/// Counts panics that escaped the engine, to tell an accident from a broken engine.
#[derive(Debug)]
struct EscapedPanics {
    window_began: Instant,
    in_window: u32,
}

impl EscapedPanics {
    fn new(now: Instant) -> Self {
        Self { window_began: now, in_window: 0 }
    }

    /// Counts one more; whether the shard may go on.
    fn may_go_on(&mut self, now: Instant) -> bool {
        if now.saturating_duration_since(self.window_began) > limits::ESCAPED_PANICS_WINDOW {
            *self = Self::new(now);
        }
        self.in_window += 1;
        self.in_window < limits::ESCAPED_PANICS
    }
}

/// What a panic said.
fn text_of(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("(not a text)")
}
