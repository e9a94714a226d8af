//! What all routes share.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use ipnet::IpNet;
use plenum_engine::DtlsIdentity;
use plenum_model::{Place, limits};
use plenum_net::ShardHandle;
use plenum_signal::Keyring;
use tokio::sync::Semaphore;

use crate::conference::Halls;
use crate::config::{Mode, Origin};
use crate::directory::{Directory, Seating};
use crate::drain::Drain;

/// The control plane's state.
pub struct App {
    /// Who is where.
    pub directory: Arc<Directory>,
    /// The rooms, and who is in them.
    pub halls: Arc<Halls>,
    /// By their number.
    pub shards: Vec<Arc<Shard>>,
    /// Checks tokens.
    pub keyring: Keyring,
    /// Dev mode, open or not.
    pub mode: Mode,
    /// Whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Whose pages may open WebSockets, besides our own.
    pub allowed_origins: Vec<Origin>,
    /// Whether new sessions are still taken.
    pub drain: Arc<Drain>,
    /// The certificate of the process.
    pub dtls: DtlsIdentity,
}

/// One shard, seen from the control plane.
pub struct Shard {
    /// The way to it.
    pub handle: ShardHandle,
    /// One permit per handshake in flight.
    pub handshakes: Arc<Semaphore>,
}

impl Shard {
    /// A shard that takes [`limits::HANDSHAKES_PER_SHARD`] handshakes at a time.
    pub fn new(handle: ShardHandle) -> Self {
        Self { handle, handshakes: Arc::new(Semaphore::new(limits::HANDSHAKES_PER_SHARD)) }
    }
}

impl App {
    /// The shard of a place.
    pub fn shard(&self, place: Place) -> &Arc<Shard> {
        &self.shards[usize::from(place.shard)]
    }

    /// Returns when there is nobody any more: no session, no member of a room.
    pub async fn empty(&self) {
        loop {
            self.directory.empty().await;
            self.halls.empty().await;
            if self.directory.taken() == 0 && self.halls.members() == 0 {
                return;
            }
        }
    }

    /// Addresses of this host that a peer on the same machine may have as candidates; in dev mode only,
    /// where a test's browser needs our checks. The interfaces are asked each time: they change.
    pub fn local_addresses(&self) -> Vec<IpAddr> {
        if !self.mode.dev {
            return Vec::new();
        }
        let interfaces = if_addrs::get_if_addrs().unwrap_or_default();
        let loopback = [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
        interfaces.iter().map(if_addrs::Interface::ip).chain(loopback).collect()
    }
}

impl Seating for Shard {
    fn reserve(&self) -> Option<Place> {
        self.handle.reserve()
    }

    fn release(&self, place: Place) {
        self.handle.release(place);
    }

    fn taken(&self) -> usize {
        self.handle.taken()
    }

    fn busy_ratio(&self) -> f64 {
        self.handle.snapshot().busy_ratio
    }
}
