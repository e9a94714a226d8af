//! Everything that speaks HTTP: the accept loop and its bounds, routes, and what each route does.
//!
//! The rules of WHIP and WHEP are `signal`'s and the media is the shards'; here requests are read,
//! brought to both, and answered.

pub mod accept;
mod body;
mod connect;
mod connection;
mod ice;
mod json;
mod openapi;
mod origin;
mod pages;
pub mod problems;
mod rooms;
mod router;
mod session;
pub mod source;
mod watch;
mod whep;
mod whip;

pub use problems::Refusal;
pub use router::router;
