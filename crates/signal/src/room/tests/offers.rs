//! Offers of participants: the guard with the limits of rooms, and what their lines may be.

use plenum_model::{Allowed, MediaOffer};

use super::super::{check_grants, read_offer};
use super::{CHROMIUM, FIREFOX};
use crate::Slug;

fn read(sdp: &str) -> MediaOffer {
    read_offer(sdp).unwrap_or_else(|problem| panic!("{problem}"))
}

/// As many recvonly copies of the m-section at `mid` as asked for, with mids of their own.
fn with_copies(sdp: &str, mid: &str, copies: usize) -> String {
    let sections: Vec<_> = sdp.split("\r\nm=").collect();
    let section = sections.iter().find(|section| section.contains(&format!("\r\na=mid:{mid}"))).unwrap();
    // An SSRC is one line's own.
    let lines: Vec<_> = section.split("\r\n").filter(|line| !line.starts_with("a=ssrc")).collect();
    let section = lines.join("\r\n");
    let mut text = sdp.trim_end().to_owned();
    let mut names = String::new();
    for copy in 0..copies {
        text += &format!("\r\nm={}", section.replace(&format!("a=mid:{mid}"), &format!("a=mid:copy{copy}")));
        names += &format!(" copy{copy}");
    }
    text += "\r\n";
    let bundle = sdp.lines().find(|line| line.starts_with("a=group:BUNDLE")).unwrap();
    text.replace(bundle, &format!("{bundle}{names}"))
}

#[test]
fn what_browsers_offer_in_a_room_is_taken() {
    for sdp in [CHROMIUM, FIREFOX] {
        let offer = read(sdp);
        assert!(offer.lines.iter().any(|line| line.direction.sends() && line.kind.is_some()));
        assert!(offer.lines.iter().any(|line| line.direction.receives() && line.kind.is_some()));
        assert_eq!(offer.lines.iter().filter(|line| line.kind.is_none()).count(), 1);
    }
}

#[test]
fn a_line_goes_one_way() {
    let problem = read_offer(&CHROMIUM.replacen("a=sendonly", "a=sendrecv", 1)).unwrap_err();
    assert_eq!(problem.slug(), Slug::UnsupportedOffer);
    assert_eq!(problem.detail(), "line \"0\" is sendrecv: each line of a participant goes one way");
}

#[test]
fn an_offer_has_at_most_48_slots() {
    // Chromium's lines are so many that its offers end at 6,000 of them before.
    let offer = read(FIREFOX);
    let slots: Vec<_> =
        offer.lines.iter().filter(|line| line.kind.is_some() && line.direction.receives()).collect();
    let more = |slots_then: usize| with_copies(FIREFOX, &slots[0].mid, slots_then - slots.len());
    assert_eq!(read(&more(48)).lines.len(), offer.lines.len() + 48 - slots.len());
    let problem = read_offer(&more(49)).unwrap_err();
    assert_eq!(problem.detail(), "the offer has 49 lines that it receives on, at most 48 are taken");
}

#[test]
fn an_offer_beyond_256_kib_is_413() {
    let sdp = format!("{CHROMIUM}{}", "a=x\r\n".repeat(60_000));
    assert_eq!(read_offer(&sdp).unwrap_err().slug(), Slug::BodyTooLarge);
}

#[test]
fn sending_and_receiving_need_their_grants() {
    let offer = read(CHROMIUM);
    let check = |publish, subscribe, known: bool| {
        check_grants(&offer, Allowed { publish, subscribe, data: true }, |_| known)
    };
    assert_eq!(check(true, true, false), Ok(()));
    let problem = check(false, true, false).unwrap_err();
    assert_eq!(
        (problem.status().as_u16(), problem.detail()),
        (403, "line \"0\" sends, which needs canPublish")
    );
    let problem = check(true, false, false).unwrap_err();
    assert_eq!(
        (problem.status().as_u16(), problem.detail()),
        (403, "line \"2\" receives, which needs canSubscribe")
    );
    // What was granted before stays in the SDP.
    assert_eq!(check(false, false, true), Ok(()));
}
