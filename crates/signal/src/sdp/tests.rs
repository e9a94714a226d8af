//! The corpus of real offers, one sentence per refusal, and 20,000 mutations.

mod corpus;
mod mutation;
mod refusal;

use plenum_model::MediaOffer;
use plenum_model::limits::SDP_WHIP;

use super::{SdpError, parse_offer};

macro_rules! offers {
    ($($name:literal),* $(,)?) => {
        /// Offers of real clients (addresses changed), and two put together by hand from what clients
        /// without a headless mode are known to send: gstreamer and obs.
        const CORPUS: &[(&str, &str)] =
            &[$(($name, include_str!(concat!("../../testdata/", $name, ".sdp"))),)*];
    };
}

offers! {
    "aiortc-sendrecv", "aiortc-watch",
    "chromium-publish", "chromium-room", "chromium-simulcast", "chromium-watch",
    "ffmpeg",
    "firefox-publish", "firefox-room", "firefox-simulcast", "firefox-watch",
    "gstreamer", "libdatachannel", "obs", "obs-simulcast", "werift",
}

fn offer(name: &str) -> &'static str {
    CORPUS.iter().find(|(n, _)| *n == name).expect("in the corpus").1
}

fn parse(text: &str) -> Result<MediaOffer, SdpError> {
    parse_offer(text.as_bytes(), &SDP_WHIP)
}

fn parsed(name: &str) -> MediaOffer {
    parse(offer(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}
