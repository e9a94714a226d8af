//! Coming in: when the first picture comes, and where numbers start.

use plenum_model::CloseReason;
use plenum_sim::{Media, Wire, World};

use crate::{WIRE, assert_receives, call, ms, s};

#[test]
fn a_late_joiner_after_70_000_packets_sees_something_at_once() {
    let media = Media { packets_per_frame: 20, packet_bytes: 60, ..Media::camera() };
    let (mut world, _, early) = call(1, media, WIRE);
    assert!(world.run_until(s(600), |world| world.viewer(early[0]).video().received > 70_000));
    let joined = world.now();
    let late = world.watch(0, None, WIRE);
    world.run_for(s(5));
    let viewer = world.viewer(late);
    assert!(viewer.first_video_number().unwrap() < 0x8000);
    assert!(viewer.starts_at_keyframe());
    let first = viewer.first_decoded().unwrap() - joined;
    println!("first picture after {first:?}");
    assert!(first < ms(500), "{first:?}");
    assert_eq!(viewer.video().missing(), 0);
    world.finish();
}

#[test]
fn a_viewer_that_was_there_first_sees_the_publisher_when_it_comes() {
    let mut world = World::new(plenum_sim::seed(1));
    let viewer = world.watch(0, None, WIRE);
    world.run_for(s(5));
    let joined = world.now();
    world.publish(0, "alice", Media::camera(), WIRE);
    assert!(world.run_until(s(2), |world| world.viewer(viewer).decoded() > 0));
    println!("first picture after {:?}", world.now() - joined);
    assert_receives(&mut world, viewer);
    world.finish();
}

#[test]
fn a_publisher_that_ignores_requests_is_seen_at_its_next_keyframe() {
    let media = Media { obeys_requests: false, keyframe_every: Some(250), ..Media::camera() };
    let (mut world, _, _) = call(1, media, WIRE);
    world.run_for(s(2));
    let late = world.watch(0, None, WIRE);
    world.run_for(s(12));
    assert!(world.viewer(late).starts_at_keyframe());
    assert_receives(&mut world, late);
    world.finish();
}

#[test]
fn a_crowd_of_joiners_costs_the_publisher_few_keyframes() {
    let (mut world, _, _) = call(1, Media::camera(), WIRE);
    world.run_for(s(2));
    let before = world.engine().counters().keyframe_requests_out;
    let crowd: Vec<_> = (0..30).map(|_| world.watch(0, None, WIRE)).collect();
    world.run_for(s(1));
    assert!(crowd.iter().all(|id| world.viewer(*id).decoded() > 0));
    let asked = world.engine().counters().keyframe_requests_out - before;
    assert!((1..=3).contains(&asked), "{asked}");
    world.finish();
}

#[test]
fn of_simulcast_layers_the_best_is_seen_and_its_end_is_survived() {
    let media = Media { rids: vec!["q", "h", "f"], ..Media::camera() };
    let (mut world, _, viewers) = call(2, media, WIRE);
    world.run_for(s(10));
    for viewer in &viewers {
        assert_receives(&mut world, *viewer);
        assert!(world.viewer(*viewer).longest_gap() < ms(500));
    }
    world.finish();
}

#[test]
fn a_client_whose_candidates_are_unknown_connects_by_its_own_checks() {
    let mut world = World::new(plenum_sim::seed(1));
    let hidden = Wire { announced: false, ..WIRE };
    world.publish(0, "obs", Media { rtx: false, ..Media::camera() }, hidden);
    let viewer = world.watch(0, None, hidden);
    assert!(world.run_until(s(2), |world| world.viewer(viewer).decoded() > 0));
    assert_receives(&mut world, viewer);
    world.finish();
}

#[test]
fn a_named_publisher_is_watched_and_no_other() {
    let mut world = World::new(plenum_sim::seed(1));
    let alice = world.publish(0, "alice", Media::camera(), WIRE);
    let bob = world.publish(0, "bob", Media::camera(), WIRE);
    let (of_bob, of_main) = (world.watch(0, Some("bob"), WIRE), world.watch(0, None, WIRE));
    world.run_for(s(3));
    assert_eq!(world.viewer(of_bob).publishers(), [bob.0]);
    assert_eq!(world.viewer(of_main).publishers(), [alice.0]);
    world.finish();
}

#[test]
fn a_client_that_never_connects_is_gone_after_30_seconds() {
    let mut world = World::new(plenum_sim::seed(1));
    let (viewer, publisher) = (world.watch(0, None, WIRE), world.publish(0, "alice", Media::camera(), WIRE));
    world.crash(viewer);
    world.crash(publisher);
    world.run_for(s(29));
    assert_eq!(world.engine().counters().participants, 2);
    world.run_for(s(2));
    assert_eq!(world.end_of(viewer), Some(CloseReason::SetupTimeout));
    assert_eq!(world.end_of(publisher), Some(CloseReason::SetupTimeout));
    world.finish();
}
