//! Whole calls in virtual time. Each test prints its seed when it fails, and takes another from `PLENUM_SEED`.

mod differential;
mod endings;
mod forgery;
mod joins;
mod loss;
mod meeting;
mod moves;
mod offers;
mod rooms;
mod seeds;
mod shards;
mod topics;

use std::time::Duration;

use plenum_sim::{ClientId, Link, Media, Wire, World};

/// Seconds.
const fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Milliseconds.
const fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

/// 50 ms there and back.
const WIRE: Wire = Wire::of(Link::delayed(25));

/// A world with a publisher in room 0 and viewers that watch it, each with at least one decoded frame.
fn call(viewers: usize, media: Media, wire: Wire) -> (World, ClientId, Vec<ClientId>) {
    let mut world = World::new(plenum_sim::seed(1));
    let publisher = world.publish(0, "alice", media, WIRE);
    let watching: Vec<ClientId> = (0..viewers).map(|_| world.watch(0, None, wire)).collect();
    let all_see = |world: &World| watching.iter().all(|id| world.viewer(*id).decoded() > 0);
    assert!(world.run_until(s(10), all_see), "not everyone sees something after 10 s");
    (world, publisher, watching)
}

/// Asserts that a viewer decodes frames and hears voices right now.
fn assert_receives(world: &mut World, viewer: ClientId) {
    let before = (world.viewer(viewer).decoded(), world.viewer(viewer).audio().received);
    world.run_for(s(1));
    let after = (world.viewer(viewer).decoded(), world.viewer(viewer).audio().received);
    assert!(after.0 > before.0 + 20, "frames: {before:?}, a second later {after:?}");
    assert!(after.1 > before.1 + 40, "voices: {before:?}, a second later {after:?}");
}
