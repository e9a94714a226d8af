//! The SDP that str0m reads and the answer that clients read.
//!
//! What the guard let through is written again in one canonical form, with nothing in it that we do not
//! serve; and str0m's answer is completed by what RFC 9725 and browsers ask for.

use std::fmt::Write;

use plenum_model::{Direction, ExtMap, IceCredentials, MediaKind, MediaOffer, OfferedLine, Setup};
use str0m::rtp::Extension;

/// All of a viewer's lines carry this stream id: browsers keep lip-sync within a stream only.
const VIEWER_STREAM_ID: &str = "plenum";

/// The header extensions that we negotiate with someone who sends to us.
pub(crate) const FROM_PUBLISHERS: [Extension; 8] = [
    Extension::RtpMid,
    Extension::RtpStreamId,
    Extension::RepairedRtpStreamId,
    Extension::AudioLevel,
    Extension::VideoOrientation,
    Extension::TransportSequenceNumber,
    Extension::AbsoluteSendTime,
    Extension::VideoContentType,
];

/// The header extensions that we negotiate with someone who receives from us. No congestion control
/// feedback: it would wake every viewer's pacer for a choice it does not have.
pub(crate) const TO_VIEWERS: [Extension; 4] =
    [Extension::RtpMid, Extension::AudioLevel, Extension::VideoOrientation, Extension::VideoContentType];

/// The extension of `supported` that an offered one names.
pub(crate) fn supported_extension(offered: &ExtMap, supported: &[Extension]) -> Option<Extension> {
    supported.iter().find(|extension| extension.as_uri() == offered.uri).cloned()
}

/// The offer as str0m gets it: `direction` on every line, `ice` instead of the offer's own credentials, no
/// candidates.
pub(crate) fn canonical_offer(
    offer: &MediaOffer,
    ice: &IceCredentials,
    direction: Direction,
    extensions: &[Extension],
) -> String {
    let mut out = String::with_capacity(4_096);
    out.push_str("v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=group:BUNDLE");
    for line in &offer.lines {
        write!(out, " {}", line.mid).unwrap();
    }
    out.push_str("\r\n");
    if offer.ice_lite {
        out.push_str("a=ice-lite\r\n");
    }
    for line in &offer.lines {
        if let Some(kind) = line.kind {
            write_media_line(&mut out, line, kind);
        } else {
            out.push_str("m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\n");
        }
        write_transport(&mut out, offer, ice, &line.mid);
        match line.kind {
            Some(_) => write_streams(&mut out, line, direction, extensions),
            None => writeln_sctp(&mut out, line),
        }
    }
    out
}

fn write_media_line(out: &mut String, line: &OfferedLine, kind: MediaKind) {
    write!(out, "m={} 9 UDP/TLS/RTP/SAVPF", kind.as_str()).unwrap();
    for format in &line.formats {
        write!(out, " {}", format.pt).unwrap();
        if let Some(rtx) = format.rtx {
            write!(out, " {rtx}").unwrap();
        }
    }
    out.push_str("\r\nc=IN IP4 0.0.0.0\r\n");
}

fn write_transport(out: &mut String, offer: &MediaOffer, ice: &IceCredentials, mid: &str) {
    let setup = match offer.setup {
        Setup::ActPass => "actpass",
        Setup::Active => "active",
        Setup::Passive => "passive",
    };
    let (hash, digest) = &offer.fingerprint;
    write!(
        out,
        "a=ice-ufrag:{}\r\na=ice-pwd:{}\r\na=fingerprint:{hash} {digest}\r\na=setup:{setup}\r\na=mid:{mid}\r\n",
        ice.ufrag, ice.pwd
    )
    .unwrap();
}

fn writeln_sctp(out: &mut String, line: &OfferedLine) {
    write!(out, "a=sctp-port:{}\r\n", line.sctp_port.unwrap_or(5000)).unwrap();
    if let Some(size) = line.max_message_size {
        write!(out, "a=max-message-size:{size}\r\n").unwrap();
    }
}

fn write_streams(out: &mut String, line: &OfferedLine, direction: Direction, extensions: &[Extension]) {
    for extmap in &line.extmaps {
        if supported_extension(extmap, extensions).is_some() {
            write!(out, "a=extmap:{} {}\r\n", extmap.id, extmap.uri).unwrap();
        }
    }
    write!(out, "a={}\r\na=rtcp-mux\r\n", direction.as_str()).unwrap();
    for format in &line.formats {
        let codec = format.format.codec;
        let (pt, name, clock_rate) = (format.pt, codec.encoding_name(), codec.clock_rate());
        write!(out, "a=rtpmap:{pt} {name}/{clock_rate}").unwrap();
        if let Some(channels) = format.channels {
            write!(out, "/{channels}").unwrap();
        }
        out.push_str("\r\n");
        for feedback in &format.feedback {
            write!(out, "a=rtcp-fb:{pt} {feedback}\r\n").unwrap();
        }
        if !format.fmtp.is_empty() {
            write!(out, "a=fmtp:{pt} {}\r\n", format.fmtp).unwrap();
        }
        if let Some(rtx) = format.rtx {
            write!(out, "a=rtpmap:{rtx} rtx/{clock_rate}\r\na=fmtp:{rtx} apt={pt}\r\n").unwrap();
        }
    }
    if direction == Direction::SendOnly {
        write_sources(out, line);
    }
}

fn write_sources(out: &mut String, line: &OfferedLine) {
    if !line.send_rids.is_empty() {
        for rid in &line.send_rids {
            write!(out, "a=rid:{rid} send\r\n").unwrap();
        }
        write!(out, "a=simulcast:send {}\r\n", line.send_rids.join(";")).unwrap();
        return;
    }
    for (media, rtx) in &line.rtx_ssrcs {
        write!(out, "a=ssrc-group:FID {media} {rtx}\r\n").unwrap();
    }
    for ssrc in &line.ssrcs {
        write!(out, "a=ssrc:{ssrc} cname:publisher\r\n").unwrap();
    }
}

/// str0m's answer with `rtcp-mux-only` (RFC 8858, demanded by RFC 9725, section 4.4.1) and stream ids that
/// make sense: one for all lines of a viewer, none where nothing is sent.
pub(crate) fn complete_answer(answer: &str, to_viewer: bool) -> String {
    let mut out = String::with_capacity(answer.len() + 256);
    for line in answer.lines() {
        if let Some(track) = line.strip_prefix("a=msid:").and_then(|v| v.split(' ').nth(1)) {
            if to_viewer {
                write!(out, "a=msid:{VIEWER_STREAM_ID} {track}\r\n").unwrap();
            }
        } else if line.starts_with("a=msid-semantic:") {
            if to_viewer {
                write!(out, "a=msid-semantic: WMS {VIEWER_STREAM_ID}\r\n").unwrap();
            }
        } else if let Some((ssrc, track)) = ssrc_msid(line) {
            write!(out, "a=ssrc:{ssrc} msid:{VIEWER_STREAM_ID} {track}\r\n").unwrap();
        } else {
            out.push_str(line);
            out.push_str("\r\n");
            if line == "a=rtcp-mux" {
                out.push_str("a=rtcp-mux-only\r\n");
            }
        }
    }
    out
}

/// `a=ssrc:N msid:STREAM TRACK` to (N, TRACK).
fn ssrc_msid(line: &str) -> Option<(&str, &str)> {
    let (ssrc, msid) = line.strip_prefix("a=ssrc:")?.split_once(" msid:")?;
    Some((ssrc, msid.split(' ').nth(1)?))
}
