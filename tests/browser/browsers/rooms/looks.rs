//! What the pages of a call look like: pictures for people, and what can be checked without looking.

use plenum_tests::browser::Browser;
use plenum_tests::clients::{Client, turn};
use plenum_tests::{Plenum, wait_until};
use serde_json::{Value, json};

use super::{SOON, enter, identity, join, room_url, wait_until_all_move};

const PHONE: (u32, u32) = (360, 740);

#[test]
fn the_page_before_a_call_shows_a_preview_and_a_level_that_moves() {
    let Some(_turn) = turn(&[Client::Chromium]) else { return };
    let server = Plenum::dev();
    let mut browser = Browser::launch(Client::Chromium);
    browser.open("ada", &room_url(&server, "looks"));
    let preview = "return document.querySelector('[data-testid=\"preview\"]').videoWidth;";
    wait_until("the preview shows the camera", SOON, || {
        browser.run("ada", preview, Value::Null).as_u64().unwrap_or_default() > 0
    });
    let level =
        "return Number(document.querySelector('[data-testid=\"level\"]').getAttribute('aria-valuenow'));";
    wait_until("the level moves", SOON, || {
        browser.run("ada", level, Value::Null).as_f64().unwrap_or_default() > 0.0
    });
    browser.screenshot("ada", "call-before");
}

#[test]
fn whoever_joins_before_the_devices_are_known_is_seen_all_the_same() {
    let Some(_turn) = turn(&[Client::Chromium]) else { return };
    let server = Plenum::dev();
    let mut browser = Browser::launch(Client::Chromium);
    // Longer than the page waits for devices after Join was pressed.
    let slow = "
        const list = MediaDevices.prototype.enumerateDevices;
        MediaDevices.prototype.enumerateDevices = async function enumerateDevices() {
            await new Promise((resolve) => setTimeout(resolve, 3000));
            return list.call(this);
        };
    ";
    browser.open_after("ada", &room_url(&server, "early"), slow);
    enter(&mut browser, "ada");
    join(&mut browser, &server, "early", "ben");
    let ada = identity(&mut browser, "ada");
    wait_until_all_move(&mut browser, "ben", &[ada], SOON);
}

#[test]
fn a_call_fits_a_phone() {
    let Some(_turn) = turn(&[Client::Chromium]) else { return };
    let server = Plenum::dev();
    let mut browser = Browser::launch(Client::Chromium);
    browser.open_sized("ada", &room_url(&server, "phone"), PHONE);
    browser.open_sized("ben", &room_url(&server, "phone"), PHONE);
    enter(&mut browser, "ada");
    enter(&mut browser, "ben");
    let ada = identity(&mut browser, "ada");
    wait_until_all_move(&mut browser, "ben", &[ada], SOON);
    let overflow = "return document.documentElement.scrollWidth > window.innerWidth;";
    assert_eq!(browser.run("ben", overflow, Value::Null), json!(false), "nothing sticks out sideways");
    let small = "
        return ['mic', 'camera', 'screen', 'leave'].map((id) => {
            const box = document.querySelector(`[data-testid=\"${id}\"]`)?.getBoundingClientRect();
            return box ? Math.min(box.width, box.height) : null;
        }).filter((size) => size !== null && size > 0 && size < 44);
    ";
    assert_eq!(browser.run("ben", small, Value::Null), json!([]), "every control can be hit with a finger");
    browser.screenshot("ben", "call-phone");
}
