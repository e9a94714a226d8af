//! The rules of WHEP endpoints.

use std::time::UNIX_EPOCH;

use super::*;

const CHROMIUM: &str = include_str!("../../testdata/chromium-watch.sdp");
const ROOM: &str = include_str!("../../testdata/chromium-room.sdp");

fn room() -> RoomName {
    RoomName::parse("demo").unwrap()
}

fn headers(content_type: &str) -> HeaderMap {
    [(header::CONTENT_TYPE, content_type.parse().unwrap())].into_iter().collect()
}

#[test]
fn whep_4_2_a_wrong_content_type_is_415() {
    let admit = |content_type| admit(UNIX_EPOCH, &Keyring::default(), &room(), &headers(content_type));
    assert!(admit("application/sdp").is_ok());
    assert_eq!(admit("text/plain").unwrap_err().status(), 415);
}

#[test]
fn a_stream_key_does_not_watch() {
    let ring = Keyring::new([], [("demo".to_owned(), "key-for-obs".to_owned())]).unwrap();
    let mut headers = headers("application/sdp");
    assert_eq!(admit(UNIX_EPOCH, &ring, &room(), &headers).unwrap_err().status(), 401);
    headers.insert(header::AUTHORIZATION, HeaderValue::from_static("Bearer key-for-obs"));
    assert_eq!(admit(UNIX_EPOCH, &ring, &room(), &headers).unwrap_err().status(), 403);
}

#[test]
fn whep_4_2_every_line_of_a_player_can_receive() {
    assert_eq!(read_offer(CHROMIUM.as_bytes()).unwrap().lines.len(), 2);
    assert!(read_offer(CHROMIUM.replace("recvonly", "sendrecv").as_bytes()).is_ok());
    for direction in ["sendonly", "inactive"] {
        let problem = read_offer(CHROMIUM.replacen("recvonly", direction, 1).as_bytes()).unwrap_err();
        assert_eq!((problem.status().as_u16(), problem.slug()), (422, Slug::UnsupportedOffer));
        let why = format!("line \"0\" is {direction}: every line of a player must be able to receive");
        assert_eq!(problem.detail(), why);
    }
}

#[test]
fn data_channels_are_422() {
    let problem = read_offer(ROOM.replace("a=sendonly", "a=recvonly").as_bytes()).unwrap_err();
    assert_eq!(problem.detail(), "line \"4\" is for data channels, which are not to be had here");
}

#[test]
fn whep_4_2_a_malformed_offer_is_400_and_a_long_one_413() {
    assert_eq!(read_offer(b"hello").unwrap_err().status(), 400);
    assert_eq!(read_offer(&vec![b'v'; 65_537]).unwrap_err().status(), 413);
}

#[test]
fn whep_4_2_nobody_live_is_409_with_retry_after() {
    let response = nobody_live(2).respond();
    assert_eq!(response.status(), 409);
    assert_eq!(response.headers()["retry-after"], "2");
    assert!(response.body().contains("urn:plenum:problem:nobody-live"));
}

#[test]
fn head_tells_the_type_and_get_has_no_content() {
    let response = respond_head();
    assert_eq!((response.status().as_u16(), response.body().as_str()), (200, ""));
    assert_eq!(response.headers()["content-type"], "application/sdp");
    assert_eq!(respond_get().status(), 204);
}

#[test]
fn whep_4_2_options_accept_sdp() {
    assert_eq!(respond_options().headers()["accept-post"], "application/sdp");
    assert_eq!(refuse_method().status(), 405);
}
