//! What shards say to each other, and what may be said: a packet crosses to a shard once, and only while somebody
//! there watches its publisher.

use plenum_engine::{Relay, RelayMessage, Role};

use super::{Attended, World};

/// Rounds of messages at one time; more would be shards that answer each other for ever.
const ROUNDS: usize = 32;

impl World {
    /// Lets shards take what others have sent them, forward, and send, until there is nothing more at this time.
    pub(super) fn exchange(&mut self) {
        for _ in 0..ROUNDS {
            let mut is_quiet = true;
            for index in 0..self.shards.len() {
                if !self.shards[index].is_stalled(self.now) {
                    self.shards[index].take_relays(self.now, &mut self.rings);
                    is_quiet &= !self.shards[index].flush(self.now);
                    self.send_relays(index);
                    self.send_transmits(index);
                }
            }
            if is_quiet {
                return;
            }
        }
        panic!("shards that answer each other for ever");
    }

    fn send_relays(&mut self, index: usize) {
        for relay in std::mem::take(&mut self.shards[index].batch.relays) {
            let from = index as u16;
            self.check_relay(from, &relay);
            let may_be_lost = relay.message.is_packet();
            self.rings.send(self.now, from, relay.to, relay.message, may_be_lost);
        }
    }

    fn check_relay(&mut self, from: u16, relay: &Relay) {
        assert_ne!(from, relay.to, "a message of a shard to itself");
        let RelayMessage::Packet(packet) = &relay.message else {
            return self.trace.note(self.now, &(from, relay));
        };
        let marker = self.crossings.record(relay.to, packet.payload());
        self.trace.note(self.now, &(from, relay.to, marker));
        let publisher = &self.clients[marker.publisher as usize];
        assert_eq!(publisher.place.shard, from, "{marker:?} is relayed by a shard that is not its home");
        let mut viewers = self.clients.iter().filter(|client| client.place.shard == relay.to);
        let is_watched =
            viewers.any(|client| may_watch(client, publisher) && self.may_be_thought_present(client));
        assert!(is_watched, "{marker:?} is relayed to shard {}, where nobody watches it", relay.to);
    }

    /// Whether a viewer is there, or has left so lately that the home of its room may not know yet.
    fn may_be_thought_present(&self, viewer: &Attended) -> bool {
        let ended_at = self.sessions.ended_at(viewer.place);
        let is_known_by_now = ended_at.is_some_and(|at| at + self.rings.terms.delay < self.now);
        viewer.is_admitted && !is_known_by_now
    }
}

/// Whether a viewer is bound to this publisher, or to whoever has the floor.
fn may_watch(viewer: &Attended, publisher: &Attended) -> bool {
    let Role::Viewer { of } = &viewer.role else { return false };
    viewer.room == publisher.room && of.as_ref().is_none_or(|of| *of == publisher.identity)
}
