//! The sums of `/metrics`: in every scrape, received = handled + dropped.

use std::net::UdpSocket;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use plenum_tests::peer::{Media, Peer};
use plenum_tests::{Plenum, wait_until};

use crate::together;

#[test]
fn every_datagram_is_accounted_for_in_every_scrape() {
    let _guard = together();
    let server = Plenum::dev();
    let publisher = Peer::publish(&server, "stage", Media::default());
    let viewers = [Peer::watch(&server, "stage"), Peer::watch(&server, "stage")];
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
            while !stop.load(Ordering::Relaxed) {
                let _ = socket.send_to(b"\x80 neither here nor there", server.ready.media[0]);
                std::thread::sleep(Duration::from_millis(1));
            }
        });
        let (mut last, mut different) = (0.0, 0);
        wait_until("thirty different scrapes", Duration::from_secs(60), || {
            let scrape = server.scrape();
            scrape.assert_every_datagram_is_accounted_for();
            let received = scrape.sum("plenum_datagrams_received_total");
            different += usize::from(received > last);
            last = received;
            different == 30
        });
        stop.store(true, Ordering::Relaxed);
    });
    let scrape = server.scrape();
    assert!(scrape.sum_where("plenum_dropped_total", &[("stage", "ingress")]) > 0.0);
    assert_eq!(scrape.sum_where("plenum_sessions", &[("kind", "whep")]), 2.0);
    drop((publisher, viewers));
}

#[test]
fn forwarded_packets_are_received_times_viewers() {
    let _guard = together();
    let server = Plenum::dev();
    let publisher = Peer::publish(&server, "stage", Media::default());
    let viewers: Vec<Peer> = (0..3).map(|_| Peer::watch(&server, "stage")).collect();
    for viewer in &viewers {
        viewer.wait_for_video(100, Duration::from_secs(10));
    }
    let sent = publisher.seen().video_sent;
    publisher.leave();
    wait_until("the forwarded packets are counted", Duration::from_secs(5), || {
        let received: usize =
            viewers.iter().map(|v| v.seen()).map(|s| s.video.counts.len() + s.audio.counts.len()).sum();
        server.scrape().sum("plenum_packets_forwarded_total") >= received as f64
    });
    assert!(viewers.iter().all(|viewer| viewer.seen().video.duplicates == 0));
    assert!(server.scrape().sum("plenum_bytes_forwarded_total") > f64::from(sent) * 600.0);
}
