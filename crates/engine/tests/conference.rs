//! A participant's offers: each line goes its own way, data channels come along, and a later offer may add to the first.
#![allow(clippy::disallowed_methods)] // tests take their time zero from the clock

use std::time::Instant;

use plenum_engine::{
    DtlsIdentity, NegotiationError, Renegotiation, Role, Terms, negotiate, prepare_renegotiation,
};
use plenum_model::{
    Allowed, Codec, Direction, Format, MediaKind, MediaOffer, OfferedFormat, OfferedLine, Place, limits,
};

const PLACE: Place = Place { shard: 2, slot: 7, epoch: 9 };
const ROOMS: [&str; 2] = ["chromium-room", "firefox-room"];

fn offer(name: &str) -> MediaOffer {
    let path = format!("{}/../signal/testdata/{name}.sdp", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read(&path).unwrap_or_else(|e| panic!("{path}: {e}"));
    plenum_signal::sdp::parse_offer(&text, &limits::SDP_ROOM).unwrap_or_else(|e| panic!("{name}: {e}"))
}

fn answer_as(offer: &MediaOffer, role: &Role) -> Result<String, NegotiationError> {
    let negotiated = negotiate(Terms {
        place: PLACE,
        role,
        offer,
        remote_candidates: &[],
        local_candidates: &["127.0.0.1:7884".parse().unwrap()],
        secret: *b"a secret of just 24 byte",
        dtls: &DtlsIdentity::generate(),
        now: Instant::now(),
    });
    negotiated.map(|negotiated| negotiated.answer)
}

fn answer(offer: &MediaOffer) -> Result<String, NegotiationError> {
    answer_as(offer, &Role::Participant { tracks: Vec::new(), allowed: Allowed::ALL })
}

/// The m-lines of an SDP, each with what belongs to it.
fn sections(sdp: &str) -> Vec<&str> {
    let starts: Vec<usize> =
        sdp.match_indices("m=").filter(|(at, _)| sdp[..*at].ends_with('\n')).map(|(at, _)| at).collect();
    let ends = starts.iter().skip(1).copied().chain([sdp.len()]);
    starts.iter().zip(ends).map(|(start, end)| &sdp[*start..end]).collect()
}

fn refusal(result: Result<impl Sized, NegotiationError>) -> String {
    match result {
        Err(NegotiationError::Unsupported(why)) => why,
        Err(NegotiationError::Malformed(why)) => panic!("malformed: {why}"),
        Ok(_) => panic!("not refused"),
    }
}

fn again(first: &MediaOffer, offer: &MediaOffer) -> Result<Renegotiation, NegotiationError> {
    prepare_renegotiation(PLACE, first, offer, Vec::new(), &[], *b"another secret, 24 bytes")
}

/// One more slot, as the first one.
fn with_a_slot_more(first: &MediaOffer, mid: &str) -> MediaOffer {
    let is_slot = |line: &&OfferedLine| line.kind.is_some() && line.direction == Direction::RecvOnly;
    let slot = first.lines.iter().find(is_slot).expect("a slot").clone();
    let mut offer = first.clone();
    offer.lines.push(OfferedLine { mid: mid.to_owned(), ..slot });
    offer
}

#[test]
fn each_line_of_a_participant_goes_its_own_way() {
    for name in ROOMS {
        let offer = offer(name);
        let sdp = answer(&offer).unwrap_or_else(|e| panic!("{name}: {e}"));
        let sections = sections(&sdp);
        assert_eq!(sections.len(), offer.lines.len(), "{name}\n{sdp}");
        for (line, section) in offer.lines.iter().zip(sections) {
            assert!(section.contains(&format!("a=mid:{}\r\n", line.mid)), "{name}: {section}");
            assert!(!section.contains(" 0 UDP"), "{name}: rejected: {section}");
            let way = match (line.kind, line.direction) {
                (None, _) => "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n",
                (_, Direction::SendOnly) => "a=recvonly\r\n",
                (_, Direction::RecvOnly) => "a=sendonly\r\n",
                other => panic!("{name}: {other:?}"),
            };
            assert!(section.contains(way), "{name}: {way} {section}");
        }
    }
}

#[test]
fn each_slot_is_a_stream_of_its_own_and_a_line_that_we_receive_on_is_none() {
    for name in ROOMS {
        let offer = offer(name);
        let sdp = answer(&offer).unwrap();
        for (line, section) in offer.lines.iter().zip(sections(&sdp)) {
            let is_slot = line.kind.is_some() && line.direction == Direction::RecvOnly;
            let streams: Vec<&str> = section.lines().filter_map(|l| l.strip_prefix("a=msid:")).collect();
            assert_eq!(streams.len(), usize::from(is_slot), "{name}: {section}");
            let own = format!("slot-{} ", line.mid);
            assert!(streams.iter().all(|stream| stream.starts_with(&own)), "{name}: {streams:?}");
            let ssrcs = section.lines().filter(|l| l.starts_with("a=ssrc:")).count();
            assert_eq!(ssrcs > 0, is_slot, "{name}: {section}");
        }
    }
}

#[test]
fn congestion_is_reported_to_us_and_not_by_us() {
    for name in ROOMS {
        let offer = offer(name);
        let sdp = answer(&offer).unwrap();
        let mut reported = 0;
        for (line, section) in offer.lines.iter().zip(sections(&sdp)) {
            let mentions = ["transport-cc", "goog-remb", "transport-wide-cc", "abs-send-time"];
            let mentioned: Vec<_> = mentions.iter().filter(|what| section.contains(**what)).collect();
            match line.direction {
                Direction::SendOnly if line.kind.is_some() => reported += mentioned.len(),
                _ => assert!(mentioned.is_empty(), "{name}: {mentioned:?} in {section}"),
            }
        }
        assert!(reported >= 2, "{name}\n{sdp}");
    }
}

#[test]
fn the_data_line_says_how_long_a_message_may_be() {
    for name in ROOMS {
        let sdp = answer(&offer(name)).unwrap();
        let data = sections(&sdp).into_iter().find(|section| section.starts_with("m=application")).unwrap();
        assert!(data.contains("a=max-message-size:65536\r\n"), "{name}: {data}");
        assert!(data.contains("a=sctp-port:5000\r\n"), "{name}: {data}");
        assert!(!data.contains("a=rtcp-mux"), "{name}: {data}");
    }
}

#[test]
fn a_participants_line_goes_one_way_and_there_is_one_for_data() {
    let both_ways = |direction| {
        let mut offer = offer("chromium-room");
        offer.lines[0].direction = direction;
        refusal(answer(&offer))
    };
    assert!(both_ways(Direction::SendRecv).contains("sendrecv"));
    assert!(both_ways(Direction::Inactive).contains("inactive"));
    let mut two = offer("chromium-room");
    let data = two.lines.iter().find(|line| line.kind.is_none()).unwrap().clone();
    two.lines.push(OfferedLine { mid: "more".to_owned(), ..data });
    assert!(refusal(answer(&two)).contains("application"));
    let mut sending = offer("chromium-room");
    sending.lines.retain(|line| line.direction != Direction::RecvOnly);
    assert!(refusal(answer_as(&sending, &Role::Publisher)).contains("data channels"));
}

#[test]
fn there_is_a_limit_to_lines_in_each_direction() {
    let first = offer("chromium-room");
    let like =
        |direction| first.lines.iter().find(|l| l.kind == Some(MediaKind::Video) && l.direction == direction);
    for (direction, limit) in [
        (Direction::SendOnly, limits::TRACKS_PER_PARTICIPANT),
        (Direction::RecvOnly, limits::SLOTS_PER_PARTICIPANT),
    ] {
        let mut many = first.clone();
        let line = like(direction).unwrap();
        let missing =
            limit - first.lines.iter().filter(|l| l.kind.is_some() && l.direction == direction).count();
        let more = |number| OfferedLine {
            mid: format!("x{number}"),
            ssrcs: Vec::new(),
            rtx_ssrcs: Vec::new(),
            ..line.clone()
        };
        many.lines.extend((0..missing).map(more));
        answer(&many).unwrap();
        many.lines.push(more(missing));
        assert!(refusal(answer(&many)).contains(&limit.to_string()));
    }
}

#[test]
fn the_answer_to_a_participant_repeats_the_payload_types_of_each_line() {
    for name in ROOMS {
        let offer = offer(name);
        let sdp = answer(&offer).unwrap();
        for (line, section) in offer.lines.iter().zip(sections(&sdp)).filter(|(line, _)| line.kind.is_some())
        {
            let m = section.lines().next().unwrap();
            let mut answered: Vec<u8> = m.split(' ').skip(3).map(|pt| pt.parse().unwrap()).collect();
            let mut offered: Vec<u8> =
                line.formats.iter().flat_map(|f| [Some(f.pt), f.rtx]).flatten().collect();
            answered.sort_unstable();
            offered.sort_unstable();
            assert_eq!(answered, offered, "{name}: {}", line.mid);
        }
    }
}

#[test]
fn a_later_offer_may_add_lines_and_nothing_else() {
    for name in ROOMS {
        let first = offer(name);
        again(&first, &first).unwrap();
        again(&first, &with_a_slot_more(&first, "new")).unwrap();
        let changed = |change: fn(&mut MediaOffer)| {
            let mut offer = with_a_slot_more(&first, "new");
            change(&mut offer);
            refusal(again(&first, &offer))
        };
        assert!(changed(|offer| offer.fingerprint.1 = "00".to_owned()).contains("fingerprint"));
        assert!(changed(|offer| offer.lines.truncate(1)).contains("missing"));
        assert!(changed(|offer| offer.lines[1].direction = Direction::Inactive).contains("m-line"));
        assert!(changed(|offer| offer.lines.swap(0, 1)).contains("place"));
        assert!(
            changed(|offer| offer.lines.last_mut().unwrap().direction = Direction::SendRecv)
                .contains("sendrecv")
        );
    }
}

#[test]
fn later_lines_use_formats_of_the_first_offer_only() {
    let first = offer("chromium-room");
    let alien = OfferedFormat {
        pt: 50,
        rtx: None,
        format: Format { codec: Codec::Vp8, h264: None, profile: 0 },
        channels: None,
        fmtp: String::new(),
        feedback: Vec::new(),
    };
    let mut mixed = with_a_slot_more(&first, "new");
    mixed.lines.last_mut().unwrap().formats.push(alien.clone());
    again(&first, &mixed).unwrap();
    mixed.lines.last_mut().unwrap().formats = vec![alien];
    assert!(refusal(again(&first, &mixed)).contains("format"));
}
