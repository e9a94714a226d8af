//! What the fan-out is built on: packets written to an `Rtc` one after the other, then one `Timeout` and one
//! drain, all go out. str0m's documentation asks for a drain after every mutation, so an upgrade may break this
//! without saying so.
#![allow(clippy::disallowed_methods)] // tests take their time zero from the clock

mod pair;

use std::time::{Duration, Instant};

use pair::{PAYLOAD_BYTES, Pair};

/// Packets written per `Timeout`.
const BATCHES: [usize; 4] = [1, 2, 8, 64];
const ROUNDS: usize = 40;
/// Between batches: as long as a frame at 30 per second.
const FRAME: Duration = Duration::from_millis(33);

fn media_in(datagrams: &[Vec<u8>]) -> usize {
    datagrams.iter().filter(|contents| contents.len() > PAYLOAD_BYTES).count()
}

fn all(packets: usize) -> Vec<u64> {
    (1..=packets as u64).collect()
}

#[test]
fn k_writes_one_timeout_and_one_drain_send_all_of_them() {
    for k in BATCHES {
        let mut pair = Pair::connected(Instant::now(), false);
        for round in 0..ROUNDS {
            let mut out = Vec::new();
            pair.write(k);
            pair.give_time(&mut out);
            assert_eq!(media_in(&out), k, "round {round} of {k} writes");
            pair.deliver(out);
            pair.run_for(FRAME);
        }
        assert_eq!(pair.receiver.received, all(k * ROUNDS), "{k} writes");
    }
}

#[test]
fn with_bandwidth_estimation_the_pacer_delays_some_and_loses_none() {
    for k in BATCHES {
        let mut pair = Pair::connected(Instant::now(), true);
        let mut at_once = 0;
        for _ in 0..ROUNDS {
            let mut out = Vec::new();
            pair.write(k);
            pair.give_time(&mut out);
            at_once += media_in(&out);
            pair.deliver(out);
            pair.run_for(FRAME);
        }
        pair.run_for(Duration::from_secs(5));
        assert_eq!(pair.receiver.received, all(k * ROUNDS), "{k} writes");
        assert!(at_once <= k * ROUNDS);
        println!("{k:>2} writes: {at_once} of {} at once", k * ROUNDS);
    }
}

#[test]
fn a_drain_between_the_writes_changes_nothing() {
    let mut pair = Pair::connected(Instant::now(), false);
    for _ in 0..8 {
        let mut out = Vec::new();
        pair.write(1);
        pair.give_time(&mut out);
        pair.deliver(out);
    }
    assert_eq!(pair.receiver.received, all(8));
}
