//! A room on several shards: what its home and its mirrors say to each other, and how each acts on it.
//!
//! One message per packet and shard, however many subscribers are there: the payload is copied once, so that
//! reference counts stay on the core that counts them. Keyframe wishes and layer demand flow back. Who
//! carries the messages, over a ring that drops its oldest packets when it is full, is `net`'s business;
//! everything but packets must arrive, in order.

use std::time::Instant;

use plenum_model::{CloseReason, RoomName};
use plenum_room::{Demand, Ladder, PacketHead, PublishedTracks, Seat, TrackId};

use crate::engine::{Engine, RoomState};
use crate::participant::Body;

/// A room as its own shard finds it again: its key, and which room of that key it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RoomRef {
    key: u32,
    generation: u32,
}

/// A message from one shard to another.
#[derive(Debug)]
pub struct Relay {
    /// To which shard.
    pub to: u16,
    /// What it says.
    pub message: RelayMessage,
}

/// What shards say to each other.
#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "most messages are packets, and a box would be an allocation for each"
)]
pub enum RelayMessage {
    /// To the home: this shard has viewers of the room now.
    Join {
        /// The room.
        room: RoomName,
        /// Its mirror here.
        mirror: RoomRef,
    },
    /// To the home: it has none any more.
    Leave {
        /// The room.
        room: RoomName,
        /// What was its mirror here.
        mirror: RoomRef,
    },
    /// To the home: which layers the mirror's subscribers take.
    Demand {
        /// The room at home.
        home: RoomRef,
        /// Which of which track.
        demand: Demand,
    },
    /// To the home: the mirror's subscribers wait for a keyframe.
    Keyframe {
        /// The room at home.
        home: RoomRef,
        /// Of which track.
        track: TrackId,
        /// Of which layer.
        layer: u8,
    },
    /// To a mirror: who its home is. The first message.
    Welcome {
        /// To whom.
        mirror: RoomRef,
        /// The room at home.
        home: RoomRef,
    },
    /// To a mirror: someone publishes, or publishes something else than before.
    Published {
        /// To whom.
        mirror: RoomRef,
        /// Who, and which tracks.
        published: PublishedTracks,
    },
    /// To a mirror: someone does not any more.
    Unpublished {
        /// To whom.
        mirror: RoomRef,
        /// Whose tracks they were.
        tracks: Vec<TrackId>,
    },
    /// To a mirror: whose stream is the main one now.
    Floor {
        /// To whom.
        mirror: RoomRef,
        /// The first track of the publisher who has taken the floor.
        publisher: TrackId,
    },
    /// To a mirror: the room is closed; its sessions end.
    Closed {
        /// To whom.
        mirror: RoomRef,
        /// Why.
        reason: CloseReason,
    },
    /// To a mirror: a packet.
    Packet(RelayedPacket),
}

/// A packet on its way to a mirror.
#[derive(Debug)]
pub struct RelayedPacket {
    mirror: RoomRef,
    track: TrackId,
    ladder: Ladder,
    head: PacketHead,
    body: Body,
}

impl RelayedPacket {
    pub(crate) fn new(
        mirror: RoomRef,
        track: TrackId,
        ladder: Ladder,
        head: PacketHead,
        body: &Body,
    ) -> Self {
        Self { mirror, track, ladder, head, body: body.copied() }
    }

    /// What the packet carries, as its publisher sent it.
    pub fn payload(&self) -> &[u8] {
        &self.body.payload
    }
}

impl RelayMessage {
    /// Whether it may be lost when the ring is full.
    pub fn is_packet(&self) -> bool {
        matches!(self, Self::Packet(_))
    }
}

/// What a room is to the other shards.
#[derive(Debug)]
pub(crate) struct Membership {
    /// The shard where its publishers are.
    pub home_shard: u16,
    /// In a mirror: the room there, once it has answered.
    pub home: Option<RoomRef>,
    /// At home: the mirrors.
    pub mirrors: Vec<(u16, RoomRef)>,
}

impl Membership {
    pub fn new(home_shard: u16) -> Self {
        Self { home_shard, home: None, mirrors: Vec::new() }
    }

    /// The mirror on a shard.
    pub fn mirror_on(&self, shard: u16) -> Option<RoomRef> {
        self.mirrors.iter().find(|(on, _)| *on == shard).map(|(_, mirror)| *mirror)
    }
}

impl Engine {
    /// Takes a message of another shard.
    pub fn handle_relay(&mut self, now: Instant, from: u16, message: RelayMessage) {
        match message {
            RelayMessage::Packet(packet) => self.take_packet(packet),
            RelayMessage::Join { room, mirror } => self.welcome_mirror(from, &room, mirror),
            RelayMessage::Leave { room, mirror } => self.lose_mirror(from, &room, mirror),
            RelayMessage::Demand { home, demand } => {
                self.in_room(home, |state| state.room.set_demand(from, demand));
            }
            RelayMessage::Keyframe { home, track, layer } => {
                self.in_room(home, |state| state.room.want_keyframe_of(track, layer));
            }
            RelayMessage::Welcome { mirror, home } => {
                self.in_room(mirror, |state| state.membership.home = Some(home));
            }
            RelayMessage::Published { mirror, published } => {
                self.in_room(mirror, |state| state.room.mirror_publisher(published));
            }
            RelayMessage::Unpublished { mirror, tracks } => {
                self.in_room(mirror, |state| state.room.unmirror_publisher(&tracks));
            }
            RelayMessage::Floor { mirror, publisher } => {
                self.in_room(mirror, |state| state.room.give_floor(publisher));
            }
            RelayMessage::Closed { mirror, reason } => self.close_mirror(now, mirror, reason),
        }
    }

    /// Packets from `from` were lost on the way: their tracks need keyframes.
    pub fn handle_relay_loss(&mut self, from: u16) {
        let mirrors: Vec<usize> =
            self.rooms.iter().filter(|(_, s)| self.is_mirror_of(s, from)).map(|(k, _)| k).collect();
        for key in mirrors {
            self.guarded(key, |engine| engine.rooms[key].room.want_keyframes_after_loss());
            self.note_wish(key);
        }
    }

    fn is_mirror_of(&self, state: &RoomState, shard: u16) -> bool {
        state.membership.home_shard == shard && shard != self.config.shard
    }

    /// What another shard calls a room of this one.
    pub(crate) fn room_ref(&self, key: usize) -> RoomRef {
        RoomRef { key: key as u32, generation: self.rooms[key].generation }
    }

    fn find(&self, room: RoomRef) -> Option<usize> {
        let state = self.rooms.get(room.key as usize)?;
        (state.generation == room.generation).then_some(room.key as usize)
    }

    /// Does something in a room if it still exists, and looks at its wishes afterwards.
    fn in_room(&mut self, room: RoomRef, work: impl FnOnce(&mut RoomState)) {
        if let Some(key) = self.find(room) {
            self.guarded(key, |engine| work(&mut engine.rooms[key]));
            self.note_wish(key);
        }
    }

    fn take_packet(&mut self, packet: RelayedPacket) {
        let RelayedPacket { mirror, track, ladder, head, body } = packet;
        if let Some(key) = self.find(mirror) {
            self.rooms[key].room.set_ladder(track, ladder);
            self.fanout.push(key, track, head, body);
        }
    }

    fn welcome_mirror(&mut self, shard: u16, room: &RoomName, mirror: RoomRef) {
        let key = self.room_key(room, self.config.shard);
        let home = self.room_ref(key);
        let membership = &mut self.rooms[key].membership;
        if membership.home_shard != self.config.shard {
            // The room has moved meanwhile; the directory will not send anybody this way again.
            return self.send(shard, RelayMessage::Closed { mirror, reason: CloseReason::RoomClosed });
        }
        membership.mirrors.retain(|(on, _)| *on != shard);
        membership.mirrors.push((shard, mirror));
        self.rooms[key].room.remove_mirror(shard);
        self.rooms[key].room.add_mirror(shard);
        self.send(shard, RelayMessage::Welcome { mirror, home });
        for published in self.rooms[key].room.published() {
            self.send(shard, RelayMessage::Published { mirror, published });
        }
        if let Some(publisher) = self.rooms[key].room.floor() {
            self.send(shard, RelayMessage::Floor { mirror, publisher });
        }
    }

    fn lose_mirror(&mut self, shard: u16, room: &RoomName, mirror: RoomRef) {
        let Some(key) = self.by_name.get(room).copied() else { return };
        let state = &mut self.rooms[key];
        if state.membership.mirror_on(shard) != Some(mirror) {
            return;
        }
        state.membership.mirrors.retain(|(on, _)| *on != shard);
        state.room.remove_mirror(shard);
        if state.room.is_empty() {
            self.remove_room(key, CloseReason::RoomClosed);
        }
    }

    fn close_mirror(&mut self, now: Instant, mirror: RoomRef, reason: CloseReason) {
        let Some(key) = self.find(mirror) else { return };
        let seats: Vec<u32> = self.rooms[key].room.seats().collect();
        seats.into_iter().for_each(|slot| self.end(now, slot, reason));
    }

    /// Tells the mirrors of a room what someone here publishes.
    pub(crate) fn tell_published(&mut self, key: usize, seat: Seat) {
        let state = &self.rooms[key];
        let Some(published) = state.room.published_of(seat) else { return };
        for (shard, mirror) in state.membership.mirrors.clone() {
            self.send(shard, RelayMessage::Published { mirror, published: published.clone() });
        }
    }

    /// Tells the mirrors of a room about a publisher that has gone.
    pub(crate) fn tell_unpublished(&mut self, key: usize, tracks: &[TrackId]) {
        for (shard, mirror) in self.rooms[key].membership.mirrors.clone() {
            self.send(shard, RelayMessage::Unpublished { mirror, tracks: tracks.to_vec() });
        }
    }

    /// Tells the mirrors of a room who has taken the floor.
    pub(crate) fn tell_floor(&mut self, key: usize, publisher: TrackId) {
        for (shard, mirror) in self.rooms[key].membership.mirrors.clone() {
            self.send(shard, RelayMessage::Floor { mirror, publisher });
        }
    }

    /// Tells whoever shares a room that it ends here.
    pub(crate) fn tell_closed(&mut self, key: usize, state: &RoomState, reason: CloseReason) {
        let membership = &state.membership;
        for (shard, mirror) in &membership.mirrors {
            self.send(*shard, RelayMessage::Closed { mirror: *mirror, reason });
        }
        if membership.home_shard != self.config.shard {
            let mirror = RoomRef { key: key as u32, generation: state.generation };
            self.send(membership.home_shard, RelayMessage::Leave { room: state.room.name().clone(), mirror });
        }
    }

    /// Sends the wishes of a mirror home.
    pub(crate) fn tell_demand(&mut self, key: usize) {
        let state = &mut self.rooms[key];
        let (Some(home), to) = (state.membership.home, state.membership.home_shard) else { return };
        while let Some(demand) = state.room.poll_demand() {
            self.outputs.relays.push(Relay { to, message: RelayMessage::Demand { home, demand } });
        }
    }

    /// Asks home for a keyframe.
    pub(crate) fn ask_home(&mut self, key: usize, track: TrackId, layer: u8) {
        let membership = &self.rooms[key].membership;
        if let Some(home) = membership.home {
            self.send(membership.home_shard, RelayMessage::Keyframe { home, track, layer });
        }
    }

    pub(crate) fn send(&mut self, to: u16, message: RelayMessage) {
        self.outputs.relays.push(Relay { to, message });
    }
}
