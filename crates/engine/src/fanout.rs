//! From the packets of a batch to the subscribers: the loop that the server exists for.
//!
//! Packets wait per track until the flush, so that each subscriber's state is touched once per batch; then
//! everyone who was written to is given time once and drained once.

use std::time::Instant;

use plenum_room::{Forward, Origin, PacketHead, Seat, TrackId};

use crate::courier::Courier;
use crate::engine::{Engine, RoomState};
use crate::participant::Body;
use crate::relay::{Relay, RelayMessage, RelayedPacket};

/// The packets of one track since the last flush, in order of arrival.
#[derive(Debug)]
struct TrackQueue {
    room: usize,
    track: TrackId,
    heads: Vec<PacketHead>,
    bodies: Vec<Body>,
}

impl TrackQueue {
    fn clear(&mut self) {
        self.heads.clear();
        self.bodies.clear();
    }
}

/// The packets that wait for a flush. Queues are kept for the next batch, so that steady work allocates nothing.
#[derive(Debug, Default)]
pub(crate) struct Fanout {
    queues: Vec<TrackQueue>,
    used: usize,
}

impl Fanout {
    pub fn is_empty(&self) -> bool {
        self.used == 0
    }

    /// Adds a packet. A batch holds packets of few tracks, the latest of them most likely again.
    pub fn push(&mut self, room: usize, track: TrackId, head: PacketHead, body: Body) {
        let used = &mut self.queues[..self.used];
        let index = match used.iter().rposition(|queue| queue.room == room && queue.track == track) {
            Some(index) => index,
            None => self.open(room, track),
        };
        let queue = &mut self.queues[index];
        queue.heads.push(head);
        queue.bodies.push(body);
    }

    fn open(&mut self, room: usize, track: TrackId) -> usize {
        match self.queues.get_mut(self.used) {
            Some(queue) => (queue.room, queue.track) = (room, track),
            None => self.queues.push(TrackQueue { room, track, heads: Vec::new(), bodies: Vec::new() }),
        }
        self.used += 1;
        self.used - 1
    }

    /// Drops what waits for a room that is gone.
    pub fn forget_room(&mut self, room: usize) {
        self.queues[..self.used].iter_mut().filter(|queue| queue.room == room).for_each(TrackQueue::clear);
    }

    fn clear(&mut self) {
        self.queues[..self.used].iter_mut().for_each(TrackQueue::clear);
        self.used = 0;
    }
}

impl Engine {
    /// Writes the packets of this batch to everyone who gets them.
    pub(crate) fn forward_all(&mut self, now: Instant) {
        if self.fanout.is_empty() {
            return;
        }
        let mut fanout = std::mem::take(&mut self.fanout);
        for queue in &fanout.queues[..fanout.used] {
            self.guarded(queue.room, |engine| engine.forward(now, queue));
        }
        fanout.clear();
        self.fanout = fanout;
    }

    fn forward(&mut self, now: Instant, queue: &TrackQueue) {
        let Self { participants, rooms, touched, events, counters, outputs, bag, .. } = self;
        // The room may have gone since the packet came.
        let Some(RoomState { room, membership, .. }) = rooms.get_mut(queue.room) else { return };
        // A panic may have left something in it.
        bag.clear();
        let mut courier =
            Courier { now, bodies: &queue.bodies, participants, touched, events, counters, bag };
        let held_back = room.forward(queue.track, &queue.heads, |forward| match forward {
            Forward::Deliver(delivery) => courier.take(delivery),
            Forward::Relay { shard, packet, ladder } => {
                let Some(mirror) = membership.mirror_on(shard) else { return };
                let (head, body) = (queue.heads[packet], &queue.bodies[packet]);
                let packet = RelayedPacket::new(mirror, queue.track, ladder, head, body);
                courier.counters.packets_relayed += 1;
                outputs.relays.push(Relay { to: shard, message: RelayMessage::Packet(packet) });
            }
        });
        courier.hand_over();
        counters.packets_gated += held_back;
        self.listen(queue);
        for head in &queue.heads {
            self.counters.forward_time.record(now.saturating_duration_since(head.arrival), 1);
        }
        self.note_wish(queue.room);
    }

    /// Follows who speaks, at the room's home.
    fn listen(&mut self, queue: &TrackQueue) {
        let RoomState { room, membership, .. } = &mut self.rooms[queue.room];
        if membership.home_shard != self.config.shard {
            return;
        }
        let levels = queue.heads.iter().zip(&queue.bodies);
        let heard = levels.filter_map(|(head, body)| Some((head.arrival, body.audio_level()?)));
        let floor = heard.filter_map(|(at, level)| room.hear(at, queue.track, level)).last();
        if let Some(publisher) = floor {
            self.tell_floor(queue.room, publisher);
        }
    }

    /// Sends the keyframe requests that are due in the rooms where something has happened, and tells what is new there.
    pub(crate) fn ask_for_keyframes(&mut self, now: Instant) {
        let mut wishing = std::mem::take(&mut self.wishing);
        for key in wishing.drain(..) {
            self.guarded(key, |engine| engine.ask_in_room(now, key));
        }
        wishing.append(&mut self.wishing);
        self.wishing = wishing;
    }

    fn ask_in_room(&mut self, now: Instant, key: usize) {
        let Some(state) = self.rooms.get_mut(key) else { return };
        state.is_wishing = false;
        state.room.handle_timeout(now);
        while let Some(wish) = self.rooms[key].room.poll_keyframe(now) {
            match wish.origin {
                Origin::Here { seat, line } => self.ask_publisher(seat, line, wish.layer),
                Origin::Home => self.ask_home(key, wish.track, wish.layer),
            }
        }
        self.tell_demand(key);
        self.tell_slots(key);
        self.schedule_wish(key);
    }

    fn ask_publisher(&mut self, seat: Seat, line: u8, layer: u8) {
        let Some(Some(publisher)) = self.participants.get_mut(seat as usize) else { return };
        if !publisher.request_keyframe(line, layer) {
            return;
        }
        self.counters.keyframe_requests_out += 1;
        if !publisher.touched {
            publisher.touched = true;
            self.touched.push(seat);
        }
    }
}
