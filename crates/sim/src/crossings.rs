//! Which packets have crossed from one shard to another.

use std::collections::{BTreeMap, BTreeSet};

use crate::payload::{self, Marker};

/// What tells a packet from all others: its publisher, audio or video, layer and number.
type Packet = (u32, bool, u8, u64);

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Crossings {
    by_shard: BTreeMap<u16, BTreeSet<Packet>>,
    video: BTreeMap<(u32, u8, u16), u64>,
}

impl Crossings {
    /// Takes down that a packet goes to a shard.
    ///
    /// # Panics
    /// If it went there before, or is not what its publisher sent.
    pub fn record(&mut self, to: u16, payload: &[u8]) -> Marker {
        let video = payload::read_video(payload).map(|(marker, _)| marker);
        let marker = video.or_else(|| payload::read_audio(payload)).expect("a payload as it was sent");
        let Marker { publisher, layer, index, .. } = marker;
        let packet = (publisher, video.is_some(), layer, index);
        let is_first = self.by_shard.entry(to).or_default().insert(packet);
        assert!(is_first, "a packet was relayed twice to shard {to}: {marker:?}");
        if video.is_some() {
            *self.video.entry((publisher, layer, to)).or_default() += 1;
        }
        marker
    }

    /// Packets relayed so far.
    pub fn total(&self) -> usize {
        self.by_shard.values().map(BTreeSet::len).sum()
    }

    /// Video packets of one layer that went to a shard.
    pub fn video(&self, publisher: u32, layer: u8, to: u16) -> u64 {
        self.video.get(&(publisher, layer, to)).copied().unwrap_or(0)
    }
}
