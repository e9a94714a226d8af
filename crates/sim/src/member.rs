//! What a virtual participant of a conference does: it sends on some lines, looks into its slots, and speaks and
//! listens on topics.

use std::collections::{BTreeMap, VecDeque};
use std::time::Instant;

use plenum_model::{Allowed, Source, TrackTerms};
use str0m::Rtc;
use str0m::channel::{ChannelConfig, ChannelData, ChannelId, Reliability};
use str0m::media::Mid;
use str0m::rtp::RtpPacket;

use crate::publisher::{Media, Publisher};
use crate::viewer::Viewer;

/// How a participant comes to a room.
#[derive(Debug, Clone)]
pub struct Attendance {
    /// Its camera and microphone. A screen, with few frames, is there besides, and idle.
    pub media: Media,
    /// Slots for video and for audio.
    pub slots: (usize, usize),
    /// The topics that it opens.
    pub topics: Vec<&'static str>,
    /// What it may do.
    pub allowed: Allowed,
}

impl Attendance {
    /// As the app does: camera, microphone, chat, and slots for four others.
    pub fn usual() -> Self {
        Self { media: Media::camera(), slots: (4, 3), topics: vec!["chat"], allowed: Allowed::ALL }
    }

    /// Looks, listens and says nothing.
    pub fn silent() -> Self {
        let media = Media { audio: false, frames_per_s: 0, ..Media::camera() };
        Self { media, ..Self::usual() }
    }
}

/// A message as it was heard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heard {
    /// When.
    pub at: Instant,
    /// Its topic.
    pub topic: String,
    /// Whether it was binary.
    pub binary: bool,
    /// As it came, envelope included.
    pub bytes: Vec<u8>,
}

/// A data channel.
#[derive(Debug)]
struct Topic {
    id: ChannelId,
    label: String,
    is_open: bool,
    waiting: VecDeque<(bool, Vec<u8>)>,
}

/// See the module.
#[derive(Debug)]
pub struct Member {
    room: u16,
    pub(crate) publisher: Publisher,
    sources: Vec<(Source, Mid)>,
    slots: BTreeMap<String, Viewer>,
    topics: Vec<Topic>,
    heard: Vec<Heard>,
}

impl Member {
    pub(crate) fn new(room: u16, publisher: Publisher, sources: Vec<(Source, Mid)>) -> Self {
        Self { room, publisher, sources, slots: BTreeMap::new(), topics: Vec::new(), heard: Vec::new() }
    }

    /// It has these slots too.
    pub(crate) fn add_slots(&mut self, mids: impl IntoIterator<Item = Mid>) {
        let room = self.room;
        self.slots.extend(mids.into_iter().map(|mid| (mid.to_string(), Viewer::of_slot(room))));
    }

    pub(crate) fn add_topic(&mut self, id: ChannelId, label: &str) {
        self.topics.push(Topic { id, label: label.to_owned(), is_open: false, waiting: VecDeque::new() });
    }

    /// It sends the sound of its screen on a line that was added, as soon as that can be sent on.
    pub(crate) fn add_screen_audio(&mut self, now: Instant, number: u32, mid: Mid) {
        self.publisher.add_screen_audio(now, self.room, number, mid);
        self.sources.push((Source::ScreenAudio, mid));
    }

    /// What its offer says of its lines.
    pub(crate) fn terms(&self) -> Vec<TrackTerms> {
        let term = |(source, mid): &(Source, Mid)| TrackTerms {
            mid: mid.to_string(),
            source: *source,
            muted: !self.publisher.is_sending(*mid),
        };
        self.sources.iter().map(term).collect()
    }

    /// The line of a source.
    pub(crate) fn mid_of(&self, source: Source) -> Mid {
        self.sources.iter().find(|(s, _)| *s == source).map(|(_, mid)| *mid).expect("it has such a line")
    }

    /// Which source is sent on a line.
    pub(crate) fn source_on(&self, mid: &str) -> Option<Source> {
        self.sources.iter().find(|(_, m)| **m == *mid).map(|(source, _)| *source)
    }

    /// Takes a packet of a slot. Returns whether to ask for a keyframe.
    pub(crate) fn receive(&mut self, now: Instant, mid: &str, packet: &RtpPacket) -> bool {
        let slot = self.slots.get_mut(mid).unwrap_or_else(|| panic!("media on {mid}, which is no slot"));
        slot.receive(now, packet)
    }

    pub(crate) fn channel_opened(&mut self, id: ChannelId) {
        self.topics.iter_mut().filter(|topic| topic.id == id).for_each(|topic| topic.is_open = true);
    }

    pub(crate) fn channel_closed(&mut self, id: ChannelId) {
        self.topics.retain(|topic| topic.id != id);
    }

    pub(crate) fn hear(&mut self, now: Instant, message: ChannelData) {
        let topic = self.topics.iter().find(|topic| topic.id == message.id).expect("a channel of ours");
        let (topic, binary) = (topic.label.clone(), message.binary);
        self.heard.push(Heard { at: now, topic, binary, bytes: message.data });
    }

    /// Says something as soon as its channel takes it.
    pub(crate) fn say(&mut self, topic: &str, binary: bool, bytes: Vec<u8>) {
        let topic = self.topics.iter_mut().find(|t| t.label == topic).expect("a topic that it has opened");
        topic.waiting.push_back((binary, bytes));
    }

    /// Whether something waits to be said.
    pub(crate) fn has_something_to_say(&self) -> bool {
        self.topics.iter().any(|topic| topic.is_open && !topic.waiting.is_empty())
    }

    /// Writes what channels take.
    pub(crate) fn speak(&mut self, rtc: &mut Rtc) {
        for topic in self.topics.iter_mut().filter(|topic| topic.is_open) {
            let Some(mut channel) = rtc.channel(topic.id) else { continue };
            while let Some((binary, bytes)) = topic.waiting.front() {
                if !channel.write(*binary, bytes).expect("a channel that is open") {
                    break;
                }
                topic.waiting.pop_front();
            }
        }
    }

    /// What is seen or heard in a slot.
    pub fn slot(&self, mid: &str) -> &Viewer {
        &self.slots[mid]
    }

    /// Its slots, by mid.
    pub fn slots(&self) -> impl Iterator<Item = (&str, &Viewer)> {
        self.slots.iter().map(|(mid, viewer)| (mid.as_str(), viewer))
    }

    pub(crate) fn slots_mut(&mut self) -> impl Iterator<Item = &mut Viewer> {
        self.slots.values_mut()
    }

    /// Everything that was heard on data channels.
    pub fn heard(&self) -> &[Heard] {
        &self.heard
    }

    /// How many data channels are open.
    pub fn open_topics(&self) -> usize {
        self.topics.iter().filter(|topic| topic.is_open).count()
    }

    /// How many messages wait to be taken by its own channels.
    pub fn unsaid(&self) -> usize {
        self.topics.iter().map(|topic| topic.waiting.len()).sum()
    }

    /// Everything that was wrong with what arrived in its slots.
    pub fn verify(&self) -> Result<(), String> {
        self.slots.iter().try_for_each(|(mid, viewer)| {
            viewer.verify().map_err(|complaint| format!("slot {mid}: {complaint}"))
        })
    }
}

/// How a topic's channel is opened: as its name says.
pub(crate) fn channel_config(topic: &str) -> ChannelConfig {
    let is_lossy = topic.starts_with("lossy:");
    ChannelConfig {
        label: topic.to_owned(),
        ordered: !is_lossy,
        reliability: match is_lossy {
            true => Reliability::MaxRetransmits { retransmits: 0 },
            false => Reliability::Reliable,
        },
        ..ChannelConfig::default()
    }
}
