//! Datagrams from strangers: dropped and counted, never answered, and nobody notices.

use std::io::ErrorKind;
use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

use plenum_tests::peer::{Media, Peer, Prepared};
use plenum_tests::{Plenum, offers, seed, wait_until};

use crate::together;

const SOON: Duration = Duration::from_secs(5);
const STUN_BINDING_REQUEST: u16 = 0x0001;
const USERNAME: u16 = 0x0006;
const MESSAGE_INTEGRITY: u16 = 0x0008;
const PRIORITY: u16 = 0x0024;
const USE_CANDIDATE: u16 = 0x0025;

/// A room whose viewers must not lose a packet while `disturb` goes on; gives the disturbed server and what
/// was dropped meanwhile.
fn undisturbed_by(disturb: impl FnOnce(&Plenum, &Stranger)) {
    let server = Plenum::dev();
    let _publisher = Peer::publish(&server, "stage", Media::default());
    let viewers = [Peer::watch(&server, "stage"), Peer::watch(&server, "stage")];
    viewers[1].wait_for_video(10, SOON);
    let stranger = Stranger::towards(server.ready.media[0]);

    disturb(&server, &stranger);

    for viewer in &viewers {
        viewer.wait_for_video(50, SOON);
        let seen = viewer.seen();
        assert_eq!((seen.video.missing(), seen.audio.missing(), seen.over), (0, 0, false));
    }
    stranger.assert_no_reply();
    let scrape = server.scrape();
    scrape.assert_every_datagram_is_accounted_for();
    assert_eq!(scrape.sum("plenum_panics_total"), 0.0);
    assert_eq!(scrape.sum("plenum_sessions"), 3.0);
}

/// A socket without any credentials.
struct Stranger {
    socket: UdpSocket,
}

impl Stranger {
    fn towards(server: SocketAddr) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.connect(server).unwrap();
        Self { socket }
    }

    /// Sends all, and waits until the server has dropped as many.
    fn send_all(&self, server: &Plenum, datagrams: impl IntoIterator<Item = Vec<u8>>) {
        let dropped = || server.scrape().sum_where("plenum_dropped_total", &[("stage", "ingress")]);
        let before = dropped();
        let mut sent = 0;
        for datagram in datagrams {
            self.socket.send(&datagram).unwrap();
            sent += 1;
            if sent % 64 == 0 {
                // Gives the server's receive buffer time: an overflow there is not what is tested.
                std::thread::sleep(Duration::from_millis(2));
            }
        }
        let expected = before + f64::from(sent);
        wait_until(&format!("{sent} datagrams are dropped"), SOON, || dropped() >= expected);
        assert_eq!(dropped(), expected, "nobody else's datagrams were dropped");
    }

    #[track_caller]
    fn assert_no_reply(&self) {
        self.socket.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
        let reply = self.socket.recv(&mut [0; 2_000]);
        assert!(reply.as_ref().is_err_and(|e| e.kind() == ErrorKind::WouldBlock), "a stranger got {reply:?}");
    }
}

/// A STUN message with these attributes.
fn stun(kind: u16, attributes: &[(u16, &[u8])]) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, value) in attributes {
        body.extend_from_slice(&name.to_be_bytes());
        body.extend_from_slice(&(value.len() as u16).to_be_bytes());
        body.extend_from_slice(value);
        body.resize(body.len().next_multiple_of(4), 0);
    }
    let mut message = kind.to_be_bytes().to_vec();
    message.extend_from_slice(&(body.len() as u16).to_be_bytes());
    message.extend_from_slice(&0x2112_a442_u32.to_be_bytes());
    message.extend((0..12).map(|_| fastrand::u8(..)));
    message.extend_from_slice(&body);
    message
}

/// The USERNAME of a check towards the session with this offer and answer (RFC 8445, section 7.2.2).
fn username(offer: &str, answer: &str) -> Vec<u8> {
    format!("{}:{}", offers::attribute(answer, "ice-ufrag"), offers::attribute(offer, "ice-ufrag"))
        .into_bytes()
}

#[test]
fn every_first_byte_at_every_short_length_is_dropped_without_a_reply() {
    let _guard = together();
    undisturbed_by(|server, stranger| {
        let mut random = fastrand::Rng::with_seed(seed());
        let mut datagram = |first: u8, length: usize| -> Vec<u8> {
            let mut bytes: Vec<u8> = (0..length).map(|_| random.u8(..)).collect();
            if let Some(byte) = bytes.first_mut() {
                *byte = first;
            }
            bytes
        };
        let all = (0..=255).flat_map(|first| (0..=40).map(move |length| (first, length)));
        stranger.send_all(server, all.map(|(first, length)| datagram(first, length)));
    });
}

#[test]
fn stun_without_or_with_bad_integrity_is_dropped_without_a_reply() {
    let _guard = together();
    undisturbed_by(|server, stranger| {
        let victim = Prepared::publisher();
        let offer = victim.offer.clone();
        let victim = victim.start(server.request("POST", "/whip/stage?participant=victim"), None);
        victim.wait_until_connected();
        let name = username(&offer, &victim.answer);
        let priority = 1_845_501_695_u32.to_be_bytes();
        let common: [(u16, &[u8]); 3] = [(USERNAME, &name), (PRIORITY, &priority), (USE_CANDIDATE, &[])];
        let signed = [&common[..], &[(MESSAGE_INTEGRITY, &[0x5a; 20])]].concat();
        let truncated = [&common[..], &[(MESSAGE_INTEGRITY, &[0x5a; 19])]].concat();
        let swapped: Vec<u8> = name.iter().rev().copied().collect();
        let mut lying = stun(STUN_BINDING_REQUEST, &signed);
        lying[2..4].copy_from_slice(&4_000_u16.to_be_bytes());
        let forged = [
            stun(STUN_BINDING_REQUEST, &common),
            stun(STUN_BINDING_REQUEST, &signed),
            stun(STUN_BINDING_REQUEST, &truncated),
            stun(STUN_BINDING_REQUEST, &[(USERNAME, &swapped), (MESSAGE_INTEGRITY, &[0; 20])]),
            stun(STUN_BINDING_REQUEST, &[]),
            // Responses and indications to nothing that was asked.
            stun(0x0101, &signed),
            stun(0x0111, &signed),
            stun(0x0011, &common),
            lying,
        ];
        stranger.send_all(server, forged);
        assert!(!victim.seen().over);
        victim.leave();
    });
}

#[test]
fn checks_with_unknown_ufrags_leave_no_state() {
    let _guard = together();
    undisturbed_by(|server, stranger| {
        let checks = |count: usize| {
            (0..count).map(|_| {
                let name = format!("{}:{}", offers::ice_chars(26), offers::ice_chars(4));
                stun(STUN_BINDING_REQUEST, &[(USERNAME, name.as_bytes()), (MESSAGE_INTEGRITY, &[1; 20])])
            })
        };
        // More than a second of it: by then the viewers' retransmission caches are as full as they get.
        stranger.send_all(server, checks(40_000));
        let before = server.stats();
        stranger.send_all(server, checks(80_000));
        let after = server.stats();
        // 50 bytes of state for each would be seen.
        assert!(after.memory_kib < before.memory_kib + 4_096, "{before:?}, then {after:?}");
    });
}

/// CVE-2023-49786 and its kin: a forged ClientHello before ICE ends somebody else's handshake.
#[test]
fn dtls_from_an_address_that_ice_has_not_vouched_for_is_dropped() {
    let _guard = together();
    undisturbed_by(|server, stranger| {
        let prepared = Prepared::publisher();
        let request = server.request("POST", "/whip/stage?participant=victim").sdp(&prepared.offer);
        let response = request.send().expect(201);
        let mut hello = vec![22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 54];
        hello.extend_from_slice(&[1, 0, 0, 42, 0, 0, 0, 0, 0, 0, 0, 42, 0xfe, 0xfd]);
        hello.extend((0..32).map(|_| fastrand::u8(..)));
        hello.extend_from_slice(&[0, 0, 0, 2, 0xc0, 0x2b, 1, 0]);
        let alert = vec![21, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 1, 0, 2, 2, 40];
        stranger.send_all(server, std::iter::repeat_n([hello, alert], 500).flatten());
        let victim = prepared.start_with(&request, &response, None);
        victim.wait_until_connected();
        victim.leave();
    });
}

#[test]
fn rtp_and_rtcp_of_strangers_reach_nobody() {
    let _guard = together();
    undisturbed_by(|server, stranger| {
        let packet = |kind: u8, number: u16| {
            let mut bytes = vec![0x80, kind];
            bytes.extend_from_slice(&number.to_be_bytes());
            bytes.extend((0..200).map(|_| fastrand::u8(..)));
            bytes
        };
        let kinds = [96, 111, 224, 200, 201, 205, 206];
        let all = (0..2_000).flat_map(|number| kinds.map(|kind| packet(kind, number)));
        stranger.send_all(server, all);
    });
}
