//! Which way each line of an offer goes. A publisher sends on all of its lines and a viewer receives on all of its;
//! a participant does either, line by line, and may have one more line for data channels.

use plenum_model::{Direction, MediaKind, OfferedLine, Source, TrackTerms, limits};
use str0m::Rtc;
use str0m::media::{Mid, Pt, Rid};

use super::{NegotiationError, PeerLine, Way, way_out};
use crate::Role;

/// An m-line for media with the one way that it goes.
#[derive(Debug)]
pub(crate) struct PlannedLine {
    pub mid: Mid,
    pub kind: MediaKind,
    pub formats: Vec<(Pt, plenum_model::Format)>,
    pub course: Course,
}

/// Which way a line is to go.
#[derive(Debug)]
pub(crate) enum Course {
    /// From the peer.
    In {
        /// Its simulcast layers; none named: one.
        rids: Vec<Rid>,
        /// Whether lost packets may be asked for.
        nack: bool,
        /// What it carries.
        source: Source,
        /// Whether nothing of it is to be forwarded for now.
        muted: bool,
    },
    /// To the peer.
    Out,
}

impl PlannedLine {
    /// The line as it was accepted.
    pub fn settle(self, rtc: &mut Rtc) -> Result<PeerLine, NegotiationError> {
        let Self { mid, kind, formats, course } = self;
        let way = match course {
            Course::In { rids, nack, source, muted } => Way::In { rids, nack, source, muted },
            Course::Out => way_out(rtc, mid, kind)?,
        };
        Ok(PeerLine { mid, kind, formats, way })
    }

    /// Whether an established line is this one: nothing about it can be changed any more.
    pub fn is_same(&self, mid: Mid, kind: MediaKind, is_incoming: bool) -> bool {
        let goes_in = matches!(self.course, Course::In { .. });
        (self.mid, self.kind, goes_in) == (mid, kind, is_incoming)
    }
}

/// The directions that the lines of an offer get, seen from the offerer; the data line's has no meaning.
pub(crate) fn directions(role: &Role, lines: &[OfferedLine]) -> Result<Vec<Direction>, NegotiationError> {
    if lines.iter().filter(|line| line.kind.is_none()).count() > 1 {
        return Err(NegotiationError::Unsupported("one application line carries all data channels".into()));
    }
    let directions: Vec<Direction> =
        lines.iter().map(|line| direction(role, line)).collect::<Result<_, _>>()?;
    if let Role::Participant { .. } = role {
        let count = |wanted| {
            let media = lines.iter().zip(&directions).filter(|(line, _)| line.kind.is_some());
            media.filter(|(_, direction)| **direction == wanted).count()
        };
        check_count(count(Direction::SendOnly), limits::TRACKS_PER_PARTICIPANT, "sent on")?;
        check_count(count(Direction::RecvOnly), limits::SLOTS_PER_PARTICIPANT, "received on")?;
    }
    Ok(directions)
}

fn check_count(lines: usize, limit: usize, what: &str) -> Result<(), NegotiationError> {
    match lines > limit {
        true => {
            Err(NegotiationError::Unsupported(format!("{lines} lines to be {what}, at most {limit} can be")))
        }
        false => Ok(()),
    }
}

fn direction(role: &Role, line: &OfferedLine) -> Result<Direction, NegotiationError> {
    let wanted = match (role, line.kind) {
        (Role::Participant { .. }, None) => return Ok(Direction::SendRecv),
        (_, None) => {
            let why = format!("m-line {}: data channels are not served here", line.mid);
            return Err(NegotiationError::Unsupported(why));
        }
        (Role::Publisher, Some(_)) if line.direction.sends() => return Ok(Direction::SendOnly),
        (Role::Viewer { .. }, Some(_)) if line.direction.receives() => return Ok(Direction::RecvOnly),
        (Role::Participant { .. }, Some(_)) => match line.direction {
            one_way @ (Direction::SendOnly | Direction::RecvOnly) => return Ok(one_way),
            Direction::SendRecv | Direction::Inactive => "sendonly or recvonly",
        },
        (Role::Publisher, Some(_)) => Direction::SendOnly.as_str(),
        (Role::Viewer { .. }, Some(_)) => Direction::RecvOnly.as_str(),
    };
    let (mid, direction) = (&line.mid, line.direction.as_str());
    Err(NegotiationError::Unsupported(format!("m-line {mid} is {direction}, where {wanted} is needed")))
}

/// The media lines with what is to become of each.
pub(crate) fn media_lines(role: &Role, lines: &[OfferedLine], directions: &[Direction]) -> Vec<PlannedLine> {
    let terms: &[TrackTerms] = match role {
        Role::Participant { tracks, .. } => tracks,
        Role::Publisher | Role::Viewer { .. } => &[],
    };
    let media =
        lines.iter().zip(directions).filter_map(|(line, direction)| Some((line, line.kind?, direction)));
    media
        .map(|(line, kind, direction)| {
            // What was not said to be sent is not: a participant's idle lines are there before their use.
            let silent = matches!(role, Role::Participant { .. });
            let said = terms.iter().find(|terms| terms.mid == line.mid && terms.source.kind() == kind);
            let (source, muted) = said.map_or((Source::of_kind(kind), silent), |t| (t.source, t.muted));
            let course = match direction.sends() {
                true => course_in(line, source, muted),
                false => Course::Out,
            };
            let formats = line.formats.iter().map(|f| (Pt::from(f.pt), f.format)).collect();
            PlannedLine { mid: Mid::from(line.mid.as_str()), kind, formats, course }
        })
        .collect()
}

fn course_in(line: &OfferedLine, source: Source, muted: bool) -> Course {
    Course::In {
        rids: line.send_rids.iter().map(|rid| Rid::from(rid.as_str())).collect(),
        nack: line.formats.iter().any(|format| format.feedback.iter().any(|f| f == "nack")),
        source,
        muted,
    }
}
