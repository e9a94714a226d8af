//! What Plenum says and understands on the outside, as pure functions: the SDP guard, trickle fragments,
//! tokens, problem details, and the HTTP rules of WHIP (RFC 9725) and WHEP (draft-ietf-wish-whep).
//!
//! Values in, values out: requests are header maps and bodies, responses are [`Response`]s with their
//! body as text, the time is an argument. Here is no socket, no clock and no state; sessions live in
//! the server, media in the engine.
//!
//! Entry points, in the order of a `POST /whip/{room}`: [`whip::admit`] (token, type, size, identity;
//! before the body is read), [`whip::read_offer`] (the SDP guard and the rules of the role), then
//! [`session::respond_created`]. Everything that goes wrong is a [`Problem`].

mod cors;
mod endpoint;
pub mod fragment;
mod headers;
mod ice;
mod problem;
pub mod sdp;
pub mod session;
mod text;
pub mod token;
pub mod whep;
pub mod whip;

pub use cors::EXPOSED_HEADERS;
pub use endpoint::authorize;
pub use headers::{EntityTag, bearer};
pub use problem::{Problem, Slug};
pub use token::{Access, Grant, Keyring};

/// An HTTP response whose body is text (SDP, a fragment, JSON or nothing), complete but for `Date` and
/// `Content-Length`.
pub type Response = http::Response<String>;
