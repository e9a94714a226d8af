//! Carries what a room hands out to its participants: all that one line gets of a batch is written in one go, so
//! that its participant and its outgoing stream are looked up once per batch instead of once per packet.

use std::collections::VecDeque;
use std::time::Instant;

use plenum_room::Delivery;

use crate::Counters;
use crate::command::Event;
use crate::participant::{Body, Participant};

/// On its way through the packets of one track.
pub(crate) struct Courier<'a> {
    pub now: Instant,
    /// What the packets carry, in the order of their heads.
    pub bodies: &'a [Body],
    pub participants: &'a mut [Option<Box<Participant>>],
    pub touched: &'a mut Vec<u32>,
    pub events: &'a mut VecDeque<Event>,
    pub counters: &'a mut Counters,
    /// Deliveries to one line of one seat; empty at first, and kept from batch to batch for its memory.
    pub bag: &'a mut Vec<Delivery>,
}

impl Courier<'_> {
    /// Takes a delivery along. Those to one line come one after the other.
    pub fn take(&mut self, delivery: Delivery) {
        let is_elsewhere = |first: &Delivery| (first.seat, first.line) != (delivery.seat, delivery.line);
        if self.bag.first().is_some_and(is_elsewhere) {
            self.hand_over();
        }
        self.bag.push(delivery);
    }

    /// Writes what was taken along. To be called after the last delivery too.
    pub fn hand_over(&mut self) {
        if let Some(first) = self.bag.first().copied()
            && let Some(Some(participant)) = self.participants.get_mut(first.seat as usize)
            && participant.send(first.line, self.bag, self.bodies)
        {
            self.counters.packets_forwarded += self.bag.len() as u64;
            let bytes = |delivery: &Delivery| self.bodies[delivery.packet].payload.len() as u64;
            self.counters.bytes_forwarded += self.bag.iter().map(bytes).sum::<u64>();
            if !participant.touched {
                participant.touched = true;
                self.touched.push(first.seat);
            }
            if !participant.first_packet_sent {
                participant.first_packet_sent = true;
                let after = self.now.saturating_duration_since(participant.admitted_at);
                self.events.push_back(Event::FirstPacket { place: participant.place, after });
            }
        }
        self.bag.clear();
    }
}
