//! The delivery of one track to one viewer's line: which packets, in which format, under which numbers.

use plenum_model::{Format, MediaKind, SlotDemand};
use plenum_rtp::{LayerSelector, Projected, Rewriter, Selection, SourcePacket};

use crate::Seat;
use crate::ladder::Ladder;
use crate::track::PacketHead;

/// A line on which a viewer receives.
#[derive(Debug)]
pub struct ViewerLine {
    /// Its index among the viewer's lines.
    pub line: u8,
    /// Audio or video.
    pub kind: MediaKind,
    /// Which of the viewer's lines of this kind it is, from 0.
    pub ordinal: u8,
    /// What the viewer can receive; deliveries name an index into this.
    pub formats: Vec<Format>,
    /// First sequence number (below 32,768) and first timestamp.
    pub start: (u16, u32),
}

/// A packet for one subscriber.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Delivery {
    /// To whom.
    pub seat: Seat,
    /// On which line of it.
    pub line: u8,
    /// Index into the packets given to [`crate::Room::forward`].
    pub packet: usize,
    /// Index into [`ViewerLine::formats`].
    pub format: u8,
    /// The subscriber's numbers.
    pub numbers: Projected,
}

#[derive(Debug)]
pub(crate) struct Subscription {
    seat: Seat,
    line: u8,
    kind: MediaKind,
    demand: SlotDemand,
    /// The layer to go to.
    target: u8,
    formats: Vec<Format>,
    rewriter: Rewriter,
    selector: LayerSelector,
    /// The publisher's format last seen, and what it is for this viewer.
    mapped: Option<(Format, Option<u8>)>,
}

impl Subscription {
    pub fn new(seat: Seat, line: ViewerLine) -> Self {
        let clock_rate = line.formats.first().map_or(90_000, |format| format.codec.clock_rate());
        let min_step = match line.kind {
            MediaKind::Audio => clock_rate / 50,
            MediaKind::Video => clock_rate / 30,
        };
        let (first_seq, first_time) = line.start;
        Self {
            seat,
            line: line.line,
            kind: line.kind,
            demand: SlotDemand::BEST,
            target: 0,
            formats: line.formats,
            rewriter: Rewriter::new(clock_rate, min_step, first_seq, first_time),
            selector: LayerSelector::new(line.kind == MediaKind::Video),
            mapped: None,
        }
    }

    pub fn seat(&self) -> Seat {
        self.seat
    }

    pub fn line(&self) -> u8 {
        self.line
    }

    /// What its viewer has use for.
    pub fn demand(&self) -> SlotDemand {
        self.demand
    }

    /// The viewer has use for something else.
    pub fn set_demand(&mut self, demand: SlotDemand) {
        self.demand = demand;
    }

    /// Chooses the layer to go to. Returns whether it is another one.
    pub fn aim(&mut self, ladder: &Ladder) -> bool {
        let target = ladder.layer_for(self.demand.max_height);
        std::mem::replace(&mut self.target, target) != target
    }

    /// The layer to go to.
    pub fn target(&self) -> u8 {
        self.target
    }

    /// The layer it gets at the moment.
    pub fn current_layer(&self) -> Option<u8> {
        self.selector.current()
    }

    /// The layer that its viewer's decoder needs a keyframe of, if it says so.
    pub fn watched_layer(&self) -> u8 {
        self.current_layer().unwrap_or(self.target)
    }

    /// Without its track: the next one starts at a keyframe, under numbers that go on.
    pub fn unbound(mut self) -> Self {
        self.selector = LayerSelector::new(self.kind == MediaKind::Video);
        self.mapped = None;
        self
    }

    /// Whether a keyframe of its target is waited for by a viewer that could decode it.
    pub fn is_waiting(&self) -> bool {
        self.selector.is_waiting(self.target) && self.mapped.is_none_or(|(_, format)| format.is_some())
    }

    /// The packet as this viewer gets it, or `None` if it does not.
    pub fn project(&mut self, head: &PacketHead) -> Option<(u8, Projected)> {
        let format = self.format_for(&head.format);
        let selection = match format {
            Some(_) => self.selector.select(head.layer, self.target, head.starts_keyframe),
            None => Selection::Drop,
        };
        match selection {
            Selection::Switch => self.rewriter.switch_source(),
            Selection::Forward => {}
            Selection::Drop => {
                if self.selector.current() == Some(head.layer) {
                    self.rewriter.skip(head.seq);
                }
                return None;
            }
        }
        if head.payload_len == 0 {
            self.rewriter.skip(head.seq);
            return None;
        }
        let source = SourcePacket { seq: head.seq, time: head.time, vp8: head.vp8, arrival: head.arrival };
        Some((format?, self.rewriter.project(&source)?))
    }

    fn format_for(&mut self, published: &Format) -> Option<u8> {
        match self.mapped {
            Some((format, mapped)) if format == *published => mapped,
            _ => {
                let mapped = published.best_of(&self.formats).map(|index| index as u8);
                self.mapped = Some((*published, mapped));
                mapped
            }
        }
    }
}
