//! Evenings made up from seeds: `PLENUM_SIM_SEEDS` says how many, `PLENUM_SEED` plays one only.

use std::time::Instant;

use plenum_sim::{Link, Media, Wire, World, scenario};

#[test]
fn whatever_happens_everyone_who_is_left_sees_and_hears() {
    play(|_| 1);
}

#[test]
fn whatever_happens_everyone_who_is_left_sees_and_hears_wherever_they_sit() {
    play(|seed| 2 + (seed % 3) as u16);
}

fn play(shards: impl Fn(u64) -> u16) {
    let started = Instant::now();
    let first = plenum_sim::seed(0);
    let seeds = if std::env::var("PLENUM_SEED").is_ok() { 1 } else { plenum_sim::seeds(50) };
    let (mut forwarded, mut lost, mut watching) = (0, 0, 0);
    for seed in first..first + seeds {
        let outcome = scenario::play(seed, shards(seed));
        forwarded += outcome.forwarded;
        lost += outcome.lost_in_rings;
        watching += outcome.watching;
    }
    println!(
        "{seeds} seeds, {forwarded} packets, {lost} lost in rings, {watching} viewers at the end, {:?}",
        started.elapsed()
    );
    assert!(seeds < 10 || watching as u64 > seeds, "scenarios in which hardly anyone watches");
}

#[test]
fn a_seed_replays_and_another_is_another() {
    let seed = plenum_sim::seed(3);
    for shards in [1, 3] {
        let first = scenario::play(seed, shards);
        assert_eq!(first, scenario::play(seed, shards));
        assert_ne!(first.hash, scenario::play(seed + 1, shards).hash);
    }
}

#[test]
fn a_lost_packet_more_is_another_run() {
    let run = |loss| {
        let mut world = World::new(5);
        world.publish(0, "alice", Media::camera(), Wire::PERFECT);
        world.watch(0, None, Wire::of(Link::PERFECT.with_loss(loss)));
        world.run_for(crate::s(5));
        world.finish()
    };
    assert_eq!(run(0.01), run(0.01));
    assert_ne!(run(0.01), run(0.0));
}
