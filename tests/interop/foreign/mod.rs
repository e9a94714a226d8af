//! What the tests share.

mod aiortc;
mod ffmpeg;
mod obs;

use std::time::Duration;

use plenum_tests::clients::Script;
use plenum_tests::{Plenum, wait_until};

/// For anything that takes a client a moment, on a machine with little to spare.
const SOON: Duration = Duration::from_secs(20);

/// Encoding as streamers do: H264 without reordering, a keyframe each second, and a tone.
const SOURCES: [&str; 10] = [
    "-re",
    "-f",
    "lavfi",
    "-i",
    "testsrc2=size=640x360:rate=30",
    "-re",
    "-f",
    "lavfi",
    "-i",
    "sine=frequency=440:sample_rate=48000",
];
const VIDEO: [&str; 12] = [
    "-c:v",
    "libx264",
    "-profile:v",
    "baseline",
    "-preset",
    "ultrafast",
    "-tune",
    "zerolatency",
    "-g",
    "30",
    "-b:v",
    "800k",
];
const AUDIO: [&str; 6] = ["-c:a", "libopus", "-ar", "48000", "-ac", "2"];

/// ffmpeg publishing test pictures and a tone into `room`, once it is live.
#[track_caller]
fn ffmpeg_publishes(server: &Plenum, room: &str) -> Script {
    let before = server.scrape().sum("plenum_datagrams_handled_total");
    let url = format!("{}/whip/{room}", server.url());
    let format = ["-pix_fmt", "yuv420p", "-f", "whip", &url];
    let mut ffmpeg = Script::ffmpeg(&[&SOURCES[..], &VIDEO, &AUDIO, &format].concat());
    wait_until("ffmpeg sends", SOON, || {
        assert!(ffmpeg.is_running(), "ffmpeg ended: {:#?}", ffmpeg.log());
        server.scrape().sum("plenum_datagrams_handled_total") > before + 50.0
    });
    ffmpeg
}
