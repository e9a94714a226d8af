//! What may be said, one sentence per refusal, and 30,000 mutations.

mod documentation;
mod mutation;
mod offers;
mod reading;
mod writing;

/// One valid message of each type. Offers carry those of real browsers.
fn corpus() -> Vec<String> {
    let offer = |sdp: &str| {
        let tracks = serde_json::json!({
            "0": { "source": "microphone", "muted": true },
            "1": { "source": "camera", "muted": false },
        });
        serde_json::json!({ "type": "offer", "id": 1, "sdp": sdp, "tracks": tracks }).to_string()
    };
    let mut corpus = vec![offer(CHROMIUM), offer(FIREFOX)];
    corpus.extend(SMALL.iter().map(|text| (*text).to_owned()));
    corpus
}

const CHROMIUM: &str = include_str!("../../testdata/chromium-room.sdp");
const FIREFOX: &str = include_str!("../../testdata/firefox-room.sdp");

const SMALL: &[&str] = &[
    r#"{"type":"join","token":"a.b.c","name":"Ada","identity":"ada","metadata":"{}","resume":"1.00","protocol":1,"id":"j"}"#,
    r#"{"type":"candidate","candidate":"candidate:1 1 udp 2122260223 192.0.2.1 61764 typ host","sdpMid":"0"}"#,
    r#"{"type":"candidate","candidate":null}"#,
    r#"{"type":"pin","slot":"4","track":"TR_7","id":2}"#,
    r#"{"type":"pin","slot":"4","track":null}"#,
    r#"{"type":"demand","slot":"4","max_width":640,"max_height":360,"priority":3}"#,
    r#"{"type":"mute","track":"TR_1","muted":false,"id":-3}"#,
    r#"{"type":"signal","to":"grace","payload":{"sdp":"v=0","n":[1,2.50,{"x":null}]},"id":4}"#,
    r#"{"type":"update_metadata","metadata":"hand up","name":"Ada L."}"#,
    r#"{"type":"kick","participant":"grace","id":5}"#,
    r#"{"type":"ban","participant":"grace"}"#,
    r#"{"type":"lock"}"#,
    r#"{"type":"unlock"}"#,
    r#"{"type":"admit","participant":"grace"}"#,
    r#"{"type":"reject","participant":"grace"}"#,
    r#"{"type":"mute_participant","participant":"grace","track":"TR_2"}"#,
    r#"{"type":"mute_participant","participant":"grace"}"#,
    r#"{"type":"request_unmute","participant":"grace"}"#,
    r#"{"type":"leave"}"#,
];
