//! IPv4 over a dual-stack socket: the engine only ever sees IPv4 addresses as IPv4, so that one peer has
//! one address whichever socket it came through (RFC 4291, section 2.5.5.2).

use std::net::{IpAddr, SocketAddr, SocketAddrV6};

/// The address as the engine knows it: v4-mapped IPv6 becomes IPv4.
pub(crate) fn canonical(address: SocketAddr) -> SocketAddr {
    match address {
        SocketAddr::V6(v6) => match v6.ip().to_ipv4_mapped() {
            Some(ip) => SocketAddr::new(IpAddr::V4(ip), v6.port()),
            None => address,
        },
        SocketAddr::V4(_) => address,
    }
}

/// The address as a socket takes it: an IPv6 socket wants IPv4 mapped.
pub(crate) fn for_socket(address: SocketAddr, socket_is_v6: bool) -> SocketAddr {
    match address {
        SocketAddr::V4(v4) if socket_is_v6 => {
            SocketAddr::V6(SocketAddrV6::new(v4.ip().to_ipv6_mapped(), v4.port(), 0, 0))
        }
        _ => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ipv4_peer_of_a_dual_stack_socket_has_its_ipv4_address_and_is_answered_as_mapped() {
        let mapped: SocketAddr = "[::ffff:192.0.2.7]:4000".parse().unwrap();
        let plain: SocketAddr = "192.0.2.7:4000".parse().unwrap();
        assert_eq!(canonical(mapped), plain);
        assert_eq!(for_socket(plain, true), mapped);
        assert_eq!(for_socket(plain, false), plain);
    }

    #[test]
    fn an_ipv6_peer_keeps_its_address_and_scope() {
        let link_local = SocketAddr::V6(SocketAddrV6::new("fe80::1".parse().unwrap(), 4000, 0, 3));
        assert_eq!(canonical(link_local), link_local);
        assert_eq!(for_socket(link_local, true), link_local);
    }
}
