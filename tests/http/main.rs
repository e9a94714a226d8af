//! The HTTP boundary: WHIP and WHEP as their specifications say, one test per MUST with its section in the
//! name; authorisation; the room protocol; the command line; what slow, hostile and broken clients get; drain; panics.

mod answers;
mod api;
mod auth;
mod command_line;
mod conference;
mod cors;
mod drain;
mod hostile;
mod panics;
mod patch;
mod session;
mod slow;
mod whep;
mod whip;

use plenum_tests::http::Response;
use plenum_tests::{Plenum, offers};

/// A session whose peer never connects, for what HTTP alone decides.
struct Session {
    /// Its path.
    path: String,
    /// Its first entity tag.
    etag: String,
    /// The offer it was made from.
    offer: String,
    /// The answer.
    answer: String,
}

impl Session {
    /// A WHIP session in `room`.
    #[track_caller]
    fn publish(server: &Plenum, room: &str) -> Self {
        let offer = offers::whip();
        let response = server.request("POST", &format!("/whip/{room}")).sdp(&offer).send();
        Self::from(offer, &response.expect(201))
    }

    fn from(offer: String, response: &Response) -> Self {
        let etag = response.header("etag").expect("a session has an ETag").to_owned();
        Self { path: response.location(), etag, offer, answer: response.text() }
    }

    fn status(&self, server: &Plenum) -> u16 {
        server.request("GET", &self.path).send().status
    }
}
