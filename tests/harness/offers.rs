//! SDP texts: a browser-like WHIP and a WHEP offer that are valid for the server, for tests that bend one
//! thing at a time, and a reader for single lines of answers.
//!
//! They have no candidates, so that the server has nobody to check and the session stays unconnected.

use std::fmt::Write;

const CODECS: &str = "\
a=rtpmap:96 VP8/90000\r\n\
a=rtcp-fb:96 goog-remb\r\n\
a=rtcp-fb:96 transport-cc\r\n\
a=rtcp-fb:96 ccm fir\r\n\
a=rtcp-fb:96 nack\r\n\
a=rtcp-fb:96 nack pli\r\n\
a=rtpmap:97 rtx/90000\r\n\
a=fmtp:97 apt=96\r\n\
a=rtpmap:102 H264/90000\r\n\
a=rtcp-fb:102 ccm fir\r\n\
a=rtcp-fb:102 nack\r\n\
a=rtcp-fb:102 nack pli\r\n\
a=fmtp:102 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f\r\n\
a=rtpmap:103 rtx/90000\r\n\
a=fmtp:103 apt=102\r\n";

/// Opus and video (VP8, H264), `sendonly`.
pub fn whip() -> String {
    offer("sendonly")
}

/// Opus and video (VP8, H264), `recvonly`.
pub fn whep() -> String {
    offer("recvonly")
}

fn offer(direction: &str) -> String {
    let mut sdp = format!(
        "v=0\r\no=- {} 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1\r\na=extmap-allow-mixed\r\n\
         a=msid-semantic: WMS stream\r\n",
        fastrand::u64(..i64::MAX as u64)
    );
    let ice = format!("a=ice-ufrag:{}\r\na=ice-pwd:{}\r\n", ice_chars(4), ice_chars(24));
    line(&mut sdp, "audio", "111", 0, direction, &ice);
    sdp.push_str("a=rtpmap:111 opus/48000/2\r\na=rtcp-fb:111 transport-cc\r\na=fmtp:111 minptime=10;useinbandfec=1\r\n");
    if direction == "sendonly" {
        sdp.push_str("a=msid:stream audio\r\na=ssrc:1001 cname:publisher\r\n");
    }
    line(&mut sdp, "video", "96 97 102 103", 1, direction, &ice);
    sdp.push_str(CODECS);
    if direction == "sendonly" {
        sdp.push_str(
            "a=msid:stream video\r\na=ssrc-group:FID 2001 2002\r\na=ssrc:2001 cname:publisher\r\n\
             a=ssrc:2002 cname:publisher\r\n",
        );
    }
    sdp
}

fn line(sdp: &mut String, kind: &str, payload_types: &str, mid: u8, direction: &str, ice: &str) {
    let _ = write!(
        sdp,
        "m={kind} 9 UDP/TLS/RTP/SAVPF {payload_types}\r\nc=IN IP4 0.0.0.0\r\na=rtcp:9 IN IP4 0.0.0.0\r\n{ice}\
         a=ice-options:trickle\r\na=fingerprint:sha-256 {}\r\na=setup:actpass\r\na=mid:{mid}\r\n\
         a=extmap:3 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01\r\n\
         a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid\r\na={direction}\r\na=rtcp-mux\r\n",
        fingerprint()
    );
}

/// A SHA-256 digest that belongs to no certificate.
pub fn fingerprint() -> String {
    (0..32).map(|byte: u8| format!("{byte:02X}")).collect::<Vec<_>>().join(":")
}

/// A fragment that trickles `candidates` with the credentials of `offer`.
pub fn trickle(offer: &str, candidates: &[String]) -> String {
    fragment(attribute(offer, "ice-ufrag"), attribute(offer, "ice-pwd"), candidates)
}

/// A fragment that restarts ICE with fresh credentials.
pub fn restart() -> String {
    fragment(&ice_chars(8), &ice_chars(24), &[])
}

/// A fragment (RFC 8840) for the first m-line of our offers.
pub fn fragment(ufrag: &str, pwd: &str, candidates: &[String]) -> String {
    let mut text = format!(
        "a=ice-ufrag:{ufrag}\r\na=ice-pwd:{pwd}\r\na=group:BUNDLE 0 1\r\n\
         m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\n"
    );
    for candidate in candidates {
        let _ = write!(text, "a=candidate:{candidate}\r\n");
    }
    text
}

/// The value of the first `a=name:value` line.
#[track_caller]
pub fn attribute<'a>(sdp: &'a str, name: &'a str) -> &'a str {
    attributes(sdp, name).next().unwrap_or_else(|| panic!("no a={name} in {sdp}"))
}

/// The values of all `a=name:value` lines.
pub fn attributes<'a>(sdp: &'a str, name: &'a str) -> impl Iterator<Item = &'a str> {
    sdp.lines().filter_map(move |line| line.strip_prefix("a=")?.strip_prefix(name)?.strip_prefix(':'))
}

/// Whether a line is there, word for word.
pub fn has_line(sdp: &str, line: &str) -> bool {
    sdp.lines().any(|present| present == line)
}

/// The m-sections, without the session part.
pub fn media_sections(sdp: &str) -> Vec<&str> {
    let mut starts: Vec<usize> = sdp.match_indices("\nm=").map(|(at, _)| at + 1).collect();
    starts.push(sdp.len());
    starts.windows(2).map(|pair| &sdp[pair[0]..pair[1]]).collect()
}

/// Random characters that ICE credentials may have.
pub fn ice_chars(count: usize) -> String {
    (0..count).map(|_| fastrand::alphanumeric()).collect()
}
