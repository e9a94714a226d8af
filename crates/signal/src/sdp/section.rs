//! The session section and the media sections of a description (RFC 8866, section 5).

use plenum_model::limits::SdpLimits;

use super::{SdpError, malformed, unsupported};
use crate::text::{self, Attributes, Line, excerpt};

/// A description, cut at its m-lines.
pub(super) struct Sections<'a> {
    pub(super) session: Attributes<'a>,
    pub(super) media: Vec<Media<'a>>,
}

/// One m-line with its attributes.
pub(super) struct Media<'a> {
    /// `audio`, `video`, `application`, ...
    pub(super) kind: &'a str,
    pub(super) port: u16,
    pub(super) protocol: &'a str,
    pub(super) formats: Vec<&'a str>,
    pub(super) attributes: Attributes<'a>,
}

impl<'a> Sections<'a> {
    pub(super) fn read(body: &'a [u8], limits: &SdpLimits) -> Result<Self, SdpError> {
        let lines = text::lines(body, limits)?;
        check_head(&lines)?;
        let mut sections = Self { session: Attributes::default(), media: Vec::new() };
        for (letter, value) in lines {
            sections.take(letter, value)?;
        }
        match sections.media.len() {
            0 => malformed("there is no m-line"),
            n if n > limits.media => malformed(format!("there are more than {} m-lines", limits.media)),
            _ => Ok(sections),
        }
    }

    fn take(&mut self, letter: u8, value: &'a str) -> Result<(), SdpError> {
        match (letter, self.media.last_mut()) {
            (b'm', _) => self.media.push(Media::read(value)?),
            (b'a', Some(media)) => media.attributes.push(value),
            (b'a', None) => self.session.push(value),
            (b'i' | b'c' | b'b' | b'k', _) => {}
            (b'v' | b'o' | b's' | b'u' | b'e' | b'p' | b't' | b'r' | b'z', None) => {}
            // RFC 8866, section 5: a description with a type letter that is not understood is ignored as
            // a whole.
            _ => return malformed(format!("a line \"{}=\" has no place there", char::from(letter))),
        }
        Ok(())
    }
}

/// `v=0` first, then the origin and the name, which no client leaves out.
fn check_head(lines: &[Line<'_>]) -> Result<(), SdpError> {
    if lines.first() != Some(&(b'v', "0")) {
        return malformed("the first line is not \"v=0\"");
    }
    let session = lines.iter().take_while(|(letter, _)| *letter != b'm');
    for required in [b'o', b's', b't'] {
        if !session.clone().any(|(letter, _)| *letter == required) {
            return malformed(format!("there is no line \"{}=\"", char::from(required)));
        }
    }
    Ok(())
}

impl<'a> Media<'a> {
    fn read(value: &'a str) -> Result<Self, SdpError> {
        let mut fields = value.split_ascii_whitespace();
        let (Some(kind), Some(port), Some(protocol)) = (fields.next(), fields.next(), fields.next()) else {
            return malformed(format!("an m-line is incomplete: {:?}", excerpt(value)));
        };
        let Ok(port) = port.parse() else {
            return malformed(format!("the port of an m-line is not a number: {:?}", excerpt(port)));
        };
        let formats: Vec<_> = fields.collect();
        if formats.is_empty() {
            return malformed(format!("an m-line has no format: {:?}", excerpt(value)));
        }
        Ok(Self { kind, port, protocol, formats, attributes: Attributes::default() })
    }

    /// Port 0 disables a line, unless it only says that the line shares the transport of another (RFC
    /// 9143, section 6).
    pub(super) fn check_enabled(&self, mid: &str) -> Result<(), SdpError> {
        match self.port == 0 && !self.attributes.has("bundle-only") {
            true => unsupported(format!("line {mid:?} is disabled (port 0)")),
            false => Ok(()),
        }
    }
}
