//! What the benches share: a shard with connected viewers, and a publisher's packets to feed it with.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use plenum_engine::{Engine, TransmitBatch};
use plenum_sim::{Media, World};

/// How long everybody is connected before anything is measured: longer than a second, so that retransmission
/// caches are full and every viewer's first receiver report has come, from which on packets carry no MID.
const SETTLED_AFTER: Duration = Duration::from_millis(1_500);

/// A shard with viewers, and the packets that one publisher sends next, protected, as they would arrive.
pub struct Stage {
    world: World,
    packets: Vec<(Instant, SocketAddr, Vec<u8>)>,
    next: usize,
    batch: TransmitBatch,
}

impl Stage {
    /// `viewers` of one publisher at about 250 packets/s of 1,200 bytes, and `packets` to forward: at most
    /// some 4,000, so that no session runs out of patience in the time that they stand for.
    pub fn new(viewers: usize, packets: usize) -> Self {
        let media = Media {
            audio: false,
            frames_per_s: 31,
            packets_per_frame: 8,
            packet_bytes: 1_200,
            ..Media::camera()
        };
        let (mut world, publisher) = World::connected(viewers, media);
        world.run_for(SETTLED_AFTER);
        let packets = world.take_media(publisher, packets);
        Self { world, packets, next: 0, batch: TransmitBatch::default() }
    }

    /// Takes in the next `size` packets as one batch and flushes. Returns how many datagrams came out.
    #[inline(never)]
    pub fn forward(&mut self, size: usize) -> usize {
        self.pump(size)
    }

    /// The same for `packets` packets, under another name: a profiler that counts [`Self::forward`] leaves
    /// these out. Afterwards caches are as full as they are in service.
    #[inline(never)]
    pub fn warm_up(&mut self, packets: usize, size: usize) {
        for _ in 0..packets / size {
            self.pump(size);
        }
    }

    #[inline(always)]
    fn pump(&mut self, size: usize) -> usize {
        let engine: &mut Engine = self.world.engine_mut();
        let batch = &self.packets[self.next..self.next + size];
        self.next += size;
        let now = batch[size - 1].0;
        for (_, source, contents) in batch {
            engine.handle_datagram(now, *source, contents);
        }
        engine.flush(now, &mut self.batch);
        let sent = self.batch.transmits.len();
        self.batch.transmits.clear();
        sent
    }

    /// Packets not yet forwarded.
    pub fn left(&self) -> usize {
        self.packets.len() - self.next
    }

    /// What the shard has counted.
    pub fn forwarded(&mut self) -> u64 {
        self.world.engine_mut().counters().packets_forwarded
    }
}
