use std::sync::Arc;

use super::*;
use crate::args::Rate;
use crate::broadcast::Feed;
use crate::payload::{Origin, Prefix};

const RUN: u32 = 7;
const FRAME: Duration = Duration::from_millis(20);

/// One participant with a single video slot, and people who send.
struct Scene {
    now: Instant,
    slots: Slots,
    meters: Meters,
    senders: Vec<Sender>,
}

struct Sender {
    source: Source,
    sent: u64,
}

impl Scene {
    fn new(senders: u16) -> Self {
        let now = Instant::now();
        let sender = |publisher| {
            let rate = Rate { packets_per_s: 50, payload_bytes: 100 };
            let feed = Arc::new(Feed::new(MediaKind::Video, rate, 1));
            feed.set_sent(now, 1);
            Sender { source: Source { origin: Origin { run: RUN, room: 0, publisher }, feed }, sent: 1 }
        };
        Self {
            now: now + GRACE * 2,
            slots: Slots::new(RUN, 0, &[("4".into(), MediaKind::Video), ("5".into(), MediaKind::Video)]),
            meters: Meters::new(),
            senders: (0..senders).map(sender).collect(),
        }
    }

    /// The server says that `sender` is in the first slot.
    fn name(&mut self, sender: Option<usize>) {
        let occupant = sender.map_or(Occupant::Nobody, |i| Occupant::Known(self.senders[i].source.clone()));
        self.slots.assign(self.now, &[("4".into(), occupant)]);
    }

    /// `sender` sends `packets`, and those that `arrives` lets through come out of the first slot.
    fn send(&mut self, sender: usize, packets: u64, arrives: impl Fn(u64) -> bool) {
        for i in 0..packets {
            self.now += FRAME;
            let sender = &mut self.senders[sender];
            let index = sender.sent;
            sender.sent += 1;
            sender.source.feed.set_sent(self.now, sender.sent);
            if arrives(i) {
                let origin = sender.source.origin;
                self.arrive(origin, index);
            }
        }
    }

    fn arrive(&mut self, origin: Origin, index: u64) {
        let prefix = Prefix::Vp8 { picture: 0, starts_frame: true, keyframe: true };
        let marker = Marker { origin, index, sent_ns: 0 };
        let payload = payload::encode(prefix, marker, 100);
        let sources: Vec<Source> = self.senders.iter().map(|sender| sender.source.clone()).collect();
        let find = |marker: Marker, _| sources.iter().find(|s| s.origin == marker.origin).cloned();
        self.slots.receive(self.now, "4".into(), &payload, &mut self.meters, find);
    }

    fn judged(&self) -> (u64, u64, u64) {
        let Fillings { expected, right, wrong, .. } = self.slots.fillings(self.now);
        (expected, right, wrong)
    }

    fn packets(&self) -> (u64, u64) {
        let count = self.slots.count();
        (count.expected, count.received)
    }
}

#[test]
fn a_slot_that_gets_what_was_said_is_right_and_gaps_in_it_are_losses() {
    let mut scene = Scene::new(1);
    scene.name(Some(0));
    scene.send(0, 100, |i| i != 40 && i != 99);
    assert_eq!((scene.judged(), scene.packets()), ((1, 1, 0), (100, 98)));
    assert_eq!(scene.slots.fillings(scene.now).longest_video_gap, FRAME * 2);
}

#[test]
fn a_slot_that_gets_nothing_is_wrong_once_the_grace_is_over_unless_nothing_is_sent() {
    let mut scene = Scene::new(2);
    scene.name(Some(0));
    scene.send(0, 100, |_| false);
    assert_eq!(scene.judged(), (0, 0, 0), "2 s are not over");
    scene.send(0, 10, |_| false);
    assert_eq!(scene.judged(), (1, 0, 1));
    let mut silent = Scene::new(1);
    silent.senders[0].source.feed.set_silent(true);
    silent.name(Some(0));
    silent.now += GRACE * 2;
    assert_eq!(silent.judged(), (0, 0, 0));
}

#[test]
fn media_may_come_before_the_message_and_the_former_source_after_it() {
    let mut scene = Scene::new(2);
    scene.name(Some(0));
    scene.send(0, 20, |_| true);
    scene.send(1, 5, |_| true);
    scene.name(Some(1));
    scene.send(1, 20, |_| true);
    scene.name(Some(0));
    scene.send(1, 10, |_| true);
    scene.send(0, 10, |_| true);
    assert_eq!((scene.judged(), scene.packets()), ((3, 3, 0), (65, 65)));
    assert_eq!(scene.slots.fillings(scene.now).switches, 2);
    let gap = scene.meters.switch_gap.quantiles().unwrap();
    assert!((19.0..21.0).contains(&gap.max), "{gap:?}");
}

#[test]
fn a_former_source_that_goes_on_after_the_grace_is_wrong() {
    let mut scene = Scene::new(2);
    scene.name(Some(0));
    scene.send(0, 20, |_| true);
    scene.name(Some(1));
    scene.send(1, 1, |_| true);
    scene.send(0, 300, |_| true);
    let (_, right, wrong) = scene.judged();
    assert_eq!((right, wrong), (2, 1));
}

#[test]
fn media_that_was_never_announced_is_wrong_and_a_glimpse_of_it_is_not() {
    let mut scene = Scene::new(1);
    scene.send(0, 300, |_| true);
    assert_eq!(scene.judged(), (1, 0, 1));
    let mut glimpse = Scene::new(1);
    glimpse.send(0, 5, |_| true);
    glimpse.now += GRACE * 3;
    assert_eq!(glimpse.judged(), (0, 0, 0));
}

#[test]
fn what_was_sent_after_a_source_left_its_slot_is_no_loss() {
    let mut scene = Scene::new(2);
    scene.name(Some(0));
    scene.send(0, 20, |_| true);
    scene.name(None);
    scene.send(0, 50, |_| false);
    assert_eq!((scene.judged(), scene.packets()), ((1, 1, 0), (20, 20)));
}

#[test]
fn a_source_in_two_slots_is_wrong() {
    let mut scene = Scene::new(1);
    let occupant = Occupant::Known(scene.senders[0].source.clone());
    scene.slots.assign(scene.now, &[("4".into(), occupant.clone()), ("5".into(), occupant)]);
    assert_eq!(scene.judged().2, 1);
}

#[test]
fn packets_of_another_room_or_of_nobody_are_foreign() {
    let mut scene = Scene::new(1);
    scene.arrive(Origin { run: RUN, room: 1, publisher: 0 }, 3);
    scene.arrive(Origin { run: RUN + 1, room: 0, publisher: 0 }, 3);
    scene.arrive(Origin { run: RUN, room: 0, publisher: 9 }, 3);
    assert_eq!(scene.slots.count().foreign, 3);
    let nothing_of_ours = |scene: &mut Scene| {
        scene.slots.receive(scene.now, "4".into(), &[0; 90], &mut scene.meters, |_, _| None);
        scene.slots.count().foreign
    };
    assert_eq!(nothing_of_ours(&mut scene), 4);
    scene.slots.assign(scene.now, &[("4".into(), Occupant::Stranger)]);
    assert_eq!(nothing_of_ours(&mut scene), 3, "somebody else's camera, and what came before that was said");
}

#[test]
fn who_leaves_expects_nothing_more() {
    let mut scene = Scene::new(1);
    scene.name(Some(0));
    scene.send(0, 20, |_| true);
    scene.slots.vacate(scene.now);
    scene.send(0, 20, |_| false);
    assert_eq!((scene.judged(), scene.packets()), ((1, 1, 0), (20, 20)));
}
