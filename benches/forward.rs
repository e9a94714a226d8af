//! What a forwarded packet costs the engine alone: from a publisher's protected packet to protected packets for
//! N viewers, without sockets.
//!
//! `cargo bench --bench forward` prints nanoseconds per forwarded packet (the best and the median of `--rounds R`).
//! With `--once N BATCH PACKETS` it forwards just that, for callgrind:
//!
//! ```text
//! valgrind --tool=callgrind --toggle-collect='*Stage::forward*' forward --once 100 8 248
//! ```

use std::time::{Duration, Instant};

use plenum_benches::Stage;

const VIEWERS: [usize; 4] = [1, 10, 100, 500];
const BATCHES: [usize; 2] = [1, 8];
/// Rounds if not told otherwise.
const ROUNDS: usize = 7;
/// Packets that a stage may be asked for.
const MOST_PACKETS: usize = 4_000;
/// Packets to warm up with, so that the processor's caches are as full as they are in service.
const WARM_UP: usize = 80;

/// The server's allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    // cargo adds `--bench`.
    let behind = |flag: &str| {
        let at = arguments.iter().position(|argument| argument == flag)?;
        Some(arguments[at + 1..].iter().map(|n| n.parse().expect("a number")).collect::<Vec<usize>>())
    };
    match (behind("--once"), behind("--rounds")) {
        (Some(numbers), _) => once(&numbers),
        (None, Some(numbers)) => table(*numbers.first().expect("--rounds N")),
        (None, None) => table(ROUNDS),
    }
}

fn once(numbers: &[usize]) {
    let [viewers, batch, packets] = *numbers else { panic!("--once VIEWERS BATCH PACKETS") };
    let mut stage = Stage::new(viewers, WARM_UP + packets);
    stage.warm_up(WARM_UP, batch);
    let before = stage.forwarded();
    while stage.left() >= batch {
        stage.forward(batch);
    }
    println!("forwarded {}", stage.forwarded() - before);
}

fn table(rounds: usize) {
    println!("{:>8} {:>6} {:>12} {:>12}", "viewers", "batch", "best ns", "median ns");
    for viewers in VIEWERS {
        for batch in BATCHES {
            let (best, median) = measure(viewers, batch, rounds);
            println!("{viewers:>8} {batch:>6} {:>12} {:>12}", best.as_nanos(), median.as_nanos());
        }
    }
}

/// Nanoseconds per forwarded packet: the best round and the median one.
fn measure(viewers: usize, batch: usize, rounds: usize) -> (Duration, Duration) {
    let wanted = (40_000 / viewers).clamp(80, 480);
    let per_round = wanted.min((MOST_PACKETS - WARM_UP) / rounds) / batch * batch;
    let mut stage = Stage::new(viewers, WARM_UP + rounds * per_round);
    stage.warm_up(WARM_UP, batch);
    let mut rounds: Vec<Duration> = (0..rounds).map(|_| round(&mut stage, batch, per_round)).collect();
    rounds.sort();
    (rounds[0], rounds[rounds.len() / 2])
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
