//! Who moderates decides who is in: kick, lock, full.

use std::time::{Duration, Instant};

use plenum_tests::browser::{Browser, Tile};
use plenum_tests::clients::{Client, turn};
use plenum_tests::{Plenum, wait_for, wait_until};
use serde_json::{Value, json};

use super::{SOON, ask_to_join, identity, join, tile_of, wait_until_all_move};

#[test]
fn whoever_is_kicked_is_told_stops_sending_within_a_second_and_cannot_come_back_at_once() {
    let Some(_turn) = turn(&[Client::Chromium]) else { return };
    let server = Plenum::dev();
    let mut browser = Browser::launch(Client::Chromium);
    join(&mut browser, &server, "kick", "ada");
    join(&mut browser, &server, "kick", "ben");
    let ben = identity(&mut browser, "ben");
    wait_until_all_move(&mut browser, "ada", std::slice::from_ref(&ben), SOON);
    let started = Instant::now();
    browser.run("ada", "await window.plenum.kick(input);", json!(ben));
    wait_until("ben's tile is gone", SOON, || tile_of(&browser.tiles("ada"), &ben, "camera").is_none());
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
    wait_until("ben is told", SOON, || !browser.text("ben", "error").is_empty());
    browser.screenshot("ben", "call-removed");
    let again = "
        const { Room } = await import('/sdk/plenum.js');
        try {
            await Room.join(location, 'kick', { name: 'ben', identity: input });
            return 'joined';
        } catch (error) {
            return error.slug ?? String(error);
        }
    ";
    assert_eq!(browser.run("ben", again, json!(ben)), json!("banned"));
}

#[test]
fn a_locked_or_full_room_is_said_to_be_so() {
    let Some(_turn) = turn(&[Client::Chromium]) else { return };
    let server = Plenum::dev();
    let mut browser = Browser::launch(Client::Chromium);
    join(&mut browser, &server, "locked", "ada");
    browser.run("ada", "await window.plenum.lock();", Value::Null);
    refused(&mut browser, &server, "locked", "ben", "locked");
    browser.screenshot("ben", "call-locked");
    let made = server
        .request("POST", "/v1/rooms")
        .body("application/json", json!({"name": "tiny", "max_participants": 1}).to_string())
        .send();
    assert_eq!(made.status, 201, "{made:?}");
    join(&mut browser, &server, "tiny", "cleo");
    refused(&mut browser, &server, "tiny", "dan", "full");
    browser.screenshot("dan", "call-full");
}

#[test]
fn who_waits_in_the_lobby_sees_nobody_until_admitted() {
    let Some(_turn) = turn(&[Client::Chromium]) else { return };
    let server = Plenum::start(plenum_tests::Options::default().environment("PLENUM_ROOMS__LOBBY", "true"));
    let mut browser = Browser::launch(Client::Chromium);
    // Without tokens everybody may moderate: the first one finds nobody who could let it in, and need not wait.
    join(&mut browser, &server, "lobby", "ada");
    ask_to_join(&mut browser, &server, "lobby", "ben");
    wait_until("ben is told to wait", SOON, || {
        browser.run("ben", "return window.plenum?.state ?? null;", Value::Null) == json!("lobby")
    });
    browser.screenshot("ben", "call-waiting");
    let seen = "return [window.plenum.participants.size, window.plenum.tracks.size];";
    assert_eq!(browser.run("ben", seen, Value::Null), json!([0, 0]));
    assert!(browser.tiles("ben").is_empty() && browser.tiles("ada").is_empty());
    let waiting = wait_for("ada sees who waits", SOON, || {
        let who = "return window.plenum.waiting.map(({ identity }) => identity)[0] ?? null;";
        browser.run("ada", who, Value::Null).as_str().map(str::to_owned)
    });
    browser.run("ada", "await window.plenum.admit(input);", json!(waiting));
    let ada = identity(&mut browser, "ada");
    wait_until_all_move(&mut browser, "ben", &[ada], SOON);
    wait_until_all_move(&mut browser, "ada", &[waiting], SOON);
}

#[track_caller]
fn refused(browser: &mut Browser, server: &Plenum, room: &str, name: &str, word: &str) {
    ask_to_join(browser, server, room, name);
    wait_until(&format!("the page says that the room is {word}"), SOON, || {
        browser.text(name, "error").to_lowercase().contains(word)
    });
    assert!(browser.tiles(name).iter().all(|tile: &Tile| !tile.is_live()));
}
