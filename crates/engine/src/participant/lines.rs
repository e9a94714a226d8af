//! A participant's lines: what came of the negotiation, and what its room is told of them.

use plenum_model::{Format, MediaKind, SlotDemand, Source, limits};
use plenum_room::{PublishedLine, TrackId, ViewerLine};
use plenum_rtp::SourceClock;
use str0m::media::{Mid, Pt, Rid};
use str0m::rtp::Ssrc;

use super::Participant;
use crate::negotiate::{PeerLine, PlannedLine, Way};

#[derive(Debug)]
pub(super) struct Line {
    pub mid: Mid,
    pub kind: MediaKind,
    pub formats: Vec<(Pt, Format)>,
    pub way: LineWay,
}

#[derive(Debug)]
pub(super) enum LineWay {
    In(Incoming),
    Out { ssrc: Ssrc, written: u64 },
}

#[derive(Debug)]
pub(super) struct Incoming {
    pub rids: Vec<Rid>,
    pub nack: bool,
    pub source: Source,
    /// Nothing of it is forwarded.
    pub muted: bool,
    pub track: TrackId,
    pub clocks: Vec<SourceClock>,
    /// What the last packet was encoded with.
    pub current: Option<Format>,
}

/// What a participant wants of one of its slots.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SlotWish {
    pub line: u8,
    pub wish: Wish,
}

/// See [`SlotWish`].
#[derive(Debug, Clone, Copy)]
pub(crate) enum Wish {
    Pin(Option<TrackId>),
    Demand(SlotDemand),
}

impl Line {
    pub fn new(line: PeerLine) -> Self {
        let clock_rate = line.formats.first().map_or(90_000, |(_, format)| format.codec.clock_rate());
        let way = match line.way {
            Way::In { mut rids, nack, source, muted } => {
                rids.truncate(limits::LAYERS_PER_TRACK);
                let clocks = vec![SourceClock::new(clock_rate); rids.len().max(1)];
                let track = TrackId::default();
                LineWay::In(Incoming { rids, nack, source, muted, track, clocks, current: None })
            }
            Way::Out { ssrc } => LineWay::Out { ssrc, written: 0 },
        };
        Self { mid: line.mid, kind: line.kind, formats: line.formats, way }
    }

    fn incoming(&self) -> Option<&Incoming> {
        match &self.way {
            LineWay::In(incoming) => Some(incoming),
            LineWay::Out { .. } => None,
        }
    }

    fn incoming_mut(&mut self) -> Option<&mut Incoming> {
        match &mut self.way {
            LineWay::In(incoming) => Some(incoming),
            LineWay::Out { .. } => None,
        }
    }
}

impl Participant {
    /// How many lines there are.
    pub fn line_count(&self) -> usize {
        self.lines.len()
    }

    /// The lines from `first` on that it sends on, for its room.
    pub fn published_lines(&self, first: usize) -> Vec<PublishedLine> {
        let lines = self.lines.iter().enumerate().skip(first);
        lines
            .filter_map(|(index, line)| {
                let incoming = line.incoming()?;
                Some(PublishedLine {
                    line: index as u8,
                    kind: line.kind,
                    formats: line.formats.iter().map(|(_, format)| *format).collect(),
                    layers: incoming.rids.len().clamp(1, limits::LAYERS_PER_TRACK) as u8,
                    source: incoming.source,
                    muted: incoming.muted || !self.allowed.publish,
                })
            })
            .collect()
    }

    /// The room's names for those lines, in the same order.
    pub fn set_tracks(&mut self, first: usize, tracks: &[TrackId]) {
        let incoming = self.lines.iter_mut().skip(first).filter_map(Line::incoming_mut);
        for (incoming, track) in incoming.zip(tracks) {
            incoming.track = *track;
        }
    }

    /// The track of a line that sends to us.
    pub fn track(&self, line: u8) -> Option<TrackId> {
        Some(self.lines.get(usize::from(line))?.incoming()?.track)
    }

    /// All lines that it sends on, with their tracks.
    pub fn tracks(&self) -> Vec<(String, TrackId)> {
        let named = |line: &Line| Some((line.mid.to_string(), line.incoming()?.track));
        self.lines.iter().filter_map(named).collect()
    }

    /// Drops the packets of one of its tracks from now on, or lets them through. Returns whether it is silent then, or
    /// `None` if the track is not one of its.
    pub fn set_muted(&mut self, track: TrackId, muted: bool) -> Option<bool> {
        let mut incoming = self.lines.iter_mut().filter_map(Line::incoming_mut);
        incoming.find(|incoming| incoming.track == track)?.muted = muted;
        Some(muted || !self.allowed.publish)
    }

    /// Its tracks, and whether each is silent: muted, or not allowed.
    pub fn silences(&self) -> Vec<(TrackId, bool)> {
        let incoming = self.lines.iter().filter_map(Line::incoming);
        incoming.map(|incoming| (incoming.track, incoming.muted || !self.allowed.publish)).collect()
    }

    /// The lines from `first` on that it receives on, for its room. `random` gives first sequence numbers and
    /// timestamps.
    pub fn viewer_lines(&self, first: usize, random: &mut fastrand::Rng) -> Vec<ViewerLine> {
        let mut ordinals = [0_u8; 2];
        let mut lines = Vec::new();
        for (index, line) in self.lines.iter().enumerate() {
            if let LineWay::Out { .. } = line.way {
                let ordinal = &mut ordinals[line.kind as usize];
                if index >= first {
                    lines.push(ViewerLine {
                        line: index as u8,
                        kind: line.kind,
                        ordinal: *ordinal,
                        formats: line.formats.iter().map(|(_, format)| *format).collect(),
                        // RFC 3711, section 3.3.1: a start in the upper half could be taken for a roll-over.
                        start: (random.u16(..0x8000), random.u32(..)),
                    });
                }
                *ordinal += 1;
            }
        }
        lines
    }

    /// The lines that it receives on.
    pub fn slots(&self) -> Vec<u8> {
        let lines = self.lines.iter().enumerate().filter(|(_, line)| line.incoming().is_none());
        lines.map(|(index, _)| index as u8).collect()
    }

    /// A line that it receives on, by its name.
    pub fn slot(&self, mid: &str) -> Option<u8> {
        let is_it = |line: &Line| *line.mid == *mid && line.incoming().is_none();
        self.lines.iter().position(is_it).map(|index| index as u8)
    }

    /// Keeps a wish for when it can be granted; the latest of a kind counts.
    pub fn keep_wish(&mut self, wish: SlotWish) {
        let kind = |wish: &SlotWish| (wish.line, std::mem::discriminant(&wish.wish));
        self.wishes.retain(|known| kind(known) != kind(&wish));
        self.wishes.push(wish);
    }

    /// What it wants of a slot; the best, if it did not say.
    pub fn demand(&self, line: u8) -> SlotDemand {
        let said = self.wishes.iter().find_map(|wish| match wish.wish {
            Wish::Demand(demand) if wish.line == line => Some(demand),
            _ => None,
        });
        said.unwrap_or(SlotDemand::BEST)
    }

    /// The name of a line.
    pub fn mid(&self, line: u8) -> Option<String> {
        self.lines.get(usize::from(line)).map(|line| line.mid.to_string())
    }

    /// Whether the lines of another offer begin with those that are there, and use known formats only.
    pub(super) fn continues_with(&self, planned: &[PlannedLine]) -> bool {
        let keeps = |(line, planned): (&Line, &PlannedLine)| {
            planned.is_same(line.mid, line.kind, line.incoming().is_some())
        };
        let knows = |format| self.lines.iter().any(|line| line.formats.contains(format));
        planned.len() >= self.lines.len()
            && self.lines.iter().zip(planned).all(keeps)
            && planned.iter().flat_map(|line| &line.formats).all(knows)
    }
}
