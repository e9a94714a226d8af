//! From offer to answer: builds the `Rtc`, off the shard, since that costs milliseconds.

use std::net::SocketAddr;
use std::time::Instant;

use plenum_model::{IceCredentials, IceFragment, MediaOffer, Place};
use str0m::Rtc;

use crate::Role;

/// The DTLS certificate of the process, shared by all participants, and its crypto provider.
#[derive(Debug, Clone)]
pub struct DtlsIdentity {}

impl DtlsIdentity {
    /// A fresh self-signed certificate.
    pub fn generate() -> Self {
        Self {}
    }
}

/// What a negotiation is about.
#[derive(Debug)]
pub struct Terms<'a> {
    /// The reserved place; the local ufrag will name it.
    pub place: Place,
    /// What the participant will do.
    pub role: &'a Role,
    /// What it offers, after the guard.
    pub offer: &'a MediaOffer,
    /// Remote candidates that may be checked, already filtered by where the request came from.
    pub remote_candidates: &'a [SocketAddr],
    /// Addresses to advertise: the shard's [`crate::EngineConfig::candidates`].
    pub local_candidates: &'a [SocketAddr],
    /// 24 bytes from a cryptographic generator, for ufrag and password.
    pub secret: [u8; 24],
    /// The certificate.
    pub dtls: &'a DtlsIdentity,
    /// The time.
    pub now: Instant,
}

/// Why an offer cannot be answered, though it passed the guard.
#[derive(Debug, thiserror::Error)]
pub enum NegotiationError {
    /// A line cannot be served in this role; the whole offer is refused (422).
    #[error("{0}")]
    Unsupported(String),
    /// The offer contradicts itself (400).
    #[error("{0}")]
    Malformed(String),
}

/// A negotiated connection, ready to be moved into its shard.
pub struct Peer {
    pub(crate) _rtc: Rtc,
}

impl std::fmt::Debug for Peer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Peer")
    }
}

/// What came of a negotiation.
#[derive(Debug)]
pub struct Negotiated {
    /// For [`crate::Admission`].
    pub peer: Peer,
    /// The SDP answer, CRLF lines.
    pub answer: String,
    /// Our ICE credentials, as in the answer.
    pub ice: IceCredentials,
}

/// Answers an offer.
pub fn negotiate(_terms: Terms<'_>) -> Result<Negotiated, NegotiationError> {
    unimplemented!("stub")
}

/// An ICE restart, parsed and checked, ready for [`crate::Command::RestartIce`].
#[derive(Debug)]
pub struct IceRestart {
    /// Whose.
    pub place: Place,
    /// Our new credentials, for the answer's fragment.
    pub ice: IceCredentials,
}

/// Prepares a restart from a PATCH with new credentials. `offer` is the session's offer. `secret` as in [`Terms`].
pub fn prepare_restart(
    _place: Place,
    _offer: &MediaOffer,
    _fragment: &IceFragment,
    _remote_candidates: &[SocketAddr],
    _secret: [u8; 24],
) -> Result<IceRestart, NegotiationError> {
    unimplemented!("stub")
}
