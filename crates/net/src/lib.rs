//! The shell around one shard: its UDP socket, receiving and sending in batches, and the thread that
//! drives [`plenum_engine::Engine`].
//!
//! Entry types: [`bind_media`] (the socket of a shard), [`spawn`] (its thread), [`ShardHandle`] (how the
//! control plane talks to it), [`ShardSnapshot`] (what it counted).
//!
//! Invariants:
//! - One thread owns engine and socket. Nothing on the way of a packet locks, formats, logs or calls a
//!   metrics library; counters are plain integers that are copied out as a whole once a second.
//! - Every wait and every queue is bounded (see [`plenum_model::limits`]); what does not fit is counted.
//! - No error of the network ends the thread. A panic that escapes the engine costs what it was working
//!   on; only a thread that panics over and over ends, visibly: its heartbeat stops.
//! - In every snapshot, `net.datagrams_received == engine.received + net.receive_truncated`.
//!
//! What deliberately does not live here: anything that understands a packet (`engine`), and anything that
//! knows HTTP or configuration (`server`). All `unsafe` is in `syscall` (and, for tests, in the allocator that
//! shows that neither way of a packet allocates).

#[cfg(not(target_os = "linux"))]
compile_error!("plenum-net batches with recvmmsg, sendmmsg and ppoll: it runs on Linux only");

mod address;
mod bind;
mod busy;
mod counters;
mod handle;
mod mesh;
mod receive;
mod send;
mod shard;
mod syscall;
#[cfg(test)]
mod testing;

pub use bind::{BindError, MediaSocket, SendWay, SocketBuffers, bind_media};
pub use counters::{NetCounters, SendError, ShardSnapshot};
pub use handle::{CallError, ShardConfig, ShardHandle, spawn};
pub use mesh::{Endpoint, mesh};
