//! The SDP guard: from the bytes of an offer to a [`MediaOffer`] that holds only what Plenum uses,
//! already checked. It stands before everything else that looks at an offer, so that neither the engine
//! nor str0m ever sees a text that is too long, ambiguous or weak.
//!
//! Two kinds of refusals: what breaks the rules of SDP, ICE or BUNDLE is malformed (400); what is a
//! correct offer of something that is not to be had here is unsupported (422). What real clients do
//! beside the rules (LF line ends, candidates of component 2, missing rtcp-mux-only) is let through.
//!
//! Here is no answer: that is the engine's. Roles (who may send what) are in [`crate::whip`] and
//! [`crate::whep`].

mod bundle;
mod extmap;
mod formats;
mod line;
mod section;
mod streams;
mod transport;

#[cfg(test)]
mod tests;

use plenum_model::MediaOffer;
use plenum_model::limits::SdpLimits;

use crate::text::TextError;
use crate::{Problem, Slug};
use section::Sections;

/// Why an offer was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SdpError {
    /// More bytes than allowed: 413.
    #[error("the offer exceeds {0} bytes")]
    TooLarge(usize),
    /// Not acceptable SDP: 400.
    #[error("{0}")]
    Malformed(String),
    /// Understood, but not to be had here: 422.
    #[error("{0}")]
    Unsupported(String),
    /// An audio or video line without any format that is forwarded here: 422, naming what was offered.
    #[error("line {mid:?} offers no codec that is forwarded here, only {}", offered.join(", "))]
    NoKnownCodec {
        /// The m-line.
        mid: String,
        /// Encoding names, as offered.
        offered: Vec<String>,
    },
}

/// A 400 with a sentence.
fn malformed<T>(why: impl Into<String>) -> Result<T, SdpError> {
    Err(SdpError::Malformed(why.into()))
}

/// A 422 with a sentence.
fn unsupported<T>(why: impl Into<String>) -> Result<T, SdpError> {
    Err(SdpError::Unsupported(why.into()))
}

impl From<TextError> for SdpError {
    fn from(error: TextError) -> Self {
        match error {
            TextError::TooLarge(limit) => Self::TooLarge(limit),
            TextError::Malformed(why) => Self::Malformed(why),
        }
    }
}

impl From<SdpError> for Problem {
    fn from(error: SdpError) -> Self {
        let detail = error.to_string();
        match error {
            SdpError::TooLarge(limit) => Problem::body_too_large(limit),
            SdpError::Malformed(_) => Problem::new(Slug::MalformedSdp, detail),
            SdpError::Unsupported(_) => Problem::new(Slug::UnsupportedOffer, detail),
            SdpError::NoKnownCodec { offered, .. } => Problem::new(Slug::NoCommonCodec, detail)
                .with_member("offered", offered)
                .with_member("published", Vec::<String>::new()),
        }
    }
}

/// Reads an offer. Its cost is bounded by `limits`.
pub fn parse_offer(body: &[u8], limits: &SdpLimits) -> Result<MediaOffer, SdpError> {
    let sections = Sections::read(body, limits)?;
    let mids = bundle::mids(&sections.media)?;
    let tagged = bundle::tagged_line(&sections, &mids)?;
    let transport = transport::read(&sections, tagged)?;
    let lines = line::read_all(&sections, &mids)?;
    Ok(MediaOffer {
        ice: transport.ice,
        ice_lite: sections.session.has("ice-lite"),
        fingerprint: transport.fingerprint,
        setup: transport.setup,
        lines,
        candidates: transport.candidates,
    })
}
