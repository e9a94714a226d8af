//! Browser to browser: the server carries nothing but signalling.

use plenum_tests::browser::Browser;
use plenum_tests::clients::{Client, turn};
use plenum_tests::{Plenum, wait_until};
use serde_json::{Value, json};

use super::{SOON, join};

const JOIN: &str = "
    const { Room } = await import('/sdk/plenum.js');
    const room = await Room.join(location, input.room, {
        name: input.name, identity: input.name, mode: 'direct', publish: { microphone: true, camera: true },
    });
    window.room = room;
    const video = document.createElement('video');
    video.muted = true;
    video.autoplay = true;
    // What cannot be seen is not asked for.
    video.style.cssText = 'position: fixed; top: 0; left: 0; width: 320px; height: 180px;';
    document.body.append(video);
    window.other = video;
    const show = (track) => {
        if (track.kind === 'video') room.attach(track, video);
    };
    room.tracks.forEach(show);
    room.on('track-published', ({ track }) => show(track));
    window.heard = [];
    room.on('direct-call', ({ call }) => call.accept());
    room.on('direct-state', ({ call }) => {
        window.call = call;
        if (call.listens) return;
        call.listens = true;
        call.on('message', ({ data }) => window.heard.push(data));
    });
";

#[test]
fn two_browsers_talk_directly_while_the_server_sees_no_datagram() {
    let Some(_turn) = turn(&[Client::Chromium]) else { return };
    let server = Plenum::dev();
    let mut browser = Browser::launch(Client::Chromium);
    for name in ["ada", "ben"] {
        // Any page of the server will do: the SDK alone is at work here.
        browser.open(name, &format!("{}/devices", server.url()));
        browser.run(name, JOIN, json!({"room": "direct", "name": name}));
    }
    for name in ["ada", "ben"] {
        wait_until(&format!("{name} has a direct call"), SOON, || {
            browser.run(name, "return window.room.directCall?.state ?? null;", Value::Null)
                == json!("connected")
        });
        let frames = "return window.other.getVideoPlaybackQuality().totalVideoFrames;";
        wait_until(&format!("{name} sees the other"), SOON, || {
            browser.run(name, frames, Value::Null).as_u64().unwrap_or_default() > 10
        });
    }
    let listen = "
        const call = window.room.directCall;
        call.on('message', ({ data }) => window.heard.push(data));
    ";
    browser.run("ben", listen, Value::Null);
    browser.run("ada", "await window.room.directCall.send('hello');", Value::Null);
    wait_until("ben hears ada's message", SOON, || {
        browser.run("ben", "return window.heard.includes('hello');", Value::Null) == json!(true)
    });
    let datagrams = server.scrape().sum_where("plenum_datagrams_received_total", &[]);
    assert_eq!(datagrams, 0.0, "the media ports may as well be closed");
}

#[test]
fn a_call_between_two_goes_over_to_the_server_when_a_third_joins() {
    let Some(_turn) = turn(&[Client::Chromium]) else { return };
    let server = Plenum::dev();
    let mut browser = Browser::launch(Client::Chromium);
    for name in ["ada", "ben"] {
        browser.open(name, &format!("{}/devices", server.url()));
        browser.run(name, &JOIN.replace("'direct'", "'auto'"), json!({"room": "auto", "name": name}));
    }
    for name in ["ada", "ben"] {
        wait_until(&format!("{name} has a direct call"), SOON, || {
            browser.run(name, "return window.room.directCall?.state ?? null;", Value::Null)
                == json!("connected")
        });
    }
    join(&mut browser, &server, "auto", "cleo");
    super::wait_until_all_move(&mut browser, "cleo", &["ada".to_owned(), "ben".to_owned()], 2 * SOON);
    let direct = "return window.room.directCall?.state ?? null;";
    for name in ["ada", "ben"] {
        assert_ne!(browser.run(name, direct, Value::Null), json!("connected"), "{name} has gone over");
        let frames = "return window.other.getVideoPlaybackQuality().totalVideoFrames;";
        let before = browser.run(name, frames, Value::Null);
        wait_until(&format!("{name} still sees the other"), SOON, || {
            browser.run(name, frames, Value::Null) != before
        });
    }
}
