//! What has arrived at a member: media by slot and sender, messages by topic.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::peer::Flow;
use crate::source::Payload;

/// Everything that has arrived so far.
#[derive(Debug, Clone, Default)]
pub struct Account {
    /// ICE and DTLS are up.
    pub connected: bool,
    /// The server closed the DTLS association, or ICE gave up.
    pub over: bool,
    /// What came on each receiving line, by mid.
    pub slots: BTreeMap<String, SlotAccount>,
    /// What came on each topic.
    pub topics: BTreeMap<String, Topic>,
    /// Messages on data channels that were handed to SCTP.
    pub said: usize,
}

/// What came out of one slot.
#[derive(Debug, Clone, Default)]
pub struct SlotAccount {
    /// Whether it is for video.
    pub is_video: bool,
    /// By the sender's marker.
    pub flows: BTreeMap<u32, Flow>,
    /// The last packet: whose, and when.
    pub last: Option<Arrival>,
    /// The longest time between two packets, whoever sent them.
    pub longest_gap: Duration,
}

/// One packet.
#[derive(Debug, Clone, Copy)]
pub struct Arrival {
    /// The sender's marker.
    pub marker: u32,
    /// When it came.
    pub at: Instant,
}

/// What came on one topic.
#[derive(Debug, Clone, Default)]
pub struct Topic {
    /// The channel is open.
    pub open: bool,
    /// Text messages, parsed.
    pub texts: Vec<Value>,
    /// Binary messages: the JSON header and what follows it.
    pub binaries: Vec<(Value, Vec<u8>)>,
}

impl Account {
    /// The video slots.
    pub fn videos(&self) -> impl Iterator<Item = (&String, &SlotAccount)> {
        self.slots.iter().filter(|(_, slot)| slot.is_video)
    }

    /// Video packets of the sender with this marker, in whichever slot.
    pub fn video_packets_of(&self, marker: u32) -> usize {
        self.videos().filter_map(|(_, slot)| slot.flows.get(&marker)).map(|flow| flow.counts.len()).sum()
    }

    /// Whether video of this sender arrived at or after `since`.
    pub fn has_video_of(&self, marker: u32, since: Instant) -> bool {
        let is_recent = |arrival: Arrival| arrival.marker == marker && arrival.at >= since;
        self.videos().any(|(_, slot)| slot.last.is_some_and(is_recent))
    }

    /// Packets that are missing in the middle of what a sender sent into a slot.
    pub fn missing(&self) -> usize {
        self.slots.values().flat_map(|slot| slot.flows.values()).map(Flow::missing).sum()
    }

    /// Packets that came twice.
    pub fn duplicates(&self) -> usize {
        self.slots.values().flat_map(|slot| slot.flows.values()).map(|flow| flow.duplicates).sum()
    }

    /// The texts that came on a topic.
    pub fn texts(&self, topic: &str) -> &[Value] {
        self.topics.get(topic).map_or(&[], |topic| &topic.texts)
    }
}

impl SlotAccount {
    pub(super) fn record(&mut self, at: Instant, payload: &Payload) {
        self.flows.entry(payload.marker).or_default().record(at, payload);
        if let Some(last) = self.last.replace(Arrival { marker: payload.marker, at }) {
            self.longest_gap = self.longest_gap.max(at.saturating_duration_since(last.at));
        }
    }
}

impl Topic {
    /// A binary message is a big-endian length, that many bytes of JSON, and the payload.
    pub(super) fn record(&mut self, is_binary: bool, message: &[u8]) {
        if !is_binary {
            self.texts.push(serde_json::from_slice(message).expect("a text on a topic is JSON"));
            return;
        }
        let (length, rest) = message.split_first_chunk::<2>().expect("a binary message has a length");
        let (header, payload) = rest.split_at(usize::from(u16::from_be_bytes(*length)));
        let header = serde_json::from_slice(header).expect("its header is JSON");
        self.binaries.push((header, payload.to_vec()));
    }
}
