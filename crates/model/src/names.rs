//! Names that users choose: of rooms, participants and displays. A value of these types is valid; it
//! may be put into a URL, a log line or a metric without a further look.

use std::fmt;
use std::sync::Arc;

/// Why a name was refused. The text is fit to be shown to the person who chose it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Empty, or longer than 128 characters.
    #[error("a name has 1 to 128 characters")]
    Length,
    /// A character outside of `A-Z a-z 0-9 _ . -`.
    #[error("a name consists of letters, digits, '_', '.' and '-'")]
    Character,
    /// `.` or `..`, which a URL would resolve away.
    #[error("'.' and '..' are not names")]
    Dots,
    /// A control character in a display name.
    #[error("a display name has no control characters")]
    Control,
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Accepts `[A-Za-z0-9_.-]{1,128}` except `.` and `..`.
            pub fn parse(text: &str) -> Result<Self, NameError> {
                check_token(text)?;
                Ok(Self(text.into()))
            }

            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:?}", &*self.0)
            }
        }
    };
}

name! {
    /// The name of a room, as it stands in URLs.
    RoomName
}
name! {
    /// Who a participant is within a room: the token's `sub`, or what the URL says.
    Identity
}

/// What people see of a participant: 1 to 128 characters, no controls. Shown as text, never as markup.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct DisplayName(Arc<str>);

impl DisplayName {
    /// Accepts 1 to 128 characters (Unicode scalar values) without control characters.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        if !(1..=128).contains(&text.chars().count()) {
            return Err(NameError::Length);
        }
        if text.chars().any(char::is_control) {
            return Err(NameError::Control);
        }
        Ok(Self(text.into()))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for DisplayName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", &*self.0)
    }
}

fn check_token(text: &str) -> Result<(), NameError> {
    if !(1..=128).contains(&text.len()) {
        return Err(NameError::Length);
    }
    if !text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-')) {
        return Err(NameError::Character);
    }
    if text == "." || text == ".." {
        return Err(NameError::Dots);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_room_name_never_needs_escaping() {
        for good in ["a", "room-1", "A.b_c", "...", &"x".repeat(128)] {
            assert_eq!(RoomName::parse(good).unwrap().as_str(), good);
        }
        for (bad, why) in [
            ("", NameError::Length),
            (&*"x".repeat(129), NameError::Length),
            (".", NameError::Dots),
            ("..", NameError::Dots),
            ("../etc", NameError::Character),
            ("a b", NameError::Character),
            ("a\0", NameError::Character),
            ("a\r\n", NameError::Character),
            ("<script>", NameError::Character),
            ("\u{1b}[31m", NameError::Character),
            ("é", NameError::Character),
        ] {
            assert_eq!(RoomName::parse(bad), Err(why), "{bad:?}");
        }
    }

    #[test]
    fn a_display_name_is_text_of_any_script_without_controls() {
        for good in ["Ada", "Ада 🦀", "<b>", &"é".repeat(128)] {
            assert!(DisplayName::parse(good).is_ok(), "{good:?}");
        }
        for bad in ["", "a\nb", "\u{1b}[31m", "a\0", &"é".repeat(129)] {
            assert!(DisplayName::parse(bad).is_err(), "{bad:?}");
        }
    }
}
