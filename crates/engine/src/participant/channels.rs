//! A participant's data channels: each is one topic, on which it both speaks and listens. What is meant for it waits
//! here until str0m takes it, so that whoever does not listen fast enough loses messages and delays nobody.

use std::time::Instant;

use plenum_model::limits;
use plenum_room::Seat;
use plenum_room::data::{DataQueue, Message, Topic};
use str0m::channel::{ChannelData, ChannelId};

use super::{Outputs, Participant, Told};
use crate::Counters;

/// A message as its sender wrote it.
#[derive(Debug)]
pub(crate) struct Said {
    pub topic: Topic,
    pub is_binary: bool,
    pub bytes: Vec<u8>,
}

#[derive(Debug)]
struct Channel {
    id: ChannelId,
    topic: Topic,
    queue: DataQueue,
}

impl Channel {
    fn new(id: ChannelId, topic: Topic) -> Self {
        let messages = if topic.is_lossy() { limits::DATA_QUEUE_LOSSY } else { limits::DATA_QUEUE_MESSAGES };
        Self { id, topic, queue: DataQueue::new(limits::DATA_QUEUE, messages) }
    }
}

/// The open ones, in the order of their opening.
#[derive(Debug, Default)]
pub(super) struct Channels {
    open: Vec<Channel>,
    /// A second, and what was kept of its chat in it.
    kept: Option<(Instant, u32)>,
}

impl Channels {
    pub fn close(&mut self, id: ChannelId) {
        self.open.retain(|channel| channel.id != id);
    }

    /// A topic that was opened twice is heard where it was opened last.
    fn listening(&mut self, topic: &Topic) -> Option<&mut Channel> {
        self.open.iter_mut().rev().find(|channel| channel.topic == *topic)
    }
}

impl Participant {
    /// The peer has opened a channel. One with a name that is no topic, or one too many, is closed again.
    pub(super) fn open_channel(&mut self, id: ChannelId, label: &str) {
        match Topic::parse(label) {
            Some(topic) if self.channels.open.len() < limits::DATA_CHANNELS => {
                self.channels.open.push(Channel::new(id, topic));
            }
            _ => self.rtc.direct_api().close_data_channel(id),
        }
    }

    pub(super) fn digest_message(
        &mut self,
        message: ChannelData,
        counters: &mut Counters,
        out: &mut Outputs,
    ) {
        counters.data_messages_in += 1;
        let topic =
            self.channels.open.iter().find(|channel| channel.id == message.id).map(|c| c.topic.clone());
        match topic.filter(|_| self.allowed.data) {
            Some(topic) => {
                let said = Said { topic, is_binary: message.binary, bytes: message.data };
                out.told.push(Told::Said(said));
            }
            None => counters.data_messages_dropped += 1,
        }
    }

    /// Whether one more chat message may be kept in this second.
    pub fn may_keep_chat(&mut self, now: Instant) -> bool {
        let (since, count) = self.channels.kept.get_or_insert((now, 0));
        if now.saturating_duration_since(*since).as_secs() >= 1 {
            (*since, *count) = (now, 0);
        }
        *count += 1;
        *count <= limits::CHAT_KEPT_PER_SECOND
    }

    /// Has a message wait for this participant, if it listens to the topic. What is dropped for it is told by its sender.
    pub fn take_message(&mut self, topic: &Topic, from: Seat, message: &Message, dropped: impl FnMut(Seat)) {
        if let Some(channel) = self.channels.listening(topic) {
            channel.queue.push(from, message.clone(), dropped);
        }
    }

    /// Writes as many messages as str0m takes, one of each topic in turn. They leave with the next
    /// [`Self::pass_time`] and drain. Returns whether there were any.
    pub fn write_messages(&mut self, counters: &mut Counters) -> bool {
        let mut has_written = false;
        loop {
            let mut is_stuck = true;
            for index in 0..self.channels.open.len() {
                is_stuck &= !self.write_message(index, counters);
            }
            if is_stuck {
                return has_written;
            }
            has_written = true;
        }
    }

    /// Writes the next message of one channel, if str0m takes it.
    fn write_message(&mut self, index: usize, counters: &mut Counters) -> bool {
        let channel = &mut self.channels.open[index];
        let Some(message) = channel.queue.front() else { return false };
        let Some(mut open) = self.rtc.channel(channel.id) else { return false };
        match open.write(message.is_binary, &message.bytes) {
            Ok(false) => return false,
            Ok(true) => counters.data_messages_out += 1,
            // Too long for this peer, or its channel is about to close.
            Err(error) => {
                tracing::debug!(place = ?self.place, %error, "message refused");
                counters.data_messages_dropped += 1;
            }
        }
        channel.queue.pop();
        true
    }
}
