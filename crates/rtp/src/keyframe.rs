//! Whether a packet is the first of a keyframe: where a decoder may start, codec by codec. Always decided
//! from the payload, since header extensions that say so are not universal.

use plenum_model::Codec;

use crate::vp8;

/// Whether `payload` begins a frame that needs no other. Audio always does.
pub fn starts_keyframe(codec: Codec, payload: &[u8]) -> bool {
    match codec {
        Codec::Opus => true,
        Codec::Vp8 => vp8::parse(payload).is_some_and(|p| p.starts_keyframe),
        Codec::Vp9 => vp9(payload),
        Codec::H264 => h264(payload),
        Codec::Av1 => av1(payload),
    }
}

/// RFC 9628, section 4.2: B (start of a frame) set, P (inter-picture predicted) clear, and, where layer
/// indices are present (L), spatial layer 0 without inter-layer dependency (D).
fn vp9(payload: &[u8]) -> bool {
    let Some(&first) = payload.first() else { return false };
    let (picture_id, inter, layers, begins) =
        (first & 0x80 != 0, first & 0x40 != 0, first & 0x20 != 0, first & 0x08 != 0);
    if inter || !begins {
        return false;
    }
    if !layers {
        return payload.len() > 1;
    }
    let mut at = 1;
    if picture_id {
        let wide = payload.get(at).is_some_and(|b| b & 0x80 != 0);
        at += if wide { 2 } else { 1 };
    }
    payload.get(at).is_some_and(|b| b & 0x0e == 0)
}

/// RFC 6184: an access unit that a decoder can start with begins with its sequence parameter set (7), alone
/// or aggregated, or is an IDR picture (5) whose parameter sets were sent out of band.
fn h264(payload: &[u8]) -> bool {
    const STAP_A: u8 = 24;
    const FU_A: u8 = 28;
    let starts = |nal_type: u8| matches!(nal_type, 5 | 7);
    let Some(&first) = payload.first() else { return false };
    match first & 0x1f {
        STAP_A => {
            let mut rest = &payload[1..];
            while let [high, low, nal @ ..] = rest {
                let len = usize::from(u16::from_be_bytes([*high, *low]));
                if len == 0 || len > nal.len() {
                    return false;
                }
                if starts(nal[0] & 0x1f) {
                    return true;
                }
                rest = &nal[len..];
            }
            false
        }
        FU_A => payload.get(1).is_some_and(|header| header & 0x80 != 0 && starts(header & 0x1f)),
        nal_type => starts(nal_type),
    }
}

/// AV1 RTP specification, section 4.4: N is set in the first packet of a coded video sequence.
fn av1(payload: &[u8]) -> bool {
    payload.len() > 1 && payload[0] & 0x08 != 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vp9_starts_at_the_base_spatial_layer_of_an_intra_picture() {
        assert!(starts_keyframe(Codec::Vp9, &[0x08, 0]), "no layers");
        assert!(starts_keyframe(Codec::Vp9, &[0xa8, 0x81, 0x02, 0x00, 0]), "SID 0 behind a wide picture id");
        assert!(starts_keyframe(Codec::Vp9, &[0xa8, 0x01, 0x00, 0]), "SID 0 behind a narrow picture id");
        assert!(!starts_keyframe(Codec::Vp9, &[0xa8, 0x01, 0x02, 0]), "SID 1");
        assert!(!starts_keyframe(Codec::Vp9, &[0x48, 0]), "inter");
        assert!(!starts_keyframe(Codec::Vp9, &[0x04, 0]), "end of a frame");
    }

    #[test]
    fn h264_starts_at_parameter_sets_or_an_idr() {
        for (payload, expected) in [
            (&[0x67, 1][..], true),
            (&[0x65, 1], true),
            (&[0x68, 1], false),
            (&[0x41, 1], false),
            (&[0x7c, 0x85, 1], true),
            (&[0x7c, 0x05, 1], false),
            (&[0x7c, 0x81, 1], false),
            (&[0x78, 0, 2, 0x67, 1, 0, 1, 0x68], true),
            (&[0x78, 0, 1, 0x09, 0, 1, 0x67], true),
            (&[0x78, 0, 1, 0x06, 0, 1, 0x41], false),
        ] {
            assert_eq!(starts_keyframe(Codec::H264, payload), expected, "{payload:02x?}");
        }
    }

    #[test]
    fn av1_starts_at_a_new_coded_video_sequence() {
        assert!(starts_keyframe(Codec::Av1, &[0x18, 0x0a]));
        assert!(!starts_keyframe(Codec::Av1, &[0x10, 0x32]));
    }

    #[test]
    fn any_payload_is_answered_without_a_panic() {
        let mut random = 0x2545_f491_4f6c_dd1d_u64;
        for len in 0..64 {
            for _ in 0..200 {
                let payload: Vec<u8> = (0..len)
                    .map(|_| {
                        random ^= random << 13;
                        random ^= random >> 7;
                        random ^= random << 17;
                        random as u8
                    })
                    .collect();
                for codec in [Codec::Vp8, Codec::Vp9, Codec::H264, Codec::Av1] {
                    starts_keyframe(codec, &payload);
                }
            }
        }
    }
}
