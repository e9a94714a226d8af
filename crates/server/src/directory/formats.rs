//! Whether a viewer can decode what is published, before anything is built for it.

use plenum_model::{Format, MediaKind, MediaOffer};

use super::{Publisher, SessionKind};

/// Nothing of one kind that is published can be received: what both sides named, fit to be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoCommonCodec {
    /// What the viewer can receive.
    pub offered: Vec<String>,
    /// What is sent, or may be.
    pub published: Vec<String>,
}

/// For each kind that is published and that the viewer wants, one format must fit. With several
/// publishers to choose from, one of them will do.
pub(super) fn check(publishers: &[&Publisher], offer: &MediaOffer) -> Result<(), NoCommonCodec> {
    for kind in [MediaKind::Audio, MediaKind::Video] {
        let offered = receivable(offer, kind);
        let published: Vec<Format> = publishers.iter().flat_map(|publisher| sent(publisher, kind)).collect();
        let fits = published.iter().any(|format| format.best_of(&offered).is_some());
        if !(fits || offered.is_empty() || published.is_empty()) {
            return Err(NoCommonCodec { offered: names(&offered), published: names(&published) });
        }
    }
    Ok(())
}

/// What it sends. Of a WHIP session it may be anything that it offered until its first packet; a member of the room
/// offers idle lines as well.
fn sent(publisher: &Publisher, kind: MediaKind) -> Vec<Format> {
    match publisher.current.get(&kind) {
        Some(format) => vec![*format],
        None if publisher.session.kind == SessionKind::Room => Vec::new(),
        None => lines(&publisher.session.offer, kind, |direction| direction.sends()),
    }
}

fn receivable(offer: &MediaOffer, kind: MediaKind) -> Vec<Format> {
    lines(offer, kind, |direction| direction.receives())
}

fn lines(
    offer: &MediaOffer,
    kind: MediaKind,
    wanted: impl Fn(plenum_model::Direction) -> bool,
) -> Vec<Format> {
    let lines = offer.lines.iter().filter(|line| line.kind == Some(kind) && wanted(line.direction));
    lines.flat_map(|line| line.formats.iter().map(|offered| offered.format)).collect()
}

fn names(formats: &[Format]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for name in formats.iter().map(Format::to_string) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}
