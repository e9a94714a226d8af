//! Nothing on the path of a forwarded packet allocates beyond what str0m itself does.
//!
//! The shard is compared with bare `Rtc`s that are given the same writes: what one more viewer costs the shard per
//! packet is what the packet costs str0m. What a packet costs on its way in is paid once, for all viewers.
#![allow(unsafe_code)] // an allocator that counts
#![allow(clippy::disallowed_methods)]

#[path = "../crates/engine/tests/pair/mod.rs"]
mod pair;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::time::{Duration, Instant};

use pair::Pair;
use plenum_benches::Stage;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn count() {
    ALLOCATIONS.set(ALLOCATIONS.get() + 1);
}

// SAFETY: everything is passed on to the system's allocator as it is. The counter has neither a destructor nor a
// lazy initialiser, so touching it allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller's promises are those that `System` asks for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: as above.
        unsafe { System.realloc(pointer, layout, size) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }
}

fn allocations_in(work: impl FnOnce()) -> u64 {
    let before = ALLOCATIONS.get();
    work();
    ALLOCATIONS.get() - before
}

/// Batches that are looked at: less than a second of them.
const ROUNDS: usize = 24;
const FRAME: Duration = Duration::from_millis(32);

/// Of the allocations of several batches those of the quietest: without reports, statistics and buffers that grow.
fn quietest(batches: impl Iterator<Item = u64>) -> u64 {
    batches.min().expect("at least one batch")
}

/// Allocations of the shard per batch of `k` packets to `viewers`.
fn of_shard(viewers: usize, k: usize) -> u64 {
    const WARM_UP: usize = 80;
    let mut stage = Stage::new(viewers, WARM_UP + ROUNDS * k);
    stage.warm_up(WARM_UP, k);
    quietest((0..ROUNDS).map(|_| {
        let mut sent = 0;
        let allocations = allocations_in(|| sent = stage.forward(k));
        assert!(sent >= viewers * k, "{sent} datagrams for {viewers} viewers");
        allocations
    }))
}

/// Allocations of a bare `Rtc` per batch of `k` packets: `k` writes, one `Timeout`, one drain.
fn of_str0m(k: usize) -> u64 {
    let mut pair = Pair::connected(Instant::now(), false);
    let mut out = Vec::with_capacity(64);
    quietest((0..3 * ROUNDS).map(|_| {
        let allocations = allocations_in(|| {
            pair.write(k);
            pair.give_time(&mut out);
        });
        assert!(out.len() >= k);
        pair.deliver(std::mem::replace(&mut out, Vec::with_capacity(64)));
        pair.run_for(FRAME);
        allocations
    }))
}

#[test]
fn a_forwarded_packet_allocates_what_str0m_does_and_nothing_else() {
    for k in [1, 8] {
        let (few, many) = (of_shard(10, k), of_shard(30, k));
        let per_viewer = (many - few) as f64 / 20.0;
        let of_str0m = of_str0m(k);
        let once = few as f64 - 10.0 * per_viewer;
        println!(
            "batch of {k}: per viewer {per_viewer}, of them str0m's {of_str0m}; once per batch {once} ({} per packet)",
            once / k as f64
        );
        assert_eq!(per_viewer, of_str0m as f64, "allocations per viewer and batch of {k}");
        assert!(once <= 4.0 * k as f64, "{once} allocations per batch of {k} however many viewers there are");
    }
}

#[test]
fn allocations_are_seen() {
    assert_eq!(allocations_in(|| drop(std::hint::black_box(Box::new(1)))), 1);
}
