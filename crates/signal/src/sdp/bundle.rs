//! One transport for everything: mids, the BUNDLE group (RFC 9143), rtcp-mux.

use super::section::{Media, Sections};
use super::{SdpError, malformed, unsupported};
use crate::text::{excerpt, is_token};

/// Longest mid that fits the header extension of RFC 9143 in its one-byte form.
const MID_LENGTH: usize = 16;

/// The mids of all lines: there, short and unique.
pub(super) fn mids<'a>(media: &[Media<'a>]) -> Result<Vec<&'a str>, SdpError> {
    let mut mids = Vec::with_capacity(media.len());
    for line in media {
        let Some(mid) = line.attributes.once("mid").map_err(SdpError::Malformed)? else {
            return malformed(format!("a line \"m={}\" has no a=mid", excerpt(line.kind)));
        };
        if !is_token(mid, MID_LENGTH) {
            return malformed(format!(
                "the mid {:?} is not a token of 1 to {MID_LENGTH} characters",
                excerpt(mid)
            ));
        }
        if mids.contains(&mid) {
            return malformed(format!("two lines have the mid {mid:?}"));
        }
        mids.push(mid);
    }
    Ok(mids)
}

/// The line whose transport attributes count for all: the first of the BUNDLE group (RFC 9143, section
/// 7.2). The group must cover every line (RFC 9725, section 4.4.1). A single line needs no group.
pub(super) fn tagged_line(sections: &Sections<'_>, mids: &[&str]) -> Result<usize, SdpError> {
    let mut groups = sections.session.all("group").filter_map(bundled);
    let Some(group) = groups.next() else {
        return match mids.len() {
            1 => Ok(0),
            _ => unsupported("the lines are not bundled: there is no a=group:BUNDLE"),
        };
    };
    if groups.next().is_some() {
        return unsupported("there is more than one BUNDLE group");
    }
    if let Some(unknown) = group.iter().find(|mid| !mids.contains(mid)) {
        return malformed(format!(
            "the BUNDLE group names the mid {:?}, which no line has",
            excerpt(unknown)
        ));
    }
    if let Some(missing) = mids.iter().find(|mid| !group.contains(mid)) {
        return unsupported(format!("line {missing:?} is not in the BUNDLE group"));
    }
    Ok(mids.iter().position(|mid| *mid == group[0]).expect("checked above"))
}

fn bundled(group: &str) -> Option<Vec<&str>> {
    let mut words = group.split_ascii_whitespace();
    (words.next()? == "BUNDLE").then(|| words.collect())
}

/// RTP and RTCP share one port (RFC 8834, section 4.5).
pub(super) fn check_rtcp_mux(line: &Media<'_>, mid: &str) -> Result<(), SdpError> {
    match line.attributes.has("rtcp-mux") || line.attributes.has("rtcp-mux-only") {
        true => Ok(()),
        false => unsupported(format!("line {mid:?} is without rtcp-mux")),
    }
}
