//! What a room promises, without a connection in sight.

mod conference;
mod random;

use std::time::Duration;

use plenum_model::Codec;
use plenum_rtp::vp8::Vp8Ids;

use super::*;

fn format(codec: Codec) -> Format {
    Format::from_sdp(codec.encoding_name(), codec.clock_rate(), "").unwrap()
}

fn name(text: &str) -> Identity {
    Identity::parse(text).unwrap()
}

fn room() -> Room {
    Room::new(RoomName::parse("test").unwrap())
}

fn video_line(layers: u8) -> PublishedLine {
    published_line(0, Source::Camera, layers)
}

fn published_line(line: u8, source: Source, layers: u8) -> PublishedLine {
    let (kind, muted) = (source.kind(), false);
    let codec = if kind == MediaKind::Video { Codec::Vp8 } else { Codec::Opus };
    PublishedLine { line, kind, source, muted, formats: vec![format(codec)], layers }
}

fn viewer_line(line: u8, codec: Codec) -> ViewerLine {
    ViewerLine { line, kind: codec.kind(), ordinal: 0, formats: vec![format(codec)], start: (7, 0) }
}

fn head(seq: u64, key: bool, arrival: Instant) -> PacketHead {
    PacketHead {
        layer: 0,
        seq,
        time: seq * 3_000,
        arrival,
        format: format(Codec::Vp8),
        starts_keyframe: key,
        picture_height: None,
        vp8: Vp8Ids::default(),
        payload_len: 1_000,
    }
}

fn sent(room: &mut Room, track: TrackId, packets: &[PacketHead]) -> Vec<(Seat, u64)> {
    let mut out = Vec::new();
    room.forward(track, packets, |forward| match forward {
        Forward::Deliver(d) => out.push((d.seat, d.numbers.seq)),
        Forward::Relay { .. } => {}
    });
    out
}

#[test]
fn every_viewer_starts_at_a_keyframe_and_at_its_own_numbers() {
    let (mut room, now) = (room(), Instant::now());
    let track = room.publish(0, name("alice"), &[video_line(1)])[0];
    room.watch(1, Target::Main, vec![viewer_line(0, Codec::Vp8)]);
    assert_eq!(sent(&mut room, track, &[head(70_000, false, now)]), []);
    assert_eq!(sent(&mut room, track, &[head(70_001, true, now)]), [(1, 7)]);
    room.watch(2, Target::Main, vec![viewer_line(0, Codec::Vp8)]);
    assert_eq!(sent(&mut room, track, &[head(70_002, false, now)]), [(1, 8)]);
    assert_eq!(sent(&mut room, track, &[head(70_003, true, now)]), [(1, 9), (2, 7)]);
}

#[test]
fn a_viewer_without_lines_is_there_and_takes_nothing_until_it_has_some() {
    let (mut room, now) = (room(), Instant::now());
    let track = room.publish(0, name("alice"), &[video_line(1)])[0];
    room.watch(1, Target::Main, Vec::new());
    assert_eq!((room.seats().count(), room.poll_keyframe(now)), (2, None));
    assert_eq!(sent(&mut room, track, &[head(1, true, now)]), []);
    room.add_lines(1, vec![viewer_line(0, Codec::Vp8)]);
    room.add_lines(9, vec![viewer_line(0, Codec::Vp8)]);
    assert!(room.poll_keyframe(now).is_some(), "it needs a keyframe of its own");
    assert_eq!(sent(&mut room, track, &[head(2, false, now), head(3, true, now)]), [(1, 7)]);
    room.leave(1);
    assert_eq!(sent(&mut room, track, &[head(4, true, now)]), []);
}

#[test]
fn a_waiting_viewer_makes_the_room_ask_again_until_the_keyframe_comes() {
    let (mut room, now) = (room(), Instant::now());
    let track = room.publish(0, name("alice"), &[video_line(1)])[0];
    room.watch(1, Target::Main, vec![viewer_line(0, Codec::Vp8)]);
    let wish = KeyframeWish { track, origin: Origin::Here { seat: 0, line: 0 }, layer: 0 };
    assert_eq!(room.poll_keyframe(now), Some(wish));
    let mut asked = 0;
    for ms in 0..1_000 {
        let at = now + Duration::from_millis(ms);
        sent(&mut room, track, &[head(ms, false, at)]);
        asked += usize::from(room.poll_keyframe(at).is_some());
    }
    assert_eq!(asked, 2, "every 350 ms");
    let later = now + Duration::from_secs(5);
    sent(&mut room, track, &[head(2_000, true, later), head(2_001, false, later)]);
    assert_eq!(room.poll_keyframe(later), None);
}

#[test]
fn a_wish_that_comes_too_early_is_granted_when_it_is_due() {
    let (mut room, now) = (room(), Instant::now());
    let track = room.publish(0, name("alice"), &[video_line(1)])[0];
    room.watch(1, Target::Main, vec![viewer_line(0, Codec::Vp8)]);
    assert!(room.poll_keyframe(now).is_some());
    sent(&mut room, track, &[head(1, true, now)]);
    room.want_keyframe(1, 0);
    assert_eq!(room.poll_keyframe(now), None);
    let at = room.next_deadline().unwrap();
    assert!(room.poll_keyframe(at).is_some());
    assert_eq!((room.poll_keyframe(at), room.next_deadline()), (None, None));
}

#[test]
fn a_viewer_that_cannot_decode_does_not_pester_the_publisher() {
    let (mut room, now) = (room(), Instant::now());
    let track = room.publish(0, name("alice"), &[video_line(1)])[0];
    room.watch(1, Target::Main, vec![viewer_line(0, Codec::H264)]);
    room.poll_keyframe(now);
    let later = now + Duration::from_secs(1);
    assert_eq!(sent(&mut room, track, &[head(1, true, later)]), []);
    assert_eq!(room.poll_keyframe(later), None);
}

#[test]
fn a_viewer_outlives_its_publisher_and_goes_on_with_the_next_under_the_same_numbers() {
    let (mut room, now) = (room(), Instant::now());
    let first = room.publish(0, name("alice"), &[video_line(1)])[0];
    room.watch(1, Target::Main, vec![viewer_line(0, Codec::Vp8)]);
    sent(&mut room, first, &[head(500, true, now), head(501, false, now)]);
    room.leave(0);
    assert!(!room.is_empty());
    assert_eq!(sent(&mut room, first, &[head(502, false, now)]), [], "a packet that came too late");
    let second = room.publish(2, name("bob"), &[video_line(1)])[0];
    assert_ne!(first, second);
    assert_eq!(sent(&mut room, second, &[head(9, false, now)]), [], "needs a keyframe of the new source");
    assert_eq!(sent(&mut room, second, &[head(10, true, now)]), [(1, 9)]);
}

#[test]
fn the_main_stream_is_the_first_publisher_and_a_named_one_is_that_one() {
    let (mut room, now) = (room(), Instant::now());
    let alice = room.publish(0, name("alice"), &[video_line(1)])[0];
    room.watch(1, Target::Main, vec![viewer_line(0, Codec::Vp8)]);
    room.watch(2, Target::Participant(name("bob")), vec![viewer_line(0, Codec::Vp8)]);
    assert_eq!(sent(&mut room, alice, &[head(1, true, now)]), [(1, 7)]);
    let bob = room.publish(3, name("bob"), &[video_line(1)])[0];
    assert_eq!(sent(&mut room, bob, &[head(1, true, now)]), [(2, 7)]);
    room.leave(0);
    assert_eq!(sent(&mut room, bob, &[head(2, true, now)]), [(2, 8), (1, 8)]);
}

#[test]
fn padding_ends_here_and_leaves_no_gap() {
    let (mut room, now) = (room(), Instant::now());
    let track = room.publish(0, name("alice"), &[video_line(1)])[0];
    room.watch(1, Target::Main, vec![viewer_line(0, Codec::Vp8)]);
    let padding = PacketHead { payload_len: 0, ..head(11, false, now) };
    let packets = [head(10, true, now), padding, head(12, false, now)];
    assert_eq!(sent(&mut room, track, &packets), [(1, 7), (1, 8)]);
}

#[test]
fn the_layer_with_the_most_bits_is_forwarded_and_its_end_falls_back() {
    let (mut room, start) = (room(), Instant::now());
    let track = room.publish(0, name("alice"), &[video_line(3)])[0];
    room.watch(1, Target::Main, vec![viewer_line(0, Codec::Vp8)]);
    let mut seq = 0;
    let mut run = |room: &mut Room, from_ms: u64, layers: &[(u8, usize)]| {
        let mut by_layer = [0; 3];
        for ms in (from_ms..from_ms + 4_000).step_by(20) {
            for &(layer, payload_len) in layers {
                seq += 1;
                let at = start + Duration::from_millis(ms);
                let head = PacketHead { layer, payload_len, ..head(seq, ms % 200 == 0, at) };
                if ms >= from_ms + 2_500 {
                    by_layer[usize::from(layer)] += sent(room, track, &[head]).len();
                } else {
                    sent(room, track, &[head]);
                }
            }
        }
        by_layer
    };
    assert_eq!(run(&mut room, 0, &[(0, 100), (1, 1_000), (2, 300)]), [0, 75, 0]);
    assert_eq!(run(&mut room, 4_000, &[(0, 100), (2, 300)]), [0, 0, 75]);
}

#[test]
fn a_viewers_keyframe_request_reaches_only_what_it_watches() {
    let (mut room, now) = (room(), Instant::now());
    let alice = room.publish(0, name("alice"), &[video_line(1)])[0];
    room.publish(1, name("bob"), &[video_line(1)]);
    room.watch(2, Target::Main, vec![viewer_line(0, Codec::Vp8)]);
    room.poll_keyframe(now);
    sent(&mut room, alice, &[head(1, true, now)]);
    room.want_keyframe(2, 0);
    let later = now + Duration::from_secs(1);
    let wish = KeyframeWish { track: alice, origin: Origin::Here { seat: 0, line: 0 }, layer: 0 };
    assert_eq!(room.poll_keyframe(later), Some(wish));
    assert_eq!(room.poll_keyframe(later), None);
    room.want_keyframe(2, 5);
    room.want_keyframe(9, 0);
    assert_eq!(room.poll_keyframe(later + Duration::from_secs(1)), None, "an idle line asks nobody");
}

#[test]
fn an_empty_room_has_forgotten_everyone() {
    let mut room = room();
    room.publish(0, name("alice"), &[video_line(1)]);
    room.watch(1, Target::Main, vec![viewer_line(0, Codec::Vp8)]);
    assert_eq!(room.publisher(&name("alice")), Some(0));
    room.leave(1);
    room.leave(0);
    room.leave(0);
    assert!(room.is_empty());
    assert!(room.tracks.is_empty());
}

/// A home with its mirror on shard 1, and what travels between them.
struct Pair {
    home: Room,
    mirror: Room,
}

impl Pair {
    fn new() -> Self {
        Self { home: room(), mirror: room() }
    }

    fn join(&mut self) {
        self.home.add_mirror(1);
        self.home.published().into_iter().for_each(|published| self.mirror.mirror_publisher(published));
        self.exchange();
    }

    /// Demand flows back.
    fn exchange(&mut self) {
        while let Some(demand) = self.mirror.poll_demand() {
            self.home.set_demand(1, demand);
        }
    }

    /// Forwards at home, relays, and forwards in the mirror. Returns (relayed, delivered at the mirror).
    fn send(&mut self, track: TrackId, packets: &[PacketHead]) -> (usize, Vec<(Seat, u64)>) {
        let mut relayed = Vec::new();
        self.home.forward(track, packets, |forward| {
            if let Forward::Relay { shard: 1, packet, ladder } = forward {
                relayed.push((packets[packet], ladder));
            }
        });
        let heads: Vec<PacketHead> = relayed.iter().map(|(head, _)| *head).collect();
        if let Some((_, ladder)) = relayed.last() {
            self.mirror.set_ladder(track, *ladder);
        }
        let delivered = sent(&mut self.mirror, track, &heads);
        self.exchange();
        (relayed.len(), delivered)
    }
}

#[test]
fn a_viewer_on_another_shard_gets_the_stream_and_its_wishes_come_home() {
    let (mut pair, now) = (Pair::new(), Instant::now());
    let track = pair.home.publish(0, name("alice"), &[video_line(1)])[0];
    pair.mirror.watch(5, Target::Main, vec![viewer_line(0, Codec::Vp8)]);
    pair.join();
    let wish = pair.mirror.poll_keyframe(now).unwrap();
    assert_eq!(wish, KeyframeWish { track, origin: Origin::Home, layer: 0 });
    pair.home.want_keyframe_of(wish.track, wish.layer);
    assert!(pair.home.poll_keyframe(now).is_some());
    assert_eq!(pair.send(track, &[head(7, true, now), head(8, false, now)]), (2, vec![(5, 7), (5, 8)]));
}

#[test]
fn nothing_is_relayed_to_a_shard_where_nobody_watches_it() {
    let (mut pair, now) = (Pair::new(), Instant::now());
    let track = pair.home.publish(0, name("alice"), &[video_line(1)])[0];
    pair.mirror.watch(5, Target::Participant(name("bob")), vec![viewer_line(0, Codec::Vp8)]);
    pair.join();
    assert_eq!(pair.send(track, &[head(7, true, now)]).0, 0);
    pair.mirror.watch(6, Target::Main, vec![viewer_line(0, Codec::Vp8)]);
    pair.exchange();
    assert_eq!(pair.send(track, &[head(8, true, now)]), (1, vec![(6, 7)]));
    pair.mirror.leave(6);
    pair.exchange();
    assert_eq!(pair.send(track, &[head(9, false, now)]).0, 0);
    assert!(!pair.home.is_empty());
    pair.home.remove_mirror(1);
    pair.home.leave(0);
    assert!(pair.home.is_empty());
}

#[test]
fn only_the_layers_in_demand_are_relayed() {
    let (mut pair, start) = (Pair::new(), Instant::now());
    let track = pair.home.publish(0, name("alice"), &[video_line(3)])[0];
    pair.mirror.watch(5, Target::Main, vec![viewer_line(0, Codec::Vp8)]);
    pair.join();
    let (mut seq, mut relayed, mut delivered) = (0, [0; 3], 0);
    for ms in (0..4_000).step_by(20) {
        for (layer, payload_len) in [(0, 100), (1, 1_000), (2, 300)] {
            seq += 1;
            let at = start + Duration::from_millis(ms);
            let head = PacketHead { layer, payload_len, ..head(seq, ms % 200 == 0, at) };
            let (one, out) = pair.send(track, &[head]);
            if ms >= 3_000 {
                relayed[usize::from(layer)] += one;
                delivered += out.len();
            }
        }
    }
    assert_eq!((relayed, delivered), ([0, 50, 0], 50));
}

#[test]
fn a_publisher_that_leaves_home_leaves_the_mirror_too() {
    let (mut pair, now) = (Pair::new(), Instant::now());
    let track = pair.home.publish(0, name("alice"), &[video_line(1)])[0];
    pair.mirror.watch(5, Target::Main, vec![viewer_line(0, Codec::Vp8)]);
    pair.join();
    pair.send(track, &[head(7, true, now)]);
    pair.home.leave(0);
    pair.mirror.unmirror_publisher(&[track]);
    let next = pair.home.publish(3, name("bob"), &[video_line(1)])[0];
    let published = pair.home.published().pop().unwrap();
    pair.mirror.mirror_publisher(published);
    pair.exchange();
    assert_eq!(pair.send(next, &[head(1, true, now)]), (1, vec![(5, 8)]), "under numbers that go on");
    pair.mirror.leave(5);
    assert!(pair.mirror.is_empty(), "a mirror without viewers is nobody's");
}

#[test]
fn the_main_stream_follows_who_speaks_and_a_named_one_does_not() {
    let (mut room, start) = (room(), Instant::now());
    let lines = [video_line(1), published_line(1, Source::Microphone, 1)];
    let [alice, her_voice] = room.publish(0, name("alice"), &lines).try_into().unwrap();
    let [bob, his_voice] = room.publish(1, name("bob"), &lines).try_into().unwrap();
    room.watch(2, Target::Main, vec![viewer_line(0, Codec::Vp8)]);
    room.watch(3, Target::Participant(name("alice")), vec![viewer_line(0, Codec::Vp8)]);
    assert_eq!(sent(&mut room, alice, &[head(1, true, start)]), [(2, 7), (3, 7)]);
    let mut changes = Vec::new();
    for ms in (0..3_000).step_by(20) {
        let now = start + Duration::from_millis(ms);
        changes.extend(room.hear(now, her_voice, 90));
        changes.extend(room.hear(now, his_voice, 20));
    }
    assert_eq!(changes, [bob]);
    assert_eq!(sent(&mut room, alice, &[head(2, false, start)]), [(3, 8)]);
    assert_eq!(sent(&mut room, bob, &[head(9, true, start)]), [(2, 8)], "under numbers that go on");
    room.leave(1);
    assert_eq!(room.floor(), None);
    assert_eq!(sent(&mut room, alice, &[head(3, true, start)]), [(3, 9), (2, 9)]);
}
