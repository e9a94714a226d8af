//! Loss between the shard and its viewers, and between the publisher and the shard.

use plenum_sim::{Count, Link, Media, Wire};

use crate::{WIRE, call, s};

/// 250 video packets per second.
fn busy_camera() -> Media {
    Media { packets_per_frame: 10, ..Media::camera() }
}

/// The video of a minute for three viewers with `loss` on the way down, repaired as far as it can be.
fn a_minute_with(loss: f64) -> Vec<Count> {
    let wire = Wire { down: WIRE.down.with_loss(loss), ..WIRE };
    let (mut world, publisher, viewers) = call(3, busy_camera(), wire);
    world.run_for(s(60));
    world.pause(publisher, true);
    world.run_for(s(2));
    let counts = viewers.iter().map(|id| world.viewer(*id).video()).collect();
    println!("{:.0} % loss: {counts:?}, {:?}", loss * 100.0, world.engine().counters());
    world.finish();
    counts
}

fn worst_share(counts: &[Count]) -> f64 {
    assert!(counts.iter().all(|count| count.expected > 14_000), "{counts:?}");
    counts.iter().map(Count::missing_share).fold(0.0, f64::max)
}

#[test]
fn without_loss_nothing_is_missing() {
    assert_eq!(worst_share(&a_minute_with(0.0)), 0.0);
}

#[test]
fn of_5_percent_loss_at_most_a_thousandth_stays_lost() {
    let share = worst_share(&a_minute_with(0.05));
    assert!(share <= 0.001, "{share}");
}

#[test]
fn of_20_percent_loss_at_most_a_fiftieth_stays_lost() {
    let share = worst_share(&a_minute_with(0.20));
    assert!(share <= 0.02, "{share}");
}

#[test]
fn loss_on_the_way_up_is_repaired_for_everyone() {
    let mut world = plenum_sim::World::new(plenum_sim::seed(1));
    let wire = Wire { up: Link::delayed(25).with_loss(0.05), ..WIRE };
    let publisher = world.publish(0, "alice", busy_camera(), wire);
    let viewers = [world.watch(0, None, WIRE), world.watch(0, None, WIRE)];
    world.run_for(s(60));
    world.pause(publisher, true);
    world.run_for(s(2));
    for viewer in viewers {
        let count = world.viewer(viewer).video();
        println!("{count:?} {:?}", world.engine().counters());
        assert!(count.expected > 14_000 && count.missing_share() <= 0.001, "{count:?}");
    }
    assert!(world.engine().counters().nacks_out > 0);
    world.finish();
}

#[test]
fn reordering_and_duplicates_change_nothing() {
    let rough = Link { reorder: 0.1, duplicate: 0.1, ..Link::delayed(25) };
    let (mut world, publisher, viewers) = call(2, busy_camera(), Wire::of(rough));
    world.rewire(publisher, Wire::of(rough));
    world.run_for(s(20));
    world.pause(publisher, true);
    world.run_for(s(2));
    for viewer in viewers {
        let (video, audio) = (world.viewer(viewer).video(), world.viewer(viewer).audio());
        assert_eq!((video.missing(), audio.missing()), (0, 0), "{video:?} {audio:?}");
        assert!(world.viewer(viewer).longest_gap() < s(1));
    }
    world.finish();
}
