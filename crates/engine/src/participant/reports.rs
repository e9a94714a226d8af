//! What str0m reports of a connection every few seconds: consent, and totals of which the shard counts the
//! difference.

use std::time::Instant;

use str0m::media::{Mid, Rid};
use str0m::stats::{MediaEgressStats, MediaIngressStats, PeerStats};

use super::{LineWay, Participant};
use crate::Counters;

/// A running total that str0m reports now and then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Figure {
    NacksReceived,
    NacksSent,
    Resent,
}

type Key = (Mid, Option<Rid>, Figure);

/// The totals as last reported, so that the shard's counters can take the difference.
#[derive(Debug, Default)]
pub(super) struct Reported {
    totals: Vec<(Key, u64)>,
}

impl Reported {
    /// How much more than last time.
    fn advance(&mut self, key: Key, total: u64) -> u64 {
        match self.totals.iter_mut().find(|(known, _)| *known == key) {
            Some((_, last)) => total.saturating_sub(std::mem::replace(last, total.max(*last))),
            None => {
                self.totals.push((key, total));
                total
            }
        }
    }
}

impl Participant {
    /// Consent (RFC 7675) is an answer to a check of ours, matched by transaction; a pair that became the
    /// nominated one has just had one.
    pub(super) fn digest_peer_stats(&mut self, now: Instant, stats: &PeerStats) {
        let Some(pair) = &stats.selected_candidate_pair else { return };
        match pair.responses_received {
            // The pair has failed and its count is gone with it: nobody has answered.
            0 => self.last_response.1 = 0,
            answered if answered != self.last_response.1 => self.last_response = (now, answered),
            _ => {}
        }
    }

    pub(super) fn digest_egress(&mut self, stats: &MediaEgressStats, counters: &mut Counters) {
        let written = self.lines.iter().find_map(|line| match line.way {
            LineWay::Out { written, .. } if line.mid == stats.mid => Some(written),
            _ => None,
        });
        let resent = stats.packets.saturating_sub(written.unwrap_or(stats.packets));
        counters.nacks_in +=
            self.reported.advance((stats.mid, stats.rid, Figure::NacksReceived), stats.nacks);
        counters.rtx_out += self.reported.advance((stats.mid, stats.rid, Figure::Resent), resent);
    }

    pub(super) fn digest_ingress(&mut self, stats: &MediaIngressStats, counters: &mut Counters) {
        counters.nacks_out += self.reported.advance((stats.mid, stats.rid, Figure::NacksSent), stats.nacks);
    }
}
