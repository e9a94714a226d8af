//! Web origins as the configuration lists them: `https://example.com`, `http://127.0.0.1:3000`, or `*` for all.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Whose pages may open a WebSocket here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Anybody's.
    Any,
    /// Those of this scheme, host and port, written as browsers write them (RFC 6454, section 6.2).
    Exactly(String),
}

impl Origin {
    /// Whether a page of `origin`, the header's value, is meant.
    pub fn allows(&self, origin: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Exactly(one) => *one == origin.to_ascii_lowercase(),
        }
    }
}

impl FromStr for Origin {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || format!("expected an origin such as \"https://example.com\" or \"*\", found {text:?}");
        if text == "*" {
            return Ok(Self::Any);
        }
        let text = text.to_ascii_lowercase();
        let (scheme, authority) = text.split_once("://").ok_or_else(wrong)?;
        let default_port = match scheme {
            "http" => ":80",
            "https" => ":443",
            _ => return Err(wrong()),
        };
        let is_authority = |part: &str| {
            let parsed = part.parse::<http::uri::Authority>();
            parsed.is_ok_and(|parsed| !parsed.host().is_empty() && !part.contains('@'))
        };
        match is_authority(authority) {
            // Browsers leave the default port out.
            true => {
                let authority = authority.strip_suffix(default_port).unwrap_or(authority);
                Ok(Self::Exactly(format!("{scheme}://{authority}")))
            }
            false => Err(wrong()),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("*"),
            Self::Exactly(origin) => f.write_str(origin),
        }
    }
}

impl Serialize for Origin {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Origin {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_compared_as_browsers_write_it() {
        let listed: Origin = "HTTPS://Example.com:443".parse().unwrap();
        assert_eq!(listed.to_string(), "https://example.com");
        assert!(listed.allows("https://example.com") && listed.allows("https://EXAMPLE.com"));
        for other in ["http://example.com", "https://example.com:8443", "https://a.example.com", "null", ""] {
            assert!(!listed.allows(other), "{other}");
        }
        assert!("*".parse::<Origin>().unwrap().allows("null"));
    }

    #[test]
    fn what_is_no_origin_is_refused() {
        for text in
            ["", "example.com", "ftp://example.com", "https://", "https://a/b", "https://me@a", "null"]
        {
            assert!(text.parse::<Origin>().is_err(), "{text:?}");
        }
    }
}
