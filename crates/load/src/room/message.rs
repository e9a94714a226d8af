//! The part of the room protocol that a participant under load needs, as JSON.
//!
//! Fields and messages that are not here are ignored, as the protocol asks of clients.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What a participant says.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum Request<'a> {
    /// First of all.
    Join {
        /// Version of the protocol.
        protocol: u32,
        /// What lets it in.
        #[serde(skip_serializing_if = "Option::is_none")]
        token: Option<&'a str>,
        /// Who it is, where no token says so.
        identity: &'a str,
        /// Display name.
        name: &'a str,
    },
    /// SDP, with what its sending lines are for.
    Offer {
        /// The offer.
        sdp: &'a str,
        /// By mid.
        tracks: BTreeMap<String, Line>,
    },
    /// Last of all.
    Leave,
}

/// A sending line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct Line {
    /// `camera`, `microphone`, `screen` or `screen_audio`.
    pub source: &'static str,
    /// Whether nothing is sent on it for now.
    pub muted: bool,
}

/// What the server says.
#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum Notice {
    /// The join was accepted.
    Welcome {
        /// What others send already.
        tracks: Vec<Track>,
    },
    /// SDP.
    Answer {
        /// The answer.
        sdp: String,
    },
    /// The server offers, which it never should.
    Offer,
    /// Somebody sends something new.
    TrackPublished {
        /// What.
        track: Track,
    },
    /// It does so no more.
    TrackUnpublished {
        /// Its id.
        track: String,
    },
    /// Somebody left, with all they sent.
    ParticipantLeft {
        /// Who.
        participant: String,
    },
    /// What is in which slot, all of them.
    Slots {
        /// Track id, or nothing, by mid.
        slots: BTreeMap<String, Option<String>>,
    },
    /// A refusal.
    Error {
        /// Kind of problem, in words.
        #[serde(default)]
        title: String,
        /// What exactly.
        #[serde(default)]
        detail: String,
        /// As in HTTP.
        #[serde(default)]
        status: u16,
    },
    /// The end.
    Closed {
        /// Why.
        reason: String,
    },
    /// Whatever else.
    #[serde(other)]
    Other,
}

/// A published track.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Track {
    /// Its name in this room.
    pub id: String,
    /// Whose it is.
    pub participant: String,
    /// `audio` or `video`.
    pub kind: Kind,
}

/// Kind of a track.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    /// Sound.
    Audio,
    /// Pictures.
    Video,
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn requests_are_written_as_the_protocol_says() {
        let join = Request::Join { protocol: 1, token: None, identity: "member-0", name: "Member 0" };
        let expected = json!({"type": "join", "protocol": 1, "identity": "member-0", "name": "Member 0"});
        assert_eq!(serde_json::to_value(join).unwrap(), expected);
        let tracks = BTreeMap::from([("0".to_owned(), Line { source: "microphone", muted: false })]);
        let offer = serde_json::to_value(Request::Offer { sdp: "v=0", tracks }).unwrap();
        assert_eq!(offer["tracks"]["0"], json!({"source": "microphone", "muted": false}));
        assert_eq!(serde_json::to_value(Request::Leave).unwrap(), json!({"type": "leave"}));
    }

    #[test]
    fn notices_are_read_with_whatever_else_they_carry() {
        let read = |value| serde_json::from_value::<Notice>(value).unwrap();
        let track = json!({"id": "TR_1", "participant": "member-0", "kind": "video", "source": "camera", "muted": false});
        let welcome = json!({"type": "welcome", "protocol": 1, "tracks": [track], "chat": []});
        assert!(
            matches!(read(welcome), Notice::Welcome { tracks } if tracks[0].id == "TR_1" && tracks[0].kind == Kind::Video)
        );
        let slots = json!({"type": "slots", "slots": {"4": "TR_1", "5": null}});
        assert!(
            matches!(read(slots), Notice::Slots { slots } if slots["4"].is_some() && slots["5"].is_none())
        );
        assert!(matches!(read(json!({"type": "speakers", "speakers": []})), Notice::Other));
        assert!(serde_json::from_value::<Notice>(json!({"type": "answer"})).is_err());
    }
}
