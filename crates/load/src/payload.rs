//! What a generated packet says about itself: who sent it, which one it is, and when.
//!
//! A video payload is a valid VP8 payload descriptor and frame header (RFC 7741), so that a server's
//! keyframe gate and rewriter see what they expect; an audio payload starts with an Opus TOC byte.
//! Behind that prefix lies the [`Marker`], and behind it a filler derived from the packet's number,
//! so that a changed byte is noticed. Nothing here is decodable media.

/// Bytes that open a generated payload after its codec prefix; "PLNM".
const MAGIC: u32 = 0x504c_4e4d;
/// Serialized [`Marker`], with magic.
const MARKER_BYTES: usize = 28;
/// Payload descriptor with a two-byte PictureID, as we write it.
const DESCRIPTOR_BYTES: usize = 4;
/// Room for a VP8 keyframe header (RFC 6386, section 9.1); left empty in packets that start no keyframe.
const FRAME_HEADER_BYTES: usize = 10;
/// Smallest payload that holds prefix and marker for either kind.
pub(crate) const MIN_BYTES: usize = DESCRIPTOR_BYTES + FRAME_HEADER_BYTES + MARKER_BYTES;

/// Opus: CELT, fullband, 20 ms, one frame per packet (RFC 6716, section 3.1).
const OPUS_TOC: u8 = 0xf8;

/// Who sent a packet: this run of the generator, the room and the publisher in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Origin {
    /// Random per process, so that two generators on one server do not take each other's packets for theirs.
    pub run: u32,
    /// Index of the room.
    pub room: u16,
    /// Index of the publisher in its room.
    pub publisher: u16,
}

/// What a generated packet carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Marker {
    /// The sender.
    pub origin: Origin,
    /// Number of the packet in its stream, from 0.
    pub index: u64,
    /// When it was written, in nanoseconds of [`crate::clock`].
    pub sent_ns: u64,
}

/// What stands in front of the marker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Prefix {
    /// One Opus frame.
    Opus,
    /// A part of a VP8 frame.
    Vp8 {
        /// PictureID; the low 15 bits are sent.
        picture: u16,
        /// First packet of its frame.
        starts_frame: bool,
        /// The frame is a keyframe.
        keyframe: bool,
    },
}

/// Why a payload was not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mismatch {
    /// Not written by a load generator, or cut short.
    NotGenerated,
    /// Ours, but the filler is not what was sent.
    Corrupt,
}

/// A payload of exactly `bytes` bytes, which must be at least [`MIN_BYTES`].
pub(crate) fn encode(prefix: Prefix, marker: Marker, bytes: usize) -> Vec<u8> {
    let mut payload = Vec::with_capacity(bytes);
    match prefix {
        Prefix::Opus => payload.push(OPUS_TOC),
        Prefix::Vp8 { picture, starts_frame, keyframe } => {
            push_vp8(&mut payload, picture, starts_frame, keyframe)
        }
    }
    payload.extend_from_slice(&MAGIC.to_be_bytes());
    payload.extend_from_slice(&marker.origin.run.to_be_bytes());
    payload.extend_from_slice(&marker.origin.room.to_be_bytes());
    payload.extend_from_slice(&marker.origin.publisher.to_be_bytes());
    payload.extend_from_slice(&marker.index.to_be_bytes());
    payload.extend_from_slice(&marker.sent_ns.to_be_bytes());
    payload.resize(bytes, filler(marker.index));
    payload
}

/// The marker of a payload, if it arrived as it was sent.
pub(crate) fn decode(is_video: bool, payload: &[u8]) -> Result<Marker, Mismatch> {
    let prefix = if is_video { vp8_prefix(payload)? } else { 1 };
    let marked = payload.get(prefix..).ok_or(Mismatch::NotGenerated)?;
    let (marker, rest) = marked.split_first_chunk::<MARKER_BYTES>().ok_or(Mismatch::NotGenerated)?;
    let marker = read_marker(marker).ok_or(Mismatch::NotGenerated)?;
    let expected = filler(marker.index);
    if rest.iter().all(|byte| *byte == expected) { Ok(marker) } else { Err(Mismatch::Corrupt) }
}

fn filler(index: u64) -> u8 {
    index as u8 ^ 0x5a
}

fn read_marker(bytes: &[u8; MARKER_BYTES]) -> Option<Marker> {
    let [m0, m1, m2, m3, r0, r1, r2, r3, o0, o1, p0, p1, numbers @ ..] = *bytes;
    if u32::from_be_bytes([m0, m1, m2, m3]) != MAGIC {
        return None;
    }
    let (index, sent) = numbers.split_at(8);
    Some(Marker {
        origin: Origin {
            run: u32::from_be_bytes([r0, r1, r2, r3]),
            room: u16::from_be_bytes([o0, o1]),
            publisher: u16::from_be_bytes([p0, p1]),
        },
        index: u64::from_be_bytes(index.try_into().ok()?),
        sent_ns: u64::from_be_bytes(sent.try_into().ok()?),
    })
}

/// Payload descriptor with X, I and M set (RFC 7741, section 4.2), then the frame header.
fn push_vp8(payload: &mut Vec<u8>, picture: u16, starts_frame: bool, keyframe: bool) {
    let start = if starts_frame { 0x10 } else { 0 };
    payload.extend_from_slice(&[0x80 | start, 0x80, 0x80 | (picture >> 8) as u8, picture as u8]);
    let mut header = [0u8; FRAME_HEADER_BYTES];
    if starts_frame && keyframe {
        // Frame tag with P = 0 and show_frame = 1, start code, 640 x 360.
        header = [0x10, 0, 0, 0x9d, 0x01, 0x2a, 0x80, 0x02, 0x68, 0x01];
    } else {
        // RFC 6386, section 9.1: the lowest bit of the frame tag is set in everything but keyframes.
        header[0] = 0x11;
    }
    payload.extend_from_slice(&header);
}

/// Length of descriptor and frame header. A server may have rewritten the descriptor and its length.
fn vp8_prefix(payload: &[u8]) -> Result<usize, Mismatch> {
    let byte = |at: usize| payload.get(at).copied().ok_or(Mismatch::NotGenerated);
    let mut at = 1;
    if byte(0)? & 0x80 != 0 {
        let extension = byte(1)?;
        at += 1;
        if extension & 0x80 != 0 {
            at += if byte(at)? & 0x80 != 0 { 2 } else { 1 };
        }
        at += usize::from(extension & 0x40 != 0);
        at += usize::from(extension & 0x30 != 0);
    }
    Ok(at + FRAME_HEADER_BYTES)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marker(index: u64) -> Marker {
        let origin = Origin { run: 0xdead_beef, room: 513, publisher: 7 };
        Marker { origin, index, sent_ns: 0x0102_0304_0506_0708 }
    }

    const FRAME: Prefix = Prefix::Vp8 { picture: 0x7abc, starts_frame: true, keyframe: true };

    #[test]
    fn a_payload_has_exactly_the_asked_size_and_says_who_sent_it() {
        for bytes in [MIN_BYTES, 120, 1_200, 1_380] {
            let video = encode(FRAME, marker(70_000), bytes);
            assert_eq!((video.len(), decode(true, &video)), (bytes, Ok(marker(70_000))));
            let audio = encode(Prefix::Opus, marker(3), bytes);
            assert_eq!((audio.len(), decode(false, &audio)), (bytes, Ok(marker(3))));
        }
    }

    #[test]
    fn a_keyframe_is_one_for_a_vp8_parser() {
        let payload = encode(FRAME, marker(0), 100);
        assert_eq!(payload[0] & 0x17, 0x10, "start of partition 0");
        assert_eq!(payload[4] & 1, 0, "RFC 6386: P = 0 is a keyframe");
        assert_eq!(payload[7..10], [0x9d, 0x01, 0x2a]);
        let delta = encode(Prefix::Vp8 { picture: 0, starts_frame: true, keyframe: false }, marker(0), 100);
        assert_eq!(delta[4] & 1, 1);
    }

    #[test]
    fn a_rewritten_descriptor_of_another_length_is_understood() {
        let sent = encode(FRAME, marker(9), 200);
        let one_byte_picture_id = [&[0x90, 0x80, 0x05][..], &sent[4..]].concat();
        assert_eq!(decode(true, &one_byte_picture_id), Ok(marker(9)));
        let with_temporal_layers = [&[0x90, 0xe0, 0x80, 0x05, 0x01, 0x20][..], &sent[4..]].concat();
        assert_eq!(decode(true, &with_temporal_layers), Ok(marker(9)));
        let without_extension = [&[0x10][..], &sent[4..]].concat();
        assert_eq!(decode(true, &without_extension), Ok(marker(9)));
    }

    #[test]
    fn every_changed_filler_byte_is_noticed() {
        let sent = encode(Prefix::Opus, marker(12), 60);
        for at in 1 + MARKER_BYTES..60 {
            let mut changed = sent.clone();
            changed[at] ^= 1;
            assert_eq!(decode(false, &changed), Err(Mismatch::Corrupt), "byte {at}");
        }
    }

    #[test]
    fn foreign_and_short_payloads_are_refused_without_panic() {
        let sent = encode(FRAME, marker(1), 100);
        for length in 0..MIN_BYTES {
            assert_eq!(decode(true, &sent[..length]), Err(Mismatch::NotGenerated), "length {length}");
        }
        assert_eq!(decode(false, &[0xf8; 200]), Err(Mismatch::NotGenerated));
    }
}
