//! What is refused about a single m-line and its payload types, extensions, layers and SSRCs.

use super::super::super::SdpError::NoKnownCodec;
use super::super::{offer, parse};
use super::{OFFER, changed, malformed, unsupported, with_line};

#[test]
fn profiles_other_than_savpf_are_unsupported() {
    for profile in ["RTP/AVP", "RTP/AVPF", "RTP/SAVP", "UDP/TLS/RTP/SAVP", "UDP/DTLS/SCTP", "udp"] {
        let why = format!("line \"0\" is {profile:?}, not UDP/TLS/RTP/SAVPF");
        assert_eq!(changed("UDP/TLS/RTP/SAVPF", profile), unsupported(&why));
    }
    for fine in ["TCP/DTLS/RTP/SAVPF", "TCP/TLS/RTP/SAVPF", "RTP/SAVPF"] {
        assert!(parse(&OFFER.replace("UDP/TLS/RTP/SAVPF", fine)).is_ok(), "{fine}");
    }
}

#[test]
fn a_disabled_line_and_an_unknown_kind_are_unsupported() {
    assert_eq!(changed("m=video 9", "m=video 0"), unsupported("line \"1\" is disabled (port 0)"));
    assert!(parse(&(OFFER.replace("m=video 9", "m=video 0") + "a=bundle-only\r\n")).is_ok());
    assert_eq!(changed("m=video", "m=text"), unsupported("line \"1\" is of kind \"text\""));
    assert_eq!(
        changed("m=audio 9 UDP/TLS/RTP/SAVPF 111", "m=audio"),
        malformed("an m-line is incomplete: \"audio\"")
    );
    assert_eq!(
        changed("m=audio 9 ", "m=audio 99999 "),
        malformed("the port of an m-line is not a number: \"99999\"")
    );
}

#[test]
fn payload_types_are_numbers_with_one_meaning() {
    let line = "m=video 9 UDP/TLS/RTP/SAVPF 96 97";
    let listed = |formats: &str| changed(line, &format!("m=video 9 UDP/TLS/RTP/SAVPF {formats}"));
    assert_eq!(listed("96 97 96"), malformed("line \"1\" lists payload type 96 twice"));
    assert_eq!(listed("96 97 128"), malformed("line \"1\" lists \"128\", which is not a payload type"));
    assert_eq!(listed("96 97 x"), malformed("line \"1\" lists \"x\", which is not a payload type"));
    for reserved in [64, 72, 95] {
        let why = format!("payload type {reserved} of line \"1\" is reserved for RTCP (64 to 95)");
        assert_eq!(listed(&format!("96 97 {reserved}")), malformed(&why));
    }
    assert_eq!(
        with_line("a=rtpmap:96 VP9/90000"),
        malformed("line \"1\" gives a payload type two meanings: \"96 VP9/90000\"")
    );
    let shared = OFFER
        .replace("SAVPF 96 97", "SAVPF 111 97")
        .replace("a=rtpmap:96 VP8/90000", "a=rtpmap:111 VP8/90000")
        .replace("apt=96", "apt=111");
    assert_eq!(parse(&shared), Err(malformed("payload type 111 has different meanings on two lines")));
}

#[test]
fn two_lines_may_share_a_payload_type_that_means_the_same() {
    let second = &offer("chromium-room");
    assert!(parse(second).is_ok());
    let h264 = "a=rtpmap:96 H264/90000\r\na=fmtp:96 profile-level-id=42e01f;packetization-mode=1";
    let base = OFFER.replace("a=rtpmap:96 VP8/90000", h264).replace("BUNDLE 0 1", "BUNDLE 0 1 2");
    let video = &base[base.find("m=video").unwrap()..];
    let third = video.replace("a=mid:1", "a=mid:2").replace("a=ssrc:2", "a=ssrc:3");
    assert!(parse(&format!("{base}{third}")).is_ok());
    let other_level = third.replace("42e01f", "42e034");
    assert!(parse(&format!("{base}{other_level}")).is_ok());
    let other_profile = third.replace("42e01f", "640c1f");
    assert_eq!(
        parse(&format!("{base}{other_profile}")),
        Err(malformed("payload type 96 has different meanings on two lines"))
    );
}

#[test]
fn retransmissions_are_of_something() {
    assert_eq!(
        changed("apt=96", "apt=98"),
        malformed("apt=98 of payload type 97 names nothing on line \"1\"")
    );
    assert_eq!(
        changed("apt=96", "apt=97"),
        malformed("payload type 97 of line \"1\" retransmits retransmissions")
    );
    assert_eq!(changed("apt=96", "rtx-time=200"), malformed("RTX payload type 97 of line \"1\" has no apt"));
    assert_eq!(changed("apt=96", "apt=x"), malformed("RTX payload type 97 of line \"1\" has no apt"));
    let looped = OFFER.replace("SAVPF 96 97", "SAVPF 96 97 98").replace("apt=96", "apt=98")
        + "a=rtpmap:98 rtx/90000\r\na=fmtp:98 apt=97\r\n";
    assert_eq!(parse(&looped), Err(malformed("payload type 97 of line \"1\" retransmits retransmissions")));
}

#[test]
fn a_line_without_a_codec_of_ours_names_what_it_offers() {
    let error = changed("VP8/90000", "H265/90000");
    assert_eq!(error, NoKnownCodec { mid: "1".into(), offered: vec!["H265".into()] });
    let phone = OFFER
        .replace("SAVPF 111", "SAVPF 0 8 101")
        .replace("a=rtpmap:111 opus/48000/2", "a=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000");
    let offered = vec!["payload type 0".into(), "PCMA".into()];
    assert_eq!(parse(&phone), Err(NoKnownCodec { mid: "0".into(), offered }));
    // A video codec on an audio line is none, either.
    let swapped = OFFER.replace("opus/48000/2", "VP8/90000");
    assert_eq!(parse(&swapped), Err(NoKnownCodec { mid: "0".into(), offered: vec!["VP8".into()] }));
}

#[test]
fn extension_ids_are_unique_and_in_range() {
    assert_eq!(with_line("a=extmap:0 urn:x"), malformed("extmap id 0 is not from 1 to 255"));
    assert_eq!(with_line("a=extmap:256 urn:x"), malformed("extmap id 256 is not from 1 to 255"));
    assert_eq!(with_line("a=extmap:4096 urn:x"), malformed("extmap id 4096 is not from 1 to 255"));
    assert_eq!(with_line("a=extmap:15 urn:x"), malformed("extmap id 15 needs a=extmap-allow-mixed"));
    assert_eq!(with_line("a=extmap:1 urn:x"), malformed("extmap id 1 is given twice"));
    assert_eq!(
        with_line("a=extmap:2 urn:ietf:params:rtp-hdrext:sdes:mid"),
        malformed("the extension \"urn:ietf:params:rtp-hdrext:sdes:mid\" is mapped twice")
    );
    assert_eq!(with_line("a=extmap:x urn:x"), malformed("an extmap id is not a number: \"x\""));
    assert_eq!(with_line("a=extmap:3"), malformed("an extmap is incomplete: \"3\""));
    assert_eq!(
        with_line(&format!("a=extmap:3 {}", "u".repeat(256))),
        malformed("an extension's name is longer than 255 characters")
    );
    let crossed = OFFER.replacen("a=extmap:1 ", "a=extmap:2 ", 1) + "a=extmap:2 urn:x\r\n";
    assert_eq!(parse(&crossed), Err(malformed("extmap id 2 means different extensions on two lines")));
    assert!(parse(&format!("{OFFER}a=extmap-allow-mixed\r\na=extmap:15 urn:x\r\n")).is_ok());
}

#[test]
fn encrypted_extensions_are_left_out() {
    let encrypt = "urn:ietf:params:rtp-hdrext:encrypt";
    let text = format!("{OFFER}a=extmap:5 {encrypt} urn:x\r\na=extmap:6 {encrypt} urn:y\r\n");
    assert_eq!(parse(&text), parse(OFFER));
}

#[test]
fn layers_are_few_declared_and_listed() {
    let simulcast = |rids: &[&str], list: &str| {
        let rids: String = rids.iter().map(|rid| format!("a=rid:{rid}\r\n")).collect();
        parse(&format!("{OFFER}{rids}{list}"))
    };
    let four = ["a send", "b send", "c send", "d send"];
    assert_eq!(simulcast(&four, "a=simulcast:send a;b;c;d\r\n").unwrap().lines[1].send_rids.len(), 4);
    let thirty: Vec<_> = (0..30).map(|n| format!("r{n} send")).collect();
    let thirty: Vec<_> = thirty.iter().map(String::as_str).collect();
    let refused = [
        (&thirty[..], "a=simulcast:send r0;r1\r\n", unsupported("line \"1\" has more than 4 rids")),
        (&["a send"], "", malformed("line \"1\" declares rids without a=simulcast:send")),
        (
            &["a send"],
            "a=simulcast:send a;b\r\n",
            malformed("a=simulcast of line \"1\" lists rid \"b\", which is not declared"),
        ),
        (
            &["a send"],
            "a=simulcast:send a;a\r\n",
            malformed("a=simulcast of line \"1\" lists rid \"a\" twice"),
        ),
        (
            &["a send", "b send"],
            "a=simulcast:send a\r\n",
            malformed("rid \"b\" of line \"1\" is not in its a=simulcast"),
        ),
        (&["a send", "a send"], "a=simulcast:send a\r\n", malformed("line \"1\" declares rid \"a\" twice")),
        (&["a up"], "", malformed("rid \"a\" of line \"1\" is neither send nor recv")),
        (&["a"], "", malformed("a=rid of line \"1\" is incomplete: \"a\"")),
        (
            &["123456789 send"],
            "",
            malformed("the rid \"123456789\" of line \"1\" is not 1 to 8 letters and digits"),
        ),
        (&["a-b send"], "", malformed("the rid \"a-b\" of line \"1\" is not 1 to 8 letters and digits")),
        (
            &["a send"],
            "a=simulcast:both a\r\n",
            malformed("a=simulcast of line \"1\" is neither send nor recv"),
        ),
    ];
    for (rids, list, why) in refused {
        assert_eq!(simulcast(rids, list), Err(why), "{rids:?} {list:?}");
    }
    assert!(simulcast(&["a recv"], "a=simulcast:recv a\r\n").unwrap().lines[1].send_rids.is_empty());
}

#[test]
fn ssrcs_are_numbers_of_one_line() {
    assert_eq!(changed("a=ssrc:2 ", "a=ssrc:1 "), malformed("SSRC 1 is used on two lines"));
    assert_eq!(
        with_line("a=ssrc:4294967296 cname:x"),
        malformed("line \"1\" has an SSRC that is not a number: \"4294967296\"")
    );
    assert_eq!(
        with_line("a=ssrc-group:FID 2"),
        malformed("an FID group of line \"1\" is not a pair of SSRCs")
    );
    let many: String = (10..80).map(|n| format!("a=ssrc:{n} cname:x\r\n")).collect();
    assert_eq!(parse(&format!("{OFFER}{many}")), Err(unsupported("line \"1\" has more than 64 SSRCs")));
}

#[test]
fn a_line_has_one_direction() {
    assert_eq!(with_line("a=recvonly"), malformed("line \"1\" has two directions"));
}

#[test]
fn parameters_have_a_length() {
    assert_eq!(
        with_line(&format!("a=fmtp:96 x={}", "y".repeat(2_048))),
        malformed("an a=fmtp of line \"1\" is longer than 2048 characters")
    );
    assert_eq!(
        with_line(&format!("a=rtcp-fb:96 {}", "y".repeat(65))),
        malformed("line \"1\" has too many or too long a=rtcp-fb")
    );
    assert_eq!(
        with_line("a=rtpmap:opus/48000"),
        malformed("an attribute of line \"1\" has no payload type: \"opus/48000\"")
    );
}

#[test]
fn a_data_channel_line_is_complete_and_alone() {
    let data = "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:2\r\na=sctp-port:5000\r\n";
    let base = OFFER.replace("BUNDLE 0 1", "BUNDLE 0 1 2");
    let with = |line: &str| parse(&format!("{base}{line}"));
    assert_eq!(with(data).unwrap().lines[2].sctp_port, Some(5000));
    let port = malformed("line \"2\" has no a=sctp-port from 1 to 65535");
    assert_eq!(with(&data.replace("a=sctp-port:5000\r\n", "")), Err(port.clone()));
    assert_eq!(with(&data.replace("5000", "0")), Err(port.clone()));
    assert_eq!(with(&data.replace("5000", "65536")), Err(port));
    assert_eq!(with(&data.replace("5000", "x")), Err(malformed("a=sctp-port of line \"2\" is not a number")));
    let kind = unsupported("line \"2\" is not UDP/DTLS/SCTP webrtc-datachannel");
    assert_eq!(with(&data.replace("UDP/DTLS/SCTP webrtc-datachannel", "DTLS/SCTP 5000")), Err(kind));
    let two =
        format!("{base}{data}{}", data.replace("mid:2", "mid:3")).replace("BUNDLE 0 1 2", "BUNDLE 0 1 2 3");
    assert_eq!(parse(&two), Err(unsupported("there is more than one line for data channels")));
}
