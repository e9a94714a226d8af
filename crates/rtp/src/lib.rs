//! Per-packet logic as values: what a payload says of itself ([`keyframe`], [`vp8`]), how one subscriber's
//! numbers continue whatever happens to the source ([`Rewriter`]), when a decoder may start
//! ([`KeyframeGate`]), which layer it gets ([`LayerSelector`]), how often a publisher is asked for a
//! keyframe ([`KeyframeRequests`]), and what time a packet was captured ([`SourceClock`]).
//!
//! Nothing here knows a participant, a room or str0m; each type has value inputs and value outputs.

#![cfg_attr(test, allow(clippy::disallowed_methods))] // tests take their time zero from the clock

mod clock;
mod gate;
pub mod keyframe;
mod requests;
mod rewriter;
mod selector;
pub mod vp8;

pub use clock::{PublisherClock, SenderReport, SourceClock};
pub use gate::KeyframeGate;
pub use requests::KeyframeRequests;
pub use rewriter::{Projected, Rewriter, SourcePacket};
pub use selector::{LayerSelector, Selection};
