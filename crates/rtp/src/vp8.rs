//! The VP8 payload descriptor (RFC 7741, section 4.2): the numbers that a switch of source must continue,
//! the keyframe bit, and how high a keyframe's picture is. Writing them back is the engine's: it patches while serialising.

/// Picture ID and TL0PICIDX of a packet, as far as the publisher sends them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Vp8Ids {
    /// 7 or 15 bits.
    pub picture_id: Option<u16>,
    /// Whether the picture ID has 15 bits.
    pub wide: bool,
    /// Counts base-layer frames.
    pub tl0_pic_idx: Option<u8>,
}

/// What the descriptor and the first payload byte say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Vp8Payload {
    /// The numbers to continue.
    pub ids: Vp8Ids,
    /// First packet of a frame: S bit set, partition 0.
    pub starts_frame: bool,
    /// First packet of a keyframe.
    pub starts_keyframe: bool,
    /// Pixels, in the first packet of a keyframe.
    pub height: Option<u16>,
}

/// Reads the descriptor; `None` if the payload is too short to hold it.
pub fn parse(payload: &[u8]) -> Option<Vp8Payload> {
    let first = *payload.first()?;
    let mut at = 1;
    let mut ids = Vp8Ids::default();
    if first & 0x80 != 0 {
        let extension = *payload.get(at)?;
        at += 1;
        if extension & 0x80 != 0 {
            let high = *payload.get(at)?;
            at += 1;
            ids.wide = high & 0x80 != 0;
            ids.picture_id = Some(if ids.wide {
                at += 1;
                u16::from(high & 0x7f) << 8 | u16::from(*payload.get(at - 1)?)
            } else {
                high.into()
            });
        }
        if extension & 0x40 != 0 {
            ids.tl0_pic_idx = Some(*payload.get(at)?);
            at += 1;
        }
        if extension & 0x30 != 0 {
            at += 1;
        }
    }
    let starts_frame = first & 0x10 != 0 && first & 0x07 == 0;
    // RFC 7741, section 4.3: the P bit of the frame header is 0 in a key frame.
    let starts_keyframe = starts_frame && payload.get(at).is_some_and(|header| header & 1 == 0);
    let height = if starts_keyframe { picture_height(&payload[at..]) } else { None };
    Some(Vp8Payload { ids, starts_frame, starts_keyframe, height })
}

/// RFC 6386, section 9.1: behind the frame tag (3 bytes) of a key frame stand the start code, the width and the
/// height, whose upper two bits are a scale.
fn picture_height(frame: &[u8]) -> Option<u16> {
    match *frame {
        [_, _, _, 0x9d, 0x01, 0x2a, _, _, low, high, ..] => Some(u16::from_le_bytes([low, high & 0x3f])),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_keyframe_starts_at_partition_0_with_the_p_bit_clear() {
        assert!(parse(&[0x10, 0x00]).unwrap().starts_keyframe);
        assert!(!parse(&[0x10, 0x01]).unwrap().starts_keyframe, "inter frame");
        assert!(!parse(&[0x00, 0x00]).unwrap().starts_keyframe, "continuation");
        assert!(!parse(&[0x11, 0x00]).unwrap().starts_keyframe, "partition 1");
    }

    #[test]
    fn a_keyframe_tells_its_height_without_the_scale() {
        let keyframe = [0x10, 0x50, 0, 0, 0x9d, 0x01, 0x2a, 0x80, 0x02, 0x68, 0x41, 0xff];
        assert_eq!(parse(&keyframe).unwrap().height, Some(360));
        let mut inter = keyframe;
        inter[1] |= 1;
        assert_eq!(parse(&inter).unwrap().height, None);
        let mut other = keyframe;
        other[4] = 0;
        assert_eq!(parse(&other).unwrap().height, None, "no start code");
        for len in 2..10 {
            assert_eq!(parse(&keyframe[..len]).unwrap().height, None, "{len} bytes");
        }
    }

    #[test]
    fn picture_ids_of_both_widths_and_tl0_are_read() {
        let wide = parse(&[0x90, 0xe0, 0x81, 0x02, 0x07, 0x20, 0x00]).unwrap();
        assert_eq!(wide.ids, Vp8Ids { picture_id: Some(0x102), wide: true, tl0_pic_idx: Some(7) });
        assert!(wide.starts_keyframe);
        let narrow = parse(&[0x90, 0x80, 0x7f, 0x01]).unwrap();
        assert_eq!(narrow.ids, Vp8Ids { picture_id: Some(0x7f), wide: false, tl0_pic_idx: None });
        assert!(!narrow.starts_keyframe);
    }

    #[test]
    fn a_descriptor_cut_anywhere_is_none_and_never_a_panic() {
        let whole = [0x90, 0xe0, 0x81, 0x02, 0x07];
        for len in 0..whole.len() {
            assert_eq!(parse(&whole[..len]), None, "{len} bytes");
        }
        assert!(!parse(&whole).unwrap().starts_keyframe, "no frame header");
    }
}
