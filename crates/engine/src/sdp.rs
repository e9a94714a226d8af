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
const FROM_PUBLISHERS: [Extension; 8] = [
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
const TO_VIEWERS: [Extension; 4] =
    [Extension::RtpMid, Extension::AudioLevel, Extension::VideoOrientation, Extension::VideoContentType];

/// The extension that an offered one names, if it is negotiated for this direction, seen from the offerer.
pub(crate) fn supported_extension(offered: &ExtMap, direction: Direction) -> Option<Extension> {
    let supported = if direction.sends() { &FROM_PUBLISHERS[..] } else { &TO_VIEWERS[..] };
    supported.iter().find(|extension| extension.as_uri() == offered.uri).cloned()
}

/// The offer as str0m gets it: the lines go the ways of `directions`, with `ice` instead of the offer's own
/// credentials and no candidates.
pub(crate) fn canonical_offer(offer: &MediaOffer, ice: &IceCredentials, directions: &[Direction]) -> String {
    let mut out = String::with_capacity(4_096);
    out.push_str("v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=group:BUNDLE");
    for line in &offer.lines {
        write!(out, " {}", line.mid).unwrap();
    }
    out.push_str("\r\n");
    if offer.ice_lite {
        out.push_str("a=ice-lite\r\n");
    }
    for (line, direction) in offer.lines.iter().zip(directions) {
        if let Some(kind) = line.kind {
            write_media_line(&mut out, line, kind);
        } else {
            out.push_str("m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\n");
        }
        write_transport(&mut out, offer, ice, &line.mid);
        match line.kind {
            Some(_) => write_streams(&mut out, line, *direction),
            None => write_sctp(&mut out, line),
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

fn write_sctp(out: &mut String, line: &OfferedLine) {
    write!(out, "a=sctp-port:{}\r\n", line.sctp_port.unwrap_or(5000)).unwrap();
    if let Some(size) = line.max_message_size {
        write!(out, "a=max-message-size:{size}\r\n").unwrap();
    }
}

fn write_streams(out: &mut String, line: &OfferedLine, direction: Direction) {
    for extmap in &line.extmaps {
        if supported_extension(extmap, direction).is_some() {
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

/// What a line of an answer is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Shape {
    /// We receive on it, or it carries data channels: it has no stream of ours.
    Quiet,
    /// We send on it.
    Sending {
        /// Its name.
        mid: String,
    },
}

impl Shape {
    /// The line's name, if we send on it.
    fn sends(&self) -> Option<&str> {
        match self {
            Self::Quiet => None,
            Self::Sending { mid } => Some(mid),
        }
    }
}

/// What the lines of the answer to an offer are.
pub(crate) fn shapes(lines: &[OfferedLine], directions: &[Direction]) -> Vec<Shape> {
    let shape = |(line, direction): (&OfferedLine, &Direction)| match line.kind {
        Some(_) if !direction.sends() => Shape::Sending { mid: line.mid.clone() },
        _ => Shape::Quiet,
    };
    lines.iter().zip(directions).map(shape).collect()
}

/// Which streams the lines belong to that we send on: browsers make a MediaStream of each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Streams {
    /// One, since browsers keep lip-sync within a stream only.
    OneForAll,
    /// One for each: whose picture and whose voice belong together changes with every speaker.
    OnePerSlot,
}

impl Streams {
    fn id_of(self, mid: &str) -> String {
        match self {
            Self::OneForAll => VIEWER_STREAM_ID.to_owned(),
            Self::OnePerSlot => format!("slot-{mid}"),
        }
    }
}

/// str0m's answer with `rtcp-mux-only` (RFC 8858, demanded by RFC 9725, section 4.4.1), stream ids that make sense
/// and none where nothing is sent, `ice` as our credentials, and no feedback on congestion for what we send.
pub(crate) fn complete_answer(
    answer: &str,
    shapes: &[Shape],
    streams: Streams,
    ice: &IceCredentials,
) -> String {
    let mut out = String::with_capacity(answer.len() + 256);
    let mut lines = shapes.iter();
    let mut sending = None;
    for line in answer.lines() {
        if line.starts_with("m=") {
            sending = lines.next().and_then(Shape::sends);
        }
        match line.split_once(':') {
            Some(("a=msid", value)) => write_msid(&mut out, value, sending, streams),
            Some(("a=ssrc", value)) => write_ssrc(&mut out, value, sending, streams),
            Some(("a=candidate", value)) => write_candidate(&mut out, value, ice),
            Some(("a=ice-ufrag", _)) => write!(out, "a=ice-ufrag:{}\r\n", ice.ufrag).unwrap(),
            Some(("a=ice-pwd", _)) => write!(out, "a=ice-pwd:{}\r\n", ice.pwd).unwrap(),
            // The list of all stream ids: nobody needs it, since each line names its own (RFC 8830).
            Some(("a=msid-semantic", _)) => write_semantic(&mut out, shapes, streams),
            Some(("a=rtcp-fb", value)) if sending.is_some() && is_of_congestion(value) => {}
            _ => {
                write!(out, "{line}\r\n").unwrap();
                if line == "a=rtcp-mux" {
                    out.push_str("a=rtcp-mux-only\r\n");
                }
            }
        }
    }
    out
}

/// `value` is `STREAM TRACK`; `sending` is the mid of the line if we send on it.
fn write_msid(out: &mut String, value: &str, sending: Option<&str>, streams: Streams) {
    if let (Some(mid), Some((_, track))) = (sending, value.split_once(' ')) {
        write!(out, "a=msid:{} {track}\r\n", streams.id_of(mid)).unwrap();
    }
}

/// `value` is `N msid:STREAM TRACK`, or `N` with something else.
fn write_ssrc(out: &mut String, value: &str, sending: Option<&str>, streams: Streams) {
    let msid = value.split_once(" msid:").and_then(|(ssrc, msid)| Some((ssrc, msid.split_once(' ')?.1)));
    match msid {
        Some((ssrc, track)) => {
            let stream = streams.id_of(sending.unwrap_or_default());
            write!(out, "a=ssrc:{ssrc} msid:{stream} {track}\r\n").unwrap();
        }
        None => write!(out, "a=ssrc:{value}\r\n").unwrap(),
    }
}

/// A candidate may name the credentials that it belongs to (RFC 8839, section 5.1); after a restart str0m names those
/// that it had chosen itself.
fn write_candidate(out: &mut String, value: &str, ice: &IceCredentials) {
    out.push_str("a=candidate:");
    match value.split_once(" ufrag ") {
        Some((candidate, rest)) => {
            write!(out, "{candidate} ufrag {}", ice.ufrag).unwrap();
            out.push_str(rest.find(' ').map_or("", |end| &rest[end..]));
        }
        None => out.push_str(value),
    }
    out.push_str("\r\n");
}

fn write_semantic(out: &mut String, shapes: &[Shape], streams: Streams) {
    if streams == Streams::OneForAll && shapes.iter().any(|shape| shape.sends().is_some()) {
        write!(out, "a=msid-semantic: WMS {VIEWER_STREAM_ID}\r\n").unwrap();
    }
}

/// Whether feedback reports congestion: nobody controls it on what we send.
fn is_of_congestion(feedback: &str) -> bool {
    feedback.ends_with(" transport-cc") || feedback.ends_with(" goog-remb")
}
