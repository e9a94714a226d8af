//! ICE credentials, candidates, DTLS fingerprint and role of the one transport.

use plenum_model::{IceCredentials, RemoteCandidate, Setup};

use super::section::Sections;
use super::{SdpError, malformed, unsupported};
use crate::ice;
use crate::text::{Attributes, excerpt};

pub(super) struct Transport {
    pub(super) ice: IceCredentials,
    pub(super) fingerprint: (String, String),
    pub(super) setup: Setup,
    pub(super) candidates: Vec<RemoteCandidate>,
}

/// Reads the attributes of the line `tagged`, which count for all; what it lacks may stand at the
/// session level (Firefox). Those of the other lines must at least be well-formed.
pub(super) fn read(sections: &Sections<'_>, tagged: usize) -> Result<Transport, SdpError> {
    let session = &sections.session;
    for line in &sections.media {
        ice::credentials(&line.attributes, Some(session)).map_err(SdpError::Malformed)?;
        fingerprints(&line.attributes)?;
        setup(&line.attributes)?;
    }
    let line = &sections.media[tagged].attributes;
    let Some(ice) = ice::credentials(line, Some(session)).map_err(SdpError::Malformed)? else {
        return malformed("there is neither ice-ufrag nor ice-pwd");
    };
    let offered = match fingerprints(line)? {
        own if own.is_empty() => fingerprints(session)?,
        own => own,
    };
    let Some(setup) = setup(line)?.or(setup(session)?) else {
        return malformed("there is no a=setup");
    };
    Ok(Transport {
        ice,
        fingerprint: pick_fingerprint(offered)?,
        setup,
        candidates: ice::candidates(line.all("candidate").chain(session.all("candidate"))),
    })
}

/// `a=fingerprint:<hash> <hex>` (RFC 8122, section 5): lower-case hash, upper-case digest.
fn fingerprints(attributes: &Attributes<'_>) -> Result<Vec<(String, String)>, SdpError> {
    attributes.all("fingerprint").map(fingerprint).collect()
}

fn fingerprint(value: &str) -> Result<(String, String), SdpError> {
    let Some((hash, digest)) = value.trim().split_once(' ') else {
        return malformed(format!("a fingerprint has no digest: {:?}", excerpt(value)));
    };
    let hash = hash.to_ascii_lowercase();
    let Some(length) = digest_length(&hash) else {
        return malformed(format!("the fingerprint's hash {:?} is not known", excerpt(&hash)));
    };
    let is_byte = |byte: &str| byte.len() == 2 && byte.bytes().all(|b| b.is_ascii_hexdigit());
    if !digest.split(':').all(is_byte) {
        return malformed("a fingerprint is not made of hexadecimal bytes with colons between them");
    }
    match digest.split(':').count() {
        n if n == length => Ok((hash, digest.to_ascii_uppercase())),
        n => malformed(format!("a {hash} fingerprint has {length} bytes, not {n}")),
    }
}

/// Bytes of a digest, for the hashes that RFC 8122 registers.
fn digest_length(hash: &str) -> Option<usize> {
    match hash {
        "md2" | "md5" => Some(16),
        "sha-1" => Some(20),
        "sha-224" => Some(28),
        "sha-256" => Some(32),
        "sha-384" => Some(48),
        "sha-512" => Some(64),
        _ => None,
    }
}

/// SHA-256, which every WebRTC client can offer and the engine can verify. MD5 and SHA-1 are too weak
/// (RFC 8122, section 5.1); a certificate that nobody verifies would be worse than none.
fn pick_fingerprint(offered: Vec<(String, String)>) -> Result<(String, String), SdpError> {
    if offered.is_empty() {
        return malformed("there is no fingerprint");
    }
    if let Some(index) = offered.iter().position(|(hash, _)| hash == "sha-256") {
        return Ok(offered.into_iter().nth(index).expect("found there"));
    }
    let hashes: Vec<_> = offered.into_iter().map(|(hash, _)| hash).collect();
    unsupported(format!("a sha-256 fingerprint is needed, not only {}", hashes.join(", ")))
}

/// `a=setup` (RFC 8842, section 5.2).
fn setup(attributes: &Attributes<'_>) -> Result<Option<Setup>, SdpError> {
    match attributes.once("setup").map_err(SdpError::Malformed)? {
        None => Ok(None),
        Some("actpass") => Ok(Some(Setup::ActPass)),
        Some("active") => Ok(Some(Setup::Active)),
        Some("passive") => Ok(Some(Setup::Passive)),
        Some("holdconn") => unsupported("a=setup:holdconn: there is no connection to hold"),
        Some(other) => malformed(format!("a=setup:{} is not a role", excerpt(other))),
    }
}
