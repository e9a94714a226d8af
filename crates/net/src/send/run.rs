//! Which datagrams may leave as one message: neighbours for one destination and of one size, of which the last
//! may be shorter. Neighbours only: the engine's batch keeps each participant's datagrams together already, and
//! looking further would cost more than it finds.

use plenum_engine::Transmit;
use plenum_model::limits;

/// What fits into one IPv4 packet behind its header and UDP's; IPv6 has more room.
const MESSAGE_BYTES: usize = 65_535 - 20 - 8;

/// The runs of a sequence of datagrams, in order and without gaps.
pub(super) struct Runs<'a> {
    rest: &'a [Transmit],
    longest: usize,
}

impl<'a> Runs<'a> {
    /// As long as can be.
    pub(super) fn long(transmits: &'a [Transmit]) -> Self {
        Self { rest: transmits, longest: limits::SEGMENTS_PER_MESSAGE }
    }

    /// Of one datagram each.
    pub(super) fn of_one(transmits: &'a [Transmit]) -> Self {
        Self { rest: transmits, longest: 1 }
    }

    /// Length of the next one; 0 at the end.
    pub(super) fn next_len(&self) -> usize {
        let Some((first, others)) = self.rest.split_first() else { return 0 };
        let size = first.contents.len();
        if !may_share(first) {
            return 1;
        }
        let most = self.longest.min(MESSAGE_BYTES / size);
        let mut len = 1;
        for next in others {
            let fits = next.destination == first.destination && next.contents.len() <= size;
            if len >= most || !fits || !may_share(next) {
                break;
            }
            len += 1;
            if next.contents.len() < size {
                break;
            }
        }
        len
    }
}

impl<'a> Iterator for Runs<'a> {
    type Item = &'a [Transmit];

    fn next(&mut self) -> Option<Self::Item> {
        let (run, rest) = self.rest.split_at(self.next_len());
        self.rest = rest;
        (!run.is_empty()).then_some(run)
    }
}

/// DTLS and STUN go alone (RFC 7983 tells them by their first byte): they are few, they must arrive for anything
/// else to, and not everything on the way treats them well when they come glued together.
fn may_share(transmit: &Transmit) -> bool {
    transmit.contents.first().is_some_and(|first| *first >= 64)
}

#[cfg(test)]
mod tests {
    use plenum_engine::Class;

    use super::*;

    const RTP: u8 = 0x80;

    fn transmit(port: u16, first: u8, len: usize) -> Transmit {
        let mut contents = vec![0; len];
        contents.iter_mut().take(1).for_each(|byte| *byte = first);
        Transmit { destination: ([192, 0, 2, 1], port).into(), class: Class::Video, contents }
    }

    /// How long the runs of RTP datagrams of these sizes are, all for one destination.
    fn runs(sizes: &[usize]) -> Vec<usize> {
        let transmits: Vec<_> = sizes.iter().map(|len| transmit(1, RTP, *len)).collect();
        Runs::long(&transmits).map(<[_]>::len).collect()
    }

    #[test]
    fn a_shorter_datagram_is_the_last_of_its_run_and_a_longer_one_the_first_of_the_next() {
        assert_eq!(runs(&[1_200, 1_200, 1_200]), [3]);
        assert_eq!(runs(&[1_200, 1_200, 100, 1_200, 1_200]), [3, 2]);
        assert_eq!(runs(&[1_200, 100, 100]), [2, 1]);
        assert_eq!(runs(&[1_199, 1_199, 1_200, 1_200]), [2, 2]);
        assert_eq!(runs(&[1, 2, 3]), [1, 1, 1]);
        assert!(runs(&[]).is_empty());
    }

    #[test]
    fn a_run_is_no_longer_than_a_message_may_be_in_datagrams_and_in_bytes() {
        assert_eq!(runs(&[1_200; 40]), [16, 16, 8]);
        assert_eq!(runs(&[6_000; 16]), [10, 6]);
        assert_eq!(runs(&[40_000; 2]), [1, 1]);
        assert_eq!(runs(&[70_000; 2]), [1, 1]);
        assert_eq!(MESSAGE_BYTES / 10, 6_550);
        assert_eq!(runs(&[6_550; 11]), [10, 1]);
        assert_eq!(runs(&[6_551; 11]), [9, 2]);
    }

    #[test]
    fn dtls_and_stun_and_empty_datagrams_go_alone() {
        for first in [0, 1, 3, 20, 22, 63] {
            let transmits = [RTP, RTP, first, RTP, RTP, first, first].map(|first| transmit(1, first, 100));
            let lens: Vec<_> = Runs::long(&transmits).map(<[_]>::len).collect();
            assert_eq!(lens, [2, 1, 2, 1, 1], "{first}");
        }
        assert_eq!(runs(&[9, 0, 9, 9]), [1, 1, 2]);
    }

    #[test]
    fn a_run_has_one_destination() {
        let transmits = [1, 1, 2, 2, 1].map(|port| transmit(port, RTP, 100));
        assert_eq!(Runs::long(&transmits).map(<[_]>::len).collect::<Vec<_>>(), [2, 2, 1]);
    }

    #[test]
    fn runs_of_one_are_of_one() {
        let transmits = [1, 1, 1].map(|port| transmit(port, RTP, 100));
        assert_eq!(Runs::of_one(&transmits).map(<[_]>::len).collect::<Vec<_>>(), [1, 1, 1]);
    }
}
