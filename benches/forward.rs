//! What a forwarded packet costs the engine alone: from a publisher's protected packet to protected packets for
//! N viewers, without sockets.
//!
//! `cargo bench --bench forward` prints nanoseconds per forwarded packet (the best and the median of several
//! rounds). With `--once N BATCH PACKETS` it forwards just that, for callgrind:
//!
//! ```text
//! valgrind --tool=callgrind --toggle-collect='*Stage::forward*' forward --once 100 8 248
//! ```

use std::time::{Duration, Instant};

use plenum_benches::Stage;

const VIEWERS: [usize; 4] = [1, 10, 100, 500];
const BATCHES: [usize; 2] = [1, 8];
const ROUNDS: usize = 7;
/// Packets to warm up with, so that the processor's caches are as full as they are in service.
const WARM_UP: usize = 80;

/// The server's allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().position(|argument| argument == "--once") {
        Some(at) => once(&arguments[at + 1..]),
        None => table(),
    }
}

fn once(arguments: &[String]) {
    let numbers: Vec<usize> = arguments.iter().map(|n| n.parse().expect("a number")).collect();
    let [viewers, batch, packets] = numbers[..] else { panic!("--once VIEWERS BATCH PACKETS") };
    let mut stage = Stage::new(viewers, WARM_UP + packets);
    stage.warm_up(WARM_UP, batch);
    let before = stage.forwarded();
    while stage.left() >= batch {
        stage.forward(batch);
    }
    println!("forwarded {}", stage.forwarded() - before);
}

fn table() {
    println!("{:>8} {:>6} {:>12} {:>12}", "viewers", "batch", "best ns", "median ns");
    for viewers in VIEWERS {
        for batch in BATCHES {
            let (best, median) = measure(viewers, batch);
            println!("{viewers:>8} {batch:>6} {:>12} {:>12}", best.as_nanos(), median.as_nanos());
        }
    }
}

/// Nanoseconds per forwarded packet: the best round and the median one.
fn measure(viewers: usize, batch: usize) -> (Duration, Duration) {
    let per_round = (40_000 / viewers).clamp(80, 480) / batch * batch;
    let mut stage = Stage::new(viewers, WARM_UP + ROUNDS * per_round);
    stage.warm_up(WARM_UP, batch);
    let mut rounds: Vec<Duration> = (0..ROUNDS).map(|_| round(&mut stage, batch, per_round)).collect();
    rounds.sort();
    (rounds[0], rounds[ROUNDS / 2])
}

fn round(stage: &mut Stage, batch: usize, packets: usize) -> Duration {
    let before = stage.forwarded();
    let started = Instant::now();
    for _ in 0..packets / batch {
        stage.forward(batch);
    }
    let elapsed = started.elapsed();
    elapsed / u32::try_from(stage.forwarded() - before).expect("a bounded round")
}
