//! Another offer in a session that goes on: new ICE credentials, more lines, or both. What costs time is done here,
//! off the shard: the shard lets str0m accept what is already parsed.

use std::net::SocketAddr;

use plenum_model::{
    Allowed, IceCredentials, IceFragment, MediaOffer, OfferedFormat, OfferedLine, Place, TrackTerms,
};
use str0m::change::SdpOffer;

use super::plan::{self, PlannedLine};
use super::{NegotiationError, local_credentials, read_offer};
use crate::{Role, sdp};

/// An offer as str0m takes it, and the ICE side of it.
#[derive(Debug)]
pub(crate) struct Reoffer {
    pub offer: SdpOffer,
    pub remote_candidates: Vec<SocketAddr>,
    /// The peer's credentials; others than before mean an ICE restart.
    pub remote_ice: IceCredentials,
    /// Ours, in that case.
    pub local_ice: IceCredentials,
}

/// An ICE restart, parsed and checked, ready for [`crate::Command::RestartIce`].
#[derive(Debug)]
pub struct IceRestart {
    /// Whose.
    pub place: Place,
    /// Our new credentials, for the answer's fragment.
    pub ice: IceCredentials,
    pub(crate) reoffer: Reoffer,
}

/// Another offer of a participant, parsed and checked, ready for [`crate::Command::Renegotiate`].
#[derive(Debug)]
pub struct Renegotiation {
    /// Whose.
    pub place: Place,
    pub(crate) reoffer: Reoffer,
    /// All media lines, those that are there already among them.
    pub(crate) lines: Vec<PlannedLine>,
    /// Which way each line goes, the data line included.
    pub(crate) shapes: Vec<sdp::Shape>,
}

/// Prepares a restart from a PATCH with new credentials. `offer` is the session's offer, `role` its role and
/// `secret` as in [`super::Terms`].
pub fn prepare_restart(
    place: Place,
    role: &Role,
    offer: &MediaOffer,
    fragment: &IceFragment,
    remote_candidates: &[SocketAddr],
    secret: [u8; 24],
) -> Result<IceRestart, NegotiationError> {
    let directions = plan::directions(role, &offer.lines)?;
    let local_ice = local_credentials(place, secret);
    let text = sdp::canonical_offer(offer, &fragment.ice, &directions);
    let reoffer = Reoffer {
        offer: read_offer(&text)?,
        remote_candidates: remote_candidates.to_vec(),
        remote_ice: fragment.ice.clone(),
        local_ice: local_ice.clone(),
    };
    Ok(IceRestart { place, ice: local_ice, reoffer })
}

/// Prepares a participant's further offer. `first` is the session's first offer: its formats and header extensions
/// are those that later lines may use, and what is new in `offer` besides is left out. Lines of `first` stay as they
/// are; `tracks` says what the new ones send. `secret` as in [`super::Terms`], used if ICE is restarted.
pub fn prepare_renegotiation(
    place: Place,
    first: &MediaOffer,
    offer: &MediaOffer,
    tracks: Vec<TrackTerms>,
    remote_candidates: &[SocketAddr],
    secret: [u8; 24],
) -> Result<Renegotiation, NegotiationError> {
    if first.fingerprint != offer.fingerprint {
        return unsupported("another DTLS fingerprint needs a session of its own");
    }
    let mut offer = offer.clone();
    keep_lines(&first.lines, &offer.lines)?;
    keep_to_known(first, &mut offer.lines)?;
    let role = Role::Participant { tracks, allowed: Allowed::ALL };
    let directions = plan::directions(&role, &offer.lines)?;
    let text = sdp::canonical_offer(&offer, &offer.ice, &directions);
    let reoffer = Reoffer {
        offer: read_offer(&text)?,
        remote_candidates: remote_candidates.to_vec(),
        remote_ice: offer.ice.clone(),
        local_ice: local_credentials(place, secret),
    };
    let lines = plan::media_lines(&role, &offer.lines, &directions);
    Ok(Renegotiation { place, reoffer, lines, shapes: sdp::shapes(&offer.lines, &directions) })
}

/// RFC 8829, section 5.2.2: lines stay in their places, and a line goes the way it began.
fn keep_lines(first: &[OfferedLine], lines: &[OfferedLine]) -> Result<(), NegotiationError> {
    if lines.len() < first.len() {
        return unsupported("lines of the first offer are missing");
    }
    let what = |line: &OfferedLine| (line.mid.clone(), line.kind, line.kind.map(|_| line.direction));
    match first.iter().zip(lines).find(|(before, now)| what(before) != what(now)) {
        Some((before, _)) => {
            unsupported(&format!("m-line {} has changed its place or direction", before.mid))
        }
        None => Ok(()),
    }
}

/// str0m's tables are made from the first offer: what came later is unknown to it.
fn keep_to_known(first: &MediaOffer, lines: &mut [OfferedLine]) -> Result<(), NegotiationError> {
    let same = |a: &OfferedFormat, b: &OfferedFormat| (a.pt, a.rtx, a.format) == (b.pt, b.rtx, b.format);
    for line in lines.iter_mut().filter(|line| line.kind.is_some()) {
        line.formats.retain(|format| first.lines.iter().flat_map(|l| &l.formats).any(|f| same(f, format)));
        line.extmaps.retain(|extmap| first.lines.iter().flat_map(|l| &l.extmaps).any(|e| e == extmap));
        if line.formats.is_empty() {
            return unsupported(&format!("m-line {} has no format of the first offer", line.mid));
        }
    }
    Ok(())
}

fn unsupported<T>(why: &str) -> Result<T, NegotiationError> {
    Err(NegotiationError::Unsupported(why.to_owned()))
}
