//! Which pages may open a WebSocket here. Browsers let any page do that, and send along who it is; the check is
//! ours.

use http::{HeaderMap, header};
use plenum_signal::{Problem, Slug};

use crate::config::Origin;

/// Lets through what is no page (no `Origin`), pages of this very host, and those of `allowed`.
pub fn check(headers: &HeaderMap, allowed: &[Origin]) -> Result<(), Problem> {
    let Some(origin) = headers.get(header::ORIGIN) else { return Ok(()) };
    let origin = origin.to_str().unwrap_or_default();
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let is_own = host.is_some_and(|host| is_of_host(origin, host));
    match is_own || allowed.iter().any(|one| one.allows(origin)) {
        true => Ok(()),
        false => {
            let detail = "this server does not take connections from pages of this origin";
            Err(Problem::new(Slug::OriginNotAllowed, detail))
        }
    }
}

/// The scheme is not compared: behind a proxy that ends TLS it is not known here.
fn is_of_host(origin: &str, host: &str) -> bool {
    let Some((scheme, authority)) = origin.split_once("://") else { return false };
    let default_port = match scheme {
        "http" => ":80",
        "https" => ":443",
        _ => return false,
    };
    let host = host.strip_suffix(default_port).unwrap_or(host);
    !authority.is_empty() && authority.eq_ignore_ascii_case(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_let_in(origin: Option<&str>, host: &str, allowed: &[&str]) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, host.parse().unwrap());
        if let Some(origin) = origin {
            headers.insert(header::ORIGIN, origin.parse().unwrap());
        }
        let allowed: Vec<Origin> = allowed.iter().map(|one| one.parse().unwrap()).collect();
        check(&headers, &allowed).is_ok()
    }

    #[test]
    fn pages_of_this_host_and_programs_are_let_in() {
        assert!(is_let_in(None, "a.example", &[]));
        assert!(is_let_in(Some("https://a.example"), "a.example", &[]));
        assert!(is_let_in(Some("https://A.example"), "a.example:443", &[]));
        assert!(is_let_in(Some("http://127.0.0.1:7880"), "127.0.0.1:7880", &[]));
        assert!(is_let_in(Some("http://[::1]:7880"), "[::1]:7880", &[]));
    }

    #[test]
    fn foreign_pages_are_let_in_only_when_they_are_listed() {
        for foreign in [
            "https://b.example",
            "https://a.example.evil.example",
            "https://a.example:8443",
            "http://a.example:443",
            "null",
            "file://a.example",
            "",
        ] {
            assert!(!is_let_in(Some(foreign), "a.example", &[]), "{foreign:?}");
        }
        assert!(is_let_in(
            Some("https://b.example"),
            "a.example",
            &["https://c.example", "https://b.example"]
        ));
        assert!(!is_let_in(Some("https://b.example"), "a.example", &["https://c.example"]));
        assert!(is_let_in(Some("null"), "a.example", &["*"]));
    }
}
