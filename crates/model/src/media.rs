//! What a stream is made of: kinds, codecs, formats.

use std::fmt;

/// Audio or video.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum MediaKind {
    /// Sound.
    Audio,
    /// Pictures.
    Video,
}

impl MediaKind {
    /// As in an m-line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Audio => "audio",
            Self::Video => "video",
        }
    }
}

/// The codecs that Plenum forwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Codec {
    /// RFC 7587.
    Opus,
    /// RFC 7741.
    Vp8,
    /// RFC 9628.
    Vp9,
    /// RFC 6184.
    H264,
    /// The AV1 RTP payload specification of AOMedia.
    Av1,
}

impl Codec {
    /// The encoding name of `a=rtpmap`, in any case.
    pub fn from_encoding_name(name: &str) -> Option<Self> {
        [Self::Opus, Self::Vp8, Self::Vp9, Self::H264, Self::Av1]
            .into_iter()
            .find(|codec| codec.encoding_name().eq_ignore_ascii_case(name))
    }

    /// As browsers write it in `a=rtpmap`.
    pub fn encoding_name(self) -> &'static str {
        match self {
            Self::Opus => "opus",
            Self::Vp8 => "VP8",
            Self::Vp9 => "VP9",
            Self::H264 => "H264",
            Self::Av1 => "AV1",
        }
    }

    /// Which kind of m-line it belongs to.
    pub fn kind(self) -> MediaKind {
        match self {
            Self::Opus => MediaKind::Audio,
            _ => MediaKind::Video,
        }
    }

    /// RTP clock rate in Hz.
    pub fn clock_rate(self) -> u32 {
        match self {
            Self::Opus => 48_000,
            _ => 90_000,
        }
    }
}

impl fmt::Display for Codec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.encoding_name())
    }
}

/// An H264 profile as `profile-level-id` names it, reduced to the ones that differ for a decoder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum H264Profile {
    /// Every decoder plays it.
    ConstrainedBaseline,
    /// 42xxxx without the constraint.
    Baseline,
    /// 4dxxxx.
    Main,
    /// 640cxx.
    ConstrainedHigh,
    /// 64xxxx.
    High,
    /// Anything else, by profile_idc and profile-iop.
    Other(u8, u8),
}

impl H264Profile {
    /// From the three bytes of `profile-level-id`, ignoring the level (RFC 6184, section 8.1).
    pub fn from_profile_level_id(id: u32) -> Self {
        let (idc, iop) = ((id >> 16) as u8, (id >> 8) as u8);
        match idc {
            0x42 if iop & 0x40 != 0 => Self::ConstrainedBaseline,
            0x4d if iop & 0x80 != 0 => Self::ConstrainedBaseline,
            0x58 if iop & 0xc0 == 0xc0 => Self::ConstrainedBaseline,
            0x42 => Self::Baseline,
            0x4d => Self::Main,
            0x64 if iop & 0x0c == 0x0c => Self::ConstrainedHigh,
            0x64 => Self::High,
            _ => Self::Other(idc, iop),
        }
    }
}

/// A codec with the parameters that decide whether a receiver can decode it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Format {
    /// The codec.
    pub codec: Codec,
    /// H264 only: profile without level, and `packetization-mode` (absent = 0).
    pub h264: Option<(H264Profile, u8)>,
    /// VP9 `profile-id` (absent = 0) or AV1 `profile` (absent = 0).
    pub profile: u8,
}

impl Format {
    /// From an `a=rtpmap` encoding name and its `a=fmtp` parameters. `None` for what we do not forward.
    pub fn from_sdp(encoding_name: &str, clock_rate: u32, fmtp: &str) -> Option<Self> {
        let codec = Codec::from_encoding_name(encoding_name)?;
        if clock_rate != codec.clock_rate() {
            return None;
        }
        let parameter = |name: &str| {
            fmtp.split(';').find_map(|pair| {
                let (key, value) = pair.split_once('=')?;
                key.trim().eq_ignore_ascii_case(name).then(|| value.trim())
            })
        };
        let number = |name: &str| parameter(name).and_then(|v| v.parse().ok()).unwrap_or(0);
        let h264 = (codec == Codec::H264).then(|| {
            // RFC 6184, section 8.1: without profile-level-id, Baseline level 1 (42000a) is meant.
            let id = parameter("profile-level-id").and_then(|v| u32::from_str_radix(v, 16).ok());
            (H264Profile::from_profile_level_id(id.unwrap_or(0x42_000a)), number("packetization-mode"))
        });
        let profile = match codec {
            Codec::Vp9 => number("profile-id"),
            Codec::Av1 => number("profile"),
            _ => 0,
        };
        Some(Self { codec, h264, profile })
    }

    /// How well a receiver that negotiated `receiver` can take this stream: larger is better, `None` is
    /// not at all. H264 prefers the same profile, level ignored, and else takes any packetization-mode 1,
    /// since publishers declare one profile and encode another (OBS).
    pub fn fits(&self, receiver: &Format) -> Option<u8> {
        if self.codec != receiver.codec {
            return None;
        }
        match (self.h264, receiver.h264) {
            (Some((profile, mode)), Some((other, other_mode))) => match (profile == other, other_mode) {
                (true, m) if m == mode => Some(3),
                (true, 1) => Some(2),
                (false, 1) => Some(1),
                _ => None,
            },
            _ => (self.profile == receiver.profile).then_some(3),
        }
    }

    /// The index of the best of `receivers` for this stream; the first of equals.
    pub fn best_of<'a>(&self, receivers: impl IntoIterator<Item = &'a Format>) -> Option<usize> {
        let mut best: Option<(usize, u8)> = None;
        for (index, receiver) in receivers.into_iter().enumerate() {
            if let Some(score) = self.fits(receiver)
                && best.is_none_or(|(_, top)| score > top)
            {
                best = Some((index, score));
            }
        }
        best.map(|(index, _)| index)
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.h264 {
            Some((profile, mode)) => write!(f, "{} ({profile:?}, packetization-mode {mode})", self.codec),
            None if self.profile > 0 => write!(f, "{} (profile {})", self.codec, self.profile),
            None => self.codec.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn h264(id: &str, mode: u8) -> Format {
        Format::from_sdp("H264", 90_000, &format!("profile-level-id={id};packetization-mode={mode}")).unwrap()
    }

    #[test]
    fn h264_matches_by_profile_whatever_the_level() {
        let viewer = [h264("42001f", 1), h264("42e01f", 1), h264("640032", 1)];
        assert_eq!(h264("42e034", 1).best_of(&viewer), Some(1));
        assert_eq!(h264("64000a", 1).best_of(&viewer), Some(2));
    }

    #[test]
    fn h264_of_an_unknown_profile_goes_to_any_packetization_mode_1() {
        let viewer = [h264("42e01f", 0), h264("42001f", 1)];
        assert_eq!(h264("640032", 1).best_of(&viewer), Some(1));
        assert_eq!(h264("640032", 1).best_of(&viewer[..1]), None);
    }

    #[test]
    fn a_vp9_profile_is_not_another() {
        let p = |n: u8| Format::from_sdp("VP9", 90_000, &format!("profile-id={n}")).unwrap();
        assert_eq!(p(2).best_of(&[p(0), p(2)]), Some(1));
        assert_eq!(p(2).best_of(&[p(0)]), None);
        assert_eq!(Format::from_sdp("VP9", 90_000, ""), Some(p(0)));
    }

    #[test]
    fn encoding_names_are_case_insensitive_and_clock_rates_are_checked() {
        assert_eq!(Format::from_sdp("OPUS", 48_000, "").unwrap().codec, Codec::Opus);
        assert_eq!(Format::from_sdp("opus", 8_000, ""), None);
        assert_eq!(Format::from_sdp("H265", 90_000, ""), None);
    }
}
