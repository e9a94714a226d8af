//! Messages on topics: from the channel on which they were said to everyone in the room who listens.
//!
//! A message is sealed once and shared. It waits per receiver and topic, and each receiver has a connection of its own:
//! whoever stops to listen costs the others nothing, and loses its oldest messages when its queue is full, which
//! their sender is told.

use std::collections::BTreeMap;
use std::time::Instant;

use plenum_model::{Place, limits};
use plenum_room::Seat;
use plenum_room::data::{Addressees, Envelope, Payload, Topic};

use crate::command::Event;
use crate::engine::Engine;
use crate::participant::Said;
use crate::timers::Timer;

/// Whose messages on which topic were dropped on their way to whom.
type Loss = (Place, Topic, Place);

/// What was dropped, told at most once in [`limits::DATA_DROP_REPORTS`] for each kind of loss.
#[derive(Debug, Default)]
pub(crate) struct DropReports {
    recent: BTreeMap<Loss, Recent>,
}

#[derive(Debug)]
struct Recent {
    told_at: Instant,
    untold: u64,
}

impl DropReports {
    /// A message was dropped. Returns whether to tell it now; otherwise it is told with the next ones.
    fn note(&mut self, now: Instant, loss: Loss) -> bool {
        match self.recent.get_mut(&loss) {
            Some(recent) => {
                recent.untold += 1;
                false
            }
            None => {
                self.recent.insert(loss, Recent { told_at: now, untold: 0 });
                true
            }
        }
    }

    /// What has waited long enough to be told. Where nothing was lost meanwhile, the next loss is told at once.
    fn due(&mut self, now: Instant) -> Vec<(Loss, u64)> {
        let mut due = Vec::new();
        self.recent.retain(|loss, recent| {
            if now < recent.told_at + limits::DATA_DROP_REPORTS {
                return true;
            }
            let untold = std::mem::take(&mut recent.untold);
            if untold > 0 {
                due.push((loss.clone(), untold));
                recent.told_at = now;
            }
            untold > 0
        });
        due
    }
}

impl Engine {
    /// Passes on what a participant said.
    pub(crate) fn pass_on(&mut self, now: Instant, slot: u32, said: &Said) {
        let Some(Some(sender)) = self.participants.get_mut(slot as usize) else { return };
        let (place, key) = (sender.place, sender.room);
        let Some(envelope) = open(said) else {
            self.counters.data_messages_dropped += 1;
            return;
        };
        let message = envelope.sealed(&sender.identity);
        if let (Addressees::Everyone, Payload::Json(payload)) = (&envelope.to, &envelope.payload)
            && said.topic.is_chat()
            && sender.may_keep_chat(now)
        {
            self.events.push_back(Event::Chat { place, payload: (*payload).to_owned() });
        }
        let mut dropped: Vec<(Seat, Place)> = Vec::new();
        for seat in self.rooms[key].room.recipients(slot, &envelope.to) {
            let Some(Some(receiver)) = self.participants.get_mut(seat as usize) else { continue };
            let to = receiver.place;
            receiver.take_message(&said.topic, slot, &message, |from| dropped.push((from, to)));
            self.write_messages(seat);
        }
        self.report(now, &said.topic, dropped);
    }

    /// Writes what waits for a participant, as far as it can be written.
    pub(crate) fn write_messages(&mut self, slot: u32) {
        let Some(Some(participant)) = self.participants.get_mut(slot as usize) else { return };
        if participant.write_messages(&mut self.counters) && !participant.touched {
            participant.touched = true;
            self.touched.push(slot);
        }
    }

    fn report(&mut self, now: Instant, topic: &Topic, dropped: Vec<(Seat, Place)>) {
        self.counters.data_messages_dropped += dropped.len() as u64;
        for (from, to) in dropped {
            let Some(Some(sender)) = self.participants.get(from as usize) else { continue };
            let loss = (sender.place, topic.clone(), to);
            if self.drop_reports.note(now, loss.clone()) {
                self.timers.add(now + limits::DATA_DROP_REPORTS, Timer::DropReports);
                self.tell_dropped(loss, 1);
            }
        }
    }

    /// Tells the losses that have waited for it.
    pub(crate) fn tell_due_drops(&mut self, now: Instant) {
        for (loss, messages) in self.drop_reports.due(now) {
            self.timers.add(now + limits::DATA_DROP_REPORTS, Timer::DropReports);
            self.tell_dropped(loss, messages);
        }
    }

    fn tell_dropped(&mut self, (place, topic, to): Loss, messages: u64) {
        let topic = topic.as_str().to_owned();
        self.events.push_back(Event::DataDropped { place, topic, to, messages });
    }
}

fn open(said: &Said) -> Option<Envelope<'_>> {
    match said.is_binary {
        true => Envelope::open_binary(&said.bytes).ok(),
        false => Envelope::open_text(std::str::from_utf8(&said.bytes).ok()?).ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn losses_are_told_at_once_and_then_once_a_second_as_long_as_there_are_any() {
        let (mut reports, start) = (DropReports::default(), Instant::now());
        let place = |slot| Place { shard: 0, slot, epoch: 0 };
        let loss = || (place(1), Topic::parse("chat").unwrap(), place(2));
        assert!(reports.note(start, loss()));
        for _ in 0..5 {
            assert!(!reports.note(start, loss()));
        }
        assert!(reports.note(start, (place(1), Topic::parse("chat").unwrap(), place(3))), "another receiver");
        let half = limits::DATA_DROP_REPORTS / 2;
        assert_eq!(reports.due(start + half), []);
        assert_eq!(reports.due(start + 2 * half), [(loss(), 5)]);
        assert!(!reports.note(start + 3 * half, loss()));
        assert_eq!(reports.due(start + 4 * half), [(loss(), 1)]);
        assert_eq!(reports.due(start + 6 * half), []);
        assert!(reports.note(start + 6 * half, loss()), "told at once after a second without");
    }
}
