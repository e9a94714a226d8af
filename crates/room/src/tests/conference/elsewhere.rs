//! Those who watch a conference without taking part: players, and mirrors on other shards.

use super::*;

#[test]
fn a_player_of_a_participant_sees_its_camera_if_it_is_on_else_its_screen() {
    let mut conference = Conference::of(1, 0, 0);
    let (camera, screen) = (conference.track(0, Source::Camera), conference.track(0, Source::Screen));
    let now = conference.now();
    conference.room.watch(9, Target::Participant(name("p0")), vec![viewer_line(0, Codec::Vp8)]);
    assert_eq!(sent(&mut conference.room, camera, &[head(1, true, now)]), [(9, 7)]);
    conference.mute(0, Source::Screen, false);
    assert_eq!(sent(&mut conference.room, screen, &[head(1, true, now)]), []);
    conference.mute(0, Source::Camera, true);
    assert_eq!(
        sent(&mut conference.room, screen, &[head(2, true, now)]),
        [(9, 8)],
        "under numbers that go on"
    );
    let second = ViewerLine { ordinal: 1, ..viewer_line(1, Codec::Vp8) };
    conference.room.add_lines(9, vec![second]);
    conference.mute(0, Source::Camera, false);
    assert_eq!(sent(&mut conference.room, camera, &[head(2, true, now)]), [(9, 9)]);
    assert_eq!(
        sent(&mut conference.room, screen, &[head(3, true, now)]),
        [(9, 7)],
        "the second line shows it"
    );
}

#[test]
fn the_main_stream_is_of_somebody_who_is_not_muted_and_rather_of_one_with_a_picture() {
    let mut conference = Conference::of(3, 0, 0);
    let now = conference.now();
    let cameras = [0, 1, 2].map(|seat| conference.track(seat, Source::Camera));
    conference.room.watch(9, Target::Main, vec![viewer_line(0, Codec::Vp8)]);
    let seen = |conference: &mut Conference| {
        conference.seq += 1;
        let packet = head(conference.seq, true, now);
        let gets = |camera: &TrackId| !sent(&mut conference.room, *camera, &[packet]).is_empty();
        cameras.iter().position(gets)
    };
    assert_eq!(seen(&mut conference), Some(0));
    conference.mute(0, Source::Camera, true);
    assert_eq!(seen(&mut conference), Some(1), "the first is only heard");
    conference.mute(1, Source::Camera, true);
    conference.mute(1, Source::Microphone, true);
    assert_eq!(seen(&mut conference), Some(2));
    conference.mute(0, Source::Camera, false);
    conference.speak(3_000, &[2]);
    assert_eq!(seen(&mut conference), Some(2), "who speaks has it");
    conference.mute(2, Source::Camera, true);
    conference.mute(2, Source::Microphone, true);
    assert_eq!(seen(&mut conference), Some(0));
}

#[test]
fn a_mirror_follows_mutes_and_lines_that_come_later() {
    let (mut pair, now) = (Pair::new(), Instant::now());
    let muted = PublishedLine { muted: true, ..video_line(1) };
    let camera = pair.home.publish(0, name("alice"), &[muted])[0];
    pair.mirror.watch(5, Target::Main, vec![viewer_line(0, Codec::Vp8)]);
    pair.join();
    assert_eq!(pair.send(camera, &[head(1, true, now)]), (0, vec![]));
    pair.home.set_muted(camera, false);
    pair.mirror.mirror_publisher(pair.home.published_of(0).unwrap());
    pair.exchange();
    assert_eq!(pair.send(camera, &[head(2, true, now)]), (1, vec![(5, 7)]));
    pair.home.set_muted(camera, true);
    assert_eq!(pair.send(camera, &[head(3, true, now)]), (0, vec![]), "before the mirror knows of it");
    pair.home.set_muted(camera, false);
    let screen = pair.home.add_published_lines(0, &[published_line(1, Source::Screen, 1)])[0];
    pair.home.set_muted(camera, true);
    pair.mirror.mirror_publisher(pair.home.published_of(0).unwrap());
    pair.exchange();
    assert_eq!(pair.send(screen, &[head(1, true, now)]), (1, vec![(5, 8)]));
    let tracks = pair.home.tracks_of(0).unwrap();
    pair.mirror.unmirror_publisher(&tracks);
    assert!(pair.mirror.tracks.is_empty());
    pair.home.publish(1, name("bob"), &[]);
    assert_eq!((pair.home.published_of(1), pair.home.published().len()), (None, 1));
}

#[test]
fn a_mirror_takes_the_layer_its_viewers_have_use_for_and_no_other() {
    let (mut pair, start) = (Pair::new(), Instant::now());
    let track = pair.home.publish(0, name("alice"), &[video_line(3)])[0];
    pair.mirror.watch(5, Target::Main, vec![viewer_line(0, Codec::Vp8)]);
    pair.join();
    let mut seq = 0;
    for (round, demand, expected) in [(0, 720, [0, 50, 0]), (1, 300, [0, 0, 50]), (2, 90, [50, 0, 0])] {
        pair.mirror.set_demand_of(5, 0, height(demand)).unwrap();
        let mut relayed = [0; 3];
        for ms in (0..4_000).step_by(20) {
            for (layer, payload_len) in [(0, 100), (1, 1_000), (2, 300)] {
                seq += 1;
                let at = start + Duration::from_millis(round * 4_000 + ms);
                let head = PacketHead { layer, payload_len, ..head(seq, ms % 200 == 0, at) };
                let (count, _) = pair.send(track, &[head]);
                relayed[usize::from(layer)] += count * usize::from(ms >= 3_000);
            }
        }
        assert_eq!(relayed, expected, "{demand}");
    }
}

#[test]
fn a_mirror_whose_layer_is_not_sent_any_more_takes_the_next() {
    let (mut pair, start) = (Pair::new(), Instant::now());
    let track = pair.home.publish(0, name("alice"), &[video_line(3)])[0];
    pair.mirror.watch(5, Target::Main, vec![viewer_line(0, Codec::Vp8)]);
    pair.mirror.set_demand_of(5, 0, height(90)).unwrap();
    pair.join();
    let (mut seq, mut delivered) = (0, 0);
    for ms in (0..6_000).step_by(20) {
        for (layer, payload_len) in [(0, 100), (1, 1_000), (2, 300)] {
            seq += 1;
            let at = start + Duration::from_millis(ms);
            let head = PacketHead { layer, payload_len, ..head(seq, ms % 200 == 0, at) };
            if layer > 0 || ms < 3_000 {
                let (_, out) = pair.send(track, &[head]);
                delivered += out.len() * usize::from(ms >= 5_000);
            }
        }
    }
    assert_eq!(delivered, 50);
}
