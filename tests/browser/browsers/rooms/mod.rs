//! Calls: the conference page as people use it, several of them at once.

mod company;
mod direct;
mod looks;
mod messages;
mod moderation;
mod reconnecting;
mod screen;

use std::time::{Duration, Instant};

use plenum_tests::browser::{Browser, Tile};
use plenum_tests::{Plenum, wait_for, wait_until};
use serde_json::{Value, json};

use super::SOON;

/// What a page knows of its call, for those who have to find out why something is not seen.
const KNOWN: &str = "
    const { state, tracks, slots, localTracks } = window.plenum;
    const known = { state, slots: [...slots.values()].map((slot) => [slot.mid, slot.track?.id ?? null]) };
    known.tracks = [...tracks.values()].map((t) => [t.id, t.participant.identity, t.source, t.isMuted ?? t.muted]);
    known.own = [...localTracks.values()].map((t) => [t.source, t.isOn, t.isMuted ?? t.muted]);
    known.log = window.__watch.log;
    known.connections = window.__watch.connections.map((c) => [c.connectionState, c.signalingState]);
    return known;
";

/// The page of a call.
fn room_url(server: &Plenum, room: &str) -> String {
    format!("{}/r/{room}", server.url())
}

/// Opens the page of a call, fills in the name and joins.
#[track_caller]
fn join(browser: &mut Browser, server: &Plenum, room: &str, name: &str) {
    browser.open(name, &room_url(server, room));
    enter(browser, name);
}

/// Opens the page of a call, fills in the name and presses Join, whatever comes of it.
#[track_caller]
fn ask_to_join(browser: &mut Browser, server: &Plenum, room: &str, name: &str) {
    browser.open(name, &room_url(server, room));
    press_join(browser, name);
}

/// Joins from a page that is open already; its name is the page's.
#[track_caller]
fn enter(browser: &mut Browser, name: &str) {
    press_join(browser, name);
    wait_until(&format!("{name} is in the call"), SOON, || {
        browser.run(name, "return window.plenum?.state ?? null;", Value::Null) == json!("connected")
    });
}

#[track_caller]
fn press_join(browser: &mut Browser, name: &str) {
    wait_until(&format!("{name} may join"), SOON, || {
        let ready = "return Boolean(document.querySelector('[data-testid=\"join\"]:not([disabled])'));";
        browser.run(name, ready, Value::Null) == json!(true)
    });
    browser.type_into(name, "name", name, false);
    browser.click(name, "join");
}

/// Who somebody is for the others.
#[track_caller]
fn identity(browser: &mut Browser, page: &str) -> String {
    let me = browser.run(page, "return window.plenum.me.identity;", Value::Null);
    me.as_str().unwrap_or_else(|| panic!("{page} has no identity")).to_owned()
}

/// The tile of a participant's camera or screen.
fn tile_of<'a>(tiles: &'a [Tile], participant: &str, source: &str) -> Option<&'a Tile> {
    tiles.iter().find(|tile| tile.participant() == participant && tile.source() == source)
}

/// Waits until a page shows moving pictures of everyone in `others`.
#[track_caller]
fn wait_until_all_move(browser: &mut Browser, page: &str, others: &[String], deadline: Duration) {
    let started = Instant::now();
    let mut before = browser.tiles(page);
    loop {
        std::thread::sleep(Duration::from_millis(250));
        let now = browser.tiles(page);
        let moves = |other: &String| {
            let frames = |tiles: &[Tile]| tile_of(tiles, other, "camera").map_or(0, Tile::frames);
            // An element that is bound anew counts from 0.
            frames(&now) > 0 && frames(&now) != frames(&before)
        };
        if others.iter().all(moves) {
            return;
        }
        if started.elapsed() >= deadline {
            browser.screenshot(page, "call-failed");
            let known = browser.run(page, KNOWN, Value::Null);
            panic!("{page} does not see all of {others:?} move: {now:?}, though it knows {known}");
        }
        before = now;
    }
}

/// Waits until the page hears something: audio with energy in it.
#[track_caller]
fn wait_until_heard(browser: &mut Browser, page: &str, deadline: Duration) {
    const ENERGY: &str = "
        let energy = 0;
        for (const connection of window.__watch.connections) {
            if (connection.connectionState === 'closed') continue;
            (await connection.getStats()).forEach((stats) => {
                if (stats.type === 'inbound-rtp' && stats.kind === 'audio') energy += stats.totalAudioEnergy ?? 0;
            });
        }
        return energy;
    ";
    let energy = |browser: &mut Browser| browser.run(page, ENERGY, Value::Null).as_f64().unwrap_or_default();
    let before = energy(browser);
    wait_until(&format!("{page} hears somebody"), deadline, || energy(browser) > before);
}

/// Waits until the tile of a participant is gone.
#[track_caller]
fn wait_until_gone(browser: &mut Browser, page: &str, participant: &str, deadline: Duration) -> Duration {
    let started = Instant::now();
    wait_for(&format!("{page} no longer shows {participant}"), deadline, || {
        tile_of(&browser.tiles(page), participant, "camera").is_none().then_some(())
    });
    started.elapsed()
}
