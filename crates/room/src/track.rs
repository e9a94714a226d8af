//! A published track: its layers, its subscriptions, and the keyframes its subscribers wait for.

use std::time::{Duration, Instant};

use plenum_model::{Format, MediaKind};
use plenum_rtp::KeyframeRequests;
use plenum_rtp::vp8::Vp8Ids;

use crate::mirror::{Demand, LayerMask, Mirrored};
use crate::subscription::{Delivery, Subscription};
use crate::{Forward, KeyframeWish, Origin, Seat};

/// A track within its room.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TrackId(pub(crate) u32);

/// What routing has to know of a packet; the payload stays with the engine.
#[derive(Debug, Clone, Copy)]
pub struct PacketHead {
    /// Simulcast layer, 0 if there is one only.
    pub layer: u8,
    /// The publisher's sequence number, extended.
    pub seq: u64,
    /// The publisher's RTP timestamp, extended.
    pub time: u64,
    /// When it arrived.
    pub arrival: Instant,
    /// What it is encoded with.
    pub format: Format,
    /// Whether a decoder may start with it.
    pub starts_keyframe: bool,
    /// VP8 only.
    pub vp8: Vp8Ids,
    /// Bytes of RTP payload; 0 is padding only, which ends here.
    pub payload_len: usize,
}

/// A layer without packets for this long is not sent at the moment.
const LAYER_SILENCE: Duration = Duration::from_millis(1_000);
/// How often layers are ranked by bit rate.
const RANKING_INTERVAL: Duration = Duration::from_millis(1_000);

#[derive(Debug, Default)]
struct Layer {
    requests: KeyframeRequests,
    last_packet: Option<Instant>,
    /// Payload bytes since the last ranking, and in the interval before it.
    bytes: u64,
    rank: u64,
}

#[derive(Debug)]
pub(crate) struct Track {
    origin: Origin,
    kind: MediaKind,
    layers: Vec<Layer>,
    /// The layer everyone gets until viewers choose: the highest active one.
    best: u8,
    ranked_at: Option<Instant>,
    subscriptions: Vec<Subscription>,
    /// The other shards that want it.
    mirrors: Vec<Mirrored>,
    /// The demand that the home shard knows of.
    told_demand: LayerMask,
}

impl Track {
    pub fn new(origin: Origin, kind: MediaKind, layers: u8, mirrors: &[u16]) -> Self {
        Self {
            origin,
            kind,
            layers: (0..layers.max(1)).map(|_| Layer::default()).collect(),
            best: 0,
            ranked_at: None,
            subscriptions: Vec::new(),
            mirrors: mirrors.iter().map(|shard| Mirrored::new(*shard)).collect(),
            told_demand: LayerMask::NONE,
        }
    }

    pub fn layers(&self) -> u8 {
        self.layers.len() as u8
    }

    pub fn kind(&self) -> MediaKind {
        self.kind
    }

    pub fn subscribe(&mut self, subscription: Subscription) {
        self.subscriptions.push(subscription);
        self.ask_for_keyframe();
    }

    pub fn unsubscribe(&mut self, seat: Seat) {
        self.subscriptions.retain(|subscription| subscription.seat() != seat);
    }

    /// Takes out the subscriptions of some seats.
    pub fn take_subscriptions(&mut self, whose: impl Fn(Seat) -> bool) -> Vec<Subscription> {
        self.subscriptions.extract_if(.., |subscription| whose(subscription.seat())).collect()
    }

    pub fn into_subscriptions(self) -> Vec<Subscription> {
        self.subscriptions
    }

    pub fn want_keyframe_for(&mut self, seat: Seat, line: u8) {
        if self.subscriptions.iter().any(|s| s.seat() == seat && s.line() == line) {
            self.ask_for_keyframe();
        }
    }

    pub fn poll_keyframe(&mut self, track: TrackId, now: Instant) -> Option<KeyframeWish> {
        let layer = self.layers.iter_mut().position(|layer| layer.requests.poll(now))?;
        Some(KeyframeWish { track, origin: self.origin, layer: layer as u8 })
    }

    pub fn next_keyframe_at(&self) -> Option<Instant> {
        self.layers.iter().filter(|l| l.requests.is_wanted()).filter_map(|l| l.requests.next_at()).min()
    }

    pub fn forward(&mut self, packets: &[PacketHead], mut out: impl FnMut(Forward)) -> u64 {
        packets.iter().for_each(|head| self.observe(head));
        for mirrored in &self.mirrors {
            for (packet, head) in packets.iter().enumerate() {
                if mirrored.wants(head.layer, self.best) {
                    out(Forward::Relay { shard: mirrored.shard(), packet, best: self.best });
                }
            }
        }
        let (mut held_back, mut waiting) = (0, false);
        for subscription in &mut self.subscriptions {
            for (packet, head) in packets.iter().enumerate() {
                match subscription.project(head, self.best) {
                    Some((format, numbers)) => {
                        let (seat, line) = (subscription.seat(), subscription.line());
                        out(Forward::Deliver(Delivery { seat, line, packet, format, numbers }));
                    }
                    None => held_back += u64::from(head.layer == self.best),
                }
            }
            waiting |= subscription.is_waiting(self.best);
        }
        if waiting {
            self.ask_for_keyframe();
        }
        held_back
    }

    pub fn add_mirror(&mut self, shard: u16) {
        self.mirrors.push(Mirrored::new(shard));
    }

    pub fn remove_mirror(&mut self, shard: u16) {
        self.mirrors.retain(|mirrored| mirrored.shard() != shard);
    }

    pub fn set_demand(&mut self, shard: u16, layers: LayerMask) {
        self.mirrors.iter_mut().filter(|m| m.shard() == shard).for_each(|m| m.set_demand(layers));
    }

    /// Another shard asks for a keyframe of one layer.
    pub fn want_keyframe_of(&mut self, layer: u8) {
        if self.kind == MediaKind::Video
            && let Some(layer) = self.layers.get_mut(usize::from(layer))
        {
            layer.requests.want();
        }
    }

    /// Packets of this track were lost on the way from home: nothing can be decoded until a keyframe.
    pub fn want_keyframe_after_loss(&mut self) {
        if !self.subscriptions.is_empty() {
            self.ask_for_keyframe();
        }
    }

    /// The layer that home says everyone should get.
    pub fn set_best(&mut self, best: u8) {
        if best < self.layers() {
            self.best = best;
        }
    }

    /// What the subscribers here take, if the home shard does not know it yet.
    pub fn poll_demand(&mut self, track: TrackId) -> Option<Demand> {
        let current = self.subscriptions.iter().filter_map(Subscription::current_layer);
        let layers = match self.subscriptions.is_empty() {
            true => LayerMask::NONE,
            false => current.fold(LayerMask::of(self.best), LayerMask::with),
        };
        (std::mem::replace(&mut self.told_demand, layers) != layers).then_some(Demand { track, layers })
    }

    fn ask_for_keyframe(&mut self) {
        if self.kind == MediaKind::Video {
            self.layers[usize::from(self.best)].requests.want();
        }
    }

    fn observe(&mut self, head: &PacketHead) {
        let Some(layer) = self.layers.get_mut(usize::from(head.layer)) else { return };
        layer.last_packet = Some(head.arrival);
        layer.bytes += head.payload_len as u64;
        if head.starts_keyframe {
            layer.requests.satisfied();
        }
        if self.layers.len() > 1 && self.origin != Origin::Home {
            self.choose_layer(head.arrival);
        }
    }

    /// Ranks the layers by bit rate, since rids say nothing of their order; the best active one wins, with a
    /// margin, so that a quiet second does not make two layers change places.
    fn choose_layer(&mut self, now: Instant) {
        let due = self.ranked_at.is_none_or(|at| now.saturating_duration_since(at) >= RANKING_INTERVAL);
        if due {
            self.ranked_at = Some(now);
            for layer in &mut self.layers {
                layer.rank = std::mem::take(&mut layer.bytes);
            }
        }
        let is_active = |layer: &Layer| {
            layer.last_packet.is_some_and(|at| now.saturating_duration_since(at) < LAYER_SILENCE)
        };
        let current = &self.layers[usize::from(self.best)];
        if !due && is_active(current) {
            return;
        }
        let bar = if is_active(current) { current.rank + current.rank / 4 } else { 0 };
        let better = (0..self.layers.len())
            .filter(|index| is_active(&self.layers[*index]) && self.layers[*index].rank >= bar)
            .max_by_key(|index| self.layers[*index].rank);
        if let Some(better) = better {
            self.best = better as u8;
        }
    }
}
