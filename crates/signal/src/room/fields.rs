//! Reading the fields of one message, each with its bound, so that whatever is wrong is said in a sentence that
//! names the field. Nothing is interpreted before its size is known.

use std::collections::BTreeMap;

use plenum_model::{DisplayName, Identity, NameError};
use serde_json::value::RawValue;

use crate::text::excerpt;
use crate::{Problem, Slug};

/// The fields of an object, by name; values are still text. Of a name that is given twice the last one counts, as
/// `JSON.parse` has it.
pub(super) struct Fields<'a>(BTreeMap<String, &'a RawValue>);

/// A malformed message, in a sentence.
pub(super) fn malformed(why: impl Into<String>) -> Problem {
    Problem::new(Slug::MalformedRequest, why)
}

impl<'a> Fields<'a> {
    /// Of the object that `text` is. `what` names it in sentences.
    pub(super) fn read(what: &str, text: &'a str) -> Result<Self, Problem> {
        // Said before the library would, whose sentence repeats a whole string that it did not expect.
        if !text.trim_start().starts_with('{') {
            return Err(malformed(format!("{what} is not a JSON object")));
        }
        serde_json::from_str(text)
            .map(Self)
            .map_err(|error| malformed(format!("{what} is not a JSON object: {error}")))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &'a RawValue)> {
        self.0.iter().map(|(name, value)| (&name[..], *value))
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// The value of a field; `null` counts as absent.
    pub(super) fn raw(&self, name: &str) -> Option<&'a RawValue> {
        self.0.get(name).copied().filter(|value| value.get() != "null")
    }

    /// A string of up to `longest` bytes.
    pub(super) fn text(&self, name: &str, longest: usize) -> Result<Option<String>, Problem> {
        let Some(value) = self.raw(name) else { return Ok(None) };
        let Ok(text) = serde_json::from_str::<String>(value.get()) else {
            return Err(wrong(name, "a string", value));
        };
        match text.len() <= longest {
            true => Ok(Some(text)),
            false => {
                Err(malformed(format!("{name:?} has {} bytes, at most {longest} are taken", text.len())))
            }
        }
    }

    /// A string that must be there.
    pub(super) fn needed_text(&self, name: &str, longest: usize) -> Result<String, Problem> {
        self.text(name, longest)?.ok_or_else(|| missing(name))
    }

    /// A string of at least one character that must be there.
    pub(super) fn needed_word(&self, name: &str, longest: usize) -> Result<String, Problem> {
        match self.needed_text(name, longest)? {
            text if text.is_empty() => Err(malformed(format!("{name:?} is empty"))),
            text => Ok(text),
        }
    }

    /// `true` or `false`.
    pub(super) fn flag(&self, name: &str) -> Result<Option<bool>, Problem> {
        let Some(value) = self.raw(name) else { return Ok(None) };
        match value.get() {
            "true" => Ok(Some(true)),
            "false" => Ok(Some(false)),
            _ => Err(wrong(name, "true or false", value)),
        }
    }

    /// `true` or `false`, which must be there.
    pub(super) fn needed_flag(&self, name: &str) -> Result<bool, Problem> {
        self.flag(name)?.ok_or_else(|| missing(name))
    }

    /// A whole number from 0 to `largest`.
    pub(super) fn number(&self, name: &str, largest: u32) -> Result<Option<u32>, Problem> {
        let Some(value) = self.raw(name) else { return Ok(None) };
        match serde_json::from_str::<u32>(value.get()) {
            Ok(number) if number <= largest => Ok(Some(number)),
            _ => Err(wrong(name, &format!("a whole number from 0 to {largest}"), value)),
        }
    }

    /// A whole number that must be there.
    pub(super) fn needed_number(&self, name: &str, largest: u32) -> Result<u32, Problem> {
        self.number(name, largest)?.ok_or_else(|| missing(name))
    }

    /// An identity.
    pub(super) fn identity(&self, name: &str) -> Result<Option<Identity>, Problem> {
        let parse = |text: String| Identity::parse(&text).map_err(|error| invalid(name, error));
        self.text(name, NAME)?.map(parse).transpose()
    }

    /// An identity that must be there.
    pub(super) fn needed_identity(&self, name: &str) -> Result<Identity, Problem> {
        self.identity(name)?.ok_or_else(|| missing(name))
    }

    /// A display name; an empty one counts as absent.
    pub(super) fn display_name(&self, name: &str) -> Result<Option<DisplayName>, Problem> {
        let parse = |text: String| DisplayName::parse(&text).map_err(|error| invalid(name, error));
        self.text(name, NAME)?.filter(|text| !text.is_empty()).map(parse).transpose()
    }

    /// Any JSON value of up to `longest` bytes, untouched. It must be there, and may be `null`.
    pub(super) fn needed_value(&self, name: &str, longest: usize) -> Result<Box<RawValue>, Problem> {
        let value = self.0.get(name).ok_or_else(|| missing(name))?;
        match value.get().len() <= longest {
            true => Ok((*value).to_owned()),
            false => {
                let bytes = value.get().len();
                Err(malformed(format!("{name:?} has {bytes} bytes of JSON, at most {longest} are taken")))
            }
        }
    }
}

/// Bytes of a name that are looked at: the rules of names allow 128 characters.
const NAME: usize = 128 * 4;

fn missing(name: &str) -> Problem {
    malformed(format!("{name:?} is missing"))
}

fn invalid(name: &str, error: NameError) -> Problem {
    Problem::new(Slug::InvalidName, format!("{name:?} is not valid: {error}"))
}

fn wrong(name: &str, expected: &str, found: &RawValue) -> Problem {
    malformed(format!("{name:?} is to be {expected}, not {}", excerpt(found.get())))
}
