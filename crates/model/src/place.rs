//! A participant's place in the server, and the ICE username fragment that names it.
//!
//! Each datagram of a new peer carries, in its first STUN check, a ufrag that we chose: it says which
//! shard, which slot there and which tenant of that slot is meant, so that demultiplexing needs no map.

use std::fmt;

use crate::limits;

/// Where a participant sits: shard, slot of that shard, and which tenant of the slot this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place {
    /// The shard's number, from 0.
    pub shard: u16,
    /// The index into the shard's participants.
    pub slot: u32,
    /// Counts the tenants of the slot, so that what is meant for a former one does not reach the next.
    pub epoch: u32,
}

/// A local ICE username fragment: 26 hex digits, `shard(4) slot(6) epoch(8) random(8)`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Ufrag([u8; Self::LEN]);

impl Ufrag {
    /// Length in characters.
    pub const LEN: usize = 26;

    /// Names `place`; `random` tells one ICE generation (restart) from the next.
    pub fn new(place: Place, random: u32) -> Self {
        let mut text = [0; Self::LEN];
        put_hex(&mut text[0..4], place.shard.into());
        put_hex(&mut text[4..10], place.slot);
        put_hex(&mut text[10..18], place.epoch);
        put_hex(&mut text[18..26], random);
        Self(text)
    }

    /// The place that a ufrag names, or `None` if it is not one of ours.
    pub fn place(ufrag: &[u8]) -> Option<Place> {
        if ufrag.len() != Self::LEN {
            return None;
        }
        get_hex(&ufrag[18..26])?;
        Some(Place {
            shard: get_hex(&ufrag[0..4])? as u16,
            slot: get_hex(&ufrag[4..10])?,
            epoch: get_hex(&ufrag[10..18])?,
        })
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("hex digits")
    }
}

impl fmt::Display for Ufrag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

fn put_hex(out: &mut [u8], value: u32) {
    let digits = out.len();
    for (i, byte) in out.iter_mut().enumerate() {
        *byte = b"0123456789abcdef"[(value >> (4 * (digits - 1 - i)) & 15) as usize];
    }
}

fn get_hex(text: &[u8]) -> Option<u32> {
    text.iter().try_fold(0, |value, byte| match byte {
        b'0'..=b'9' => Some(value << 4 | u32::from(byte - b'0')),
        b'a'..=b'f' => Some(value << 4 | u32::from(byte - b'a' + 10)),
        _ => None,
    })
}

/// The free places of one shard. Kept by the control plane: a place is reserved before negotiation,
/// because the ufrag in the answer names it, and returned when the session ends or is refused.
#[derive(Debug)]
pub struct Seats {
    shard: u16,
    /// The next epoch of each slot that was ever used.
    epochs: Vec<u32>,
    free: Vec<u32>,
    taken: usize,
}

impl Seats {
    /// All places of `shard` free.
    pub fn new(shard: u16) -> Self {
        Self { shard, epochs: Vec::new(), free: Vec::new(), taken: 0 }
    }

    /// Takes a place, or `None` at [`limits::PARTICIPANTS_PER_SHARD`].
    pub fn reserve(&mut self) -> Option<Place> {
        if self.taken >= limits::PARTICIPANTS_PER_SHARD {
            return None;
        }
        let slot = self.free.pop().unwrap_or_else(|| {
            self.epochs.push(0);
            self.epochs.len() as u32 - 1
        });
        self.taken += 1;
        Some(Place { shard: self.shard, slot, epoch: self.epochs[slot as usize] })
    }

    /// Gives a place back. A place that is not taken by this tenant (returned twice) is left alone.
    pub fn release(&mut self, place: Place) {
        let Some(epoch) = self.epochs.get_mut(place.slot as usize) else { return };
        if *epoch != place.epoch {
            return;
        }
        *epoch = epoch.wrapping_add(1);
        self.free.push(place.slot);
        self.taken -= 1;
    }

    /// How many places are taken.
    pub fn taken(&self) -> usize {
        self.taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ufrag_names_its_place() {
        for place in
            [Place { shard: 0, slot: 0, epoch: 0 }, Place { shard: 513, slot: 0xab_cdef, epoch: u32::MAX }]
        {
            let ufrag = Ufrag::new(place, 0xdead_beef);
            assert_eq!(Ufrag::place(ufrag.as_str().as_bytes()), Some(place));
        }
    }

    #[test]
    fn a_foreign_ufrag_names_nothing() {
        for foreign in ["", "abcd", "zz0000000000000000000000zz", "ABCDEFABCDEFABCDEFABCDEFAB"] {
            assert_eq!(Ufrag::place(foreign.as_bytes()), None, "{foreign}");
        }
    }

    #[test]
    fn a_former_tenant_cannot_return_the_place_of_the_next() {
        let mut seats = Seats::new(0);
        let first = seats.reserve().unwrap();
        seats.release(first);
        let second = seats.reserve().unwrap();
        assert_eq!(first.slot, second.slot);
        assert_ne!(first.epoch, second.epoch);
        seats.release(first);
        assert_eq!(seats.taken(), 1);
        assert_ne!(seats.reserve().unwrap().slot, second.slot);
    }

    #[test]
    fn a_full_shard_has_no_place() {
        let mut seats = Seats::new(3);
        let all: Vec<_> = std::iter::from_fn(|| seats.reserve()).collect();
        assert_eq!(all.len(), limits::PARTICIPANTS_PER_SHARD);
        seats.release(all[7]);
        assert_eq!(seats.reserve().unwrap().slot, all[7].slot);
        assert_eq!(seats.reserve(), None);
    }
}
