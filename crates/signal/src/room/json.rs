//! JSON of strangers that is passed on as it is: what this server forwards must not trip those who receive it.

use serde_json::Value;

use super::DEPTH;

/// Whether any JSON parser takes this text: at most [`DEPTH`] levels deep, every string whole Unicode (no lone
/// surrogate such as `"\ud800"`), every number within the range of a double (not `1e999`). The grammar allows more (RFC
/// 8259, sections 6, 8.2 and 9), and what a receiver makes of that is its own affair: some stop at it.
pub fn is_plain(text: &str) -> bool {
    is_shallow(text) && serde_json::from_str::<Value>(text).is_ok()
}

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
    fn json_that_some_parsers_refuse_is_not_plain() {
        let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        assert!(is_plain(&nested(DEPTH)));
        assert!(!is_plain(&nested(DEPTH + 1)));
        for text in ["1e999", "-1e999", r#""\ud800""#, r#""\udc00\ud800""#, r#"{"\ud800":1}"#, "", "{", "01"]
        {
            assert!(!is_plain(text), "{text}");
        }
        let large = "18446744073709551616";
        for text in ["1e308", large, r#""\ud83d\ude00""#, r#"{"a":[null,true,"[[["]}"#, " 1 "] {
            assert!(is_plain(text), "{text}");
        }
    }

    #[test]
    fn the_length_of_a_string_is_that_which_is_written() {
        let text: String = ('\0'..'\u{200}').collect();
        let written = serde_json::to_string(&text).unwrap();
        assert_eq!(escaped_len(&text), written.len() - 2);
    }
}
