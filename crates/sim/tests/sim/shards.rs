//! Rooms on several shards: their publishers at home, their viewers anywhere. Who watches cannot tell.

use std::time::Duration;

use plenum_engine::Reply;
use plenum_model::CloseReason;
use plenum_sim::{ClientId, Media, RingTerms, Spread, Wire, World};

use crate::{WIRE, assert_receives, ms, s};

const SHARDS: u16 = 3;

/// A publisher in room 0, whose home is shard 0, and a viewer on each shard, media flowing.
fn on_three_shards(media: Media) -> (World, ClientId, [ClientId; 3]) {
    let mut world = World::with_shards(plenum_sim::seed(1), SHARDS, Spread::RoundRobin);
    let publisher = world.publish(0, "alice", media, WIRE);
    let viewers = [0, 1, 2].map(|shard| {
        let viewer = world.watch(0, None, WIRE);
        assert_eq!(world.place(viewer).shard, shard);
        viewer
    });
    let all_see = |world: &World| viewers.iter().all(|id| world.viewer(*id).decoded() > 0);
    assert!(world.run_until(s(10), all_see), "not everyone sees something after 10 s");
    (world, publisher, viewers)
}

fn forget_gaps(world: &mut World, viewers: &[ClientId]) {
    viewers.iter().for_each(|viewer| world.forget_gaps(*viewer));
}

fn assert_gaps_below(world: &World, viewers: &[ClientId], limit: Duration) {
    for viewer in viewers {
        let gap = world.viewer(*viewer).longest_gap();
        assert!(gap < limit, "without pictures for {gap:?}: {}", world.describe(*viewer));
    }
}

fn rooms(world: &World) -> Vec<u64> {
    world.engines().map(|engine| engine.counters().rooms).collect()
}

fn relayed(world: &World) -> u64 {
    world.engines().map(|engine| engine.counters().packets_relayed).sum()
}

#[test]
fn a_late_joiner_on_another_shard_sees_something_at_once() {
    let mut world = World::with_shards(plenum_sim::seed(1), SHARDS, Spread::AtHome);
    world.publish(0, "alice", Media::camera(), WIRE);
    let early = world.watch(0, None, WIRE);
    world.run_for(s(30));
    assert_eq!((rooms(&world), relayed(&world)), (vec![1, 0, 0], 0), "all are at home");
    let joined = world.now();
    let late = world.watch_on(2, 0, None, WIRE);
    world.run_for(s(5));
    let viewer = world.viewer(late);
    let first = viewer.first_decoded().unwrap() - joined;
    println!("first picture after {first:?}");
    assert!(first < ms(500), "{first:?}");
    assert!(viewer.starts_at_keyframe() && viewer.first_video_number().unwrap() < 0x8000);
    assert_eq!((viewer.video().missing(), viewer.audio().missing()), (0, 0));
    assert_eq!(rooms(&world), [1, 0, 1]);
    assert_receives(&mut world, early);
    world.finish();
}

#[test]
fn a_viewer_elsewhere_that_was_there_first_sees_the_publisher_when_it_comes() {
    let mut world = World::with_shards(plenum_sim::seed(1), SHARDS, Spread::AtHome);
    let viewer = world.watch_on(1, 0, None, WIRE);
    world.run_for(s(5));
    assert_eq!(rooms(&world), [1, 1, 0], "its home waits with it");
    world.publish(0, "alice", Media::camera(), WIRE);
    assert!(world.run_until(s(1), |world| world.viewer(viewer).decoded() > 0));
    assert_receives(&mut world, viewer);
    world.finish();
}

#[test]
fn a_packet_crosses_to_a_shard_once_however_many_watch_there() {
    let (mut world, publisher, _) = on_three_shards(Media::camera());
    let crowd: Vec<ClientId> = (0..9).map(|_| world.watch(0, None, WIRE)).collect();
    world.run_for(s(2));
    let before = (world.relayed_video(publisher, 0, 1), world.viewer(crowd[1]).video().received);
    world.run_for(s(4));
    let after = (world.relayed_video(publisher, 0, 1), world.viewer(crowd[1]).video().received);
    assert!((after.0 - before.0).abs_diff(after.1 - before.1) < 5, "{before:?} {after:?}");
    crowd.into_iter().for_each(|viewer| assert_receives(&mut world, viewer));
    world.finish();
}

#[test]
fn a_publisher_makes_way_for_another_on_all_shards() {
    let (mut world, first, viewers) = on_three_shards(Media::camera());
    world.close(first);
    world.run_for(s(40));
    assert_eq!(rooms(&world), [1, 1, 1], "viewers outlive their publisher");
    let second = world.publish(0, "bob", Media::camera(), WIRE);
    world.run_for(s(2));
    for viewer in viewers {
        assert_eq!(world.viewer(viewer).publishers(), [first.0, second.0]);
        assert_receives(&mut world, viewer);
    }
    world.finish();
}

#[test]
fn a_replaced_publisher_is_replaced_on_all_shards_at_once() {
    let (mut world, former, viewers) = on_three_shards(Media::camera());
    forget_gaps(&mut world, &viewers);
    let next = world.publish(0, "alice", Media::camera(), WIRE);
    assert_eq!(world.end_of(former), Some(CloseReason::Replaced));
    world.run_for(s(3));
    assert_gaps_below(&world, &viewers, s(1));
    for viewer in viewers {
        assert_eq!(world.viewer(viewer).publishers(), [former.0, next.0]);
        assert_receives(&mut world, viewer);
    }
    world.finish();
}

#[test]
fn the_main_stream_follows_who_speaks_on_all_shards() {
    let (mut world, alice, viewers) = on_three_shards(Media::camera());
    let bob = world.publish(0, "bob", Media::camera(), WIRE);
    world.run_for(s(2));
    assert_eq!((world.relayed_video(bob, 0, 1), world.relayed_video(bob, 0, 2)), (0, 0), "alice speaks");
    world.pause(alice, true);
    world.run_for(s(3));
    world.pause(alice, false);
    world.run_for(s(1));
    let before = [1, 2].map(|shard| world.relayed_video(alice, 0, shard));
    for viewer in viewers {
        assert_eq!(world.viewer(viewer).publishers(), [alice.0, bob.0]);
        assert_receives(&mut world, viewer);
    }
    world.close(viewers[2]);
    let late = [1, 2].map(|shard| world.watch_on(shard, 0, None, WIRE));
    world.run_for(s(2));
    for viewer in late {
        assert_eq!(world.viewer(viewer).publishers(), [bob.0], "a newcomer is told who has the floor");
    }
    assert_eq!(before, [1, 2].map(|shard| world.relayed_video(alice, 0, shard)), "bob has the floor");
    world.finish();
}

#[test]
fn only_a_publisher_that_somebody_there_watches_is_relayed() {
    let mut world = World::with_shards(plenum_sim::seed(1), SHARDS, Spread::AtHome);
    let [alice, bob] = ["alice", "bob"].map(|name| world.publish(0, name, Media::camera(), WIRE));
    let viewers = [world.watch_on(1, 0, Some("bob"), WIRE), world.watch_on(2, 0, Some("alice"), WIRE)];
    world.run_for(s(5));
    viewers.into_iter().for_each(|viewer| assert_receives(&mut world, viewer));
    for (publisher, elsewhere, there) in [(alice, 1, 2), (bob, 2, 1)] {
        assert_eq!(world.relayed_video(publisher, 0, elsewhere), 0);
        assert!(world.relayed_video(publisher, 0, there) > 300);
    }
    world.finish();
}

#[test]
fn of_simulcast_layers_only_the_best_crosses_once_it_is_known() {
    let media = Media { rids: vec!["q", "h", "f"], ..Media::camera() };
    let (mut world, publisher, viewers) = on_three_shards(media);
    world.run_for(s(5));
    let crossed = |world: &World, shard| [0, 1, 2].map(|layer| world.relayed_video(publisher, layer, shard));
    let before = [1, 2].map(|shard| crossed(&world, shard));
    forget_gaps(&mut world, &viewers);
    world.run_for(s(5));
    for (shard, before) in [1, 2].into_iter().zip(before) {
        let after = crossed(&world, shard);
        println!("to shard {shard}: {before:?}, five seconds later {after:?}");
        assert_eq!(before[..2], after[..2], "small layers that nobody takes");
        assert!(after[2] - before[2] >= 5 * 25 * 9);
    }
    assert_gaps_below(&world, &viewers, ms(100));
    world.finish();
}

#[test]
fn when_the_last_viewer_on_a_shard_leaves_nothing_more_goes_there() {
    let (mut world, publisher, viewers) = on_three_shards(Media::camera());
    let second = world.watch_on(1, 0, None, WIRE);
    world.run_for(s(2));
    world.close(viewers[1]);
    assert_receives(&mut world, second);
    world.close(second);
    world.run_for(ms(5));
    assert_eq!(rooms(&world), [1, 0, 1]);
    let before = [1, 2].map(|shard| world.relayed_video(publisher, 0, shard));
    world.run_for(s(2));
    let after = [1, 2].map(|shard| world.relayed_video(publisher, 0, shard));
    assert_eq!(before[0], after[0]);
    assert!(after[1] > before[1]);
    let again = world.watch_on(1, 0, None, WIRE);
    world.run_for(s(1));
    assert_receives(&mut world, again);
    world.finish();
}

#[test]
fn a_panic_at_home_ends_the_room_on_all_shards_and_no_other_room() {
    let (mut world, publisher, viewers) = on_three_shards(Media::camera());
    let neighbour = world.publish(3, "alice", Media::camera(), WIRE);
    let neighbours: Vec<ClientId> = (0..3).map(|_| world.watch(3, None, WIRE)).collect();
    world.run_for(s(2));
    forget_gaps(&mut world, &neighbours);
    assert_eq!(world.panic_room(0), Reply::Done);
    world.run_for(ms(1));
    for lost in viewers.into_iter().chain([publisher]) {
        assert_eq!(world.end_of(lost), Some(CloseReason::Panicked));
    }
    world.run_for(s(2));
    assert!(
        viewers[1..].iter().all(|viewer| !world.is_connected(*viewer)),
        "where nothing broke they are told"
    );
    assert_eq!((rooms(&world), world.end_of(neighbour)), (vec![1, 1, 1], None));
    assert_gaps_below(&world, &neighbours, ms(100));
    let again = world.watch_on(2, 0, None, WIRE);
    world.publish(0, "alice", Media::camera(), WIRE);
    world.run_for(s(2));
    assert_receives(&mut world, again);
    world.finish();
}

#[test]
fn a_panic_elsewhere_ends_only_those_who_sit_there() {
    let (mut world, publisher, viewers) = on_three_shards(Media::camera());
    forget_gaps(&mut world, &viewers);
    assert_eq!(world.panic_room_on(1, 0), Reply::Done);
    world.run_for(ms(1));
    let ends = viewers.map(|viewer| world.end_of(viewer));
    assert_eq!(ends, [None, Some(CloseReason::Panicked), None]);
    assert_eq!((rooms(&world), world.end_of(publisher)), (vec![1, 0, 1], None));
    let again = world.watch_on(1, 0, None, WIRE);
    world.run_for(s(2));
    assert_receives(&mut world, again);
    assert_gaps_below(&world, &[viewers[0], viewers[2]], ms(100));
    world.finish();
}

#[test]
fn a_ring_that_overflows_costs_pictures_for_less_than_a_second() {
    let (mut world, _, viewers) = on_three_shards(Media { packets_per_frame: 8, ..Media::camera() });
    world.set_rings(RingTerms { capacity: 32, ..RingTerms::default() });
    world.run_for(s(3));
    assert_eq!(world.lost_in_rings(), 0);
    let asked = world.engine().counters().keyframe_requests_out;
    world.stall(1, ms(400));
    world.run_for(ms(400));
    assert!(world.lost_in_rings() > 30, "{}", world.lost_in_rings());
    forget_gaps(&mut world, &viewers);
    let (before, awake_at) = (world.viewer(viewers[1]).decoded(), world.now());
    assert!(world.run_until(s(1), |world| world.viewer(viewers[1]).decoded() > before + 1));
    let after = world.now() - awake_at;
    println!("pictures again after {after:?}");
    assert!(after < ms(200), "{after:?}: the shard itself asked for a keyframe, not the viewer's decoder");
    assert!(world.engine().counters().keyframe_requests_out > asked, "a keyframe was asked for");
    assert_gaps_below(&world, &[viewers[0], viewers[2]], ms(100));
    world.run_for(s(2));
    viewers.into_iter().for_each(|viewer| assert_receives(&mut world, viewer));
    world.finish();
}

#[test]
fn a_shard_that_gets_no_time_for_a_while_catches_up_and_loses_nothing() {
    let (mut world, _, viewers) = on_three_shards(Media::camera());
    for shard in [1, 0, 2] {
        world.stall(shard, ms(300));
        world.run_for(s(2));
    }
    for viewer in viewers {
        let (video, audio) = (world.viewer(viewer).video(), world.viewer(viewer).audio());
        assert_eq!((video.missing(), audio.missing()), (0, 0), "{video:?} {audio:?}");
        assert_receives(&mut world, viewer);
    }
    world.finish();
}

#[test]
fn loss_towards_a_viewer_elsewhere_is_repaired_where_it_sits() {
    let (mut world, publisher, viewers) = on_three_shards(Media::camera());
    world.rewire(viewers[1], Wire { down: WIRE.down.with_loss(0.05), ..WIRE });
    world.run_for(s(30));
    world.pause(publisher, true);
    world.run_for(s(2));
    let count = world.viewer(viewers[1]).video();
    assert!(count.expected > 2_000 && count.missing_share() <= 0.002, "{count:?}");
    assert_eq!(world.viewer(viewers[2]).video().missing(), 0);
    world.finish();
}

#[test]
fn a_room_that_is_closed_at_home_is_closed_on_all_shards() {
    let (mut world, publisher, viewers) = on_three_shards(Media::camera());
    let neighbour = (world.publish(3, "alice", Media::camera(), WIRE), world.watch_on(1, 3, None, WIRE));
    world.run_for(s(1));
    assert_eq!(world.close_room_on(0, 0), Reply::Done);
    world.run_for(ms(1));
    for gone in viewers.into_iter().chain([publisher]) {
        assert_eq!(world.end_of(gone), Some(CloseReason::RoomClosed));
    }
    assert_eq!(rooms(&world), [1, 1, 0]);
    assert_receives(&mut world, neighbour.1);
    assert_eq!(world.close_room_on(0, 0), Reply::NotFound);
    world.finish();
}

#[test]
fn a_room_without_a_publisher_that_is_closed_at_home_is_closed_on_all_shards() {
    let (mut world, publisher, viewers) = on_three_shards(Media::camera());
    world.close(publisher);
    world.close(viewers[0]);
    world.run_for(s(1));
    assert_eq!(rooms(&world), [1, 1, 1]);
    assert_eq!(world.close_room_on(0, 0), Reply::Done);
    world.run_for(ms(1));
    let ends = [1, 2].map(|index: usize| world.end_of(viewers[index]));
    assert_eq!((ends, rooms(&world)), ([Some(CloseReason::RoomClosed); 2], vec![0, 0, 0]));
    world.finish();
}

#[test]
fn what_is_said_to_a_room_that_has_gone_does_not_reach_the_next_in_its_place() {
    let mut world = world_with_slow_rings(1);
    world.publish(0, "alice", Media::camera(), WIRE);
    world.publish(3, "alice", Media::camera(), WIRE);
    let former = world.watch_on(1, 0, None, WIRE);
    world.run_for(s(1));
    assert_eq!(world.close_room_on(0, 0), Reply::Done);
    world.close(former);
    let next = world.watch_on(1, 3, None, WIRE);
    world.run_for(s(2));
    assert_eq!(world.end_of(next), None, "the end of room 0 was on its way");
    assert_receives(&mut world, next);
    world.finish();
}

#[test]
fn a_room_moves_to_another_home_while_its_last_sessions_are_being_closed() {
    let mut refused = 0;
    for seed in 0..20 {
        let mut world = world_with_slow_rings(seed);
        let mut gone = Vec::new();
        for home in [0, 1, 2, 0, 2, 1] {
            // As far as the control plane goes nobody is left, but the shards do not know yet.
            let mut leaving: Vec<ClientId> = std::mem::take(&mut gone);
            world.random().shuffle(&mut leaving);
            world.move_home(0, home);
            for number in 0..=SHARDS {
                leaving.drain(..leaving.len().min(1)).for_each(|id| world.close(id));
                pause_a_little(&mut world);
                let newcomer = match number {
                    0 => world.publish(0, "alice", Media::camera(), WIRE),
                    _ => world.watch(0, None, WIRE),
                };
                gone.push(newcomer);
            }
            leaving.into_iter().for_each(|id| world.close(id));
            refused += gone.iter().filter(|id| !world.was_admitted(**id)).count();
            gone.retain(|id| world.was_admitted(*id));
        }
        gone.into_iter().for_each(|id| world.close(id));
        assert_opens(&mut world, 1);
        world.finish();
    }
    println!("{refused} admissions refused");
    assert!(refused > 0, "nothing interleaved");
}

#[test]
fn a_room_that_is_closed_everywhere_opens_at_another_home_at_once() {
    for seed in 0..20 {
        let mut world = world_with_slow_rings(seed);
        let mut former = Vec::new();
        for home in [0, 1, 2, 0, 2, 1] {
            world.move_home(0, home);
            former.push(world.publish(0, "alice", Media::camera(), WIRE));
            for _ in 0..SHARDS {
                pause_a_little(&mut world);
                former.push(world.watch(0, None, WIRE));
            }
            pause_a_little(&mut world);
            let mut order = [0, 1, 2];
            world.random().shuffle(&mut order);
            order.into_iter().for_each(|shard| {
                world.close_room_on(shard, 0);
            });
            former.iter().for_each(|id| assert_eq!(world.end_of(*id), Some(CloseReason::RoomClosed)));
        }
        assert_opens(&mut world, 2);
        world.finish();
    }
}

fn world_with_slow_rings(seed: u64) -> World {
    let mut world = World::with_shards(plenum_sim::seed(seed), SHARDS, Spread::RoundRobin);
    world.set_rings(RingTerms { delay: ms(2), ..RingTerms::default() });
    world
}

/// Asserts that room 0 can be opened at this home, and serves everyone there and elsewhere.
fn assert_opens(world: &mut World, home: u16) {
    world.run_for(ms(10));
    assert_eq!(rooms(world), [0, 0, 0], "nobody remembers the former homes");
    world.move_home(0, home);
    world.publish(0, "bob", Media::camera(), WIRE);
    let viewers = [0, 1, 2].map(|shard| world.watch_on(shard, 0, None, WIRE));
    world.run_for(s(2));
    viewers.into_iter().for_each(|viewer| assert_receives(world, viewer));
}

fn pause_a_little(world: &mut World) {
    let micros = world.random().u64(0..1_500);
    world.run_for(Duration::from_micros(micros));
}
