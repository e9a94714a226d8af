//! Header extensions, `a=extmap` (RFC 8285).

use std::collections::BTreeMap;

use plenum_model::ExtMap;

use super::{SdpError, malformed};
use crate::text::{Attributes, excerpt};

/// Longest extension name; the longest in use has about 90 characters.
const URI_LENGTH: usize = 255;
/// Its attribute names the extension that is encrypted (RFC 6904), so that it stands in an offer several
/// times. Not supported here: left out.
const ENCRYPTED: &str = "urn:ietf:params:rtp-hdrext:encrypt";

/// The extensions of one line, those of the session level included.
pub(super) fn read(line: &Attributes<'_>, session: &Attributes<'_>) -> Result<Vec<ExtMap>, SdpError> {
    let mixed = line.has("extmap-allow-mixed") || session.has("extmap-allow-mixed");
    let mut maps: Vec<ExtMap> = Vec::new();
    for value in line.all("extmap").chain(session.all("extmap")) {
        let map = extmap(value, mixed)?;
        if maps.contains(&map) {
            continue;
        }
        if maps.iter().any(|other| other.id == map.id) {
            return malformed(format!("extmap id {} is given twice", map.id));
        }
        if map.uri != ENCRYPTED && maps.iter().any(|other| other.uri == map.uri) {
            return malformed(format!("the extension {:?} is mapped twice", excerpt(&map.uri)));
        }
        maps.push(map);
    }
    maps.retain(|map| map.uri != ENCRYPTED);
    Ok(maps)
}

/// `<id>[/<direction>] <uri> [<attributes>]`
fn extmap(value: &str, mixed: bool) -> Result<ExtMap, SdpError> {
    let mut words = value.split_ascii_whitespace();
    let (Some(id), Some(uri)) = (words.next(), words.next()) else {
        return malformed(format!("an extmap is incomplete: {:?}", excerpt(value)));
    };
    let id = id.split('/').next().unwrap_or("");
    let Ok(id) = id.parse::<u16>() else {
        return malformed(format!("an extmap id is not a number: {:?}", excerpt(id)));
    };
    if uri.len() > URI_LENGTH {
        return malformed(format!("an extension's name is longer than {URI_LENGTH} characters"));
    }
    match id {
        1..=14 => {}
        15..=255 if mixed => {}
        15..=255 => return malformed(format!("extmap id {id} needs a=extmap-allow-mixed")),
        _ => return malformed(format!("extmap id {id} is not from 1 to 255")),
    }
    Ok(ExtMap { id: id as u8, uri: uri.to_owned() })
}

/// On one transport an id means the same extension on every line (RFC 9143, section 14).
pub(super) fn check_bundled<'a>(lines: impl Iterator<Item = &'a [ExtMap]>) -> Result<(), SdpError> {
    let mut meanings: BTreeMap<u8, &str> = BTreeMap::new();
    for map in lines.flatten() {
        if *meanings.entry(map.id).or_insert(&map.uri) != map.uri {
            return malformed(format!("extmap id {} means different extensions on two lines", map.id));
        }
    }
    Ok(())
}
