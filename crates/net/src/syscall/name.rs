//! Socket addresses in the bytes that the kernel reads and writes (`sockaddr_in`, `sockaddr_in6`), coded
//! without unsafe.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};

/// Room for the address of either family, aligned as the C structures are.
#[derive(Clone, Copy)]
#[repr(C, align(8))]
pub(super) struct Name(pub(super) [u8; Self::CAPACITY]);

impl Name {
    pub(super) const CAPACITY: usize = 32;
    pub(super) const EMPTY: Self = Self([0; Self::CAPACITY]);
    const V4_LEN: usize = size_of::<libc::sockaddr_in>();
    const V6_LEN: usize = size_of::<libc::sockaddr_in6>();

    /// Writes `address`; returns its length for the kernel.
    pub(super) fn write(&mut self, address: SocketAddr) -> usize {
        let bytes = &mut self.0;
        bytes[2..4].copy_from_slice(&address.port().to_be_bytes());
        match address {
            SocketAddr::V4(v4) => {
                bytes[0..2].copy_from_slice(&(libc::AF_INET as u16).to_ne_bytes());
                bytes[4..8].copy_from_slice(&v4.ip().octets());
                bytes[8..16].fill(0);
                Self::V4_LEN
            }
            SocketAddr::V6(v6) => {
                bytes[0..2].copy_from_slice(&(libc::AF_INET6 as u16).to_ne_bytes());
                bytes[4..8].copy_from_slice(&v6.flowinfo().to_be_bytes());
                bytes[8..24].copy_from_slice(&v6.ip().octets());
                bytes[24..28].copy_from_slice(&v6.scope_id().to_ne_bytes());
                Self::V6_LEN
            }
        }
    }

    /// Reads an address of `len` bytes; `None` if it is of neither family. The flow label is left out: it is
    /// not part of who the peer is.
    pub(super) fn read(&self, len: usize) -> Option<SocketAddr> {
        let bytes = &self.0;
        let port = u16::from_be_bytes([bytes[2], bytes[3]]);
        match i32::from(u16::from_ne_bytes([bytes[0], bytes[1]])) {
            libc::AF_INET if len >= Self::V4_LEN => {
                let ip: [u8; 4] = bytes[4..8].try_into().ok()?;
                Some(SocketAddrV4::new(Ipv4Addr::from(ip), port).into())
            }
            libc::AF_INET6 if len >= Self::V6_LEN => {
                let ip: [u8; 16] = bytes[8..24].try_into().ok()?;
                let scope = u32::from_ne_bytes(bytes[24..28].try_into().ok()?);
                Some(SocketAddrV6::new(Ipv6Addr::from(ip), port, 0, scope).into())
            }
            _ => None,
        }
    }
}
