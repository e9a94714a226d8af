//! Trickle ICE fragments, `application/trickle-ice-sdpfrag` (RFC 8840, section 9): what a PATCH on a session
//! carries, and what a restart is answered with.
//!
//! Whether a fragment means more candidates or a restart is not decided here but in [`crate::session`].

use std::fmt::Write;
use std::net::SocketAddr;

use plenum_model::limits::{SDP_WHIP, SdpLimits};
use plenum_model::{IceCredentials, IceFragment, MediaKind};

use crate::text::{self, Attributes, TextError};
use crate::{Problem, Slug, ice};

/// The media type.
pub const MEDIA_TYPE: &str = "application/trickle-ice-sdpfrag";

/// What a fragment may contain: as much as an offer of WHIP or WHEP.
pub const LIMITS: SdpLimits = SDP_WHIP;

/// Why a fragment was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FragmentError {
    /// More bytes than [`LIMITS`] allow: 413.
    #[error("the fragment exceeds {0} bytes")]
    TooLarge(usize),
    /// Not a fragment: 400.
    #[error("{0}")]
    Malformed(String),
}

impl From<TextError> for FragmentError {
    fn from(error: TextError) -> Self {
        match error {
            TextError::TooLarge(limit) => Self::TooLarge(limit),
            TextError::Malformed(why) => Self::Malformed(why),
        }
    }
}

impl From<FragmentError> for Problem {
    fn from(error: FragmentError) -> Self {
        match error {
            FragmentError::TooLarge(limit) => Problem::body_too_large(limit),
            FragmentError::Malformed(why) => Problem::new(Slug::MalformedFragment, why),
        }
    }
}

/// Reads a fragment. Credentials may stand before the first m-line or in it; since everything is
/// bundled, those of the first m-line count, and further m-lines count only as far as they have the
/// same.
pub fn parse(body: &[u8]) -> Result<IceFragment, FragmentError> {
    let mut sections = sections(body)?.into_iter();
    let session = sections.next().expect("a first section, perhaps empty");
    let mut found: Option<IceFragment> = None;
    for media in sections {
        let Some(ice) = credentials(&media, Some(&session))? else { continue };
        let fragment = found.get_or_insert_with(|| IceFragment { ice: ice.clone(), candidates: Vec::new() });
        if fragment.ice == ice && fragment.candidates.is_empty() {
            fragment.candidates = ice::candidates(media.all("candidate").chain(session.all("candidate")));
        }
    }
    if let Some(fragment) = found {
        return Ok(fragment);
    }
    match credentials(&session, None)? {
        Some(ice) => Ok(IceFragment { ice, candidates: ice::candidates(session.all("candidate")) }),
        None => Err(FragmentError::Malformed("there is neither ice-ufrag nor ice-pwd".to_owned())),
    }
}

fn credentials(
    attributes: &Attributes<'_>,
    fallback: Option<&Attributes<'_>>,
) -> Result<Option<IceCredentials>, FragmentError> {
    ice::credentials(attributes, fallback).map_err(FragmentError::Malformed)
}

/// What stands before the first m-line, then each m-line's attributes.
fn sections(body: &[u8]) -> Result<Vec<Attributes<'_>>, FragmentError> {
    let mut sections = vec![Attributes::default()];
    for (letter, value) in text::lines(body, &LIMITS)? {
        match letter {
            b'm' if sections.len() > LIMITS.media => {
                let why = format!("there are more than {} m-lines", LIMITS.media);
                return Err(FragmentError::Malformed(why));
            }
            b'm' => sections.push(Attributes::default()),
            b'a' => sections.last_mut().expect("never empty").push(value),
            _ => {}
        }
    }
    Ok(sections)
}

/// Writes our side of a restart: the new credentials and all candidates, for the line `mid` whose
/// transport is everybody's; `kind` is `None` for data channels.
pub fn write(ice: &IceCredentials, candidates: &[SocketAddr], mid: &str, kind: Option<MediaKind>) -> String {
    let media = match kind {
        Some(kind) => format!("{} 9 UDP/TLS/RTP/SAVPF 0", kind.as_str()),
        None => "application 9 UDP/DTLS/SCTP webrtc-datachannel".to_owned(),
    };
    let mut text =
        format!("a=ice-ufrag:{}\r\na=ice-pwd:{}\r\nm={media}\r\na=mid:{mid}\r\n", ice.ufrag, ice.pwd);
    for (index, address) in candidates.iter().enumerate() {
        let priority = host_priority(index);
        let (ip, port) = (address.ip(), address.port());
        let written = write!(text, "a=candidate:{} 1 udp {priority} {ip} {port} typ host\r\n", index + 1);
        written.expect("a String takes everything");
    }
    text.push_str("a=end-of-candidates\r\n");
    text
}

/// RFC 8445, section 5.1.2.1: type preference 126 for host candidates, local preference by order,
/// component 1.
fn host_priority(index: usize) -> u32 {
    let local_preference = 65_535u32.saturating_sub(u32::try_from(index).unwrap_or(u32::MAX));
    (126 << 24) | (local_preference.min(65_535) << 8) | 255
}

#[cfg(test)]
mod tests {
    use super::*;

    const CREDENTIALS: &str = "a=ice-ufrag:EsAw\r\na=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\r\n";

    fn credentials() -> IceCredentials {
        IceCredentials { ufrag: "EsAw".into(), pwd: "P2uYro0UCOQ4zxjKXaWCBui1".into() }
    }

    fn addresses(fragment: &IceFragment) -> Vec<String> {
        fragment.candidates.iter().map(|candidate| candidate.addr.to_string()).collect()
    }

    #[test]
    fn credentials_before_the_m_line_and_in_it_are_the_same() {
        let candidate = "a=candidate:1 1 udp 2122260223 192.0.2.1 61764 typ host\r\na=end-of-candidates\r\n";
        let before = format!("{CREDENTIALS}m=audio 9 RTP/AVP 0\r\na=mid:0\r\n{candidate}");
        let within = format!(
            "a=group:BUNDLE 0 1\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\n{CREDENTIALS}{candidate}"
        );
        for body in [&before, &within, &before.replace("\r\n", "\n")] {
            let fragment = parse(body.as_bytes()).unwrap();
            assert_eq!(fragment.ice, credentials());
            assert_eq!(addresses(&fragment), ["192.0.2.1:61764"]);
        }
    }

    #[test]
    fn a_restart_needs_no_m_line() {
        let fragment = parse(CREDENTIALS.as_bytes()).unwrap();
        assert_eq!((fragment.ice, fragment.candidates), (credentials(), vec![]));
    }

    #[test]
    fn candidates_of_another_transport_do_not_count() {
        let body = format!(
            "m=audio 9 RTP/AVP 0\r\na=mid:0\r\n{CREDENTIALS}a=candidate:1 1 udp 1 192.0.2.1 1000 typ host\r\n\
             m=video 9 RTP/AVP 0\r\na=mid:1\r\na=ice-ufrag:other\r\na=ice-pwd:0123456789012345678901\r\n\
             a=candidate:1 1 udp 1 192.0.2.1 2000 typ host\r\n"
        );
        assert_eq!(addresses(&parse(body.as_bytes()).unwrap()), ["192.0.2.1:1000"]);
    }

    #[test]
    fn rfc9725_4_3_2_unusable_candidates_are_skipped_silently() {
        let body = format!(
            "{CREDENTIALS}m=audio 9 RTP/AVP 0\r\na=mid:0\r\n\
             a=candidate:1 1 tcp 1518280447 192.0.2.1 9 typ host tcptype active\r\n\
             a=candidate:2 1 udp 2122260223 6f1c2f0e.local 61764 typ host\r\n\
             a=candidate:3 1 udp 2122260223 example.org 61764 typ host\r\n\
             a=candidate:nonsense\r\na=candidate\r\n"
        );
        assert_eq!(parse(body.as_bytes()).unwrap().candidates, []);
    }

    #[test]
    fn a_thousand_candidates_are_read_and_eight_are_kept() {
        let mut body = format!("{CREDENTIALS}m=audio 9 RTP/AVP 0\r\na=mid:0\r\n");
        for port in 1..=1_000 {
            body += &format!("a=candidate:1 1 udp 1 192.0.2.1 {port} typ host\r\n");
        }
        assert_eq!(parse(body.as_bytes()).unwrap().candidates.len(), 8);
    }

    #[test]
    fn what_is_no_fragment_is_refused_with_a_sentence() {
        for (body, why) in [
            ("", "the body is empty"),
            ("\r\n\r\n", "the body is empty"),
            ("hello", "line 1 is not of the form \"x=...\": \"hello\""),
            ("a=ice-ufrag:EsAw\r\n", "there is an ice-ufrag without an ice-pwd"),
            ("a=mid:0\r\n", "there is neither ice-ufrag nor ice-pwd"),
            ("m=audio 9 RTP/AVP 0\r\na=mid:0\r\n", "there is neither ice-ufrag nor ice-pwd"),
            (
                "a=ice-ufrag:abc\r\na=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\r\n",
                "ice-ufrag has 3 characters, not 4 to 256",
            ),
            ("a=ice-ufrag:EsAw\r\na=ice-pwd:short\r\n", "ice-pwd has 5 characters, not 22 to 256"),
        ] {
            assert_eq!(parse(body.as_bytes()), Err(FragmentError::Malformed(why.into())), "{body:?}");
        }
        assert_eq!(parse(&vec![b'a'; 64 * 1024 + 1]), Err(FragmentError::TooLarge(64 * 1024)));
        assert!(parse(b"\xff\xfe").is_err());
    }

    #[test]
    fn what_we_write_we_can_read() {
        let candidates: Vec<SocketAddr> =
            vec!["192.0.2.1:7882".parse().unwrap(), "[2001:db8::1]:7882".parse().unwrap()];
        let text = write(&credentials(), &candidates, "0", Some(MediaKind::Audio));
        assert!(text.ends_with("a=end-of-candidates\r\n"), "{text}");
        assert!(text.contains("\r\na=candidate:1 1 udp 2130706431 192.0.2.1 7882 typ host\r\n"), "{text}");
        let fragment = parse(text.as_bytes()).unwrap();
        assert_eq!(fragment.ice, credentials());
        assert_eq!(addresses(&fragment), ["192.0.2.1:7882", "[2001:db8::1]:7882"]);
    }
}
