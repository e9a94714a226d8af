//! The room protocol as a client sees it: a bare WebSocket ([`Socket`]) for what is signalling only, and a
//! participant with media and data channels ([`Member`]).
//!
//! Written from the protocol's description, not with the server's own types, for the same reason as the
//! rest of the harness.

mod account;
mod media;
mod member;
mod socket;
mod view;

pub use account::{Account, Arrival, SlotAccount, Topic};
pub use member::{Joining, Member};
pub use socket::{Heard, Refusal, Socket};
pub use view::{Track, View};
