//! ICE attributes (RFC 8839) as offers and fragments carry them: credentials and candidates.

use std::net::{IpAddr, SocketAddr};

use plenum_model::{IceCredentials, RemoteCandidate, limits};

use crate::text::Attributes;

/// The credentials of a section, `None` if it has none. The error is a sentence.
pub(crate) fn credentials(
    attributes: &Attributes<'_>,
    fallback: Option<&Attributes<'_>>,
) -> Result<Option<IceCredentials>, String> {
    let value = |name| match (attributes.once(name)?, fallback) {
        (Some(value), _) => Ok(Some(value)),
        (None, Some(fallback)) => fallback.once(name),
        (None, None) => Ok::<_, String>(None),
    };
    match (value("ice-ufrag")?, value("ice-pwd")?) {
        (None, None) => Ok(None),
        (Some(ufrag), Some(pwd)) => {
            check("ice-ufrag", ufrag, 4)?;
            check("ice-pwd", pwd, 22)?;
            Ok(Some(IceCredentials { ufrag: ufrag.to_owned(), pwd: pwd.to_owned() }))
        }
        (Some(_), None) => Err("there is an ice-ufrag without an ice-pwd".to_owned()),
        (None, Some(_)) => Err("there is an ice-pwd without an ice-ufrag".to_owned()),
    }
}

/// RFC 8839, section 5.4: at least `shortest`, at most 256 ice-chars. The value itself is a secret and
/// stays out of the sentence.
fn check(name: &str, value: &str, shortest: usize) -> Result<(), String> {
    if !(shortest..=256).contains(&value.len()) {
        return Err(format!("{name} has {} characters, not {shortest} to 256", value.len()));
    }
    let ice_char = |b: u8| b.is_ascii_alphanumeric() || b == b'+' || b == b'/';
    match value.bytes().all(ice_char) {
        true => Ok(()),
        false => Err(format!("{name} has characters other than letters, digits, '+' and '/'")),
    }
}

/// The usable ones of `a=candidate` values, without repetitions, at most [`limits::REMOTE_CANDIDATES`].
/// The others are skipped silently (RFC 9725, section 4.3.2); no name is ever resolved.
pub(crate) fn candidates<'a>(values: impl Iterator<Item = &'a str>) -> Vec<RemoteCandidate> {
    let mut usable: Vec<RemoteCandidate> = Vec::new();
    for candidate in values.filter_map(candidate) {
        if usable.len() == limits::REMOTE_CANDIDATES {
            break;
        }
        if !usable.contains(&candidate) {
            usable.push(candidate);
        }
    }
    usable
}

/// `foundation component transport priority address port typ type ...` (RFC 8839, section 5.1).
fn candidate(value: &str) -> Option<RemoteCandidate> {
    let mut fields = value.split_ascii_whitespace();
    let _foundation = fields.next()?;
    let component = fields.next()?;
    let transport = fields.next()?;
    let _priority: u32 = fields.next()?.parse().ok()?;
    let ip: IpAddr = fields.next()?.parse().ok()?;
    let port: u16 = fields.next()?.parse().ok()?;
    let typ = (fields.next()?, fields.next()?);
    if component != "1" || !transport.eq_ignore_ascii_case("udp") {
        return None;
    }
    if typ.0 != "typ" || !matches!(typ.1, "host" | "srflx" | "prflx" | "relay") {
        return None;
    }
    // ::ffff:a.b.c.d and a.b.c.d are one address; rules about addresses must see only one form of it.
    let ip = ip.to_canonical();
    is_reachable(ip, port).then_some(RemoteCandidate { addr: SocketAddr::new(ip, port) })
}

fn is_reachable(ip: IpAddr, port: u16) -> bool {
    let broadcast = matches!(ip, IpAddr::V4(v4) if v4.is_broadcast());
    port != 0 && !ip.is_unspecified() && !ip.is_multicast() && !broadcast
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_candidate_is_usable() {
        let found = candidates(["0 1 UDP 2122187007 192.0.2.2 41928 typ host"].into_iter());
        assert_eq!(found, [RemoteCandidate { addr: "192.0.2.2:41928".parse().unwrap() }]);
    }

    #[test]
    fn a_mapped_address_is_its_ipv4_address() {
        let found =
            candidates(["0 1 udp 1 ::ffff:192.0.2.2 9000 typ srflx raddr 0.0.0.0 rport 0"].into_iter());
        assert_eq!(found, [RemoteCandidate { addr: "192.0.2.2:9000".parse().unwrap() }]);
    }

    #[test]
    fn what_cannot_be_checked_is_skipped_silently() {
        for unusable in [
            "",
            "0 1 UDP",
            "0 2 UDP 2122187006 192.0.2.2 41929 typ host",
            "0 1 TCP 2105458943 192.0.2.2 9 typ host tcptype active",
            "0 1 UDP 2122187007 4b0e9b24-5c3d.local 41928 typ host",
            "0 1 UDP 2122187007 example.org 41928 typ host",
            "0 1 UDP 2122187007 localhost 41928 typ host",
            "0 1 UDP 2122187007 192.0.2.2 0 typ host",
            "0 1 UDP 2122187007 192.0.2.2 65536 typ host",
            "0 1 UDP 2122187007 0.0.0.0 41928 typ host",
            "0 1 UDP 2122187007 :: 41928 typ host",
            "0 1 UDP 2122187007 224.0.0.1 41928 typ host",
            "0 1 UDP 2122187007 255.255.255.255 41928 typ host",
            "0 1 UDP 2122187007 ::ffff:0.0.0.0 41928 typ host",
            "0 1 UDP x 192.0.2.2 41928 typ host",
            "0 1 UDP 2122187007 192.0.2.2 41928 typ elsewhere",
            "0 1 UDP 2122187007 192.0.2.2 41928",
        ] {
            assert_eq!(candidates([unusable].into_iter()), [], "{unusable:?}");
        }
    }

    #[test]
    fn of_a_thousand_candidates_only_the_first_eight_count() {
        let lines: Vec<_> = (1..=1_000).map(|port| format!("0 1 udp 1 192.0.2.2 {port} typ host")).collect();
        let found = candidates(lines.iter().chain(&lines).map(String::as_str));
        assert_eq!(found.len(), limits::REMOTE_CANDIDATES);
        assert_eq!(found[7].addr.port(), 8);
    }
}
