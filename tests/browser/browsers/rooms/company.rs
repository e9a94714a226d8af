//! Several people see and hear each other, come late, leave, and are not disturbed by others who come and go.

use std::process::Command;
use std::time::{Duration, Instant};

use plenum_tests::browser::{Browser, Tile};
use plenum_tests::clients::{Client, turn};
use plenum_tests::{Plenum, wait_until};

use super::{
    SOON, enter, identity, join, room_url, tile_of, wait_until_all_move, wait_until_gone, wait_until_heard,
};

const CHROMIUMS: [&str; 4] = ["ada", "ben", "cleo", "dan"];
/// Of joining until the first picture of somebody else.
const FIRST_FRAME: Duration = Duration::from_secs(1);
const JOINS: usize = 20;

#[test]
fn four_chromiums_and_a_firefox_see_and_hear_each_other_and_notice_who_leaves() {
    let Some(_turn) = turn(&[Client::Chromium, Client::Firefox]) else { return };
    let server = Plenum::dev();
    let (mut chromium, mut firefox) = (Browser::launch(Client::Chromium), Browser::launch(Client::Firefox));
    for name in CHROMIUMS {
        join(&mut chromium, &server, "company", name);
    }
    // The late one.
    join(&mut firefox, &server, "company", "fay");
    let mut everyone: Vec<(&str, String)> =
        CHROMIUMS.iter().map(|name| (*name, identity(&mut chromium, name))).collect();
    everyone.push(("fay", identity(&mut firefox, "fay")));
    for (page, own) in &everyone {
        let others: Vec<String> = everyone.iter().map(|(_, id)| id.clone()).filter(|id| id != own).collect();
        let browser = if *page == "fay" { &mut firefox } else { &mut chromium };
        wait_until_all_move(browser, page, &others, 2 * SOON);
        wait_until_heard(browser, page, SOON);
    }
    chromium.screenshot("ada", "call-grid-of-5");

    chromium.click("dan", "leave");
    let took = wait_until_gone(&mut chromium, "ada", &everyone[3].1, Duration::from_secs(2));
    println!("told of a goodbye after {took:?}");
    chromium.close("cleo");
    let took = wait_until_gone(&mut chromium, "ada", &everyone[2].1, Duration::from_secs(35));
    println!("told of a tab that was closed without a word after {took:?}");
}

#[test]
fn those_inside_exchange_no_sdp_and_see_no_frozen_picture_while_twenty_come_and_go() {
    let Some(_turn) = turn(&[Client::Chromium]) else { return };
    let server = Plenum::dev();
    let mut browser = Browser::launch(Client::Chromium);
    join(&mut browser, &server, "churn", "ada");
    join(&mut browser, &server, "churn", "ben");
    let ids = [identity(&mut browser, "ada"), identity(&mut browser, "ben")];
    wait_until_all_move(&mut browser, "ada", &ids[1..], SOON);
    wait_until_all_move(&mut browser, "ben", &ids[..1], SOON);
    let before = browser.descriptions("ada");
    let mut crowd = Command::new(&*plenum_tests::BINARY)
        .args(["load", "--url", &server.url(), "--room", "churn", "--publishers", "0", "--viewers", "0"])
        .args(["--participants", "20", "--publishing", "5", "--video", "30pps,600B", "--join-rate", "4"])
        .args(["--duration", "5s"])
        .spawn()
        .expect("the load generator starts");
    let mut most = 0;
    let (mut last, mut longest) = (Instant::now(), Duration::ZERO);
    let mut frames = 0;
    let done = loop {
        let tiles = browser.tiles("ada");
        most = most.max(tiles.len());
        let now = tile_of(&tiles, &ids[1], "camera").map_or(0, Tile::frames);
        if now != frames {
            longest = longest.max(last.elapsed());
            (frames, last) = (now, Instant::now());
        }
        if let Some(status) = crowd.try_wait().expect("a child can be waited for") {
            break status;
        }
        std::thread::sleep(Duration::from_millis(50));
    };
    println!("longest time without a new picture: {longest:?}; most tiles: {most}");
    assert!(done.success(), "{done}");
    assert!(most >= 6, "the crowd was seen: {most} tiles");
    assert!(longest < Duration::from_millis(1_500), "ben's picture stood still for {longest:?}");
    wait_until("the crowd has left", SOON, || browser.tiles("ada").len() <= 2);
    assert_eq!(browser.descriptions("ada"), before, "nobody exchanged SDP because of others");
}

#[test]
fn the_first_picture_of_somebody_else_comes_within_a_second_of_joining() {
    let Some(_turn) = turn(&[Client::Chromium]) else { return };
    let server = Plenum::dev();
    let mut browser = Browser::launch(Client::Chromium);
    join(&mut browser, &server, "quick", "host");
    let host = identity(&mut browser, "host");
    let mut times: Vec<Duration> = (0..JOINS)
        .map(|number| {
            let name = format!("guest-{number}");
            browser.open(&name, &room_url(&server, "quick"));
            // In the page: from the click on Join to the first frame of the host's tile.
            let armed = "
                window.firstRemoteMs = null;
                document.querySelector('[data-testid=\"join\"]').addEventListener('click', () => {
                    const clicked = performance.now();
                    const look = () => {
                        const video = document.querySelector(`[data-testid=\"tile\"][data-participant=\"${input}\"] video`);
                        const frames = video?.__frames ?? 0;
                        if (frames > 0) window.firstRemoteMs = performance.now() - clicked;
                        else requestAnimationFrame(look);
                    };
                    look();
                }, { once: true });
            ";
            wait_until("the page is there", SOON, || {
                let there = "return Boolean(document.querySelector('[data-testid=\"join\"]:not([disabled])'));";
                browser.run(&name, there, serde_json::Value::Null) == serde_json::json!(true)
            });
            browser.run(&name, armed, serde_json::json!(host));
            enter(&mut browser, &name);
            let ms = plenum_tests::wait_for("a picture of the host", SOON, || {
                browser.run(&name, "return window.firstRemoteMs;", serde_json::Value::Null).as_f64()
            });
            browser.click(&name, "leave");
            browser.close(&name);
            Duration::from_secs_f64(ms / 1_000.0)
        })
        .collect();
    times.sort_unstable();
    let (median, p95) = (times[JOINS / 2], times[JOINS * 95 / 100 - 1]);
    println!("from Join to the first picture over {JOINS} joins: median {median:?}, p95 {p95:?}, {times:?}");
    assert!(p95 < FIRST_FRAME, "p95 {p95:?}");
}
