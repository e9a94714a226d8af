//! Which line of which viewer gets which track. Decided anew whenever somebody comes, leaves, is muted or unmuted,
//! speaks, or pins; never for a packet. What has changed is carried out track by track, so that a thousand viewers
//! who move at once cost one pass over those they leave.

use std::collections::{BTreeMap, BTreeSet};

use plenum_model::{Identity, MediaKind};

use crate::slots::{Slot, allocate};
use crate::track::Track;
use crate::viewer::{Target, Viewer, ViewerSlot};
use crate::{Publisher, Room, Seat, TrackId};

/// Whose lines may have to show something else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Whose {
    Everyones,
    /// Of those who watch everyone.
    Slots,
    Of(Seat),
}

/// What there is to watch.
struct Programme {
    /// For slots: all that is not muted, the first first, with who sends it.
    video: Vec<(TrackId, Option<Seat>)>,
    audio: Vec<(TrackId, Option<Seat>)>,
    /// For those who watch one: what each publisher sends.
    feeds: Vec<Feed>,
    by_identity: BTreeMap<Identity, usize>,
    /// The feed of the main stream.
    main: Option<usize>,
}

/// What one publisher sends that is not muted, the camera before the screen.
struct Feed {
    video: Vec<TrackId>,
    audio: Vec<TrackId>,
}

impl Feed {
    fn new(publisher: &Publisher, tracks: &BTreeMap<TrackId, Track>) -> Self {
        let of_kind = |kind| {
            let all = publisher.tracks.iter().filter_map(|id| Some((*id, tracks.get(id)?)));
            let on = all.filter(|(_, track)| !track.is_muted() && track.kind() == kind);
            let mut on: Vec<(bool, TrackId)> = on.map(|(id, track)| (track.is_of_screen(), id)).collect();
            on.sort_unstable();
            on.into_iter().map(|(_, id)| id).collect()
        };
        Self { video: of_kind(MediaKind::Video), audio: of_kind(MediaKind::Audio) }
    }

    fn track_for(&self, slot: &ViewerSlot) -> Option<TrackId> {
        let tracks = if slot.kind == MediaKind::Video { &self.video } else { &self.audio };
        tracks.get(slot.ordinal).copied()
    }
}

impl Programme {
    fn new(room: &Room) -> Self {
        let main = room.main_publisher();
        let feeds = room.publishers.iter().map(|publisher| Feed::new(publisher, &room.tracks));
        let identities = room.publishers.iter().map(|publisher| publisher.identity.clone());
        let (spoken, talked) = (places(room.voices.recent()), places(room.voices.order()));
        let place_in = |order: &BTreeMap<TrackId, usize>, id| order.get(&id).copied().unwrap_or(usize::MAX);
        Self {
            video: ranked(room, MediaKind::Video, |_, track| place_in(&spoken, track.nature().publisher)),
            audio: ranked(room, MediaKind::Audio, |id, _| place_in(&talked, id)),
            feeds: feeds.collect(),
            by_identity: identities.zip(0..).collect(),
            main: room.publishers.iter().position(|publisher| main.is_some_and(|m| m.id() == publisher.id())),
        }
    }

    /// What each line of a viewer should show.
    fn for_viewer(
        &self,
        seat: Seat,
        viewer: &Viewer,
        tracks: &BTreeMap<TrackId, Track>,
    ) -> Vec<Option<TrackId>> {
        let feed = match &viewer.target {
            Target::Slots => return self.for_slots(seat, &viewer.slots, tracks),
            Target::Main => self.main,
            Target::Participant(identity) => self.by_identity.get(identity).copied(),
        };
        viewer.slots.iter().map(|slot| self.feeds[feed?].track_for(slot)).collect()
    }

    fn for_slots(
        &self,
        seat: Seat,
        slots: &[ViewerSlot],
        tracks: &BTreeMap<TrackId, Track>,
    ) -> Vec<Option<TrackId>> {
        let is_on = |id: &TrackId| tracks.get(id).is_some_and(|track| !track.is_muted());
        let mut shown = vec![None; slots.len()];
        for (kind, ranking) in [(MediaKind::Video, &self.video), (MediaKind::Audio, &self.audio)] {
            let before: Vec<Slot<TrackId>> = slots
                .iter()
                .filter(|slot| slot.kind == kind)
                .map(|slot| Slot { pinned: slot.pin.filter(is_on), shows: slot.shows })
                .collect();
            let others = ranking.iter().filter(|(_, sender)| *sender != Some(seat)).map(|(id, _)| *id);
            let of_kind = slots.iter().zip(&mut shown).filter(|(slot, _)| slot.kind == kind);
            of_kind.zip(allocate(&before, others)).for_each(|((_, shown), track)| *shown = track);
        }
        shown
    }
}

/// The tracks of a kind that are not muted: those of screens, then by `place`, then in the order of their coming.
fn ranked(
    room: &Room,
    kind: MediaKind,
    place: impl Fn(TrackId, &Track) -> usize,
) -> Vec<(TrackId, Option<Seat>)> {
    let on = room.tracks.iter().filter(|(_, track)| !track.is_muted() && track.kind() == kind);
    let rank =
        |(id, track): (&TrackId, &Track)| (!track.is_of_screen(), place(*id, track), *id, track.seat());
    let mut ranked: Vec<_> = on.map(rank).collect();
    ranked.sort_unstable();
    ranked.into_iter().map(|(.., id, sender)| (id, sender)).collect()
}

fn places(order: &[TrackId]) -> BTreeMap<TrackId, usize> {
    order.iter().copied().zip(0..).collect()
}

impl Room {
    /// Lets lines show what they should. Those that do so already are not touched.
    pub(crate) fn rebind(&mut self, whose: Whose) {
        let programme = Programme::new(self);
        let Self { viewers, tracks, changed, .. } = self;
        let (mut movers, mut left) = (Vec::new(), BTreeSet::new());
        for (seat, viewer) in viewers.iter_mut().filter(|(seat, viewer)| concerns(whose, **seat, viewer)) {
            let wanted = programme.for_viewer(*seat, viewer, tracks);
            let moving = viewer.slots.iter_mut().zip(wanted).filter(|(slot, wanted)| slot.shows != *wanted);
            let before = movers.len();
            for (slot, wanted) in moving {
                left.extend(std::mem::replace(&mut slot.shows, wanted));
                movers.push(*seat);
            }
            if movers.len() > before && viewer.target == Target::Slots {
                changed.insert(*seat);
            }
        }
        left.into_iter().for_each(|track| self.detach(track));
        movers.dedup();
        movers.into_iter().for_each(|seat| self.attach(seat));
    }

    /// Parks the subscriptions of a track that show something else now.
    fn detach(&mut self, id: TrackId) {
        let Self { viewers, tracks, restless, .. } = self;
        let Some(track) = tracks.get_mut(&id) else { return };
        let shows_another = |seat: Seat, line: u8| {
            viewers.get(&seat).and_then(|viewer| viewer.slot(line)).is_none_or(|slot| slot.shows != Some(id))
        };
        let taken = track.take_subscriptions(|s| shows_another(s.seat(), s.line()));
        restless.insert(id);
        for subscription in taken {
            let viewer = viewers.get_mut(&subscription.seat());
            if let Some(slot) = viewer.and_then(|viewer| viewer.slot_mut(subscription.line())) {
                slot.parked = Some(subscription.unbound());
            }
        }
    }

    /// Delivers to a viewer's lines what they show now.
    pub(crate) fn attach(&mut self, seat: Seat) {
        let Self { viewers, tracks, restless, .. } = self;
        let Some(viewer) = viewers.get_mut(&seat) else { return };
        for (id, subscription) in viewer.slots.iter_mut().filter_map(ViewerSlot::take_ready) {
            if let Some(track) = tracks.get_mut(&id) {
                track.subscribe(subscription);
                restless.insert(id);
            }
        }
    }
}

fn concerns(whose: Whose, seat: Seat, viewer: &Viewer) -> bool {
    match whose {
        Whose::Everyones => true,
        Whose::Slots => viewer.target == Target::Slots,
        Whose::Of(one) => seat == one,
    }
}
