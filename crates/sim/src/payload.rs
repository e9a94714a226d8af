//! What simulated packets carry: a valid codec prefix, and behind it a marker that says whose packet it is and
//! which one, so that a viewer can tell everything about what became of it on the way.
//!
//! Video is a VP8 payload descriptor (RFC 7741, section 4.2) with a 15-bit picture id, TL0PICIDX and temporal
//! layer 0, and one byte of frame header with the keyframe bit. Audio begins with an Opus TOC byte.

const MAGIC: [u8; 4] = *b"Plsm";
const MARKER_BYTES: usize = 36;
const VP8_PREFIX_BYTES: usize = 7;
/// The smallest payload that has room for everything.
pub(crate) const MIN_BYTES: usize = VP8_PREFIX_BYTES + MARKER_BYTES;

/// What a packet says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Marker {
    /// Number of the room it was sent in.
    pub room: u16,
    /// Number of the client that sent it.
    pub publisher: u32,
    /// Simulcast layer, from 0.
    pub layer: u8,
    /// Whether its frame is a keyframe; audio always is.
    pub keyframe: bool,
    /// Its place within its frame.
    pub part: u16,
    /// How many parts its frame has.
    pub parts: u16,
    /// Which frame of its stream it belongs to.
    pub frame: u64,
    /// Which packet of its stream it is.
    pub index: u64,
}

/// The numbers of the VP8 payload descriptor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Vp8Numbers {
    pub picture_id: u16,
    pub tl0_pic_idx: u8,
}

/// A video payload of `bytes` bytes.
pub(crate) fn video(marker: &Marker, numbers: Vp8Numbers, bytes: usize) -> Vec<u8> {
    let mut payload = Vec::with_capacity(bytes.max(MIN_BYTES));
    let starts = u8::from(marker.part == 0);
    let [high, low] = (numbers.picture_id | 0x8000).to_be_bytes();
    let inter = u8::from(!marker.keyframe);
    payload.extend([0x80 | starts << 4, 0xe0, high, low, numbers.tl0_pic_idx, 0, inter]);
    finish(payload, marker, bytes)
}

/// An audio payload of `bytes` bytes.
pub(crate) fn audio(marker: &Marker, bytes: usize) -> Vec<u8> {
    // RFC 6716, section 3.1: CELT, fullband, 20 ms, mono, one frame.
    finish(vec![0xf8], marker, bytes)
}

fn finish(mut payload: Vec<u8>, marker: &Marker, bytes: usize) -> Vec<u8> {
    payload.extend(MAGIC);
    payload.extend(marker.room.to_be_bytes());
    payload.extend(marker.publisher.to_be_bytes());
    payload.extend([marker.layer, u8::from(marker.keyframe)]);
    payload.extend(marker.part.to_be_bytes());
    payload.extend(marker.parts.to_be_bytes());
    payload.extend(marker.frame.to_be_bytes());
    payload.extend(marker.index.to_be_bytes());
    payload.extend(0xfeed_beef_u32.to_be_bytes());
    payload.resize(bytes.max(payload.len()), marker.index as u8);
    payload
}

/// Reads a video payload back; `None` if anything in it was changed.
pub(crate) fn read_video(payload: &[u8]) -> Option<(Marker, Vp8Numbers)> {
    let (&[first, extension, high, low, tl0_pic_idx, temporal, header], rest) =
        payload.split_first_chunk::<VP8_PREFIX_BYTES>()?;
    let marker = read(rest)?;
    let is_whole = first == 0x80 | u8::from(marker.part == 0) << 4
        && extension == 0xe0
        && high & 0x80 != 0
        && temporal == 0
        && header == u8::from(!marker.keyframe);
    let picture_id = u16::from_be_bytes([high & 0x7f, low]);
    is_whole.then_some((marker, Vp8Numbers { picture_id, tl0_pic_idx }))
}

/// Reads an audio payload back; `None` if anything in it was changed.
pub(crate) fn read_audio(payload: &[u8]) -> Option<Marker> {
    let (0xf8, rest) = payload.split_first().map(|(first, rest)| (*first, rest))? else { return None };
    read(rest)
}

fn read(bytes: &[u8]) -> Option<Marker> {
    let (marker, filler) = bytes.split_first_chunk::<MARKER_BYTES>()?;
    let mut rest = &marker[..];
    let mut take = |n: usize| {
        let (taken, left) = rest.split_at(n);
        rest = left;
        taken.iter().fold(0_u64, |value, byte| value << 8 | u64::from(*byte))
    };
    if take(4) != u64::from(u32::from_be_bytes(MAGIC)) {
        return None;
    }
    let marker = Marker {
        room: take(2) as u16,
        publisher: take(4) as u32,
        layer: take(1) as u8,
        keyframe: take(1) == 1,
        part: take(2) as u16,
        parts: take(2) as u16,
        frame: take(8),
        index: take(8),
    };
    let is_whole = take(4) == 0xfeed_beef && filler.iter().all(|byte| *byte == marker.index as u8);
    is_whole.then_some(marker)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MARKER: Marker = Marker {
        room: 3,
        publisher: 70_000,
        layer: 2,
        keyframe: true,
        part: 0,
        parts: 9,
        frame: 7,
        index: 99,
    };

    #[test]
    fn what_was_written_is_read_back_and_a_changed_byte_is_noticed() {
        let numbers = Vp8Numbers { picture_id: 0x7abc, tl0_pic_idx: 250 };
        let mut payload = video(&MARKER, numbers, 300);
        assert_eq!(payload.len(), 300);
        assert_eq!(read_video(&payload), Some((MARKER, numbers)));
        payload[250] ^= 1;
        assert_eq!(read_video(&payload), None);
        assert_eq!(read_audio(&audio(&MARKER, 0)), Some(MARKER));
    }
}
