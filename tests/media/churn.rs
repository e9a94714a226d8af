//! Coming and going: whatever a session takes, it gives back.

use std::time::Duration;

use plenum_tests::peer::{Media, Peer};
use plenum_tests::process::Stats;
use plenum_tests::{Plenum, offers, wait_until};

use crate::{alone, together};

const WARM_UP: usize = 200;
const CYCLES: usize = 1_000;
const ROOMS: usize = 4;
/// What the allocator may keep between two looks at memory.
const MEMORY_SLACK_KIB: u64 = 8 * 1_024;

/// `count` times: publish, view, one packet seen, both leave; in some rooms at a time.
fn cycle(server: &Plenum, count: usize) {
    std::thread::scope(|scope| {
        for room in 0..ROOMS {
            scope.spawn(move || {
                for _ in 0..count / ROOMS {
                    let name = format!("room-{room}");
                    let publisher = Peer::publish(server, &name, Media::default());
                    let viewer = Peer::watch(server, &name);
                    viewer.wait_for_video(1, Duration::from_secs(10));
                    viewer.leave();
                    publisher.leave();
                }
            });
        }
    });
}

/// The process once nobody is there. Keep-alive connections and idle threads go a little later.
fn at_rest(server: &Plenum, like: Option<Stats>) -> Stats {
    server.wait_until_empty(Duration::from_secs(5));
    if let Some(like) = like {
        wait_until("descriptors and threads are as before", Duration::from_secs(15), || {
            let stats = server.stats();
            stats.descriptors <= like.descriptors && stats.threads <= like.threads
        });
    }
    server.stats()
}

#[test]
fn a_thousand_publish_view_leave_cycles_leave_nothing_behind() {
    let _guard = alone();
    let server = Plenum::dev();
    cycle(&server, WARM_UP);
    let warm = at_rest(&server, None);
    cycle(&server, CYCLES / 2);
    let halfway = at_rest(&server, Some(warm));
    cycle(&server, CYCLES / 2);
    let end = at_rest(&server, Some(warm));
    println!("{warm:?}, then {halfway:?}, then {end:?}");
    assert!(end.memory_kib <= halfway.memory_kib + MEMORY_SLACK_KIB, "{halfway:?}, then {end:?}");
    let scrape = server.scrape();
    assert_eq!((scrape.sum("plenum_rooms"), scrape.sum("plenum_participants")), (0.0, 0.0));
    assert_eq!(scrape.sum("plenum_panics_total"), 0.0);
    scrape.assert_every_datagram_is_accounted_for();
}

#[test]
fn sessions_deleted_before_they_connect_leave_nothing_behind() {
    let _guard = together();
    let server = Plenum::dev();
    let post_and_delete = |count: usize| {
        for _ in 0..count {
            let created = server.request("POST", "/whip/studio").sdp(&offers::whip()).send().expect(201);
            server.request("DELETE", &created.location()).send().expect(200);
        }
    };
    post_and_delete(200);
    let warm = at_rest(&server, None);
    post_and_delete(1_000);
    let end = at_rest(&server, Some(warm));
    assert!(end.memory_kib <= warm.memory_kib + MEMORY_SLACK_KIB, "{warm:?}, then {end:?}");
}
