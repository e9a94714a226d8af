//! Clients that move: other addresses, other ICE credentials, media going on.

use plenum_engine::Event;
use plenum_sim::{Media, Wire, World};

use crate::{WIRE, assert_receives, call, s};

/// How long a client may take until it checks its pair again: only then can anybody notice that it has moved.
const CHECK_INTERVAL: std::time::Duration = s(3);

#[test]
fn a_publishers_ice_restart_under_media_costs_less_than_2_seconds() {
    let (mut world, publisher, viewers) = call(2, Media::camera(), WIRE);
    world.run_for(s(5));
    world.forget_gaps(viewers[0]);
    assert!(world.restart_ice(publisher));
    world.run_for(s(40));
    println!("without pictures for {:?}", world.viewer(viewers[0]).longest_gap());
    assert!(world.viewer(viewers[0]).longest_gap() < s(2), "{:?}", world.viewer(viewers[0]).longest_gap());
    assert_eq!(world.end_of(publisher), None);
    assert_receives(&mut world, viewers[1]);
    world.finish();
}

#[test]
fn a_viewers_ice_restart_under_media_costs_less_than_2_seconds() {
    let (mut world, _, viewers) = call(2, Media::camera(), Wire { announced: false, ..WIRE });
    world.run_for(s(5));
    for round in 0..3 {
        world.forget_gaps(viewers[0]);
        assert!(world.restart_ice(viewers[0]), "round {round}");
        world.run_for(s(12));
        let gap = world.viewer(viewers[0]).longest_gap();
        assert!(gap < s(2), "round {round}: {gap:?}");
    }
    world.run_for(s(35));
    assert_eq!(world.end_of(viewers[0]), None);
    world.finish();
}

#[test]
fn a_restart_after_moving_brings_media_to_the_new_address() {
    let (mut world, _, viewers) = call(1, Media::camera(), WIRE);
    world.run_for(s(3));
    world.rebind(viewers[0]);
    world.restart_ice(viewers[0]);
    world.forget_gaps(viewers[0]);
    world.run_for(s(5));
    println!("without pictures for {:?}", world.viewer(viewers[0]).longest_gap());
    assert_receives(&mut world, viewers[0]);
    assert!(world.viewer(viewers[0]).longest_gap() < s(2));
    world.finish();
}

#[test]
fn a_viewer_behind_a_nat_that_rebinds_has_its_media_back_within_2_seconds() {
    let (mut world, _, viewers) = call(2, Media::camera(), WIRE);
    world.run_for(s(5));
    world.forget_gaps(viewers[0]);
    world.rebind(viewers[0]);
    world.run_for(s(20));
    println!("without pictures for {:?}", world.viewer(viewers[0]).longest_gap());
    assert_receives(&mut world, viewers[0]);
    assert!(world.viewer(viewers[0]).longest_gap() < CHECK_INTERVAL + s(2));
    world.run_for(s(40));
    assert_eq!(world.end_of(viewers[0]), None);
    world.finish();
}

#[test]
fn a_publisher_behind_a_nat_that_rebinds_is_heard_again_within_2_seconds() {
    let (mut world, publisher, viewers) = call(1, Media::camera(), WIRE);
    world.run_for(s(5));
    world.forget_gaps(viewers[0]);
    world.rebind(publisher);
    world.run_for(s(20));
    println!("without pictures for {:?}", world.viewer(viewers[0]).longest_gap());
    assert_receives(&mut world, viewers[0]);
    assert!(world.viewer(viewers[0]).longest_gap() < CHECK_INTERVAL + s(2));
    world.run_for(s(40));
    assert_eq!(world.end_of(publisher), None);
    world.finish();
}

const GONE: Wire = Wire { up: WIRE.up.with_loss(1.1), down: WIRE.down.with_loss(1.1), ..WIRE };

#[test]
fn a_network_that_is_gone_for_10_seconds_costs_no_more_than_that() {
    let (mut world, publisher, viewers) = call(2, Media::camera(), WIRE);
    world.run_for(s(2));
    world.rewire(viewers[0], GONE);
    world.run_for(s(10));
    world.rewire(viewers[0], WIRE);
    world.run_for(s(2));
    assert_receives(&mut world, viewers[0]);
    world.rewire(publisher, GONE);
    world.run_for(s(10));
    world.rewire(publisher, WIRE);
    world.run_for(s(2));
    assert_receives(&mut world, viewers[0]);
    world.finish();
}

#[test]
fn a_session_that_was_interrupted_is_resumed_by_an_ice_restart() {
    let (mut world, _, viewers) = call(1, Media::camera(), WIRE);
    world.run_for(s(2));
    world.rewire(viewers[0], GONE);
    world.run_for(s(26));
    let place = world.place(viewers[0]);
    let count = |world: &World, event: Event| world.events().iter().filter(|(_, e)| *e == event).count();
    assert_eq!(count(&world, Event::Interrupted { place }), 1);
    world.rewire(viewers[0], WIRE);
    world.rebind(viewers[0]);
    assert!(world.restart_ice(viewers[0]));
    world.run_for(s(2));
    assert_eq!(count(&world, Event::Resumed { place }), 1);
    assert_receives(&mut world, viewers[0]);
    world.run_for(s(40));
    assert_eq!(world.end_of(viewers[0]), None);
    world.finish();
}
