//! JSON as text: how deep it is before anything reads it, and how long a string becomes in it.

use super::DEPTH;

/// Whether there are no values within values beyond [`DEPTH`]. To be asked before anything follows them down.
pub(super) fn is_shallow(text: &str) -> bool {
    let (mut depth, mut quoted, mut escaped) = (0_usize, false, false);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'{' | b'[' if !quoted => depth += 1,
            b'}' | b']' if !quoted => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > DEPTH {
            return false;
        }
    }
    true
}

/// Bytes of a text within a JSON string: a control character takes six of them.
pub(crate) fn escaped_len(text: &str) -> usize {
    let escaped = |byte| match byte {
        b'"' | b'\\' | b'\n' | b'\r' | b'\t' | 0x08 | 0x0c => 2,
        0..0x20 => 6,
        _ => 1,
    };
    text.bytes().map(escaped).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_length_of_a_string_is_that_which_is_written() {
        let text: String = ('\0'..'\u{200}').collect();
        let written = serde_json::to_string(&text).unwrap();
        assert_eq!(escaped_len(&text), written.len() - 2);
    }
}
