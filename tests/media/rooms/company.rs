//! What others notice of coming and going: nothing.

use std::time::Duration;

use plenum_tests::Plenum;
use plenum_tests::room::{Joining, Member};

use super::{SOON, cameras, wait_for_all_sights};
use crate::alone;

#[test]
fn while_twenty_come_and_go_nobody_exchanges_sdp_and_no_video_stands_still() {
    let _guard = alone();
    let server = Plenum::dev();
    let members = cameras(&server, "hall", &["ada", "bob", "cleo"]);
    wait_for_all_sights(&members, &members, SOON);
    members.iter().for_each(Member::forget);
    for round in 0..5 {
        let name = |i| format!("guest-{round}-{i}");
        let guests: Vec<Member> =
            (0..4).map(|i| Member::join(&server, "hall", Joining::named(&name(i)).camera())).collect();
        for (i, guest) in guests.into_iter().enumerate() {
            if i % 2 == 0 { guest.leave() } else { drop(guest) }
        }
    }
    for member in &members {
        let account = member.account();
        for other in members.iter().filter(|other| other.identity != member.identity) {
            let flows = account.videos().filter_map(|(_, slot)| slot.flows.get(&other.marker));
            let (gaps, missing): (Vec<Duration>, Vec<usize>) =
                flows.map(|flow| (flow.longest_gap, flow.missing())).unzip();
            assert!(gaps.iter().all(|gap| *gap < Duration::from_secs(1)), "{gaps:?}");
            assert_eq!(
                (gaps.len(), missing.iter().sum::<usize>()),
                (1, 0),
                "one slot all the time, nothing lost"
            );
        }
        let view = member.view();
        assert_eq!((view.offers, view.answers), (1, 1));
        assert!(view.messages.iter().all(|message| message["type"] != "offer"));
    }
    wait_for_all_sights(&members, &members, SOON);
}
