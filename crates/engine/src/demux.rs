//! Whom a datagram is for: by the address it comes from, once an ICE check has vouched for that address, or
//! by the username fragment of the check itself, which names a place.
//!
//! An address enters the table only after MESSAGE-INTEGRITY has been verified; before that, DTLS or RTP from it
//! is dropped, so that a forged ClientHello cannot touch a call that is being set up. STUN *responses* carry no
//! username: they are accepted also from addresses that the peer announced as candidates.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use plenum_model::{DropReason, Place, Ufrag};
use rustc_hash::FxHashMap;
use str0m::ice::StunMessage;

/// What the first bytes say a datagram is (RFC 7983).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    StunRequest,
    StunResponse,
    Dtls,
    Rtp,
    Rtcp,
}

/// Tells the kind of a datagram.
pub(crate) fn classify(contents: &[u8]) -> Option<Kind> {
    match contents {
        [0, 1, ..] if contents.len() >= 20 => Some(Kind::StunRequest),
        [1, 1 | 0x11, ..] if contents.len() >= 20 => Some(Kind::StunResponse),
        [20..=63, ..] if contents.len() >= 13 => Some(Kind::Dtls),
        [128..=191, second, ..] if contents.len() >= 12 => match second & 0x7f {
            64..=95 => Some(Kind::Rtcp),
            _ => Some(Kind::Rtp),
        },
        [128..=191, second, ..] if contents.len() >= 8 && (64..=95).contains(&(second & 0x7f)) => {
            Some(Kind::Rtcp)
        }
        _ => None,
    }
}

/// The place that a STUN request asks for.
pub(crate) fn requested_place(contents: &[u8]) -> Result<Place, DropReason> {
    let message = StunMessage::parse(contents).map_err(|_| DropReason::Malformed)?;
    let (local, _) = message.split_username().ok_or(DropReason::Malformed)?;
    Ufrag::place(local.as_bytes()).ok_or(DropReason::UnknownUfrag)
}

/// Whether a STUN request nominates the pair it is sent on.
pub(crate) fn nominates(contents: &[u8]) -> bool {
    StunMessage::parse(contents).is_ok_and(|message| message.use_candidate())
}

/// How long a vouched address stays with its participant when another one claims it: longer than the interval
/// of consent checks, so that nobody takes a living participant's address, and short enough that a client that
/// reuses the port of a dead one gets through.
const CLAIM_AGE: Duration = Duration::from_secs(10);

#[derive(Debug, Clone, Copy)]
struct Entry {
    slot: u32,
    vouched_at: Option<Instant>,
}

/// The address table of a shard.
#[derive(Debug, Default)]
pub(crate) struct AddressTable {
    entries: FxHashMap<SocketAddr, Entry>,
}

impl AddressTable {
    /// Who sends DTLS, RTP and RTCP from `source`.
    pub fn vouched(&self, source: &SocketAddr) -> Option<u32> {
        self.entries.get(source).filter(|entry| entry.vouched_at.is_some()).map(|entry| entry.slot)
    }

    /// Who may answer our checks from `source`.
    pub fn known(&self, source: &SocketAddr) -> Option<u32> {
        self.entries.get(source).map(|entry| entry.slot)
    }

    /// A check from `source` was verified as `slot`'s. Returns whether the address is `slot`'s now.
    pub fn vouch(&mut self, now: Instant, source: SocketAddr, slot: u32) -> bool {
        let entry = self.entries.entry(source).or_insert(Entry { slot, vouched_at: None });
        let is_anothers = entry.slot != slot
            && entry.vouched_at.is_some_and(|at| now.saturating_duration_since(at) < CLAIM_AGE);
        if !is_anothers {
            *entry = Entry { slot, vouched_at: Some(now) };
        }
        !is_anothers
    }

    /// `slot` announced `source` as a candidate.
    pub fn expect(&mut self, source: SocketAddr, slot: u32) -> bool {
        self.entries.entry(source).or_insert(Entry { slot, vouched_at: None }).slot == slot
    }

    /// Forgets an address of `slot`.
    pub fn forget(&mut self, source: &SocketAddr, slot: u32) {
        if self.entries.get(source).is_some_and(|entry| entry.slot == slot) {
            self.entries.remove(source);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_first_byte_and_length_is_classified_without_a_panic() {
        for first in 0..=255_u8 {
            for len in 0..=40 {
                let datagram: Vec<u8> = std::iter::once(first).cycle().take(len).collect();
                let kind = classify(&datagram);
                assert!(kind.is_none() || len >= 8, "{first} x {len}");
                let _ = requested_place(&datagram);
            }
        }
    }

    #[test]
    fn an_announced_address_may_answer_checks_but_not_send_media() {
        let (mut table, now) = (AddressTable::default(), Instant::now());
        let addr = "192.0.2.1:9".parse().unwrap();
        assert!(table.expect(addr, 4));
        assert_eq!((table.known(&addr), table.vouched(&addr)), (Some(4), None));
        assert!(table.vouch(now, addr, 4));
        assert_eq!(table.vouched(&addr), Some(4));
    }

    #[test]
    fn a_living_participants_address_cannot_be_claimed_and_a_dead_ones_can() {
        let (mut table, now) = (AddressTable::default(), Instant::now());
        let addr = "192.0.2.1:9".parse().unwrap();
        assert!(table.vouch(now, addr, 1));
        assert!(!table.expect(addr, 2));
        assert!(!table.vouch(now + Duration::from_secs(3), addr, 2));
        assert_eq!(table.vouched(&addr), Some(1));
        table.forget(&addr, 2);
        assert_eq!(table.vouched(&addr), Some(1));
        assert!(table.vouch(now + CLAIM_AGE, addr, 2));
        assert_eq!(table.vouched(&addr), Some(2));
    }
}
