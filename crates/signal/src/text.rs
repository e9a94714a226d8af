//! The lines that offers and fragments are made of (RFC 8866, section 5), read before anything looks at their
//! meaning: size, encoding, the shape `x=value`. Nothing here allocates more than a few words per line.

use plenum_model::limits::SdpLimits;

/// Why a text is not even lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum TextError {
    /// More bytes than allowed.
    TooLarge(usize),
    /// A sentence.
    Malformed(String),
}

fn malformed<T>(why: impl Into<String>) -> Result<T, TextError> {
    Err(TextError::Malformed(why.into()))
}

/// One line: its type letter and its value.
pub(crate) type Line<'a> = (u8, &'a str);

/// Splits a body into lines that end with CRLF or LF. Empty lines are tolerated at the end only.
pub(crate) fn lines<'a>(body: &'a [u8], limits: &SdpLimits) -> Result<Vec<Line<'a>>, TextError> {
    if body.len() > limits.bytes {
        return Err(TextError::TooLarge(limits.bytes));
    }
    let text = decode(body)?;
    if text.split('\n').take(limits.lines + 2).count() > limits.lines + 1 {
        return malformed(format!("there are more than {} lines", limits.lines));
    }
    text.split('\n').enumerate().map(|(index, line)| split_line(index + 1, line)).collect()
}

fn decode(body: &[u8]) -> Result<&str, TextError> {
    if body.starts_with(b"\xef\xbb\xbf") {
        return malformed("the body starts with a byte order mark");
    }
    let Ok(text) = std::str::from_utf8(body) else { return malformed("the body is not UTF-8 text") };
    let text = text.trim_end_matches(['\r', '\n']);
    if text.is_empty() {
        return malformed("the body is empty");
    }
    Ok(text)
}

fn split_line(number: usize, line: &str) -> Result<Line<'_>, TextError> {
    let line = line.strip_suffix('\r').unwrap_or(line);
    if line.chars().any(char::is_control) {
        return malformed(format!("line {number} contains a control character"));
    }
    match line.as_bytes() {
        [letter @ b'a'..=b'z', b'=', ..] => Ok((*letter, &line[2..])),
        _ => malformed(format!("line {number} is not of the form \"x=...\": {:?}", excerpt(line))),
    }
}

/// The `a=` lines of one section, as (name, value); the value of a flag is empty.
#[derive(Debug, Default)]
pub(crate) struct Attributes<'a>(Vec<(&'a str, &'a str)>);

impl<'a> Attributes<'a> {
    pub(crate) fn push(&mut self, line: &'a str) {
        self.0.push(line.split_once(':').unwrap_or((line, "")));
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.0.iter().copied()
    }

    /// All values of an attribute, in order.
    pub(crate) fn all(&self, name: &str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(n, _)| *n == name).map(|(_, value)| *value)
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.all(name).next().is_some()
    }

    /// The value of an attribute that makes sense once: saying the same again is harmless, something
    /// else is an error (its sentence).
    pub(crate) fn once(&self, name: &str) -> Result<Option<&'a str>, String> {
        let mut values = self.all(name);
        let Some(first) = values.next() else { return Ok(None) };
        match values.all(|other| other == first) {
            true => Ok(Some(first)),
            false => Err(format!("a={name} is given twice with different values")),
        }
    }
}

/// The start of a text from outside, for error sentences.
pub(crate) fn excerpt(text: &str) -> String {
    const LENGTH: usize = 40;
    match text.char_indices().nth(LENGTH) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}

/// Whether it is a token (RFC 8866, section 9) of 1 to `longest` characters.
pub(crate) fn is_token(text: &str, longest: usize) -> bool {
    let token_char = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`{|}~".contains(&b);
    (1..=longest).contains(&text.len()) && text.bytes().all(token_char)
}
