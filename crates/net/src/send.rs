//! Sending what a flush wants sent: as few messages and system calls as possible, order kept per destination,
//! and no error that outlives its datagram.
//!
//! What may share a message is decided in `run`, how messages leave and what happens when the system refuses
//! them in `outlet`. A full socket makes datagrams wait in a bounded `backlog`, where video is dropped before
//! audio, and the oldest first: late media is worth less than fresh.

mod backlog;
mod outlet;
mod run;
#[cfg(test)]
mod tests;

use plenum_engine::TransmitBatch;

use self::backlog::Backlog;
use self::outlet::Outlet;
use crate::{MediaSocket, NetCounters};

/// Puts datagrams into a socket, in batches.
pub(crate) struct Sender {
    outlet: Outlet,
    backlog: Backlog,
}

impl Sender {
    pub(crate) fn new() -> Self {
        Self { outlet: Outlet::new(), backlog: Backlog::default() }
    }

    /// Whether datagrams wait for the socket to become writable.
    pub(crate) fn is_blocked(&self) -> bool {
        !self.backlog.is_empty()
    }

    /// Sends and empties `batch`, after what still waits.
    pub(crate) fn send(
        &mut self,
        socket: &MediaSocket,
        batch: &mut TransmitBatch,
        counters: &mut NetCounters,
    ) {
        let transmits = &mut batch.transmits;
        self.backlog.settle(|waiting| self.outlet.submit(socket, waiting, counters));
        let settled = if self.is_blocked() { 0 } else { self.outlet.submit(socket, transmits, counters) };
        self.backlog.add(transmits.drain(settled..));
        transmits.clear();
        self.backlog.bound(&mut counters.backlog_drops);
    }
}
