//! How sessions end, and who is still there afterwards.

use plenum_engine::{Event, Reply};
use plenum_model::CloseReason;
use plenum_sim::{Media, World};

use crate::{WIRE, assert_receives, call, ms, s};

#[test]
fn a_silent_viewer_is_interrupted_then_gone_after_30_seconds_and_media_stops() {
    let (mut world, _, viewers) = call(2, Media::camera(), WIRE);
    let before = world.now();
    world.crash(viewers[0]);
    world.run_for(s(27));
    assert_eq!(world.end_of(viewers[0]), None);
    let place = world.place(viewers[0]);
    let is_interrupted = |(_, event): &(_, Event)| *event == Event::Interrupted { place };
    assert!(world.events().iter().any(is_interrupted));
    assert!(world.run_until(s(60), |world| world.end_of(viewers[0]).is_some()));
    println!("consent lost after {:?}", world.now() - before);
    assert_eq!(world.end_of(viewers[0]), Some(CloseReason::ConsentLost));
    let forwarded = world.engine().counters().packets_forwarded;
    let other = world.viewer(viewers[1]).video().received + world.viewer(viewers[1]).audio().received;
    world.run_for(s(2));
    let forwarded = world.engine().counters().packets_forwarded - forwarded;
    let other = world.viewer(viewers[1]).video().received + world.viewer(viewers[1]).audio().received - other;
    assert!(forwarded.abs_diff(other) < 20, "{forwarded} packets forwarded, {other} of them to the other");
    assert_receives(&mut world, viewers[1]);
    world.finish();
}

#[test]
fn a_publisher_that_crashed_makes_way_for_the_next() {
    let (mut world, publisher, viewers) = call(2, Media::camera(), WIRE);
    world.crash(publisher);
    assert!(world.run_until(s(35), |world| world.end_of(publisher).is_some()));
    assert_eq!(world.end_of(publisher), Some(CloseReason::ConsentLost));
    world.publish(0, "bob", Media::camera(), WIRE);
    world.run_for(s(2));
    assert_receives(&mut world, viewers[0]);
    assert_receives(&mut world, viewers[1]);
    world.finish();
}

#[test]
fn a_publisher_of_the_same_identity_replaces_the_former_at_once() {
    let (mut world, former, viewers) = call(2, Media::camera(), WIRE);
    world.forget_gaps(viewers[0]);
    let next = world.publish(0, "alice", Media::camera(), WIRE);
    assert_eq!(world.end_of(former), Some(CloseReason::Replaced));
    world.run_for(s(3));
    for viewer in viewers {
        assert_eq!(world.viewer(viewer).publishers(), [former.0, next.0]);
        assert!(world.viewer(viewer).longest_gap() < s(1));
        assert_receives(&mut world, viewer);
    }
    world.finish();
}

#[test]
fn a_publisher_alone_in_its_room_is_replaced_by_its_next_session() {
    let mut world = World::new(plenum_sim::seed(1));
    let former = world.publish(0, "alice", Media::camera(), WIRE);
    world.run_for(s(1));
    let next = world.publish(0, "alice", Media::camera(), WIRE);
    assert_eq!(world.end_of(former), Some(CloseReason::Replaced));
    let viewer = world.watch(0, None, WIRE);
    world.run_for(s(2));
    assert_receives(&mut world, viewer);
    assert_eq!(world.viewer(viewer).publishers(), [next.0]);
    world.finish();
}

#[test]
fn a_viewer_outlives_its_publisher_and_sees_the_next() {
    let (mut world, first, viewers) = call(1, Media::camera(), WIRE);
    world.close(first);
    world.run_for(s(60));
    assert_eq!(world.end_of(viewers[0]), None);
    assert_eq!(world.engine().counters().rooms, 1);
    let second = world.publish(0, "bob", Media::camera(), WIRE);
    world.run_for(s(2));
    assert_eq!(world.viewer(viewers[0]).publishers(), [first.0, second.0]);
    assert_receives(&mut world, viewers[0]);
    world.finish();
}

#[test]
fn a_client_that_is_closed_is_told() {
    let (mut world, publisher, viewers) = call(1, Media::camera(), WIRE);
    world.close(viewers[0]);
    world.close(publisher);
    world.run_for(ms(100));
    assert!(!world.is_connected(viewers[0]) && !world.is_connected(publisher));
    assert_eq!(world.engine().counters().rooms, 0);
    world.finish();
}

#[test]
fn a_panic_ends_its_room_and_no_other() {
    let mut world = World::new(plenum_sim::seed(1));
    let publishers = [0, 1].map(|room| world.publish(room, "alice", Media::camera(), WIRE));
    let viewers = [0, 1].map(|room| world.watch(room, None, WIRE));
    world.run_for(s(3));
    assert_eq!(world.panic_room(0), Reply::Done);
    assert_eq!(world.panic_room(7), Reply::NotFound);
    world.forget_gaps(viewers[1]);
    world.run_for(s(3));
    for lost in [publishers[0], viewers[0]] {
        assert_eq!(world.end_of(lost), Some(CloseReason::Panicked));
    }
    assert!(world.end_of(publishers[1]).is_none() && world.end_of(viewers[1]).is_none());
    assert!(world.viewer(viewers[1]).longest_gap() < ms(100));
    let again = world.watch(0, None, WIRE);
    world.publish(0, "alice", Media::camera(), WIRE);
    world.run_for(s(2));
    assert_receives(&mut world, again);
    world.finish();
}

#[test]
fn an_idle_shard_has_nothing_to_wake_up_for() {
    let mut world = World::new(plenum_sim::seed(1));
    let publisher = world.publish(0, "alice", Media::camera(), WIRE);
    world.run_for(s(1));
    world.close(publisher);
    world.run_for(s(60));
    assert_eq!(world.engine().next_deadline(), None, "every timer has fired or was dropped");
    world.finish();
}
