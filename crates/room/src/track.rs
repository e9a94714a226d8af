//! A published track: its layers, its subscriptions, and the keyframes its subscribers wait for.

use std::time::{Duration, Instant};

use plenum_model::{Format, MediaKind, SlotDemand, Source};
use plenum_rtp::KeyframeRequests;
use plenum_rtp::vp8::Vp8Ids;

use crate::ladder::{Ladder, Rung};
use crate::mirror::{Demand, LayerMask, Mirrored};
use crate::subscription::{Delivery, Subscription};
use crate::{Forward, KeyframeWish, Origin, Seat};

/// A track within its room. It stays that of its line as long as the publisher is there, muted or not.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TrackId(pub(crate) u32);

impl TrackId {
    /// As a number, for those who keep it outside of a room.
    pub fn number(self) -> u32 {
        self.0
    }

    /// From [`Self::number`].
    pub fn from_number(number: u32) -> Self {
        Self(number)
    }
}

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
    /// Pixels, where the payload says it.
    pub picture_height: Option<u16>,
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
    /// Of its last keyframe, in pixels; 0 is unknown.
    height: u16,
}

impl Layer {
    fn is_active(&self, now: Instant) -> bool {
        self.last_packet.is_some_and(|at| now.saturating_duration_since(at) < LAYER_SILENCE)
    }
}

/// What a track is, whatever happens to it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Nature {
    pub origin: Origin,
    pub source: Source,
    pub kind: MediaKind,
    pub layers: u8,
    /// Its publisher, by its first track.
    pub publisher: TrackId,
}

#[derive(Debug)]
pub(crate) struct Track {
    nature: Nature,
    muted: bool,
    layers: Vec<Layer>,
    /// The layers that viewers may choose from.
    ladder: Ladder,
    ranked_at: Option<Instant>,
    subscriptions: Vec<Subscription>,
    /// The other shards that want it.
    mirrors: Vec<Mirrored>,
    /// The demand that the home shard knows of, and whether it may have changed since.
    told_demand: LayerMask,
    demand_moved: bool,
    /// The targets that subscribers waited for after the last packet.
    awaited: LayerMask,
}

impl Track {
    pub fn new(nature: Nature, muted: bool, mirrors: &[u16]) -> Self {
        Self {
            nature,
            muted,
            layers: (0..nature.layers.max(1)).map(|_| Layer::default()).collect(),
            ladder: Ladder::default(),
            ranked_at: None,
            subscriptions: Vec::new(),
            mirrors: mirrors.iter().map(|shard| Mirrored::new(*shard)).collect(),
            told_demand: LayerMask::NONE,
            demand_moved: false,
            awaited: LayerMask::NONE,
        }
    }

    pub fn nature(&self) -> &Nature {
        &self.nature
    }

    pub fn kind(&self) -> MediaKind {
        self.nature.kind
    }

    /// Whether it belongs to a shared screen.
    pub fn is_of_screen(&self) -> bool {
        self.nature.source.is_screen()
    }

    /// Who sends it, if that is a participant of this shard.
    pub fn seat(&self) -> Option<Seat> {
        match self.nature.origin {
            Origin::Here { seat, .. } => Some(seat),
            Origin::Home => None,
        }
    }

    pub fn is_muted(&self) -> bool {
        self.muted
    }

    /// Muted, nothing of it is forwarded. Unmuted, it begins anew: which layers are sent will be seen.
    pub fn set_muted(&mut self, muted: bool) {
        self.muted = muted;
        self.ranked_at = None;
        for layer in &mut self.layers {
            *layer = Layer { height: layer.height, ..Layer::default() };
        }
    }

    pub fn ladder(&self) -> Ladder {
        self.ladder
    }

    pub fn subscribe(&mut self, mut subscription: Subscription) {
        subscription.aim(&self.ladder);
        self.ask_for_keyframe(subscription.target());
        self.subscriptions.push(subscription);
        self.demand_moved = true;
    }

    pub fn unsubscribe(&mut self, seat: Seat) {
        self.subscriptions.retain(|subscription| subscription.seat() != seat);
        self.demand_moved = true;
    }

    /// Takes out some subscriptions.
    pub fn take_subscriptions(&mut self, which: impl Fn(&Subscription) -> bool) -> Vec<Subscription> {
        self.demand_moved = true;
        self.subscriptions.extract_if(.., |subscription| which(subscription)).collect()
    }

    /// A viewer has use for something else.
    pub fn demand(&mut self, seat: Seat, line: u8, demand: SlotDemand) {
        let Some(subscription) = find(&mut self.subscriptions, seat, line) else { return };
        subscription.set_demand(demand);
        if subscription.aim(&self.ladder) {
            let target = subscription.target();
            self.demand_moved = true;
            self.ask_for_keyframe(target);
        }
    }

    pub fn want_keyframe_for(&mut self, seat: Seat, line: u8) {
        if let Some(subscription) = find(&mut self.subscriptions, seat, line) {
            let layer = subscription.watched_layer();
            self.ask_for_keyframe(layer);
        }
    }

    pub fn poll_keyframe(&mut self, track: TrackId, now: Instant) -> Option<KeyframeWish> {
        let layer = self.layers.iter_mut().position(|layer| layer.requests.poll(now))?;
        Some(KeyframeWish { track, origin: self.nature.origin, layer: layer as u8 })
    }

    pub fn next_keyframe_at(&self) -> Option<Instant> {
        self.layers.iter().filter(|l| l.requests.is_wanted()).filter_map(|l| l.requests.next_at()).min()
    }

    /// Whether there is something to be polled from it, now or later.
    pub fn is_restless(&self) -> bool {
        let tells_demand = self.demand_moved && self.nature.origin == Origin::Home;
        tells_demand || self.layers.iter().any(|layer| layer.requests.is_wanted())
    }

    pub fn forward(&mut self, packets: &[PacketHead], mut out: impl FnMut(Forward)) -> u64 {
        if self.muted {
            return 0;
        }
        packets.iter().for_each(|head| self.observe(head));
        for mirrored in &self.mirrors {
            for (packet, head) in packets.iter().enumerate() {
                if mirrored.wants(head.layer, &self.ladder) {
                    out(Forward::Relay { shard: mirrored.shard(), packet, ladder: self.ladder });
                }
            }
        }
        let (mut held_back, mut awaited) = (0, LayerMask::NONE);
        for subscription in &mut self.subscriptions {
            for (packet, head) in packets.iter().enumerate() {
                match subscription.project(head) {
                    Some((format, numbers)) => {
                        let (seat, line) = (subscription.seat(), subscription.line());
                        out(Forward::Deliver(Delivery { seat, line, packet, format, numbers }));
                    }
                    None => held_back += u64::from(head.layer == subscription.target()),
                }
            }
            if subscription.is_waiting() {
                awaited = awaited.with(subscription.target());
            }
        }
        self.await_layers(awaited);
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

    /// Asks for a keyframe of a layer. Audio has none.
    pub fn ask_for_keyframe(&mut self, layer: u8) {
        if self.kind() == MediaKind::Video
            && let Some(layer) = self.layers.get_mut(usize::from(layer))
        {
            layer.requests.want();
        }
    }

    /// Packets of this track were lost on the way from home: nothing can be decoded until a keyframe.
    pub fn want_keyframe_after_loss(&mut self) {
        let watched = self.subscriptions.iter().fold(LayerMask::NONE, |mask, s| mask.with(s.watched_layer()));
        self.ask_for_keyframes(watched);
    }

    /// The layers there are have changed: those who go to another one now wait for its keyframe.
    pub fn set_ladder(&mut self, ladder: Ladder) {
        if std::mem::replace(&mut self.ladder, ladder) == ladder {
            return;
        }
        for subscription in &mut self.subscriptions {
            self.demand_moved |= subscription.aim(&ladder);
        }
    }

    /// What the subscribers here take, if the home shard does not know it yet.
    pub fn poll_demand(&mut self, track: TrackId) -> Option<Demand> {
        if !std::mem::take(&mut self.demand_moved) {
            return None;
        }
        let layers = self.subscriptions.iter().fold(LayerMask::NONE, |mask, subscription| {
            subscription.current_layer().map_or(mask, |layer| mask.with(layer)).with(subscription.target())
        });
        (std::mem::replace(&mut self.told_demand, layers) != layers).then_some(Demand { track, layers })
    }

    /// Asks for what subscribers wait for. Whoever waited before and does not any more has changed its layer.
    fn await_layers(&mut self, awaited: LayerMask) {
        let before = std::mem::replace(&mut self.awaited, awaited);
        if before == LayerMask::NONE && awaited == LayerMask::NONE {
            return;
        }
        self.demand_moved = true;
        self.ask_for_keyframes(awaited);
    }

    fn ask_for_keyframes(&mut self, layers: LayerMask) {
        (0..self.nature.layers.max(1))
            .filter(|layer| layers.has(*layer))
            .for_each(|l| self.ask_for_keyframe(l));
    }

    fn observe(&mut self, head: &PacketHead) {
        let Some(layer) = self.layers.get_mut(usize::from(head.layer)) else { return };
        layer.last_packet = Some(head.arrival);
        layer.bytes += head.payload_len as u64;
        if head.starts_keyframe {
            layer.requests.satisfied();
        }
        let height = head.picture_height.unwrap_or(layer.height);
        let is_resized = std::mem::replace(&mut layer.height, height) != height;
        if self.nature.origin != Origin::Home {
            self.rank_layers(head.arrival, is_resized);
        }
    }

    /// Brings the ladder up to date: layers leave it when they are not sent any more, and are ranked by bit rate
    /// from time to time.
    fn rank_layers(&mut self, now: Instant, is_resized: bool) {
        let due = self.ranked_at.is_none_or(|at| now.saturating_duration_since(at) >= RANKING_INTERVAL);
        let is_active = |layer: u8| self.layers[usize::from(layer)].is_active(now);
        let has_gaps = || self.layers.len() > 1 && !self.ladder.layers().all(is_active);
        if !(due || is_resized || has_gaps()) {
            return;
        }
        let mut best_first: Vec<u8> = self.ladder.layers().collect();
        best_first.retain(|layer| self.layers[usize::from(*layer)].is_active(now));
        if due {
            self.ranked_at = Some(now);
            for layer in &mut self.layers {
                layer.rank = std::mem::take(&mut layer.bytes);
            }
            let is_new = |layer: &u8| !best_first.contains(layer);
            let active =
                (0..self.nature.layers.max(1)).filter(|l| self.layers[usize::from(*l)].is_active(now));
            let begun: Vec<u8> = active.filter(is_new).collect();
            best_first.extend(begun);
            order_by(&mut best_first, |layer| self.layers[usize::from(layer)].rank);
        }
        let rung = |layer| Rung { layer, height: self.layers[usize::from(layer)].height };
        self.set_ladder(Ladder::new(best_first.into_iter().map(rung)));
    }
}

fn find(subscriptions: &mut [Subscription], seat: Seat, line: u8) -> Option<&mut Subscription> {
    subscriptions.iter_mut().find(|subscription| subscription.seat() == seat && subscription.line() == line)
}

/// Sorts with a margin, so that a quiet second does not make two layers change places.
fn order_by(layers: &mut [u8], rank: impl Fn(u8) -> u64) {
    for place in 0..layers.len() {
        let bar = rank(layers[place]) + rank(layers[place]) / 4;
        let better = (place + 1..layers.len()).filter(|index| rank(layers[*index]) > bar);
        if let Some(better) = better.max_by_key(|index| rank(layers[*index])) {
            layers[place..=better].rotate_right(1);
        }
    }
}
