//! A server that is killed comes back, and so does the call.

use std::time::{Duration, Instant};

use plenum_tests::browser::Browser;
use plenum_tests::clients::{Client, turn};
use plenum_tests::{Options, Plenum};

use super::{SOON, identity, join, wait_until_all_move};

const BACK: Duration = Duration::from_secs(10);

#[test]
fn a_call_goes_on_within_ten_seconds_after_its_server_was_killed_and_restarted() {
    let Some(_turn) = turn(&[Client::Chromium]) else { return };
    let mut server = Plenum::dev();
    let ready = server.ready.clone();
    let mut browser = Browser::launch(Client::Chromium);
    join(&mut browser, &server, "phoenix", "ada");
    join(&mut browser, &server, "phoenix", "ben");
    let ids = [identity(&mut browser, "ada"), identity(&mut browser, "ben")];
    wait_until_all_move(&mut browser, "ada", &ids[1..], SOON);
    wait_until_all_move(&mut browser, "ben", &ids[..1], SOON);
    server.signal(9);
    server.wait_for_exit(SOON);
    let mut options = Options::default();
    let ports = [ready.http.port(), ready.admin.port(), ready.media[0].port()];
    for (flag, port) in ["--http-port", "--admin-port", "--media-port"].iter().zip(ports) {
        options = options.argument(*flag).argument(port.to_string());
    }
    let server = Plenum::start(options);
    let restarted = Instant::now();
    for (page, name) in [("ada", "ben"), ("ben", "ada")] {
        let left = BACK.saturating_sub(restarted.elapsed());
        // Without tokens people may be given another identity: whoever has a tile that moves is the other.
        let other = plenum_tests::wait_for(&format!("{page} is back"), left, || {
            let state = browser.run(page, "return window.plenum.state;", serde_json::Value::Null);
            (state == "connected").then_some(())?;
            let who = "return [...window.plenum.participants.values()].find((p) => p.name === input)?.identity ?? null;";
            browser.run(page, who, serde_json::json!(name)).as_str().map(str::to_owned)
        });
        let left = BACK.saturating_sub(restarted.elapsed());
        wait_until_all_move(&mut browser, page, &[other], left);
        println!("{page} is back in the call after {:?}", restarted.elapsed());
    }
    drop(server);
}
