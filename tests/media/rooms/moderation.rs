//! Moderation as media sees it: who is out gets nothing and sends nothing.

use std::time::{Duration, Instant};

use plenum_tests::room::{Joining, Member};
use plenum_tests::{Plenum, wait_until};
use serde_json::json;

use super::{SOON, cameras, wait_for_all_sights};
use crate::together;

#[test]
fn who_is_banned_sends_and_gets_nothing_more_and_may_not_return() {
    let _guard = together();
    let server = Plenum::dev();
    let members = cameras(&server, "stage", &["ada", "bob", "cleo"]);
    wait_for_all_sights(&members, &members, SOON);
    let (ada, bob, cleo) = (&members[0], &members[1], &members[2]);
    let banned_at = Instant::now();
    let reply = ada.request(json!({"type": "ban", "participant": "bob"}));
    assert_eq!(reply["type"], "ok", "{reply}");
    wait_until("bob is told", Duration::from_secs(1), || bob.view().closed.as_deref() == Some("banned"));
    wait_until("cleo is told", Duration::from_secs(1), || !cleo.view().participants.contains_key("bob"));
    wait_until("bob's media is over", Duration::from_secs(1), || bob.look(|account| account.over));
    assert!(banned_at.elapsed() < Duration::from_secs(1), "{:?}", banned_at.elapsed());
    [ada, bob, cleo].iter().for_each(|member| member.forget());
    wait_for_all_sights(&members[..1], &members[2..], SOON);
    assert_eq!(cleo.look(|account| account.video_packets_of(bob.marker)), 0);
    assert_eq!(bob.look(|account| account.video_packets_of(cleo.marker)), 0);
    let error = Member::try_join(&server, "stage", Joining::named("bob")).expect_err("bob is banned");
    assert_eq!(error["status"], 403, "{error}");
}

#[test]
fn who_is_kicked_sends_and_gets_nothing_more_and_may_not_return_at_once() {
    let _guard = together();
    let server = Plenum::dev();
    let members = cameras(&server, "stage", &["ada", "bob", "cleo"]);
    wait_for_all_sights(&members, &members, SOON);
    let (ada, bob, cleo) = (&members[0], &members[1], &members[2]);
    assert_eq!(ada.request(json!({"type": "kick", "participant": "bob"}))["type"], "ok");
    wait_until("bob's media is over", Duration::from_secs(1), || bob.look(|account| account.over));
    assert_eq!(bob.view().closed.as_deref(), Some("kicked"));
    wait_until("cleo's slot is empty", Duration::from_secs(1), || {
        cleo.view().slot_of("bob", "camera").is_none()
    });
    cleo.forget();
    wait_for_all_sights(&members[2..], &members[..1], SOON);
    assert_eq!(cleo.look(|account| account.video_packets_of(bob.marker)), 0);
    let error = Member::try_join(&server, "stage", Joining::named("bob")).expect_err("too soon");
    assert_eq!(error["status"], 403, "{error}");
}

#[test]
fn an_admin_mutes_somebody_and_only_they_unmute() {
    let _guard = together();
    let server = Plenum::dev();
    let members = cameras(&server, "stage", &["ada", "bob"]);
    wait_for_all_sights(&members, &members, SOON);
    let (ada, bob) = (&members[0], &members[1]);
    let reply = ada.request(json!({"type": "mute_participant", "participant": "bob"}));
    assert_eq!(reply["type"], "ok", "{reply}");
    wait_until("bob is out of the slots", Duration::from_secs(1), || ada.view().occupants().is_empty());
    ada.forget();
    let track = bob.own_track("camera");
    wait_until("bob knows", SOON, || bob.view().tracks.get(&track).is_some_and(|track| track.muted));
    assert_eq!(ada.look(|account| account.video_packets_of(bob.marker)), 0);
    ada.tell(json!({"type": "request_unmute", "participant": "bob"}));
    wait_until("bob is asked", SOON, || {
        bob.message(|message| message["type"] == "unmute_requested").is_some()
    });
    bob.mute("camera", false);
    wait_for_all_sights(&members[..1], &members[1..], SOON);
}
