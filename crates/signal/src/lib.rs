//! What Plenum says and understands on the outside, as pure functions: the SDP guard, trickle fragments,
//! tokens, problem details, the HTTP rules of WHIP (RFC 9725) and WHEP (draft-ietf-wish-whep), and the room
//! protocol with the state machine that a conference is.
//!
//! Values in, values out: requests are header maps and bodies, or messages; responses are [`Response`]s with
//! their body as text, or effects; the time is an argument. Here is no socket and no clock. State is in
//! [`conference`] alone; HTTP sessions live in the server, media in the engine.
//!
//! Entry points, in the order of a `POST /whip/{room}`: [`whip::admit`] (token, type, size, identity;
//! before the body is read), [`whip::read_offer`] (the SDP guard and the rules of the role), then
//! [`session::respond_created`]. For a WebSocket: [`room::parse`], then [`conference::Conference`]. Everything that goes wrong is a [`Problem`].

pub mod conference;
mod cors;
mod endpoint;
pub mod fragment;
mod headers;
mod ice;
mod problem;
pub mod room;
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
