//! What is refused, and with which sentence. Each case is one offer with one thing changed.

mod line;

use plenum_model::limits::{SDP_ROOM, SDP_WHIP};

use super::super::SdpError::{self, Malformed, TooLarge, Unsupported};
use super::super::parse_offer;
use super::parse;

/// The base of most cases: audio 111, video 96 with RTX 97, extensions, one fingerprint.
const OFFER: &str = "v=0\r
o=- 1 2 IN IP4 127.0.0.1\r
s=-\r
t=0 0\r
a=group:BUNDLE 0 1\r
m=audio 9 UDP/TLS/RTP/SAVPF 111\r
c=IN IP4 0.0.0.0\r
a=ice-ufrag:abcd\r
a=ice-pwd:0123456789012345678901\r
a=fingerprint:sha-256 00:01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:0F:10:11:12:13:14:15:16:17:18:19:1A:1B:1C:1D:1E:1F\r
a=setup:actpass\r
a=mid:0\r
a=extmap:1 urn:ietf:params:rtp-hdrext:sdes:mid\r
a=sendonly\r
a=rtcp-mux\r
a=rtpmap:111 opus/48000/2\r
a=ssrc:1 cname:x\r
m=video 9 UDP/TLS/RTP/SAVPF 96 97\r
a=ice-ufrag:abcd\r
a=ice-pwd:0123456789012345678901\r
a=fingerprint:sha-256 00:01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:0F:10:11:12:13:14:15:16:17:18:19:1A:1B:1C:1D:1E:1F\r
a=setup:actpass\r
a=mid:1\r
a=extmap:1 urn:ietf:params:rtp-hdrext:sdes:mid\r
a=sendonly\r
a=rtcp-mux\r
a=rtpmap:96 VP8/90000\r
a=rtpmap:97 rtx/90000\r
a=fmtp:97 apt=96\r
a=ssrc:2 cname:x\r
";

/// The error of the base with `from` replaced by `to` everywhere.
fn changed(from: &str, to: &str) -> SdpError {
    assert!(OFFER.contains(from), "{from:?} is not in the offer");
    match parse(&OFFER.replace(from, to)) {
        Ok(_) => panic!("{from:?} -> {to:?} is accepted"),
        Err(error) => error,
    }
}

/// The error of the base with a line appended to its video line.
fn with_line(line: &str) -> SdpError {
    match parse(&format!("{OFFER}{line}\r\n")) {
        Ok(_) => panic!("{line:?} is accepted"),
        Err(error) => error,
    }
}

fn malformed(why: &str) -> SdpError {
    Malformed(why.to_owned())
}

fn unsupported(why: &str) -> SdpError {
    Unsupported(why.to_owned())
}

#[test]
fn the_base_itself_is_fine() {
    assert!(parse(OFFER).is_ok());
}

#[test]
fn what_is_not_text_is_malformed() {
    let cases: [(&[u8], &str); 7] = [
        (b"", "the body is empty"),
        (b"\r\n\n", "the body is empty"),
        (b"\xef\xbb\xbfv=0\r\n", "the body starts with a byte order mark"),
        (b"v=0\r\no=\xff\r\n", "the body is not UTF-8 text"),
        (b"\x00\x01\x02", "line 1 contains a control character"),
        (b"v=0\r\no=- \x1b[31m\r\n", "line 2 contains a control character"),
        (b"{\"sdp\":\"v=0\"}", "line 1 is not of the form \"x=...\": \"{\\\"sdp\\\":\\\"v=0\\\"}\""),
    ];
    for (body, why) in cases {
        assert_eq!(parse_offer(body, &SDP_WHIP), Err(malformed(why)), "{body:?}");
    }
}

#[test]
fn garbage_behind_the_offer_is_malformed() {
    for garbage in ["garbage", "\r\na=x", "A=x", " a=x", "a", "=", "\0", "--boundary--", "m=audio"] {
        let text = format!("{OFFER}{garbage}\r\n");
        assert!(matches!(parse(&text), Err(Malformed(_))), "{garbage:?}");
    }
}

#[test]
fn lines_that_end_with_cr_alone_are_malformed() {
    let text = OFFER.replace("\r\n", "\r");
    assert_eq!(parse(&text), Err(malformed("line 1 contains a control character")));
}

#[test]
fn size_is_bounded_before_anything_else() {
    let filler = "a=x:0123456789\r\n";
    let long = OFFER.to_owned() + &filler.repeat(64 * 1024 / filler.len());
    assert_eq!(parse(&long), Err(TooLarge(64 * 1024)));
    let many_lines = OFFER.to_owned() + &"a=x\r\n".repeat(2_000);
    assert_eq!(parse(&many_lines), Err(malformed("there are more than 2000 lines")));
    assert!(parse_offer(many_lines.as_bytes(), &SDP_ROOM).is_ok());
    let many_media = OFFER.to_owned() + &"m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n".repeat(31);
    assert_eq!(parse(&many_media), Err(malformed("there are more than 32 m-lines")));
}

#[test]
fn exactly_as_many_bytes_and_lines_as_allowed_are_fine() {
    let lines = OFFER.lines().count();
    let full = OFFER.to_owned() + &"a=x\r\n".repeat(2_000 - lines);
    assert!(parse(&full).is_ok());
    let full = format!("{OFFER}a=x:{}\r\n", "y".repeat(64 * 1024 - OFFER.len() - 6));
    assert_eq!(full.len(), 64 * 1024);
    assert!(parse(&full).is_ok());
}

#[test]
fn the_head_of_a_description_is_needed() {
    assert_eq!(changed("v=0\r\n", ""), malformed("the first line is not \"v=0\""));
    assert_eq!(changed("v=0", "v=1"), malformed("the first line is not \"v=0\""));
    assert_eq!(changed("o=- 1 2 IN IP4 127.0.0.1\r\n", ""), malformed("there is no line \"o=\""));
    assert_eq!(changed("t=0 0", "q=0 0"), malformed("there is no line \"t=\""));
    assert_eq!(with_line("o=- 1 2 IN IP4 127.0.0.1"), malformed("a line \"o=\" has no place there"));
    let head = &OFFER[..OFFER.find("m=").unwrap()];
    assert_eq!(parse(head), Err(malformed("there is no m-line")));
}

#[test]
fn fingerprints_must_be_there_whole_and_strong() {
    let line = OFFER.lines().find(|line| line.starts_with("a=fingerprint")).unwrap();
    let digest = line.split(' ').nth(1).unwrap();
    assert_eq!(changed(&format!("{line}\r\n"), ""), malformed("there is no fingerprint"));
    assert_eq!(changed(":1E:1F\r\n", ":1E\r\n"), malformed("a sha-256 fingerprint has 32 bytes, not 31"));
    assert_eq!(
        changed(":1E:1F\r\n", ":1E:1G\r\n"),
        malformed("a fingerprint is not made of hexadecimal bytes with colons between them")
    );
    assert_eq!(changed(digest, "00"), malformed("a sha-256 fingerprint has 32 bytes, not 1"));
    assert_eq!(changed("sha-256", "sha-3"), malformed("the fingerprint's hash \"sha-3\" is not known"));
    let hex = |bytes: usize| vec!["AB"; bytes].join(":");
    for (hash, bytes) in [("md5", 16), ("sha-1", 20), ("sha-384", 48), ("sha-512", 64)] {
        assert_eq!(
            changed(&format!("sha-256 {digest}"), &format!("{hash} {}", hex(bytes))),
            unsupported(&format!("a sha-256 fingerprint is needed, not only {hash}"))
        );
    }
}

#[test]
fn ice_credentials_are_within_the_bounds_of_rfc8839() {
    assert_eq!(changed(":abcd", ":abc"), malformed("ice-ufrag has 3 characters, not 4 to 256"));
    let long = format!(":{}", "a".repeat(257));
    assert_eq!(changed(":abcd", &long), malformed("ice-ufrag has 257 characters, not 4 to 256"));
    assert_eq!(
        changed(":0123456789012345678901", ":012345678901234567890"),
        malformed("ice-pwd has 21 characters, not 22 to 256")
    );
    let characters = "ice-ufrag has characters other than letters, digits, '+' and '/'";
    assert_eq!(changed(":abcd", ":ab:d"), malformed(characters));
    assert_eq!(changed(":abcd", ":ab d"), malformed(characters));
    assert_eq!(changed("a=ice-ufrag:abcd\r\n", ""), malformed("there is an ice-pwd without an ice-ufrag"));
    let without = OFFER.replace("a=ice-ufrag:abcd\r\na=ice-pwd:0123456789012345678901\r\n", "");
    assert_eq!(parse(&without), Err(malformed("there is neither ice-ufrag nor ice-pwd")));
    assert_eq!(with_line("a=ice-ufrag:other"), malformed("a=ice-ufrag is given twice with different values"));
}

#[test]
fn a_secret_never_stands_in_a_sentence() {
    for pwd in ["secret", "secret-secret-secret-secret"] {
        let error = changed(":0123456789012345678901", &format!(":{pwd}"));
        assert!(!error.to_string().contains("secret"), "{error}");
    }
}

#[test]
fn setup_is_a_role_that_can_be_answered() {
    assert_eq!(changed("a=setup:actpass\r\n", ""), malformed("there is no a=setup"));
    assert_eq!(changed("actpass", "both"), malformed("a=setup:both is not a role"));
    assert_eq!(
        changed("actpass", "holdconn"),
        unsupported("a=setup:holdconn: there is no connection to hold")
    );
    for fine in ["active", "passive"] {
        assert!(parse(&OFFER.replace("actpass", fine)).is_ok());
    }
}

#[test]
fn everything_shares_one_transport() {
    assert_eq!(changed("a=rtcp-mux\r\n", ""), unsupported("line \"0\" is without rtcp-mux"));
    assert_eq!(
        changed("a=group:BUNDLE 0 1\r\n", ""),
        unsupported("the lines are not bundled: there is no a=group:BUNDLE")
    );
    assert_eq!(changed("BUNDLE 0 1", "BUNDLE 0"), unsupported("line \"1\" is not in the BUNDLE group"));
    assert_eq!(
        changed("a=group:BUNDLE 0 1", "a=group:BUNDLE 0\r\na=group:BUNDLE 1"),
        unsupported("there is more than one BUNDLE group")
    );
    assert_eq!(
        changed("BUNDLE 0 1", "BUNDLE 0 1 2"),
        malformed("the BUNDLE group names the mid \"2\", which no line has")
    );
}

#[test]
fn mids_are_short_unique_tokens() {
    assert_eq!(changed("a=mid:1\r\n", ""), malformed("a line \"m=video\" has no a=mid"));
    assert_eq!(changed("a=mid:1", "a=mid:0"), malformed("two lines have the mid \"0\""));
    for bad in ["", "a b", "01234567890123456", "é", "a/b"] {
        let why = format!("the mid {bad:?} is not a token of 1 to 16 characters");
        assert_eq!(changed("a=mid:1", &format!("a=mid:{bad}")), malformed(&why));
    }
}
