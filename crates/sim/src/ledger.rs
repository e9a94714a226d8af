//! What a viewer received on one line, and whether it is one stream without a seam.

use std::collections::BTreeMap;

use crate::payload::{Marker, Vp8Numbers};

/// A packet as it was received.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Received {
    pub time: u32,
    pub marker: Marker,
    /// Video only.
    pub vp8: Option<Vp8Numbers>,
}

impl Received {
    fn is_of_same_source(&self, other: &Self) -> bool {
        (self.marker.publisher, self.marker.layer) == (other.marker.publisher, other.marker.layer)
    }

    fn is_of_same_frame(&self, other: &Self) -> bool {
        self.is_of_same_source(other) && self.marker.frame == other.marker.frame
    }
}

/// A stream starts below 32,768 (RFC 3711, section 3.3.1); what is lost before the first packet may take it further.
const FIRST_RECEIVED: u64 = 0xc000;

/// The packets of one line by extended sequence number.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    packets: BTreeMap<u64, Received>,
    /// Whether a source may leave and come back, as in a slot.
    is_of_slot: bool,
}

impl Ledger {
    /// Of a slot.
    pub fn of_slot() -> Self {
        Self { is_of_slot: true, ..Self::default() }
    }

    /// Takes a packet down. Returns whether it is the first of its number.
    pub fn record(&mut self, seq: u64, packet: Received) -> Result<bool, String> {
        if self.packets.is_empty() && seq >= FIRST_RECEIVED {
            return Err(format!("the first number is {seq}: close to a roll-over that nobody would notice"));
        }
        match self.packets.insert(seq, packet) {
            Some(former) if former.marker != packet.marker => {
                Err(format!("number {seq} was used twice: {:?}, {:?}", former.marker, packet.marker))
            }
            former => Ok(former.is_none()),
        }
    }

    pub fn received(&self) -> u64 {
        self.packets.len() as u64
    }

    /// How many numbers between the first and the last there are.
    pub fn expected(&self) -> u64 {
        match (self.packets.keys().next(), self.packets.keys().next_back()) {
            (Some(first), Some(last)) => last - first + 1,
            _ => 0,
        }
    }

    pub fn first(&self) -> Option<(u64, &Received)> {
        self.packets.iter().next().map(|(seq, packet)| (*seq, packet))
    }

    /// Which publishers were seen, in the order of their coming.
    pub fn publishers(&self) -> Vec<u32> {
        let mut seen: Vec<u32> = self.packets.values().map(|packet| packet.marker.publisher).collect();
        seen.dedup();
        seen
    }

    /// Publisher and frame of each packet, in order.
    pub fn frames(&self) -> impl Iterator<Item = (u32, u64)> {
        self.packets.values().map(|packet| (packet.marker.publisher, packet.marker.frame))
    }

    /// Whether every pair of neighbours goes together.
    pub fn verify(&self) -> Result<(), String> {
        let neighbours = self.packets.iter().zip(self.packets.iter().skip(1));
        for ((seq, packet), (next_seq, next)) in neighbours {
            let gap = next_seq - seq;
            check_pair(gap, packet, next, self.is_of_slot)
                .map_err(|what| format!("{what} between {seq} and {next_seq}: {packet:?}, {next:?}"))?;
        }
        Ok(())
    }
}

fn check_pair(gap: u64, packet: &Received, next: &Received, may_return: bool) -> Result<(), &'static str> {
    let elapsed = next.time.wrapping_sub(packet.time) as i32;
    if packet.is_of_same_frame(next) {
        if elapsed != 0 || packet.vp8 != next.vp8 {
            return Err("a frame with two times or two picture ids");
        }
    } else if elapsed <= 0 {
        return Err("time stands still or goes back");
    }
    // Muted and unmuted again it begins anew; a voice, which needs no keyframe to begin with, only in a slot.
    let may_return = may_return || packet.vp8.is_some();
    let has_been_away = next.marker.index > packet.marker.index + 1;
    let begins = next.marker.keyframe && next.marker.part == 0;
    let has_returned = may_return && gap == 1 && has_been_away && begins;
    if packet.is_of_same_source(next) && !has_returned {
        check_same_source(gap, packet, next)
    } else if gap > 1 {
        Ok(())
    } else {
        check_switch(packet, next)
    }
}

fn check_same_source(gap: u64, packet: &Received, next: &Received) -> Result<(), &'static str> {
    let Some(packets) = next.marker.index.checked_sub(packet.marker.index) else {
        return Err("the source's order is broken");
    };
    if gap == 1 && packets != 1 {
        return Err("packets left out without a gap");
    }
    let frames = next.marker.frame - packet.marker.frame;
    let follows = |(a, b): (Vp8Numbers, Vp8Numbers)| {
        b.picture_id.wrapping_sub(a.picture_id) & 0x7fff == frames as u16 & 0x7fff
            && b.tl0_pic_idx.wrapping_sub(a.tl0_pic_idx) == frames as u8
    };
    // Behind a gap the source may have changed and come back.
    match packet.vp8.zip(next.vp8).is_none_or(follows) || gap > 1 {
        true => Ok(()),
        false => Err("picture ids that do not follow the frames"),
    }
}

fn check_switch(packet: &Received, next: &Received) -> Result<(), &'static str> {
    if !(next.marker.keyframe && next.marker.part == 0) {
        return Err("a new source that does not begin with a keyframe");
    }
    let follows = |(a, b): (Vp8Numbers, Vp8Numbers)| {
        b.picture_id == a.picture_id.wrapping_add(1) & 0x7fff
            && b.tl0_pic_idx == a.tl0_pic_idx.wrapping_add(1)
    };
    match packet.vp8.zip(next.vp8).is_none_or(follows) {
        true => Ok(()),
        false => Err("picture ids with a seam at a new source"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(frame: u64, part: u16) -> Received {
        let index = frame * 2 + u64::from(part);
        Received {
            time: 3_000 * frame as u32,
            marker: Marker {
                room: 0,
                publisher: 1,
                layer: 0,
                keyframe: frame == 0,
                part,
                parts: 2,
                frame,
                index,
            },
            vp8: Some(Vp8Numbers { picture_id: frame as u16, tl0_pic_idx: frame as u8 }),
        }
    }

    fn ledger(packets: &[(u64, Received)]) -> Ledger {
        let mut ledger = Ledger::default();
        packets.iter().for_each(|(seq, packet)| assert_eq!(ledger.record(*seq, *packet), Ok(true)));
        ledger
    }

    #[test]
    fn a_stream_without_a_seam_passes_whatever_its_order_of_arrival() {
        let whole = ledger(&[(7, packet(0, 0)), (9, packet(1, 0)), (8, packet(0, 1)), (11, packet(2, 0))]);
        assert_eq!(whole.verify(), Ok(()));
        assert_eq!((whole.received(), whole.expected()), (4, 5));
    }

    #[test]
    fn seams_are_noticed() {
        let frozen = Received { time: 0, ..packet(1, 0) };
        assert!(ledger(&[(7, packet(0, 1)), (8, frozen)]).verify().is_err(), "time");
        assert!(ledger(&[(7, packet(0, 0)), (8, packet(1, 0))]).verify().is_err(), "left out");
        let jumped = Received { vp8: Some(Vp8Numbers { picture_id: 9, tl0_pic_idx: 1 }), ..packet(1, 0) };
        assert!(ledger(&[(7, packet(0, 1)), (8, jumped)]).verify().is_err(), "picture id");
        let other = Received { marker: Marker { publisher: 2, ..packet(1, 0).marker }, ..packet(1, 0) };
        assert!(ledger(&[(7, packet(0, 1)), (8, other)]).verify().is_err(), "no keyframe");
        assert!(Ledger::default().record(FIRST_RECEIVED, packet(0, 0)).is_err());
    }
}
