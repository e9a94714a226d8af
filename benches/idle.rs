//! What participants cost who neither send nor get anything: their due timers and the datagrams of a living
//! connection, nothing else.

use std::time::Duration;

use plenum_sim::{Media, Wire, World};

const MINUTE: Duration = Duration::from_secs(60);

/// Viewers of a publisher that has stopped sending. They came one after the other, so that their timers do not
/// fire together.
fn idle(viewers: usize) -> World {
    let mut world = World::new(1);
    let publisher = world.publish(0, "publisher", Media::camera(), Wire::PERFECT);
    for _ in 0..viewers {
        world.watch(0, None, Wire::PERFECT);
        world.run_for(Duration::from_millis(37));
    }
    world.run_for(Duration::from_secs(2));
    world.pause(publisher, true);
    // Retransmissions and reports of what was sent before.
    world.run_for(Duration::from_secs(5));
    world
}

/// Wake-ups of the shard and datagrams that reach it, per second, over a virtual minute.
fn rates(viewers: usize) -> [f64; 2] {
    let mut world = idle(viewers);
    let received = world.engine().counters().received;
    let (mut wakes, mut deadline) = (0_u64, world.engine().next_deadline());
    world.run_until(MINUTE, |world| {
        // A deadline that has passed is a wake-up.
        wakes += u64::from(deadline.is_some_and(|at| at <= world.now()));
        deadline = world.engine().next_deadline();
        false
    });
    let received = world.engine().counters().received - received;
    [wakes, received].map(|count| count as f64 / MINUTE.as_secs_f64())
}

#[test]
fn an_idle_viewer_costs_its_due_timers_only() {
    let (few, many) = (rates(10), rates(30));
    let [wakes, datagrams] = [0, 1].map(|i| (many[i] - few[i]) / 20.0);
    println!("an idle viewer: {wakes:.2} wake-ups and {datagrams:.2} datagrams per second");
    // Reports every second, ICE every few, statistics every 2.5 s. A pacer alone would be 40.
    assert!((0.2..2.5).contains(&wakes), "{wakes} wake-ups per second");
    // Reports, ICE checks, and answers to ours.
    assert!((0.2..2.5).contains(&datagrams), "{datagrams} datagrams per second");
}
