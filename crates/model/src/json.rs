//! JSON that every parser reads. What is passed on as it came reaches parsers of all kinds, and with the history of a
//! chat it is part of a larger message, which one value that a parser refuses would make unreadable as a whole.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use crate::limits;

/// Whether this is a JSON value without what the grammar allows and parsers do not (RFC 8259, sections 6, 8.2 and 9):
/// numbers that are too large for a double, half a surrogate pair, nesting beyond [`limits::JSON_NESTING`].
///
/// Nothing of it is kept. What is in it is walked through with the types that one would read it into, since a value
/// that is skipped is checked for its grammar only.
pub fn is_plain(json: &str) -> bool {
    let mut deserializer = serde_json::Deserializer::from_str(json);
    Plain { levels: limits::JSON_NESTING }.deserialize(&mut deserializer).is_ok()
        && deserializer.end().is_ok()
}

/// A value that may be nested so much deeper.
#[derive(Clone, Copy)]
struct Plain {
    levels: usize,
}

impl Plain {
    fn deeper<E: Error>(self) -> Result<Self, E> {
        let levels = self.levels.checked_sub(1).ok_or_else(|| E::custom("nested too deep"))?;
        Ok(Self { levels })
    }
}

impl<'de> DeserializeSeed<'de> for Plain {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Plain {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let item = self.deeper()?;
        while items.next_element_seed(item)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        let entry = self.deeper()?;
        while entries.next_entry_seed(entry, entry)?.is_some() {}
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_that_some_parsers_refuse_is_not_plain() {
        let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        assert!(is_plain(&nested(limits::JSON_NESTING)));
        assert!(!is_plain(&nested(limits::JSON_NESTING + 1)));
        assert!(!is_plain(&nested(30_000)));
        for text in ["1e999", "-1e999", r#""\ud800""#, r#""\udc00\ud800""#, r#"{"\ud800":1}"#, "", "{", "01"]
        {
            assert!(!is_plain(text), "{text}");
        }
        let large = "18446744073709551616";
        for text in ["1e308", large, r#""\ud83d\ude00""#, r#"{"a":[null,true,"[[["]}"#, " 1 "] {
            assert!(is_plain(text), "{text}");
        }
    }
}
