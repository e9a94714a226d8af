//! Loss on the way to viewers, made up for by retransmission.

use std::time::Duration;

use plenum_tests::peer::{Media, Peer};
use plenum_tests::proxy::LossyProxy;
use plenum_tests::{Options, Plenum, seed, wait_until};

use crate::alone;

const PACKETS: usize = 5_000;
/// Packets at the end whose retransmission may still be on its way: one second's.
const UNDER_WAY: u32 = 250;

#[test]
fn five_percent_loss_leaves_at_most_one_in_a_thousand_missing() {
    let _guard = alone();
    let proxy = LossyProxy::bind(0.05, seed());
    let options = Options::default().environment("PLENUM_MEDIA__ADVERTISE", proxy.address.to_string());
    let server = Plenum::start(options);
    proxy.run(server.ready.media[0]);
    let media = Media { video_rate: 250, video_bytes: 1_000, audio_rate: 50 };
    let _publisher = Peer::publish(&server, "stage", media);
    let viewers: Vec<Peer> = (0..2).map(|_| Peer::watch(&server, "stage")).collect();
    let arrived = |viewer: &Peer| viewer.seen().video.counts.len();
    wait_until("enough packets arrive", Duration::from_secs(60), || {
        viewers.iter().all(|viewer| arrived(viewer) >= PACKETS)
    });
    let (passed, lost) = proxy.passed_and_lost();
    let share = lost as f64 / (passed + lost) as f64;
    assert!((0.03..0.07).contains(&share), "the proxy lost {share} of {}", passed + lost);
    for viewer in &viewers {
        let counts = viewer.seen().video.counts;
        let (first, end) = (counts.first().unwrap(), counts.last().unwrap() - UNDER_WAY);
        let expected = (end - first) as usize;
        let missing = expected - counts.range(first..&end).count();
        println!("{missing} of {expected} missing");
        assert!(missing * 1_000 <= expected, "{missing} of {expected} missing");
    }
    assert!(server.scrape().sum("plenum_rtx_total") > 0.0);
}
