//! The path to the peer: where media goes, how it follows a peer that moves, and how many checks are worth
//! looking at.
//!
//! A NAT that rebinds gives a peer another address in mid-call. Its checks then come from there and nominate
//! the new pair (RFC 8445, section 7.3.1.5), but str0m keeps to the nominated pair of the highest priority until
//! that one has failed, up to 23 s later. So the old pair is given up as soon as the peer has nominated another,
//! has answered a check of ours there, and has been silent at its old address for a while.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use plenum_model::limits;
use str0m::Candidate;

use super::{Participant, negotiate};

/// How long the old address of a peer must have been silent: longer than the pauses between the reports of a
/// viewer that receives media, since a peer that nominates several pairs at once must not be made to hop.
const SILENCE: Duration = Duration::from_millis(1_000);

/// See the module.
#[derive(Debug)]
pub(super) struct Path {
    destination: Option<SocketAddr>,
    /// When anything last came from there.
    heard_at: Instant,
    /// Where the peer last nominated.
    nominee: Option<SocketAddr>,
    /// The checks of this second, from addresses already vouched for and from others: strangers can use up
    /// what is meant for strangers only.
    checks: [(Instant, u32); 2],
}

impl Path {
    pub fn new(now: Instant) -> Self {
        Self { destination: None, heard_at: now, nominee: None, checks: [(now, 0); 2] }
    }

    /// Media was sent to `destination`.
    pub fn sent_to(&mut self, now: Instant, destination: SocketAddr) {
        if self.destination.replace(destination) != Some(destination) {
            self.heard_at = now;
        }
    }

    /// Something came from `source`.
    pub fn heard(&mut self, now: Instant, source: SocketAddr) {
        if self.destination == Some(source) {
            self.heard_at = now;
        }
    }

    /// The address that the peer has left, given that it answered a check at `source`.
    fn left_behind(&self, now: Instant, source: SocketAddr) -> Option<SocketAddr> {
        let is_silent = now.saturating_duration_since(self.heard_at) >= SILENCE;
        self.destination.filter(|old| *old != source && self.nominee == Some(source) && is_silent)
    }
}

impl Participant {
    /// Where media goes to.
    pub fn destination(&self) -> Option<SocketAddr> {
        self.path.destination
    }

    /// Whether one more STUN message may be handled in this second.
    pub fn may_handle_stun(&mut self, now: Instant, is_vouched: bool) -> bool {
        let (since, count) = &mut self.path.checks[usize::from(is_vouched)];
        if now.saturating_duration_since(*since).as_secs() >= 1 {
            (*since, *count) = (now, 0);
        }
        *count += 1;
        *count <= limits::STUN_PER_SECOND
    }

    /// A verified check from `source` nominated it.
    pub fn hear_nomination(&mut self, source: SocketAddr) {
        self.path.nominee = Some(source);
    }

    /// A check of ours was answered from `source`. To be called before the answer is handled.
    pub fn hear_answer(&mut self, now: Instant, source: SocketAddr) {
        if self.connected
            && let Some(old) = self.path.left_behind(now, source)
            && let Ok(candidate) = Candidate::host(old, "udp")
        {
            tracing::debug!(place = ?self.place, %old, %source, "the peer has moved");
            // Adding it first turns one learnt from checks into one that can be named; adding it again, without
            // its nomination, lets the peer come back.
            negotiate::add_remote_candidates(&mut self.rtc, &[old]);
            self.rtc.direct_api().invalidate_candidate(&candidate);
            negotiate::add_remote_candidates(&mut self.rtc, &[old]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_has_moved_when_it_nominated_elsewhere_and_its_old_address_is_silent() {
        let start = Instant::now();
        let [old, new, other]: [SocketAddr; 3] = [1, 2, 3].map(|port| ([192, 0, 2, 1], port).into());
        let mut path = Path::new(start);
        path.sent_to(start, old);
        path.nominee = Some(new);
        assert_eq!(path.left_behind(start + SILENCE / 2, new), None, "not silent for long");
        assert_eq!(path.left_behind(start + SILENCE, new), Some(old));
        assert_eq!(path.left_behind(start + SILENCE, other), None, "not nominated");
        assert_eq!(path.left_behind(start + SILENCE, old), None, "still there");
        path.heard(start + SILENCE, old);
        assert_eq!(path.left_behind(start + SILENCE, new), None, "heard again");
    }
}
