//! Payload types: `a=rtpmap`, `a=fmtp`, `a=rtcp-fb`, and which retransmits which (RFC 4588).

use std::collections::BTreeMap;

use plenum_model::{Format, MediaKind, OfferedFormat};

use super::section::Media;
use super::{SdpError, malformed};
use crate::text::excerpt;

/// Longest `a=fmtp`; H264 parameter sets are the longest in use.
const FMTP_LENGTH: usize = 2_048;
/// Longest `a=rtcp-fb` value, and how many of them one payload type may have.
const FEEDBACK_LENGTH: usize = 64;
const FEEDBACKS: usize = 16;
/// Encoding names that repair or accompany others: not worth a word in an error.
const COMPANIONS: [&str; 6] = ["rtx", "red", "ulpfec", "flexfec-03", "telephone-event", "CN"];

/// What a line says about its payload types.
pub(super) struct Formats {
    /// What we forward, in the line's order.
    pub(super) forwarded: Vec<OfferedFormat>,
    /// What each payload type of the line means, the unknown ones included, in a comparable form.
    pub(super) meanings: BTreeMap<u8, String>,
    /// The encoding names, for the error when nothing can be forwarded.
    pub(super) offered: Vec<String>,
}

/// One payload type as described by attributes.
#[derive(Default)]
struct Described<'a> {
    /// `<name>/<clock>[/<channels>]`
    rtpmap: Option<&'a str>,
    fmtp: &'a str,
    feedback: Vec<&'a str>,
}

impl<'a> Described<'a> {
    fn name(&self) -> &'a str {
        self.rtpmap.map_or("", |map| map.split('/').next().unwrap_or(""))
    }

    fn clock_rate(&self) -> Option<u32> {
        self.rtpmap?.split('/').nth(1)?.parse().ok()
    }

    fn channels(&self) -> Option<u8> {
        self.rtpmap?.split('/').nth(2)?.parse().ok()
    }

    fn is_rtx(&self) -> bool {
        self.name().eq_ignore_ascii_case("rtx")
    }

    fn format(&self, kind: MediaKind) -> Option<Format> {
        Format::from_sdp(self.name(), self.clock_rate()?, self.fmtp)
            .filter(|format| format.codec.kind() == kind)
    }

    /// The payload type that this one retransmits.
    fn apt(&self) -> Option<u8> {
        self.fmtp.split(';').find_map(|pair| {
            let (name, value) = pair.split_once('=')?;
            name.trim().eq_ignore_ascii_case("apt").then(|| value.trim().parse().ok())?
        })
    }
}

/// Reads the payload types of a line.
pub(super) fn read(line: &Media<'_>, kind: MediaKind, mid: &str) -> Result<Formats, SdpError> {
    let order = payload_types(line, mid)?;
    let described = describe(line, &order, mid)?;
    let rtx = retransmissions(&described, mid)?;
    let forwarded = order.iter().filter_map(|pt| {
        let description = &described[pt];
        Some(OfferedFormat {
            pt: *pt,
            rtx: rtx.get(pt).copied(),
            format: description.format(kind)?,
            channels: description.channels(),
            fmtp: description.fmtp.to_owned(),
            feedback: description.feedback.iter().map(|value| (*value).to_owned()).collect(),
        })
    });
    Ok(Formats {
        forwarded: forwarded.collect(),
        meanings: described.iter().map(|(pt, description)| (*pt, meaning(description, kind))).collect(),
        offered: offered(&order, &described),
    })
}

/// The payload types of the m-line: numbers, each once, none that could be taken for RTCP (RFC 5761,
/// section 4).
fn payload_types(line: &Media<'_>, mid: &str) -> Result<Vec<u8>, SdpError> {
    let mut order: Vec<u8> = Vec::new();
    for format in &line.formats {
        match format.parse::<u8>() {
            Ok(pt @ 64..=95) => {
                return malformed(format!(
                    "payload type {pt} of line {mid:?} is reserved for RTCP (64 to 95)"
                ));
            }
            Ok(pt @ 0..=127) if order.contains(&pt) => {
                return malformed(format!("line {mid:?} lists payload type {pt} twice"));
            }
            Ok(pt @ 0..=127) => order.push(pt),
            _ => {
                return malformed(format!(
                    "line {mid:?} lists {:?}, which is not a payload type",
                    excerpt(format)
                ));
            }
        }
    }
    Ok(order)
}

fn describe<'a>(line: &Media<'a>, order: &[u8], mid: &str) -> Result<BTreeMap<u8, Described<'a>>, SdpError> {
    let mut described: BTreeMap<u8, Described<'a>> =
        order.iter().map(|pt| (*pt, Described::default())).collect();
    for (name, value) in line.attributes.iter() {
        match name {
            "rtpmap" => take_rtpmap(&mut described, value, mid)?,
            "fmtp" => take_fmtp(&mut described, value, mid)?,
            "rtcp-fb" => take_feedback(&mut described, value, mid)?,
            _ => {}
        }
    }
    Ok(described)
}

/// `<payload type> <rest>`; attributes of payload types that the m-line does not list mean nothing.
fn entry<'a, 'd>(
    described: &'d mut BTreeMap<u8, Described<'a>>,
    value: &'a str,
    mid: &str,
) -> Result<Option<(&'d mut Described<'a>, &'a str)>, SdpError> {
    let (pt, rest) = value.split_once(' ').unwrap_or((value, ""));
    let Ok(pt) = pt.parse::<u8>() else {
        return malformed(format!("an attribute of line {mid:?} has no payload type: {:?}", excerpt(value)));
    };
    Ok(described.get_mut(&pt).map(|description| (description, rest.trim())))
}

fn take_rtpmap<'a>(
    described: &mut BTreeMap<u8, Described<'a>>,
    value: &'a str,
    mid: &str,
) -> Result<(), SdpError> {
    let Some((description, map)) = entry(described, value, mid)? else { return Ok(()) };
    if description.rtpmap.is_some_and(|other| !other.eq_ignore_ascii_case(map)) {
        return malformed(format!("line {mid:?} gives a payload type two meanings: {:?}", excerpt(value)));
    }
    description.rtpmap = Some(map);
    Ok(())
}

fn take_fmtp<'a>(
    described: &mut BTreeMap<u8, Described<'a>>,
    value: &'a str,
    mid: &str,
) -> Result<(), SdpError> {
    let Some((description, parameters)) = entry(described, value, mid)? else { return Ok(()) };
    if parameters.len() > FMTP_LENGTH {
        return malformed(format!("an a=fmtp of line {mid:?} is longer than {FMTP_LENGTH} characters"));
    }
    if !description.fmtp.is_empty() && description.fmtp != parameters {
        return malformed(format!("line {mid:?} gives a payload type two a=fmtp: {:?}", excerpt(value)));
    }
    description.fmtp = parameters;
    Ok(())
}

fn take_feedback<'a>(
    described: &mut BTreeMap<u8, Described<'a>>,
    value: &'a str,
    mid: &str,
) -> Result<(), SdpError> {
    if let Some(feedback) = value.strip_prefix("* ") {
        for description in described.values_mut() {
            add_feedback(description, feedback.trim(), mid)?;
        }
        return Ok(());
    }
    match entry(described, value, mid)? {
        Some((description, feedback)) => add_feedback(description, feedback, mid),
        None => Ok(()),
    }
}

fn add_feedback<'a>(description: &mut Described<'a>, feedback: &'a str, mid: &str) -> Result<(), SdpError> {
    if feedback.len() > FEEDBACK_LENGTH || description.feedback.len() == FEEDBACKS {
        return malformed(format!("line {mid:?} has too many or too long a=rtcp-fb"));
    }
    if !description.feedback.contains(&feedback) {
        description.feedback.push(feedback);
    }
    Ok(())
}

/// Which payload type retransmits which: each RTX names another payload type of its line that is not RTX
/// itself.
fn retransmissions(described: &BTreeMap<u8, Described<'_>>, mid: &str) -> Result<BTreeMap<u8, u8>, SdpError> {
    let mut rtx = BTreeMap::new();
    for (pt, description) in described.iter().filter(|(_, description)| description.is_rtx()) {
        let Some(apt) = description.apt() else {
            return malformed(format!("RTX payload type {pt} of line {mid:?} has no apt"));
        };
        match described.get(&apt) {
            None => {
                return malformed(format!("apt={apt} of payload type {pt} names nothing on line {mid:?}"));
            }
            Some(target) if target.is_rtx() => {
                return malformed(format!("payload type {pt} of line {mid:?} retransmits retransmissions"));
            }
            // Two for one are allowed; the first in the order of numbers serves.
            Some(_) => rtx.entry(apt).or_insert(*pt),
        };
    }
    Ok(rtx)
}

/// Two lines of a bundle may share a payload type only if it means the same (RFC 9143, section 9.1).
fn meaning(description: &Described<'_>, kind: MediaKind) -> String {
    let map = description.rtpmap.unwrap_or("static").to_ascii_lowercase();
    match (description.format(kind), description.is_rtx()) {
        (Some(format), _) => format!("{map} {format:?}"),
        (None, true) => format!("{map} apt={:?}", description.apt()),
        (None, false) => map,
    }
}

fn offered(order: &[u8], described: &BTreeMap<u8, Described<'_>>) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for pt in order {
        let name = match described[pt].name() {
            "" => format!("payload type {pt}"),
            name if COMPANIONS.iter().any(|companion| companion.eq_ignore_ascii_case(name)) => continue,
            name => excerpt(name),
        };
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// The rule of [`meaning`], over all lines.
pub(super) fn check_bundled<'a>(
    lines: impl Iterator<Item = &'a BTreeMap<u8, String>>,
) -> Result<(), SdpError> {
    let mut meanings: BTreeMap<u8, &str> = BTreeMap::new();
    for (pt, meaning) in lines.flatten() {
        if *meanings.entry(*pt).or_insert(meaning) != meaning {
            return malformed(format!("payload type {pt} has different meanings on two lines"));
        }
    }
    Ok(())
}
