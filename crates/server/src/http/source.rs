//! Where a request really comes from, and which of a peer's candidates may be checked because of it.

use std::net::{IpAddr, SocketAddr};

use http::HeaderMap;
use http::request::Parts;
use ipnet::IpNet;
use plenum_model::{RemoteCandidate, limits};

use super::connection::Peer;

/// The address of the one who sent the request with this head.
pub fn of_parts(head: &Parts, trusted: &[IpNet]) -> IpAddr {
    let Peer(peer) = head.extensions.get().expect("the accept loop names the peer of each request");
    of_request(peer.ip(), &head.headers, trusted)
}

/// The address of the one who asked. Behind trusted proxies, the rightmost entry of `X-Forwarded-For`
/// that is not one of them: everything to its left may have been made up.
fn of_request(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    let is_trusted = |ip: &IpAddr| trusted.iter().any(|net| net.contains(ip));
    let mut source = peer.to_canonical();
    let lines: Vec<&str> =
        headers.get_all("x-forwarded-for").iter().filter_map(|line| line.to_str().ok()).collect();
    for entry in lines.iter().rev().flat_map(|line| line.rsplit(',')) {
        if !is_trusted(&source) {
            break;
        }
        match parse_entry(entry.trim()) {
            Some(ip) => source = ip,
            None => break,
        }
    }
    source
}

/// Some proxies write the port as well.
fn parse_entry(entry: &str) -> Option<IpAddr> {
    let address = || entry.parse::<SocketAddr>().map(|address| address.ip());
    entry.parse().or_else(|_| address()).ok().map(|ip: IpAddr| ip.to_canonical())
}

/// Those candidates that may be sent checks to: the peer's own address, and with `local` (dev mode)
/// addresses of this host. Anything else would let a request direct our packets at third parties; who
/// is elsewhere reaches us by its own checks.
pub fn checkable(candidates: &[RemoteCandidate], source: IpAddr, local: &[IpAddr]) -> Vec<SocketAddr> {
    let allowed = |ip: IpAddr| ip == source || local.contains(&ip);
    candidates
        .iter()
        .map(|candidate| SocketAddr::new(candidate.addr.ip().to_canonical(), candidate.addr.port()))
        .filter(|address| address.port() != 0 && allowed(address.ip()))
        .take(limits::REMOTE_CANDIDATES)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn candidates(addresses: &[&str]) -> Vec<RemoteCandidate> {
        addresses.iter().map(|text| RemoteCandidate { addr: text.parse().unwrap() }).collect()
    }

    fn source(peer: &str, forwarded: &[&str]) -> IpAddr {
        let mut headers = HeaderMap::new();
        for line in forwarded {
            headers.append("x-forwarded-for", line.parse().unwrap());
        }
        of_request(ip(peer), &headers, &["10.0.0.0/8".parse().unwrap()])
    }

    #[test]
    fn a_peer_that_is_no_proxy_cannot_claim_another_address() {
        assert_eq!(source("192.0.2.1", &["198.51.100.1"]), ip("192.0.2.1"));
        assert_eq!(source("::ffff:192.0.2.1", &[]), ip("192.0.2.1"));
    }

    #[test]
    fn behind_proxies_the_rightmost_untrusted_address_counts() {
        assert_eq!(source("10.0.0.1", &["198.51.100.1"]), ip("198.51.100.1"));
        assert_eq!(source("10.0.0.1", &["203.0.113.9, 198.51.100.1, 10.1.1.1"]), ip("198.51.100.1"));
        assert_eq!(source("10.0.0.1", &["203.0.113.9", "198.51.100.1:4711"]), ip("198.51.100.1"));
        assert_eq!(source("10.0.0.1", &["198.51.100.1, unknown"]), ip("10.0.0.1"));
        assert_eq!(source("10.0.0.1", &[]), ip("10.0.0.1"));
    }

    #[test]
    fn checks_go_to_the_source_of_the_request_and_nowhere_else() {
        let offered =
            candidates(&["203.0.113.9:53", "192.0.2.1:5000", "127.0.0.1:22", "[::ffff:192.0.2.1]:5001"]);
        let chosen = checkable(&offered, ip("192.0.2.1"), &[]);
        assert_eq!(chosen, ["192.0.2.1:5000".parse().unwrap(), "192.0.2.1:5001".parse().unwrap()]);
    }

    #[test]
    fn in_dev_mode_addresses_of_this_host_are_checked_too() {
        let offered = candidates(&["172.16.0.2:5000", "203.0.113.9:53", "127.0.0.1:5000", "172.16.0.2:0"]);
        let chosen = checkable(&offered, ip("127.0.0.1"), &[ip("172.16.0.2"), ip("127.0.0.1")]);
        assert_eq!(chosen, ["172.16.0.2:5000".parse().unwrap(), "127.0.0.1:5000".parse().unwrap()]);
    }

    #[test]
    fn at_most_eight_candidates_are_used() {
        let many: Vec<_> =
            (1..=100).map(|port| RemoteCandidate { addr: SocketAddr::new(ip("192.0.2.1"), port) }).collect();
        assert_eq!(checkable(&many, ip("192.0.2.1"), &[]).len(), limits::REMOTE_CANDIDATES);
    }
}
