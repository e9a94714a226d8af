//! What small, large and hidden tiles get.

use super::*;

#[test]
fn a_small_tile_gets_the_smallest_layer_that_fills_it_and_a_large_one_the_best() {
    let mut conference = Conference::of(2, 1, 0);
    let layers = [(2, 0, 1_000), (0, 0, 100), (1, 0, 300)];
    assert_eq!(conference.film(1, 3_000, &layers, (0, 10)), [0, 0, 25]);
    conference.room.set_demand_of(0, 10, height(360)).unwrap();
    assert_eq!(conference.film(1, 1_000, &layers, (0, 10)), [0, 25, 0], "heights halve from 720");
    conference.room.set_demand_of(0, 10, height(100)).unwrap();
    assert_eq!(conference.film(1, 1_000, &layers, (0, 10)), [25, 0, 0]);
    conference.room.set_demand_of(0, 10, height(2_000)).unwrap();
    assert_eq!(conference.film(1, 1_000, &layers, (0, 10)), [0, 0, 25]);
}

#[test]
fn the_heights_that_keyframes_tell_decide() {
    let mut conference = Conference::of(2, 1, 0);
    conference.join(1, 0);
    let layers = [(0, 90, 100), (1, 180, 300), (2, 360, 1_000)];
    for (demand, expected) in [(90, [25, 0, 0]), (100, [0, 25, 0]), (360, [0, 0, 25]), (180, [0, 25, 0])] {
        conference.room.set_demand_of(0, 10, height(demand)).unwrap();
        // Somebody else takes the best and so asks for its keyframes.
        conference.film(1, 3_000, &layers, (0, 10));
        assert_eq!(conference.film(1, 1_000, &layers, (0, 10)), expected, "{demand}");
    }
}

#[test]
fn growing_again_waits_for_a_keyframe_while_the_small_layer_goes_on() {
    let mut conference = Conference::of(2, 1, 0);
    let layers = [(0, 0, 100), (1, 0, 1_000)];
    conference.room.set_demand_of(0, 10, height(180)).unwrap();
    assert_eq!(conference.film(1, 3_000, &layers, (0, 10)), [25, 0, 0]);
    conference.room.set_demand_of(0, 10, height(720)).unwrap();
    let (camera, now) = (conference.track(1, Source::Camera), conference.now());
    let mut send = |layer, is_key| {
        conference.seq += 1;
        let packet = PacketHead { layer, ..head(conference.seq, is_key, now) };
        sent(&mut conference.room, camera, &[packet]).len()
    };
    assert_eq!((send(0, false), send(1, false)), (1, 0), "the old layer until the keyframe");
    assert_eq!((send(1, true), send(0, false), send(1, false)), (1, 0, 1));
}

#[test]
fn a_hidden_slot_keeps_its_track_but_gets_nothing_and_asks_for_nothing() {
    let mut conference = Conference::of(2, 1, 0);
    let layers = [(0, 0, 500)];
    assert_eq!(conference.film(1, 1_000, &layers, (0, 10)), [25, 0, 0]);
    conference.room.set_demand_of(0, 10, HIDDEN).unwrap();
    assert_eq!(conference.shown(0), "c1");
    assert_eq!(conference.film(1, 1_000, &layers, (0, 10)), [0, 0, 0]);
    conference.room.want_keyframe(0, 10);
    let camera = conference.track(1, Source::Camera);
    conference.mute(1, Source::Camera, true);
    conference.mute(1, Source::Camera, false);
    conference.ms += 5_000;
    let now = conference.now();
    let wishes: Vec<_> = std::iter::from_fn(|| conference.room.poll_keyframe(now)).collect();
    assert!(wishes.iter().all(|wish| wish.track != camera), "{wishes:?}");
    conference.room.set_demand_of(0, 10, height(720)).unwrap();
    let wish = conference.room.poll_keyframe(now);
    assert_eq!(wish.map(|wish| wish.track), Some(camera));
    assert_eq!(conference.film(1, 1_000, &layers, (0, 10)), [25, 0, 0]);
}
