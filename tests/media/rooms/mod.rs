//! Rooms, with native participants: who sees, hears and may do what.

mod company;
mod data;
mod grants;
mod moderation;
mod slots;
mod streams;

use std::time::{Duration, Instant};

use plenum_tests::room::{Joining, Member};
use plenum_tests::{Plenum, wait_until};

/// For what a person would call at once.
const AT_ONCE: Duration = Duration::from_secs(2);
/// For what has no deadline of its own.
const SOON: Duration = Duration::from_secs(10);

/// Members of `room` with a camera each.
fn cameras(server: &Plenum, room: &str, names: &[&str]) -> Vec<Member> {
    names.iter().map(|name| Member::join(server, room, Joining::named(name).camera())).collect()
}

/// Waits until `member` gets fresh video of `other`.
#[track_caller]
fn wait_for_sight(member: &Member, other: &Member, within: Duration) {
    let since = Instant::now();
    let what = format!("{} sees {}", member.identity, other.identity);
    wait_until(&what, within, || member.look(|account| account.has_video_of(other.marker, since)));
}

/// Waits until everybody with a slot for it sees everybody in `senders`.
#[track_caller]
fn wait_for_all_sights(members: &[Member], senders: &[Member], within: Duration) {
    let until = Instant::now() + within;
    for member in members {
        for sender in senders.iter().filter(|sender| sender.identity != member.identity) {
            wait_for_sight(member, sender, until.saturating_duration_since(Instant::now()));
        }
    }
}

/// Panics unless every video slot that is said to hold a track of one of `members` got that last, and each
/// track is in one slot only. Returns how many slots were looked at.
#[track_caller]
fn assert_slots_hold_what_was_said(member: &Member, members: &[Member]) -> usize {
    let (view, account) = (member.view(), member.account());
    let occupants = view.occupants();
    for (mid, track) in &occupants {
        let sender = members.iter().find(|other| other.identity == track.participant);
        let sender = sender.unwrap_or_else(|| panic!("{track:?} in slot {mid} is nobody's"));
        let last = account.slots[mid].last.unwrap_or_else(|| panic!("nothing came in slot {mid}"));
        let who = &member.identity;
        assert_eq!(last.marker, sender.marker, "slot {mid} of {who} is said to hold {track:?}");
        assert_ne!(track.participant, member.identity, "{who} sees itself");
        let doubles = occupants.values().filter(|other| *other == track).count();
        assert_eq!(doubles, 1, "{track:?} is in {doubles} slots of {who}");
    }
    occupants.len()
}
