//! Which RTP streams a line will send: simulcast layers (RFC 8851, RFC 8853) and SSRCs (RFC 5576).

use std::collections::BTreeSet;

use plenum_model::limits;

use super::{SdpError, malformed, unsupported};
use crate::text::{Attributes, excerpt};

/// Longest rid that the engine can carry; browsers and encoders use one to three characters.
const RID_LENGTH: usize = 8;

/// The rids that `a=simulcast:send` lists, in its order: alternatives and paused ones (`~`) as well.
pub(super) fn send_rids(line: &Attributes<'_>, mid: &str) -> Result<Vec<String>, SdpError> {
    let declared = declared_rids(line, mid)?;
    let simulcast = line.once("simulcast").map_err(SdpError::Malformed)?.unwrap_or("");
    let mut words = simulcast.split_ascii_whitespace();
    let mut listed: Vec<String> = Vec::new();
    while let Some(direction) = words.next() {
        let streams = words.next().unwrap_or("");
        match direction {
            "send" => {
                listed = streams.split([';', ',']).map(|rid| rid.trim_start_matches('~').into()).collect()
            }
            "recv" => {}
            _ => return malformed(format!("a=simulcast of line {mid:?} is neither send nor recv")),
        }
    }
    check_rids(&declared, &listed, mid)?;
    Ok(listed)
}

fn declared_rids<'a>(line: &Attributes<'a>, mid: &str) -> Result<Vec<&'a str>, SdpError> {
    let mut rids: Vec<&str> = Vec::new();
    for value in line.all("rid") {
        let mut words = value.split_ascii_whitespace();
        let (Some(rid), Some(direction)) = (words.next(), words.next()) else {
            return malformed(format!("a=rid of line {mid:?} is incomplete: {:?}", excerpt(value)));
        };
        if rid.len() > RID_LENGTH || !rid.bytes().all(|b| b.is_ascii_alphanumeric()) {
            return malformed(format!(
                "the rid {:?} of line {mid:?} is not 1 to {RID_LENGTH} letters and digits",
                excerpt(rid)
            ));
        }
        match direction {
            "send" if rids.contains(&rid) => {
                return malformed(format!("line {mid:?} declares rid {rid:?} twice"));
            }
            "send" if rids.len() == limits::LAYERS_PER_TRACK => {
                return unsupported(format!("line {mid:?} has more than {} rids", limits::LAYERS_PER_TRACK));
            }
            "send" => rids.push(rid),
            "recv" => {}
            _ => return malformed(format!("rid {rid:?} of line {mid:?} is neither send nor recv")),
        }
    }
    Ok(rids)
}

fn check_rids(declared: &[&str], listed: &[String], mid: &str) -> Result<(), SdpError> {
    if !declared.is_empty() && listed.is_empty() {
        return malformed(format!("line {mid:?} declares rids without a=simulcast:send"));
    }
    for (index, rid) in listed.iter().enumerate() {
        if !declared.contains(&rid.as_str()) {
            return malformed(format!(
                "a=simulcast of line {mid:?} lists rid {:?}, which is not declared",
                excerpt(rid)
            ));
        }
        if listed[..index].contains(rid) {
            return malformed(format!("a=simulcast of line {mid:?} lists rid {rid:?} twice"));
        }
    }
    match declared.iter().find(|rid| !listed.iter().any(|other| other == *rid)) {
        Some(rid) => malformed(format!("rid {rid:?} of line {mid:?} is not in its a=simulcast")),
        None => Ok(()),
    }
}

/// The SSRCs of `a=ssrc`, each once, in order; those of retransmissions are among them if the client says so.
pub(super) fn ssrcs(line: &Attributes<'_>, mid: &str) -> Result<Vec<u32>, SdpError> {
    let mut ssrcs: Vec<u32> = Vec::new();
    for value in line.all("ssrc") {
        let ssrc = number(value.split(' ').next().unwrap_or(""), mid)?;
        if ssrcs.contains(&ssrc) {
            continue;
        }
        if ssrcs.len() == limits::SSRCS_PER_SESSION {
            return unsupported(format!("line {mid:?} has more than {} SSRCs", limits::SSRCS_PER_SESSION));
        }
        ssrcs.push(ssrc);
    }
    Ok(ssrcs)
}

/// (media, RTX) of each `a=ssrc-group:FID` (RFC 4588, section 8.5). ffmpeg names the second here only.
pub(super) fn rtx_ssrcs(line: &Attributes<'_>, mid: &str) -> Result<Vec<(u32, u32)>, SdpError> {
    let mut pairs = Vec::new();
    for group in line.all("ssrc-group") {
        let mut words = group.split_ascii_whitespace();
        if words.next() != Some("FID") {
            continue;
        }
        let (Some(media), Some(rtx), None) = (words.next(), words.next(), words.next()) else {
            return malformed(format!("an FID group of line {mid:?} is not a pair of SSRCs"));
        };
        pairs.push((number(media, mid)?, number(rtx, mid)?));
        if pairs.len() > limits::SSRCS_PER_SESSION / 2 {
            return unsupported(format!("line {mid:?} has too many FID groups"));
        }
    }
    Ok(pairs)
}

fn number(text: &str, mid: &str) -> Result<u32, SdpError> {
    match text.parse() {
        Ok(ssrc) => Ok(ssrc),
        Err(_) => malformed(format!("line {mid:?} has an SSRC that is not a number: {:?}", excerpt(text))),
    }
}

/// On one transport an SSRC belongs to one line.
pub(super) fn check_bundled<'a>(lines: impl Iterator<Item = &'a [u32]>) -> Result<(), SdpError> {
    let mut seen = BTreeSet::new();
    for ssrc in lines.flatten() {
        if !seen.insert(*ssrc) {
            return malformed(format!("SSRC {ssrc} is used on two lines"));
        }
    }
    Ok(())
}
