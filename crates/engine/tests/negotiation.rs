//! Every offer of the corpus of real clients gets an answer that follows RFC 9725.
#![allow(clippy::disallowed_methods)] // tests take their time zero from the clock

use std::time::Instant;

use plenum_engine::{DtlsIdentity, Negotiated, NegotiationError, Role, Terms, negotiate, prepare_restart};
use plenum_model::{IceCredentials, IceFragment, MediaOffer, Place, Ufrag, limits};

const PLACE: Place = Place { shard: 2, slot: 7, epoch: 9 };

fn offer(name: &str) -> MediaOffer {
    let path = format!("{}/../signal/testdata/{name}.sdp", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read(&path).unwrap_or_else(|e| panic!("{path}: {e}"));
    plenum_signal::sdp::parse_offer(&text, &limits::SDP_WHIP).unwrap_or_else(|e| panic!("{name}: {e}"))
}

fn answer(offer: &MediaOffer, role: &Role) -> Result<Negotiated, NegotiationError> {
    negotiate(Terms {
        place: PLACE,
        role,
        offer,
        remote_candidates: &[],
        local_candidates: &["127.0.0.1:7884".parse().unwrap()],
        secret: *b"a secret of just 24 byte",
        dtls: &DtlsIdentity::generate(),
        now: Instant::now(),
    })
}

fn values<'a>(sdp: &'a str, attribute: &str) -> Vec<&'a str> {
    let prefix = format!("a={attribute}");
    sdp.lines()
        .filter_map(|line| line.strip_prefix(&prefix))
        .filter(|rest| rest.is_empty() || rest.starts_with(':'))
        .map(|rest| rest.trim_start_matches(':'))
        .collect()
}

const PUBLISHERS: [&str; 8] = [
    "chromium-publish",
    "chromium-simulcast",
    "firefox-publish",
    "firefox-simulcast",
    "ffmpeg",
    "gstreamer",
    "obs",
    "obs-simulcast",
];
const VIEWERS: [&str; 3] = ["chromium-watch", "firefox-watch", "aiortc-watch"];
const WATCH: Role = Role::Viewer { of: None };

#[test]
fn rfc9725_4_4_1_an_answer_is_bundled_multiplexed_and_goes_one_way() {
    for (names, role, direction) in
        [(&PUBLISHERS[..], Role::Publisher, "recvonly"), (&VIEWERS, WATCH, "sendonly")]
    {
        for name in names {
            let offer = offer(name);
            let negotiated = answer(&offer, &role).unwrap_or_else(|e| panic!("{name}: {e}"));
            let sdp = &negotiated.answer;
            let count = offer.lines.len();
            assert_eq!(sdp.lines().filter(|l| l.starts_with("m=")).count(), count, "{name}\n{sdp}");
            assert!(
                sdp.lines().all(|l| !l.starts_with("m=") || !l.contains(" 0 UDP")),
                "{name}: a line rejected"
            );
            for attribute in ["rtcp-mux", "rtcp-mux-only", direction] {
                assert_eq!(values(sdp, attribute).len(), count, "{name}: {attribute}\n{sdp}");
            }
            let mids: Vec<_> = offer.lines.iter().map(|l| l.mid.as_str()).collect();
            assert_eq!(values(sdp, "group"), [format!("BUNDLE {}", mids.join(" "))], "{name}");
            assert!(!values(sdp, "candidate").is_empty(), "{name}: all candidates are in the answer");
            assert!(sdp.contains("127.0.0.1 7884"), "{name}\n{sdp}");
            assert_eq!(values(sdp, "ice-ufrag")[0], negotiated.ice.ufrag);
            assert_eq!(Ufrag::place(negotiated.ice.ufrag.as_bytes()), Some(PLACE));
        }
    }
}

#[test]
fn the_answer_repeats_the_payload_types_of_the_offer() {
    for name in PUBLISHERS {
        let offer = offer(name);
        let sdp = answer(&offer, &Role::Publisher).unwrap().answer;
        for (line, m) in offer.lines.iter().zip(sdp.lines().filter(|l| l.starts_with("m="))) {
            let answered: Vec<u8> = m.split(' ').skip(3).map(|pt| pt.parse().unwrap()).collect();
            for format in &line.formats {
                assert!(answered.contains(&format.pt), "{name}: {} in {m}", format.pt);
                assert!(format.rtx.is_none_or(|rtx| answered.contains(&rtx)), "{name}: RTX of {}", format.pt);
            }
        }
    }
}

#[test]
fn rfc8853_every_simulcast_layer_is_accepted() {
    for (name, rids) in [("obs-simulcast", 3), ("chromium-simulcast", 3), ("firefox-simulcast", 2)] {
        let offer = offer(name);
        let offered: Vec<_> = offer.lines.iter().flat_map(|l| &l.send_rids).cloned().collect();
        assert!(offered.len() >= rids, "{name}: {offered:?}");
        let sdp = answer(&offer, &Role::Publisher).unwrap().answer;
        assert_eq!(values(&sdp, "rid").len(), offered.len(), "{name}\n{sdp}");
        let simulcast = values(&sdp, "simulcast");
        assert_eq!(simulcast, [format!("recv {}", offered.join(";"))], "{name}");
    }
}

#[test]
fn a_publisher_that_insists_on_being_passive_gets_an_active_server() {
    let sdp = answer(&offer("ffmpeg"), &Role::Publisher).unwrap().answer;
    assert!(values(&sdp, "setup").iter().all(|setup| *setup == "active"), "{sdp}");
    let sdp = answer(&offer("chromium-publish"), &Role::Publisher).unwrap().answer;
    assert!(values(&sdp, "setup").iter().all(|setup| *setup == "passive"), "{sdp}");
}

#[test]
fn a_viewers_lines_belong_to_one_stream_and_ask_for_no_congestion_feedback() {
    for name in VIEWERS {
        let sdp = answer(&offer(name), &WATCH).unwrap().answer;
        let streams: Vec<_> = values(&sdp, "msid").iter().map(|v| v.split(' ').next().unwrap()).collect();
        assert!(!streams.is_empty() && streams.iter().all(|s| *s == streams[0]), "{name}: {streams:?}");
        assert!(!sdp.contains("transport-cc") && !sdp.contains("goog-remb"), "{name}\n{sdp}");
        assert!(!sdp.contains("transport-wide-cc"), "{name}\n{sdp}");
    }
    let sdp = answer(&offer("chromium-publish"), &Role::Publisher).unwrap().answer;
    assert!(sdp.contains("transport-cc") && sdp.contains("transport-wide-cc"), "publishers get feedback");
    assert!(values(&sdp, "msid").is_empty(), "nothing is sent to a publisher");
}

#[test]
fn whoever_cannot_play_the_role_is_refused_whole() {
    let refused = |name, role| match answer(&offer(name), &role) {
        Err(NegotiationError::Unsupported(why)) => why,
        other => panic!("{name}: {other:?}"),
    };
    assert!(refused("chromium-watch", Role::Publisher).contains("recvonly"));
    assert!(refused("chromium-publish", WATCH).contains("sendonly"));
}

#[test]
fn a_restart_names_the_same_place_under_new_credentials() {
    let offer = offer("chromium-publish");
    let before = answer(&offer, &Role::Publisher).unwrap().ice;
    let fragment = IceFragment {
        ice: IceCredentials { ufrag: "abcd".into(), pwd: "x".repeat(24) },
        candidates: Vec::new(),
    };
    let secret = *b"another secret, 24 bytes";
    let restart = prepare_restart(PLACE, &Role::Publisher, &offer, &fragment, &[], secret).unwrap();
    assert_ne!(restart.ice, before);
    assert_eq!(Ufrag::place(restart.ice.ufrag.as_bytes()), Some(PLACE));
    assert!(restart.ice.pwd.len() >= 22);
}
