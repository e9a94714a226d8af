//! One m-line as a whole, and what all of them must agree on.

use std::collections::BTreeMap;

use plenum_model::{Direction, MediaKind, OfferedLine};

use super::section::{Media, Sections};
use super::{SdpError, bundle, extmap, formats, malformed, streams, unsupported};
use crate::text::{Attributes, excerpt};

/// The profiles that mean SRTP with feedback, keyed by DTLS. The transport named in them is that of the
/// default candidate and says nothing with ICE; `RTP/SAVPF` is how it was written before (RFC 9429,
/// section 5.1.2).
const RTP_PROFILES: [&str; 4] = ["UDP/TLS/RTP/SAVPF", "TCP/DTLS/RTP/SAVPF", "TCP/TLS/RTP/SAVPF", "RTP/SAVPF"];
/// Data channels (RFC 8841).
const SCTP_PROFILES: [&str; 2] = ["UDP/DTLS/SCTP", "TCP/DTLS/SCTP"];

/// Reads all lines, then checks what must hold across the bundle.
pub(super) fn read_all(sections: &Sections<'_>, mids: &[&str]) -> Result<Vec<OfferedLine>, SdpError> {
    let mut lines = Vec::with_capacity(mids.len());
    let mut meanings: Vec<BTreeMap<u8, String>> = Vec::new();
    for (media, mid) in sections.media.iter().zip(mids) {
        media.check_enabled(mid)?;
        match media.kind {
            "audio" => lines.push(read_rtp(media, &sections.session, mid, MediaKind::Audio, &mut meanings)?),
            "video" => lines.push(read_rtp(media, &sections.session, mid, MediaKind::Video, &mut meanings)?),
            "application" => lines.push(read_application(media, &sections.session, mid)?),
            other => return unsupported(format!("line {mid:?} is of kind {:?}", excerpt(other))),
        }
    }
    if lines.iter().filter(|line| line.kind.is_none()).count() > 1 {
        return unsupported("there is more than one line for data channels");
    }
    formats::check_bundled(meanings.iter())?;
    extmap::check_bundled(lines.iter().map(|line| &line.extmaps[..]))?;
    streams::check_bundled(lines.iter().map(|line| &line.ssrcs[..]))?;
    Ok(lines)
}

fn read_rtp(
    media: &Media<'_>,
    session: &Attributes<'_>,
    mid: &str,
    kind: MediaKind,
    meanings: &mut Vec<BTreeMap<u8, String>>,
) -> Result<OfferedLine, SdpError> {
    if !RTP_PROFILES.contains(&media.protocol) {
        return unsupported(format!("line {mid:?} is {:?}, not UDP/TLS/RTP/SAVPF", excerpt(media.protocol)));
    }
    bundle::check_rtcp_mux(media, mid)?;
    let formats = formats::read(media, kind, mid)?;
    if formats.forwarded.is_empty() {
        return Err(SdpError::NoKnownCodec { mid: mid.to_owned(), offered: formats.offered });
    }
    meanings.push(formats.meanings);
    Ok(OfferedLine {
        mid: mid.to_owned(),
        kind: Some(kind),
        direction: direction(&media.attributes, session, mid)?,
        formats: formats.forwarded,
        extmaps: extmap::read(&media.attributes, session)?,
        send_rids: streams::send_rids(&media.attributes, mid)?,
        ssrcs: streams::ssrcs(&media.attributes, mid)?,
        rtx_ssrcs: streams::rtx_ssrcs(&media.attributes, mid)?,
        sctp_port: None,
        max_message_size: None,
    })
}

fn read_application(media: &Media<'_>, session: &Attributes<'_>, mid: &str) -> Result<OfferedLine, SdpError> {
    if !SCTP_PROFILES.contains(&media.protocol) || media.formats != ["webrtc-datachannel"] {
        return unsupported(format!("line {mid:?} is not UDP/DTLS/SCTP webrtc-datachannel"));
    }
    let number = |name: &str| -> Result<Option<u64>, SdpError> {
        match media.attributes.once(name).map_err(SdpError::Malformed)?.map(str::parse) {
            None => Ok(None),
            Some(Ok(number)) => Ok(Some(number)),
            Some(Err(_)) => malformed(format!("a={name} of line {mid:?} is not a number")),
        }
    };
    let sctp_port = match number("sctp-port")?.map(u16::try_from) {
        Some(Ok(port)) if port > 0 => port,
        _ => return malformed(format!("line {mid:?} has no a=sctp-port from 1 to 65535")),
    };
    let max_message_size = number("max-message-size")?.map(|size| u32::try_from(size).unwrap_or(u32::MAX));
    Ok(OfferedLine {
        mid: mid.to_owned(),
        kind: None,
        direction: direction(&media.attributes, session, mid)?,
        formats: Vec::new(),
        extmaps: Vec::new(),
        send_rids: Vec::new(),
        ssrcs: Vec::new(),
        rtx_ssrcs: Vec::new(),
        sctp_port: Some(sctp_port),
        max_message_size,
    })
}

/// The line's own direction, else the session's (Firefox), else both ways (RFC 8866, section 6.7).
fn direction(line: &Attributes<'_>, session: &Attributes<'_>, mid: &str) -> Result<Direction, SdpError> {
    let own = |attributes: &Attributes<'_>| {
        [Direction::SendRecv, Direction::SendOnly, Direction::RecvOnly, Direction::Inactive]
            .into_iter()
            .filter(|direction| attributes.has(direction.as_str()))
            .collect::<Vec<_>>()
    };
    match (&own(line)[..], &own(session)[..]) {
        ([direction], _) | ([], [direction]) => Ok(*direction),
        ([], []) => Ok(Direction::SendRecv),
        _ => malformed(format!("line {mid:?} has two directions")),
    }
}
