//! WHIP and WHEP beside the room protocol: streams are participants, participants can be watched.

use std::time::Duration;

use plenum_tests::peer::{Media, Peer, Prepared};
use plenum_tests::room::{Joining, Member};
use plenum_tests::{Plenum, wait_until};

use super::{AT_ONCE, SOON, cameras, wait_for_sight};
use crate::together;

#[test]
fn a_whip_publisher_is_a_participant_whose_video_is_in_a_slot() {
    let _guard = together();
    let server = Plenum::dev();
    let ada = Member::join(&server, "stage", Joining::named("ada").camera());
    let request = server.request("POST", "/whip/stage?participant=obs");
    let stream = Prepared::publisher().start(request, Some(Media::default()));
    stream.wait_until_connected();
    let bob = Member::join(&server, "stage", Joining::named("bob"));
    for member in [&ada, &bob] {
        let what = format!("{} sees the stream", member.identity);
        wait_until(&what, SOON, || member.look(|account| account.video_packets_of(stream.marker) > 30));
        let view = member.view();
        assert_eq!(view.participants["obs"]["kind"], "whip", "{:?}", view.participants);
        assert!(view.slot_of("obs", "camera").is_some(), "{:?}", view.slots);
        let account = member.account();
        assert_eq!((account.missing(), account.duplicates()), (0, 0));
    }
    stream.leave();
    for member in [&ada, &bob] {
        wait_until("it is gone", AT_ONCE, || {
            !member.view().participants.contains_key("obs")
                && member.view().slot_of("obs", "camera").is_none()
        });
    }
}

#[test]
fn a_participant_is_watched_over_whep() {
    let _guard = together();
    let server = Plenum::dev();
    let members = cameras(&server, "stage", &["ada", "bob"]);
    wait_for_sight(&members[0], &members[1], SOON);
    for member in &members {
        let request = server.request("POST", &format!("/whep/stage/{}", member.identity));
        let viewer = Prepared::viewer().start(request, None);
        viewer.wait_until_connected();
        viewer.wait_for_video(30, SOON);
        let seen = viewer.seen();
        assert!(seen.video.markers.iter().eq([&member.marker]), "{}", member.identity);
        assert_eq!(seen.video.missing(), 0);
        assert!(!seen.audio.counts.is_empty() && seen.audio.markers.iter().eq([&member.marker]));
    }
    assert!(members.iter().all(|member| member.view().participants.len() == 1), "viewers are not announced");
}

#[test]
fn whep_without_a_name_follows_who_speaks() {
    let _guard = together();
    let server = Plenum::dev();
    let members = cameras(&server, "stage", &["ada", "bob"]);
    wait_for_sight(&members[0], &members[1], SOON);
    let viewer = Peer::watch(&server, "stage");
    for speaker in [1, 0, 1] {
        members[speaker].speak(true);
        viewer.forget();
        wait_until("the speaker is watched", Duration::from_secs(15), || {
            let seen = viewer.seen();
            seen.video.markers.last().is_some() && {
                viewer.forget();
                std::thread::sleep(Duration::from_millis(500));
                viewer.seen().video.markers.iter().eq([&members[speaker].marker])
            }
        });
        members[speaker].speak(false);
    }
}
