//! The shard: takes input, routes it to participants, and lets sessions begin and end.
//!
//! Every piece of work is done for one room and guarded: a panic in it drops that room, is counted, and leaves
//! the others as they were.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::time::Instant;

use plenum_model::{DropReason, Place, RoomName, limits};
use plenum_room::{Delivery, Room};
use slab::Slab;
use str0m::Input;
use str0m::net::{Protocol, Receive};

use crate::command::{Command, Event, Reply};
use crate::data::DropReports;
use crate::demux::{self, AddressTable, Kind};
use crate::fanout::Fanout;
use crate::participant::{Outputs, Participant, Told};
use crate::relay::Membership;
use crate::timers::{Timer, Timers};
use crate::{Counters, EngineConfig, TransmitBatch, stun};

/// One shard. See the crate's documentation for how to drive it.
pub struct Engine {
    pub(crate) config: EngineConfig,
    pub(crate) random: fastrand::Rng,
    /// Indexed by [`Place::slot`].
    pub(crate) participants: Vec<Option<Box<Participant>>>,
    pub(crate) rooms: Slab<RoomState>,
    pub(crate) by_name: BTreeMap<RoomName, usize>,
    pub(crate) addresses: AddressTable,
    pub(crate) timers: Timers,
    pub(crate) fanout: Fanout,
    /// Participants that were written to and have to be given time before they send.
    pub(crate) touched: Vec<u32>,
    /// For [`crate::courier::Courier`], between batches empty.
    pub(crate) bag: Vec<Delivery>,
    /// Rooms in which a keyframe may have to be asked for, or something told.
    pub(crate) wishing: Vec<usize>,
    pub(crate) outputs: Outputs,
    pub(crate) drop_reports: DropReports,
    /// Rooms made so far.
    pub(crate) generations: u32,
    pub(crate) events: VecDeque<Event>,
    pub(crate) counters: Counters,
}

/// A room with what the shard notes about it.
pub(crate) struct RoomState {
    pub room: Room,
    /// Tells it from former rooms under the same key.
    pub generation: u32,
    /// Its home and its mirrors.
    pub membership: Membership,
    /// Whether it is in [`Engine::wishing`].
    pub is_wishing: bool,
    /// The timer that will put it there.
    pub timer: Option<Instant>,
}

impl RoomState {
    pub fn new(room: Room, home_shard: u16, generation: u32) -> Self {
        let membership = Membership::new(home_shard);
        Self { room, generation, membership, is_wishing: false, timer: None }
    }
}

impl Engine {
    /// A shard without participants.
    pub fn new(config: EngineConfig, _now: Instant) -> Self {
        Self {
            random: fastrand::Rng::with_seed(config.seed),
            config,
            participants: Vec::new(),
            rooms: Slab::new(),
            by_name: BTreeMap::new(),
            addresses: AddressTable::default(),
            timers: Timers::default(),
            fanout: Fanout::default(),
            touched: Vec::new(),
            bag: Vec::new(),
            wishing: Vec::new(),
            outputs: Outputs::default(),
            drop_reports: DropReports::default(),
            generations: 0,
            events: VecDeque::new(),
            counters: Counters::default(),
        }
    }

    /// Takes a datagram that arrived at `now` from `source`. Whatever it contains, it is counted and handled or
    /// dropped; it never fails.
    pub fn handle_datagram(&mut self, now: Instant, source: SocketAddr, contents: &[u8]) {
        self.counters.received += 1;
        let handled = self.route(source, contents).and_then(|(kind, slot)| {
            let room = self.participants[slot as usize].as_ref().expect("route names the living").room;
            // A panic ends the room; the datagram that caused it was handled.
            self.guarded(room, |engine| engine.receive(now, source, contents, kind, slot)).unwrap_or(Ok(kind))
        });
        match handled {
            Ok(Kind::StunRequest | Kind::StunResponse) => self.counters.handled_stun += 1,
            Ok(Kind::Dtls) => self.counters.handled_dtls += 1,
            Ok(Kind::Rtp) => self.counters.handled_rtp += 1,
            Ok(Kind::Rtcp) => self.counters.handled_rtcp += 1,
            Err(reason) => self.counters.dropped[reason as usize] += 1,
        }
    }

    /// Carries out a command of the control plane.
    pub fn handle_command(&mut self, now: Instant, command: Command) -> Reply {
        match command {
            Command::Admit(admission) => self.admit(now, *admission),
            Command::AddCandidates { place, candidates } => self.add_candidates(now, place, &candidates),
            Command::RestartIce(restart) => self.restart_ice(now, *restart),
            Command::Renegotiate(renegotiation) => self.renegotiate(now, *renegotiation),
            Command::Mute { place, track, muted } => self.mute(place, track, muted),
            Command::Pin { place, mid, track } => self.pin(place, &mid, track),
            Command::Demand { place, mid, demand } => self.demand(place, &mid, demand),
            Command::Allow { place, allowed } => self.allow(place, allowed),
            Command::Close { place, reason } => match self.slot_of(place) {
                Some(slot) => {
                    self.end(now, slot, reason);
                    Reply::Done
                }
                None => Reply::NotFound,
            },
            Command::CloseRoom { room, reason } => self.close_room(now, &room, reason),
            Command::CloseAll { reason } => {
                let everyone: Vec<u32> = self.participants.iter().flatten().map(|p| p.place.slot).collect();
                everyone.into_iter().for_each(|slot| self.end(now, slot, reason));
                Reply::Done
            }
            Command::PanicRoom { room } => match self.by_name.get(&room).copied() {
                Some(key) => {
                    self.guarded(key, |_| panic!("asked to"));
                    Reply::Done
                }
                None => Reply::NotFound,
            },
        }
    }

    /// Lets due timers fire.
    pub fn handle_timeout(&mut self, now: Instant) {
        while let Some((at, timer)) = self.timers.pop_due(now) {
            match timer {
                Timer::Room { key } => {
                    if let Some(state) = self.rooms.get_mut(key) {
                        state.timer = None;
                        self.note_wish(key);
                    }
                }
                Timer::DropReports => self.tell_due_drops(now),
                Timer::Participant { slot, epoch } => self.wake(now, at, slot, epoch),
            }
        }
    }

    /// Forwards what came in since the last flush and appends everything to be sent to `batch`.
    pub fn flush(&mut self, now: Instant, batch: &mut TransmitBatch) {
        self.forward_all(now);
        self.ask_for_keyframes(now);
        let mut touched = std::mem::take(&mut self.touched);
        for slot in touched.drain(..) {
            self.give_time(now, slot);
        }
        touched.append(&mut self.touched);
        self.touched = touched;
        batch.transmits.append(&mut self.outputs.transmits);
        batch.relays.append(&mut self.outputs.relays);
    }

    /// The next thing the control plane should know.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// When to call [`Self::handle_timeout`] at the latest; `None` while there is nobody.
    pub fn next_deadline(&self) -> Option<Instant> {
        self.timers.next()
    }

    /// Whether input was taken that waits for a [`Self::flush`].
    pub fn wants_flush(&self) -> bool {
        !self.fanout.is_empty()
            || !self.touched.is_empty()
            || !self.wishing.is_empty()
            || !self.outputs.transmits.is_empty()
            || !self.outputs.relays.is_empty()
    }

    /// What was counted so far.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Whom a datagram is for, before anything in it is believed.
    fn route(&self, source: SocketAddr, contents: &[u8]) -> Result<(Kind, u32), DropReason> {
        let kind = demux::classify(contents).ok_or(DropReason::Malformed)?;
        let slot = match kind {
            Kind::StunRequest => {
                let place = demux::requested_place(contents)?;
                self.slot_of(place).ok_or(DropReason::UnknownUfrag)?
            }
            Kind::StunResponse => self.addresses.known(&source).ok_or(DropReason::UnknownAddress)?,
            Kind::Dtls | Kind::Rtp | Kind::Rtcp => {
                self.addresses.vouched(&source).ok_or(DropReason::UnknownAddress)?
            }
        };
        Ok((kind, slot))
    }

    pub(crate) fn slot_of(&self, place: Place) -> Option<u32> {
        let participant = self.participants.get(place.slot as usize)?.as_ref()?;
        (participant.place == place).then_some(place.slot)
    }

    fn receive(
        &mut self,
        now: Instant,
        source: SocketAddr,
        contents: &[u8],
        kind: Kind,
        slot: u32,
    ) -> Result<Kind, DropReason> {
        let destination = self.local_address(&source);
        let nominates = kind == Kind::StunRequest && demux::nominates(contents);
        let is_vouched = self.addresses.vouched(&source) == Some(slot);
        let completed = (kind == Kind::StunResponse && stun::lacks_mapped_address(contents))
            .then(|| self.participants[slot as usize].as_ref()?.complete_response(contents, destination))
            .flatten();
        let contents = completed.as_deref().unwrap_or(contents);
        let contents = contents.try_into().map_err(|_| DropReason::Malformed)?;
        let mut input = Input::Receive(now, Receive { proto: Protocol::Udp, source, destination, contents });
        let participant = self.participants[slot as usize].as_mut().expect("route names the living");
        if matches!(kind, Kind::StunRequest | Kind::StunResponse) {
            if !participant.may_handle_stun(now, is_vouched) {
                return Err(DropReason::RateLimited);
            }
            if !participant.accepts(&input) {
                return Err(DropReason::BadIntegrity);
            }
            match kind {
                Kind::StunResponse => participant.hear_answer(now, source),
                _ if nominates => participant.hear_nomination(source),
                _ => {}
            }
            self.vouch(now, source, slot);
        }
        let participant = self.participants[slot as usize].as_mut().expect("vouching ends nobody");
        let Input::Receive(_, receive) = std::mem::replace(&mut input, Input::Timeout(now)) else {
            unreachable!("made above")
        };
        let result = participant.receive(now, receive);
        self.digest(now, slot);
        if kind == Kind::Dtls {
            // What the peer acknowledged has made room for more.
            self.write_messages(slot);
        }
        // What a peer sends may be refused, it never ends its session: the deadlines decide.
        result.map(|()| kind).map_err(|error| {
            tracing::debug!(slot, %error, "input refused");
            DropReason::Closed
        })
    }

    /// The address that a datagram from `source` is presented to ICE as having arrived at.
    fn local_address(&self, source: &SocketAddr) -> SocketAddr {
        let candidates = &self.config.candidates;
        let same_family = candidates.iter().find(|candidate| candidate.is_ipv4() == source.is_ipv4());
        *same_family.or(candidates.first()).unwrap_or(source)
    }

    /// Notes that an ICE check has vouched for an address, and forgets the stalest if there are too many.
    fn vouch(&mut self, now: Instant, source: SocketAddr, slot: u32) {
        if !self.addresses.vouch(now, source, slot) {
            return;
        }
        let participant = self.participants[slot as usize].as_mut().expect("a living participant");
        let destination = participant.destination();
        let known = &mut participant.addresses;
        match known.iter_mut().find(|(address, _)| *address == source) {
            Some((_, vouched_at)) => *vouched_at = now,
            None => known.push((source, now)),
        }
        if known.len() > limits::ADDRESSES_PER_SESSION {
            let others = known.iter().enumerate().filter(|(_, (address, _))| Some(*address) != destination);
            if let Some((stalest, _)) = others.min_by_key(|(_, (_, vouched_at))| *vouched_at) {
                let (address, _) = known.swap_remove(stalest);
                self.addresses.forget(&address, slot);
            }
        }
    }

    fn wake(&mut self, now: Instant, at: Instant, slot: u32, epoch: u32) {
        let Some(Some(participant)) = self.participants.get_mut(slot as usize) else { return };
        if participant.place.epoch != epoch || participant.scheduled != Some(at) {
            return;
        }
        participant.scheduled = None;
        if participant.deadline() > now {
            self.schedule(slot);
        } else {
            self.give_time(now, slot);
        }
    }

    /// Lets a participant's time pass, sends what it has, and ends it if its time is up.
    pub(crate) fn give_time(&mut self, now: Instant, slot: u32) {
        let Some(Some(participant)) = self.participants.get_mut(slot as usize) else { return };
        participant.touched = false;
        let room = participant.room;
        self.guarded(room, |engine| {
            let participant = engine.participants[slot as usize].as_mut().expect("checked above");
            if let Err(error) = participant.pass_time(now) {
                tracing::debug!(slot, %error, "time refused");
            }
            engine.digest(now, slot);
        });
        let overdue = self.participants[slot as usize].as_ref().and_then(|p| p.is_overdue(now));
        if let Some(reason) = overdue {
            self.end(now, slot, reason);
        }
    }

    /// Drains a participant after it was given input, and acts on what it tells.
    fn digest(&mut self, now: Instant, slot: u32) {
        let Some(participant) = &mut self.participants[slot as usize] else { return };
        participant.drain(now, &mut self.counters, &mut self.outputs);
        let room = participant.room;
        for arrived in self.outputs.packets.drain(..) {
            if let Some(track) = participant.track(arrived.line) {
                self.fanout.push(room, track, arrived.head, arrived.body);
            }
        }
        let mut told = std::mem::take(&mut self.outputs.told);
        for told in told.drain(..) {
            self.hear(now, slot, told);
        }
        self.outputs.told = told;
        self.schedule(slot);
    }

    fn hear(&mut self, now: Instant, slot: u32, told: Told) {
        let Some(participant) = &self.participants[slot as usize] else { return };
        let (place, room) = (participant.place, participant.room);
        let event = match told {
            Told::Connected => {
                let after = now.saturating_duration_since(participant.admitted_at);
                self.begin_to_serve(slot, room);
                Event::Connected { place, after }
            }
            Told::Interrupted => Event::Interrupted { place },
            Told::Resumed => Event::Resumed { place },
            Told::TrackStarted { track, kind, format } => Event::TrackStarted { place, track, kind, format },
            Told::KeyframeWanted { line } => {
                self.counters.keyframe_requests_in += 1;
                self.rooms[room].room.want_keyframe(slot, line);
                return self.note_wish(room);
            }
            Told::Said(said) => return self.pass_on(now, slot, &said),
            Told::Ended(reason) => return self.end_in_room(now, slot, reason),
        };
        self.events.push_back(event);
    }

    /// Puts a room on the list of those whose wishes are looked at with the next flush.
    pub(crate) fn note_wish(&mut self, key: usize) {
        if let Some(state) = self.rooms.get_mut(key)
            && !state.is_wishing
        {
            state.is_wishing = true;
            self.wishing.push(key);
        }
    }

    /// Sets the timer at which a room's wishes are looked at again.
    pub(crate) fn schedule_wish(&mut self, key: usize) {
        let Some(state) = self.rooms.get_mut(key) else { return };
        if let Some(at) = state.room.next_deadline()
            && state.timer.is_none_or(|timer| at < timer)
        {
            state.timer = Some(at);
            self.timers.add(at, Timer::Room { key });
        }
    }

    fn schedule(&mut self, slot: u32) {
        let Some(participant) = &mut self.participants[slot as usize] else { return };
        let at = participant.deadline();
        if participant.scheduled.is_none_or(|scheduled| at < scheduled) {
            participant.scheduled = Some(at);
            self.timers.add(at, Timer::Participant { slot, epoch: participant.place.epoch });
        }
    }
}
