//! Further offers of the peer: an ICE restart, or more lines. They come parsed; here str0m accepts them.

use str0m::RtcError;
use str0m::change::SdpAnswer;

use super::Participant;
use super::lines::Line;
use crate::negotiate::{self, Renegotiation, Reoffer};
use crate::sdp;

impl Participant {
    /// Takes another offer. Media goes on meanwhile, over the old pair if ICE is restarted.
    pub fn accept(&mut self, reoffer: Reoffer) -> Result<SdpAnswer, RtcError> {
        let Reoffer { offer, remote_candidates, remote_ice, local_ice } = reoffer;
        let answer = self.rtc.sdp_api().accept_offer(offer)?;
        if remote_ice != self.remote_ice {
            // str0m chose credentials of its own for the answer; ours name our place.
            self.rtc.direct_api().set_local_ice_credentials(negotiate::to_str0m(&local_ice));
            self.remote_ice = remote_ice;
        }
        negotiate::add_remote_candidates(&mut self.rtc, &remote_candidates);
        Ok(answer)
    }

    /// Takes an offer that may have more lines. Returns the answer, or `None` if it does not go with what is there.
    pub fn renegotiate(&mut self, renegotiation: Renegotiation) -> Option<String> {
        let Renegotiation { reoffer, mut lines, shapes, .. } = renegotiation;
        if !self.continues_with(&lines) {
            return None;
        }
        let refused = |error: &dyn std::fmt::Display| {
            tracing::debug!(%error, "offer refused");
        };
        let answer = self.accept(reoffer).inspect_err(|error| refused(error)).ok()?;
        for line in lines.split_off(self.lines.len()) {
            let line = line.settle(&mut self.rtc).inspect_err(|error| refused(error)).ok()?;
            self.lines.push(Line::new(line));
        }
        let ice = negotiate::from_str0m(self.rtc.direct_api().local_ice_credentials());
        Some(sdp::complete_answer(&answer.to_sdp_string(), &shapes, sdp::Streams::OnePerSlot, &ice))
    }
}
