//! Rooms as people are in them: the server's side of `plenum_signal::conference`, which decides everything about
//! membership and messages and does nothing itself.
//!
//! - [`Halls`] knows the rooms ([`Hall`]) by name and by the places of their media sessions.
//! - [`Hall`] holds one conference and the outboxes of its sockets. `Hall::with` is the way to call the conference,
//!   for the HTTP API as for messages: it carries out the effects.
//! - [`receive`] serves one WebSocket from upgrade to end.
//! - [`Expected`] is a media session on its way in: WHIP publishers and members alike.
//!
//! Media does not pass through here, and neither do data channels.

mod entrance;
mod errands;
mod expected;
mod hall;
mod media;
mod outbox;
mod pace;
mod registry;
mod reports;
mod socket;

pub use errands::end_viewer;
pub use expected::Expected;
pub use hall::Hall;
pub use registry::Halls;
pub use socket::{Visitor, receive};
