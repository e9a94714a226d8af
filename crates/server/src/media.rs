//! The media ports: binding them, and the addresses that answers advertise for them.

use std::net::{IpAddr, SocketAddr};

use plenum_net::{BindError, MediaSocket, SendWay, SocketBuffers, bind_media};

use crate::config::Media;

/// Slows sending down to `sendto` or `sendmmsg`, so that a benchmark can say what the batches are worth. Not part of
/// the configuration: nobody should want it in service.
const SEND_WAY: &str = "PLENUM_NET_SEND";

/// Binds one socket per shard.
pub fn bind(media: &Media, shards: u16) -> Result<Vec<MediaSocket>, BindError> {
    let way = send_way(std::env::var(SEND_WAY).ok());
    let port = |shard| if media.port == 0 { 0 } else { media.port + shard };
    let address = |shard| SocketAddr::new(media.bind, port(shard));
    let bind = |shard| -> Result<MediaSocket, BindError> {
        let mut socket = bind_media(address(shard), SocketBuffers::default())?;
        socket.limit_sending(way);
        Ok(socket)
    };
    (0..shards).map(bind).collect()
}

fn send_way(text: Option<String>) -> SendWay {
    let Some(text) = text else { return SendWay::default() };
    let way = text.parse().unwrap_or_else(|why: String| {
        tracing::warn!("{SEND_WAY}: {why}");
        SendWay::default()
    });
    tracing::warn!(?way, "{SEND_WAY} decides how datagrams are sent");
    way
}

/// What the answers of a shard advertise: `advertise` instead of all else, `external_ip` instead of the
/// host's own addresses of its family.
pub fn candidates(media: &Media, shard: u16, bound: SocketAddr, host: &[IpAddr]) -> Vec<SocketAddr> {
    if !media.advertise.is_empty() {
        let shift = |address: &SocketAddr| SocketAddr::new(address.ip(), address.port() + shard);
        return media.advertise.iter().map(shift).collect();
    }
    let own = host_addresses(bound.ip(), host);
    let replaced = |ip: &IpAddr| media.external_ip.iter().any(|other| other.is_ipv4() == ip.is_ipv4());
    let kept = own.into_iter().filter(|ip| !replaced(ip));
    let addresses = media.external_ip.iter().copied().chain(kept);
    addresses.map(|ip| SocketAddr::new(ip, bound.port())).collect()
}

/// Where a socket bound to `bound` can be reached. Loopback only when there is nothing else.
fn host_addresses(bound: IpAddr, host: &[IpAddr]) -> Vec<IpAddr> {
    if !bound.is_unspecified() {
        return vec![bound];
    }
    // [::] is bound for both families.
    let reachable = |ip: &&IpAddr| (bound.is_ipv6() || ip.is_ipv4()) && !is_link_local(ip);
    let (loopback, others): (Vec<IpAddr>, Vec<IpAddr>) =
        host.iter().filter(reachable).copied().partition(IpAddr::is_loopback);
    if others.is_empty() { loopback } else { others }
}

/// Such an address means nothing without the interface it belongs to.
fn is_link_local(ip: &IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOST: [&str; 5] = ["127.0.0.1", "192.0.2.1", "::1", "2001:db8::1", "fe80::1"];

    fn candidates_of(media: Media, shard: u16, bound: &str) -> Vec<String> {
        let host: Vec<IpAddr> = HOST.iter().map(|ip| ip.parse().unwrap()).collect();
        let list = candidates(&media, shard, bound.parse().unwrap(), &host);
        list.iter().map(SocketAddr::to_string).collect()
    }

    #[test]
    fn a_wildcard_socket_is_reached_under_every_address_of_its_family_but_loopback() {
        assert_eq!(candidates_of(Media::default(), 0, "0.0.0.0:7882"), ["192.0.2.1:7882"]);
        let both = candidates_of(Media::default(), 0, "[::]:7882");
        assert_eq!(both, ["192.0.2.1:7882", "[2001:db8::1]:7882"]);
        assert_eq!(candidates_of(Media::default(), 0, "127.0.0.1:7882"), ["127.0.0.1:7882"]);
    }

    #[test]
    fn a_machine_without_a_network_still_has_loopback() {
        let loopback = ["127.0.0.1".parse().unwrap()];
        let list = candidates(&Media::default(), 0, "0.0.0.0:1".parse().unwrap(), &loopback);
        assert_eq!(list, ["127.0.0.1:1".parse().unwrap()]);
    }

    #[test]
    fn external_ip_replaces_host_candidates_of_its_family() {
        let media = || Media { external_ip: vec!["198.51.100.7".parse().unwrap()], ..Media::default() };
        assert_eq!(candidates_of(media(), 1, "[::]:7883"), ["198.51.100.7:7883", "[2001:db8::1]:7883"]);
        assert_eq!(candidates_of(media(), 0, "0.0.0.0:7882"), ["198.51.100.7:7882"]);
    }

    #[test]
    fn advertise_replaces_everything_and_counts_ports_by_shard() {
        let media = Media {
            external_ip: vec!["198.51.100.7".parse().unwrap()],
            advertise: vec!["203.0.113.5:9000".parse().unwrap()],
            ..Media::default()
        };
        assert_eq!(candidates_of(media, 2, "0.0.0.0:7884"), ["203.0.113.5:9002"]);
    }
}
