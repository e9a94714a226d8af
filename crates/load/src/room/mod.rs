//! Participants of the room protocol: one WebSocket and one media session each.
//!
//! A [`stay`] speaks the protocol on the tokio runtime; a [`participant`] is the media end of it, driven by
//! a media thread, which is told what the server says about its [`slots`]. Screen lines are offered, as the
//! protocol wants them to be, and stay idle.

pub(crate) mod conversation;
pub(crate) mod guests;
pub(crate) mod headers;
pub(crate) mod message;
pub(crate) mod participant;
pub(crate) mod slots;
mod socket;
pub(crate) mod stay;
pub(crate) mod stretch;
mod tracks;

/// What came of the rooms as a whole.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Meeting {
    /// There were participants.
    pub took_place: bool,
    /// Offers and answers beyond everybody's first.
    pub sdp_exchanged: u64,
    /// Guests that came and left.
    pub churned: u64,
}
