//! The vocabulary of Plenum: what every other crate means by a room, a place, a format, a limit, an
//! end. Values only; no behaviour that needs a clock, a socket or a lock.
//!
//! Entry types: [`RoomName`], [`Identity`], [`Place`], [`MediaOffer`], [`Format`], [`Source`], [`CloseReason`].

mod close;
mod counters;
mod json;
pub mod limits;
mod media;
mod names;
mod offer;
mod place;
mod session;

pub use close::{CloseReason, Fault};
pub use counters::{DropReason, Histogram, SECONDS_BUCKETS};
pub use json::is_plain;
pub use media::{Codec, Format, H264Profile, MediaKind};
pub use names::{DisplayName, Identity, NameError, RoomName};
pub use offer::{
    Direction, ExtMap, IceCredentials, IceFragment, MediaOffer, OfferedFormat, OfferedLine, RemoteCandidate,
    Setup,
};
pub use place::{Place, Seats, Ufrag};
pub use session::{Allowed, SlotDemand, Source, TrackTerms};
