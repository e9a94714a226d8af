use std::sync::Mutex as StdMutex;
use std::sync::atomic::AtomicBool;

use plenum_engine::Role;
use plenum_model::{Direction, IceCredentials, OfferedFormat, OfferedLine, Seats, Setup};
use plenum_signal::EntityTag;
use tokio::sync::Mutex;

use super::*;

struct Bench(StdMutex<Seats>);

impl Seating for Bench {
    fn reserve(&self) -> Option<Place> {
        self.0.lock().unwrap().reserve()
    }

    fn release(&self, place: Place) {
        self.0.lock().unwrap().release(place);
    }

    fn taken(&self) -> usize {
        self.0.lock().unwrap().taken()
    }

    fn busy_ratio(&self) -> f64 {
        0.0
    }
}

fn directory(shards: u16) -> Arc<Directory> {
    let bench = |shard| Arc::new(Bench(StdMutex::new(Seats::new(shard)))) as Arc<dyn Seating>;
    Arc::new(Directory::new(Placement::new((0..shards).map(bench).collect(), 100)))
}

fn room(name: &str) -> RoomName {
    RoomName::parse(name).unwrap()
}

fn identity(name: &str) -> Identity {
    Identity::parse(name).unwrap()
}

fn format(name: &str) -> Format {
    let clock = if name == "opus" { 48_000 } else { 90_000 };
    Format::from_sdp(name, clock, "packetization-mode=1").unwrap()
}

/// An offer with one line per format name.
fn offer(direction: Direction, formats: &[&str]) -> MediaOffer {
    let line = |(i, name): (usize, &&str)| OfferedLine {
        mid: i.to_string(),
        kind: Some(format(name).codec.kind()),
        direction,
        formats: vec![OfferedFormat {
            pt: 96,
            rtx: None,
            format: format(name),
            channels: None,
            fmtp: String::new(),
            feedback: Vec::new(),
        }],
        extmaps: Vec::new(),
        send_rids: Vec::new(),
        ssrcs: Vec::new(),
        rtx_ssrcs: Vec::new(),
        sctp_port: None,
        max_message_size: None,
    };
    MediaOffer {
        ice: IceCredentials { ufrag: "ufrag".to_owned(), pwd: "p".repeat(22) },
        ice_lite: false,
        fingerprint: ("sha-256".to_owned(), "00".to_owned()),
        setup: Setup::ActPass,
        lines: formats.iter().enumerate().map(line).collect(),
        candidates: Vec::new(),
    }
}

fn session(reservation: &Reservation, kind: SessionKind, name: &str, formats: &[&str]) -> Session {
    let direction = match kind {
        SessionKind::Whip | SessionKind::Room => Direction::SendOnly,
        SessionKind::Whep => Direction::RecvOnly,
    };
    let offer = offer(direction, formats);
    let mut random = [0; 16];
    getrandom::fill(&mut random).unwrap();
    Session {
        id: SessionId::new(random),
        place: reservation.place(),
        room: reservation.room.clone(),
        kind,
        role: Role::Publisher,
        identity: identity(name),
        name: None,
        metadata: None,
        hidden: false,
        ice: Mutex::new(IceSession {
            etag: EntityTag::new("e"),
            remote: offer.ice.clone(),
            candidates: Vec::new(),
        }),
        offer,
        asked_at: Instant::now(),
        settled: Notify::new(),
        closing: AtomicBool::new(false),
    }
}

fn publish(directory: &Arc<Directory>, name: &str, who: &str, formats: &[&str]) -> Arc<Session> {
    let reservation = directory.reserve(&room(name), SessionKind::Whip).unwrap();
    let session = session(&reservation, SessionKind::Whip, who, formats);
    let session = reservation.enter(session);
    directory.confirm(&session);
    session
}

fn view(directory: &Arc<Directory>, name: &str) -> Arc<Session> {
    let reservation = directory.reserve(&room(name), SessionKind::Whep).unwrap();
    let session = session(&reservation, SessionKind::Whep, "whep", &["VP8"]);
    reservation.enter(session)
}

fn taken(directory: &Directory) -> usize {
    directory.placement.taken()
}

/// Nobody is left anywhere.
fn assert_empty(directory: &Directory) {
    assert_eq!(taken(directory), 0, "places");
    assert!(directory.sessions.is_empty() && directory.places.is_empty(), "sessions");
    assert!(directory.rooms.is_empty(), "rooms: {:?}", directory.rooms(|name, _| name.clone()));
}

const BY_PEER: End = End::Closed(CloseReason::PeerClosed);
const DELETED: End = End::Closed(CloseReason::Deleted);

#[test]
fn every_early_exit_gives_the_place_back() {
    let directory = directory(1);
    let reservation = directory.reserve(&room("a"), SessionKind::Whip).unwrap();
    assert_eq!((taken(&directory), directory.rooms.len()), (1, 1));
    drop(reservation);
    assert_empty(&directory);
}

#[test]
fn a_session_ends_once_however_often_it_is_told_to() {
    let directory = directory(1);
    let first = publish(&directory, "a", "ada", &["VP8"]);
    assert!(directory.end(first.place, DELETED).is_some());
    assert!(directory.end(first.place, BY_PEER).is_none());
    assert!(directory.leave(&first.id).is_none());
    assert_empty(&directory);
    // The next tenant of the slot is not hurt by a late end of the former.
    let second = publish(&directory, "a", "ada", &["VP8"]);
    assert_eq!(second.place.slot, first.place.slot);
    assert!(directory.end(first.place, DELETED).is_none());
    assert!(directory.session(&second.id).is_some());
}

#[test]
fn a_session_that_left_keeps_its_place_until_its_shard_says_so() {
    let directory = directory(1);
    let session = publish(&directory, "a", "ada", &["VP8"]);
    assert!(directory.leave(&session.id).is_some());
    assert!(directory.session(&session.id).is_none());
    assert_eq!((taken(&directory), directory.taken()), (1, 1));
    assert_eq!(directory.can_watch(&room("a"), None, &session.offer), Err(Unwatchable::NobodyLive));
    assert!(directory.end(session.place, DELETED).is_none());
    assert_empty(&directory);
}

#[test]
fn delete_and_end_and_join_may_race_and_nothing_leaks() {
    let directory = directory(2);
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let directory = &directory;
            scope.spawn(move || {
                for i in 0..300 {
                    let name = format!("room{}", (thread + i) % 3);
                    drop(directory.reserve(&room(&name), SessionKind::Whip));
                    let session = publish(directory, &name, "ada", &["VP8"]);
                    let ends: usize = std::thread::scope(|scope| {
                        let delete = scope.spawn(|| directory.leave(&session.id).is_some());
                        let end = scope.spawn(|| directory.end(session.place, BY_PEER).is_some());
                        usize::from(delete.join().unwrap()) + usize::from(end.join().unwrap())
                    });
                    assert_eq!(ends, 1, "one of both ended it");
                }
            });
        }
    });
    assert_empty(&directory);
}

#[test]
fn sessions_of_a_room_share_a_shard_and_new_rooms_go_where_there_is_room() {
    let directory = directory(2);
    let first = publish(&directory, "a", "ada", &["VP8"]);
    for _ in 0..5 {
        assert_eq!(view(&directory, "a").place.shard, first.place.shard);
    }
    let other = publish(&directory, "b", "bob", &["VP8"]);
    assert_ne!(other.place.shard, first.place.shard);
}

#[test]
fn a_join_in_progress_keeps_its_room_on_the_shard() {
    let directory = directory(2);
    let early = publish(&directory, "a", "ada", &["VP8"]);
    let joining = directory.reserve(&room("a"), SessionKind::Whip).unwrap();
    directory.end(early.place, DELETED);
    let other = view(&directory, "a");
    assert_eq!(other.place.shard, joining.place().shard);
}

#[test]
fn a_full_shard_refuses_and_leaves_no_room_behind() {
    let directory = directory(1);
    let all: Vec<_> = std::iter::from_fn(|| directory.reserve(&room("full"), SessionKind::Whip)).collect();
    assert!(directory.reserve(&room("new"), SessionKind::Whip).is_none());
    assert!(directory.room(&room("new"), |_| ()).is_none());
    drop(all);
    assert_empty(&directory);
}

#[test]
fn whoever_publishes_again_replaces_its_own_session_only() {
    let directory = directory(1);
    let old = publish(&directory, "a", "ada", &["VP8"]);
    let other = publish(&directory, "a", "bob", &["VP8"]);
    let new = publish(&directory, "a", "ada", &["VP9"]);
    directory.end(old.place, End::Closed(CloseReason::Replaced));
    let sessions: Vec<SessionId> = directory
        .room(&room("a"), |room| room.participants().iter().map(|p| p.session.id.clone()).collect())
        .unwrap();
    assert_eq!(sessions, [new.id.clone(), other.id.clone()]);
    assert!(directory.session(&old.id).is_none());
}

#[test]
fn a_publisher_is_watched_only_once_its_shard_let_it_in() {
    let directory = directory(1);
    let reservation = directory.reserve(&room("a"), SessionKind::Whip).unwrap();
    let session = session(&reservation, SessionKind::Whip, "ada", &["VP8"]);
    let session = reservation.enter(session);
    let viewer = offer(Direction::RecvOnly, &["VP8"]);
    assert_eq!(directory.can_watch(&room("a"), None, &viewer), Err(Unwatchable::NobodyLive));
    directory.confirm(&session);
    assert_eq!(directory.can_watch(&room("a"), None, &viewer), Ok(()));
    assert_eq!(directory.can_watch(&room("a"), Some(&identity("ada")), &viewer), Ok(()));
    let bob = identity("bob");
    assert_eq!(directory.can_watch(&room("a"), Some(&bob), &viewer), Err(Unwatchable::NobodyLive));
    assert_eq!(directory.can_watch(&room("b"), None, &viewer), Err(Unwatchable::NobodyLive));
}

#[test]
fn a_viewer_without_the_codec_is_told_what_both_sides_have() {
    let directory = directory(1);
    let publisher = publish(&directory, "a", "ada", &["opus", "VP8", "H264"]);
    let watch =
        |formats: &[&str]| directory.can_watch(&room("a"), None, &offer(Direction::RecvOnly, formats));
    assert_eq!(watch(&["VP8"]), Ok(()));
    assert_eq!(watch(&["opus"]), Ok(()), "a viewer need not want video");
    let Err(Unwatchable::NoCommonCodec(codecs)) = watch(&["opus", "AV1"]) else { panic!() };
    assert_eq!(codecs.offered, ["AV1"]);
    assert_eq!(codecs.published.len(), 2);
    // Once it is known what is really sent, only that counts.
    directory.track_started(publisher.place, MediaKind::Video, format("H264"));
    assert!(matches!(watch(&["VP8"]), Err(Unwatchable::NoCommonCodec(_))));
    assert_eq!(watch(&["H264"]), Ok(()));
}

#[test]
fn a_member_of_a_room_is_watched_once_it_sends_and_only_for_what_it_sends() {
    let directory = directory(2);
    let reservation = directory.reserve(&room("a"), SessionKind::Room).unwrap();
    let member = session(&reservation, SessionKind::Room, "ada", &["opus", "VP8", "VP9"]);
    let member = reservation.enter(member);
    let vp8 = offer(Direction::RecvOnly, &["VP8"]);
    assert_eq!(directory.can_watch(&room("a"), None, &vp8), Err(Unwatchable::NobodyLive));
    directory.track_started(member.place, MediaKind::Audio, format("opus"));
    assert_eq!(directory.can_watch(&room("a"), None, &vp8), Ok(()), "it does not send video at all");
    directory.track_started(member.place, MediaKind::Video, format("VP9"));
    assert!(matches!(directory.can_watch(&room("a"), None, &vp8), Err(Unwatchable::NoCommonCodec(_))));
    assert_eq!(directory.count(SessionKind::Room), 1);
    assert_eq!(directory.count(SessionKind::Whip), 0);
    let publisher = publish(&directory, "a", "bob", &["VP8"]);
    assert_eq!(publisher.place.shard, member.place.shard, "those who send sit together");
    directory.end(publisher.place, BY_PEER);
    directory.end(member.place, BY_PEER);
    assert_empty(&directory);
}

#[test]
fn one_of_several_publishers_that_fits_is_enough() {
    let directory = directory(1);
    publish(&directory, "a", "ada", &["VP8"]);
    publish(&directory, "a", "bob", &["VP9"]);
    let vp9 = offer(Direction::RecvOnly, &["VP9"]);
    assert_eq!(directory.can_watch(&room("a"), None, &vp9), Ok(()));
    assert!(directory.can_watch(&room("a"), Some(&identity("ada")), &vp9).is_err());
}

#[test]
fn who_closed_before_deleting_is_thanked_once() {
    let directory = directory(1);
    let by_peer = publish(&directory, "a", "ada", &["VP8"]);
    directory.end(by_peer.place, BY_PEER);
    assert!(directory.take_farewell(&by_peer.id));
    assert!(!directory.take_farewell(&by_peer.id));
    for reason in [CloseReason::Replaced, CloseReason::SetupTimeout, CloseReason::Shutdown] {
        let by_us = publish(&directory, "a", "ada", &["VP8"]);
        directory.end(by_us.place, End::Closed(reason));
        assert!(!directory.take_farewell(&by_us.id), "{reason:?}");
    }
}

#[test]
fn counts_follow_sessions() {
    let directory = directory(1);
    let publisher = publish(&directory, "a", "ada", &["VP8"]);
    let viewers = [view(&directory, "a"), view(&directory, "a")];
    assert_eq!(directory.count(SessionKind::Whip), 1);
    assert_eq!(directory.count(SessionKind::Whep), 2);
    assert_eq!(directory.rooms(|name, room| (name.to_string(), room.viewers().len())), [("a".to_owned(), 2)]);
    directory.end(publisher.place, BY_PEER);
    assert_eq!(directory.count(SessionKind::Whip), 0);
    for viewer in viewers {
        directory.end(viewer.place, BY_PEER);
    }
    assert_empty(&directory);
}

#[tokio::test]
async fn empty_waits_for_sessions_and_for_joins_in_progress() {
    let directory = directory(1);
    directory.empty().await;
    let session = publish(&directory, "a", "ada", &["VP8"]);
    let joining = directory.reserve(&room("b"), SessionKind::Whip).unwrap();
    let waiting = tokio::spawn({
        let directory = directory.clone();
        async move { directory.empty().await }
    });
    tokio::task::yield_now().await;
    directory.end(session.place, BY_PEER);
    tokio::task::yield_now().await;
    assert!(!waiting.is_finished());
    drop(joining);
    waiting.await.unwrap();
}
