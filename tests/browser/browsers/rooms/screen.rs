//! Sharing a screen: it comes beside the camera, takes the stage, and goes.

use plenum_tests::browser::{Browser, Tile};
use plenum_tests::clients::{Client, turn};
use plenum_tests::{Plenum, wait_until};

use super::{SOON, identity, join, tile_of, wait_until_all_move};

#[test]
fn a_shared_screen_is_seen_beside_the_camera_and_goes_again_without_sdp() {
    let Some(_turn) = turn(&[Client::Chromium]) else { return };
    let server = Plenum::dev();
    let mut browser = Browser::launch(Client::Chromium);
    join(&mut browser, &server, "screen", "ada");
    join(&mut browser, &server, "screen", "ben");
    let ids = [identity(&mut browser, "ada"), identity(&mut browser, "ben")];
    wait_until_all_move(&mut browser, "ben", &ids[..1], SOON);
    let before = [browser.descriptions("ada"), browser.descriptions("ben")];
    for round in 0..2 {
        browser.tap("ada", "screen");
        wait_until("ben sees ada's screen", SOON, || {
            tile_of(&browser.tiles("ben"), &ids[0], "screen")
                .is_some_and(|tile| tile.frames() > 0 && tile.is_live())
        });
        let camera =
            |browser: &mut Browser| tile_of(&browser.tiles("ben"), &ids[0], "camera").map(Tile::frames);
        assert!(camera(&mut browser).is_some(), "the camera has its tile still");
        if round == 0 {
            browser.screenshot("ben", "call-screen-share");
        }
        browser.tap("ada", "screen");
        wait_until("the screen is gone", SOON, || {
            tile_of(&browser.tiles("ben"), &ids[0], "screen").is_none()
        });
        wait_until_all_move(&mut browser, "ben", &ids[..1], SOON);
    }
    let after = [browser.descriptions("ada"), browser.descriptions("ben")];
    assert_eq!(before, after, "switching a screen on and off is no SDP");
}
