//! Offers of the room protocol: what a participant's lines may be. The SDP guard comes first.

use plenum_model::limits::{SDP_ROOM, SLOTS_PER_PARTICIPANT, TRACKS_PER_PARTICIPANT};
use plenum_model::{Allowed, Direction, MediaOffer, OfferedLine};

use crate::{Problem, Slug, sdp};

/// Reads an offer: the SDP guard with the limits of rooms, one direction per line, at most one line for data
/// channels (which the guard sees to), and no more lines than a participant may have.
pub fn read_offer(sdp: &str) -> Result<MediaOffer, Problem> {
    let offer = sdp::parse_offer(sdp.as_bytes(), &SDP_ROOM)?;
    if let Some(line) = media(&offer).find(|line| line.direction == Direction::SendRecv) {
        let detail = format!("line {:?} is sendrecv: each line of a participant goes one way", line.mid);
        return Err(Problem::new(Slug::UnsupportedOffer, detail));
    }
    let sending = media(&offer).filter(|line| line.direction.sends()).count();
    check_count(sending, TRACKS_PER_PARTICIPANT, "sends on")?;
    let receiving = media(&offer).filter(|line| line.direction.receives()).count();
    check_count(receiving, SLOTS_PER_PARTICIPANT, "receives on")?;
    Ok(offer)
}

/// 403 for lines that the participant may not use. `is_known` says which ones were granted before: what was
/// allowed once stays in the SDP for the life of the session, and the media plane forwards nothing of it.
pub fn check_grants(
    offer: &MediaOffer,
    allowed: Allowed,
    is_known: impl Fn(&OfferedLine) -> bool,
) -> Result<(), Problem> {
    let refuse = |line: &OfferedLine, doing: &str, grant: &str| {
        let detail = format!("line {:?} {doing}, which needs {grant}", line.mid);
        Err(Problem::new(Slug::Forbidden, detail))
    };
    for line in media(offer).filter(|line| !is_known(line)) {
        if line.direction.sends() && !allowed.publish {
            return refuse(line, "sends", "canPublish");
        }
        if line.direction.receives() && !allowed.subscribe {
            return refuse(line, "receives", "canSubscribe");
        }
    }
    Ok(())
}

fn media(offer: &MediaOffer) -> impl Iterator<Item = &OfferedLine> {
    offer.lines.iter().filter(|line| line.kind.is_some())
}

fn check_count(count: usize, most: usize, doing: &str) -> Result<(), Problem> {
    match count <= most {
        true => Ok(()),
        false => {
            let detail = format!("the offer has {count} lines that it {doing}, at most {most} are taken");
            Err(Problem::new(Slug::UnsupportedOffer, detail))
        }
    }
}
