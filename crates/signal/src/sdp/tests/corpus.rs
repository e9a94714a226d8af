//! What real clients send is understood.

use plenum_model::{Codec, Direction, H264Profile, MediaKind, OfferedLine, Setup};

use super::{CORPUS, offer, parse, parsed};

fn codecs(line: &OfferedLine) -> Vec<Codec> {
    let mut codecs: Vec<_> = line.formats.iter().map(|offered| offered.format.codec).collect();
    codecs.dedup();
    codecs
}

#[test]
fn every_client_of_the_corpus_is_understood_with_crlf_and_with_lf() {
    for (name, text) in CORPUS {
        let offer = parsed(name);
        assert!(offer.ice.ufrag.len() >= 4, "{name}");
        assert_eq!((offer.fingerprint.0.as_str(), offer.fingerprint.1.len()), ("sha-256", 95), "{name}");
        assert_eq!(parse(&text.replace("\r\n", "\n")).as_ref(), Ok(&offer), "{name}");
        assert_eq!(parse(text.trim_end()).as_ref(), Ok(&offer), "{name} without an end of line");
        assert_eq!(parse(&format!("{text}\r\n\n")).as_ref(), Ok(&offer), "{name} with empty lines behind");
    }
}

#[test]
fn chromium_publishes_opus_and_four_video_codecs_with_rtx() {
    let offer = parsed("chromium-publish");
    assert_eq!(offer.setup, Setup::ActPass);
    assert!(!offer.ice_lite);
    let [audio, video] = &offer.lines[..] else { panic!("{:?}", offer.lines) };
    assert_eq!((audio.kind, audio.direction), (Some(MediaKind::Audio), Direction::SendOnly));
    assert_eq!((audio.formats[0].pt, audio.formats[0].channels), (111, Some(2)));
    assert_eq!(audio.formats[0].fmtp, "minptime=10;useinbandfec=1");
    assert_eq!(video.formats.first().map(|offered| (offered.pt, offered.rtx)), Some((96, Some(97))));
    for codec in [Codec::Vp8, Codec::H264, Codec::Av1, Codec::Vp9] {
        assert!(codecs(video).contains(&codec), "{codec}");
    }
    assert!(video.formats.iter().all(|offered| offered.rtx.is_some()));
    let feedback = ["goog-remb", "transport-cc", "ccm fir", "nack", "nack pli"];
    assert_eq!(video.formats[0].feedback, feedback);
    assert_eq!((video.ssrcs.len(), video.rtx_ssrcs.len()), (2, 1));
    assert_eq!(video.rtx_ssrcs[0], (video.ssrcs[0], video.ssrcs[1]));
}

#[test]
fn a_candidate_of_the_bundled_line_is_kept_and_tcp_is_not() {
    let offer = parsed("chromium-publish");
    assert_eq!(offer.candidates.len(), 2, "{:?}", offer.candidates);
    let text = super::offer("chromium-publish");
    for candidate in &offer.candidates {
        assert!(text.contains(&format!(" {} {} typ host", candidate.addr.ip(), candidate.addr.port())));
    }
}

#[test]
fn simulcast_layers_come_in_the_order_of_the_simulcast_attribute() {
    for (name, rids) in [
        ("chromium-simulcast", ["q", "h", "f"]),
        ("firefox-simulcast", ["q", "h", "f"]),
        ("obs-simulcast", ["0", "1", "2"]),
    ] {
        assert_eq!(parsed(name).lines[1].send_rids, rids, "{name}");
    }
    let reordered =
        offer("obs-simulcast").replace("a=simulcast:send 0;1;2", "a=simulcast:send 2;~1;0 recv 7");
    assert_eq!(parse(&reordered).unwrap().lines[1].send_rids, ["2", "1", "0"]);
}

#[test]
fn a_room_has_slots_and_a_data_channel() {
    for name in ["chromium-room", "firefox-room"] {
        let offer = parsed(name);
        let directions: Vec<_> = offer.lines.iter().map(|line| (line.kind, line.direction)).collect();
        let (audio, video) = (Some(MediaKind::Audio), Some(MediaKind::Video));
        assert_eq!(
            directions,
            [
                (audio, Direction::SendOnly),
                (video, Direction::SendOnly),
                (video, Direction::RecvOnly),
                (video, Direction::RecvOnly),
                (None, Direction::SendRecv),
            ],
            "{name}"
        );
        assert_eq!(offer.lines[4].sctp_port, Some(5000), "{name}");
        assert!(offer.lines[4].max_message_size.unwrap() >= 262_144, "{name}");
    }
}

#[test]
fn firefox_says_the_fingerprint_at_the_session_level_and_gathers_component_2() {
    let text = offer("firefox-publish");
    assert!(text.contains(" 2 UDP ") && text.find("a=fingerprint").unwrap() < text.find("m=").unwrap());
    let offer = parsed("firefox-publish");
    assert_eq!(offer.lines[0].formats[0].pt, 109);
    assert_eq!(offer.lines[1].formats[0].pt, 120);
    assert_eq!(codecs(&offer.lines[1]), [Codec::Vp8, Codec::Vp9, Codec::Av1]);
    for candidate in &offer.candidates {
        let component_1 = format!(" 1 UDP 2122187007 {} {} ", candidate.addr.ip(), candidate.addr.port());
        let component_1_v6 = format!(" 1 UDP 2122252543 {} {} ", candidate.addr.ip(), candidate.addr.port());
        assert!(text.contains(&component_1) || text.contains(&component_1_v6), "{candidate:?}");
    }
}

#[test]
fn everything_of_the_transport_may_stand_at_the_session_level() {
    let text = offer("firefox-publish");
    let (mut session, mut media) = (String::new(), String::new());
    for line in text.lines() {
        let of_transport = ["a=ice-ufrag", "a=ice-pwd", "a=setup"].iter().any(|name| line.starts_with(name));
        match of_transport {
            true if session.contains(line) => {}
            true => session += &format!("{line}\r\n"),
            false => media += &format!("{line}\r\n"),
        }
    }
    let moved = media.replacen("a=sendrecv\r\n", &format!("a=sendrecv\r\n{session}"), 1);
    assert!(moved.find("a=setup").unwrap() < moved.find("m=").unwrap());
    assert_eq!(parse(&moved), parse(text));
}

#[test]
fn a_direction_at_the_session_level_is_the_default_of_its_lines() {
    let text = offer("ffmpeg").replace("a=sendonly\r\n", "");
    assert_eq!(parse(&text).unwrap().lines[0].direction, Direction::SendRecv);
    let text = text.replacen("t=0 0\r\n", "t=0 0\r\na=sendonly\r\n", 1);
    assert_eq!(parse(&text).unwrap().lines[1].direction, Direction::SendOnly);
}

#[test]
fn ffmpeg_is_passive_without_candidates_and_extensions() {
    let offer = parsed("ffmpeg");
    assert_eq!(offer.setup, Setup::Passive);
    assert_eq!(offer.candidates, []);
    assert!(offer.lines.iter().all(|line| line.extmaps.is_empty()));
    let video = &offer.lines[1];
    assert_eq!((video.formats[0].pt, video.formats[0].rtx), (106, Some(105)));
    assert_eq!(video.formats[0].format.h264, Some((H264Profile::Baseline, 1)));
    assert_eq!(video.formats[0].feedback, ["nack"]);
    // The RTX stream is named in the FID group only.
    assert_eq!(video.ssrcs.len(), 1);
    assert_eq!(video.rtx_ssrcs[0].0, video.ssrcs[0]);
}

#[test]
fn obs_groups_its_lines_for_lip_sync_too() {
    for name in ["obs", "obs-simulcast", "libdatachannel"] {
        assert!(offer(name).contains("a=group:LS 0 1"), "{name}");
        assert!(!offer(name).contains("rtcp-mux-only"), "{name}");
        let offer = parsed(name);
        assert_eq!(
            offer.lines[1].formats[0].format.h264,
            Some((H264Profile::ConstrainedBaseline, 1)),
            "{name}"
        );
        assert_eq!(offer.lines[1].formats[0].rtx, None, "{name}");
    }
}

#[test]
fn gstreamer_puts_video_first_and_bundles_audio_at_port_0() {
    let offer = parsed("gstreamer");
    let mids: Vec<_> = offer.lines.iter().map(|line| line.mid.as_str()).collect();
    assert_eq!(mids, ["video0", "audio1"]);
    assert_eq!(offer.lines[1].formats[0].format.codec, Codec::Opus);
}

#[test]
fn of_several_fingerprints_the_one_that_can_be_verified_is_taken() {
    let text = offer("aiortc-watch");
    assert!(text.contains("a=fingerprint:sha-512 "));
    assert_eq!(parsed("aiortc-watch").fingerprint.0, "sha-256");
    let lower: String = text
        .lines()
        .map(|line| match line.strip_prefix("a=fingerprint:") {
            Some(rest) => format!("a=fingerprint:{}\r\n", rest.to_lowercase().replace("sha", "SHA")),
            None => format!("{line}\r\n"),
        })
        .collect();
    assert_eq!(parse(&lower).unwrap().fingerprint, parsed("aiortc-watch").fingerprint);
}

#[test]
fn an_unbundled_second_transport_is_of_no_interest() {
    // Before the answer each line may gather on its own (bundle policy balanced); the first one's
    // transport remains.
    let text = offer("werift");
    let (head, video) = text.split_at(text.find("m=video").unwrap());
    let video = video.replace("a=ice-ufrag:e0d4", "a=ice-ufrag:other");
    assert_eq!(parse(&format!("{head}{video}")).unwrap(), parsed("werift"));
}

#[test]
fn extensions_with_directions_and_of_the_session_level_are_read() {
    let firefox = parsed("firefox-publish");
    assert!(firefox.lines[0].extmaps.iter().any(|map| map.id == 2 && map.uri.ends_with("csrc-audio-level")));
    let text = offer("ffmpeg").replacen("t=0 0\r\n", "t=0 0\r\na=extmap:200 urn:x-test\r\n", 1);
    let offer = parse(&text).unwrap();
    assert!(offer.lines.iter().all(|line| line.extmaps.len() == 1 && line.extmaps[0].id == 200));
}

#[test]
fn a_single_line_needs_no_group() {
    let text = offer("ffmpeg");
    let audio_only = &text[..text.find("m=video").unwrap()];
    assert_eq!(parse(&audio_only.replace("a=group:BUNDLE 0 1\r\n", "")).unwrap().lines.len(), 1);
}
