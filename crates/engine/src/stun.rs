//! A courtesy to publishers whose answers to our connectivity checks carry no XOR-MAPPED-ADDRESS: ffmpeg's
//! WHIP muxer sends MESSAGE-INTEGRITY and FINGERPRINT only, although RFC 8489, section 7.3.1, demands the address.
//! str0m refuses such an answer, and without an answer there is no consent and no media.
//!
//! The missing attribute says where our check was seen to come from. Behind a host candidate that is the
//! address we sent it from, so it can be filled in; only after the integrity of what did arrive was verified.

use std::net::{IpAddr, SocketAddr};

use str0m::crypto::Sha1HmacProvider;

const HEADER: usize = 20;
const BINDING_SUCCESS: [u8; 2] = [0x01, 0x01];
const MAGIC_COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];
const MAPPED_ADDRESS: u16 = 0x0001;
const MESSAGE_INTEGRITY: u16 = 0x0008;
const XOR_MAPPED_ADDRESS: u16 = 0x0020;
/// The attribute's header and its HMAC-SHA1.
const INTEGRITY_LENGTH: usize = 4 + 20;

/// Whether this is a Binding success response without any mapped address.
pub(crate) fn lacks_mapped_address(contents: &[u8]) -> bool {
    contents.len() >= HEADER
        && contents[..2] == BINDING_SUCCESS
        && attributes(contents).all(|(_, kind)| kind != MAPPED_ADDRESS && kind != XOR_MAPPED_ADDRESS)
}

/// The same response with `mapped` as its XOR-MAPPED-ADDRESS, or `None` if it was not made with `password`.
pub(crate) fn with_mapped_address(
    contents: &[u8],
    mapped: SocketAddr,
    password: &str,
    hmac: &dyn Sha1HmacProvider,
) -> Option<Vec<u8>> {
    let (at, _) = attributes(contents).find(|(_, kind)| *kind == MESSAGE_INTEGRITY)?;
    let presented = contents.get(at + 4..at + INTEGRITY_LENGTH)?;
    if integrity(&contents[..at], password, hmac) != presented {
        return None;
    }
    let mut out = contents[..HEADER].to_vec();
    let value = xor_mapped(mapped, &contents[4..HEADER]);
    out.extend(XOR_MAPPED_ADDRESS.to_be_bytes());
    out.extend((value.len() as u16).to_be_bytes());
    out.extend(value);
    let tag = integrity(&out, password, hmac);
    out.extend(MESSAGE_INTEGRITY.to_be_bytes());
    out.extend((tag.len() as u16).to_be_bytes());
    out.extend(tag);
    let length = (out.len() - HEADER) as u16;
    out[2..4].copy_from_slice(&length.to_be_bytes());
    Some(out)
}

/// Offset and type of each attribute (RFC 8489, section 14): values are padded to 4 bytes.
fn attributes(contents: &[u8]) -> impl Iterator<Item = (usize, u16)> + '_ {
    let mut next = HEADER;
    std::iter::from_fn(move || {
        let [k0, k1, l0, l1] = *contents.get(next..next + 4)? else { return None };
        let at = next;
        next += 4 + usize::from(u16::from_be_bytes([l0, l1])).next_multiple_of(4);
        Some((at, u16::from_be_bytes([k0, k1])))
    })
}

/// HMAC-SHA1 over the message up to its MESSAGE-INTEGRITY, with a length that includes it (RFC 8489, section 14.5).
fn integrity(before: &[u8], password: &str, hmac: &dyn Sha1HmacProvider) -> [u8; 20] {
    let length = (before.len() - HEADER + INTEGRITY_LENGTH) as u16;
    hmac.sha1_hmac(password.as_bytes(), &[&before[..2], &length.to_be_bytes(), &before[4..]])
}

/// RFC 8489, section 14.2. `cookie` is the magic cookie followed by the transaction id.
fn xor_mapped(mapped: SocketAddr, cookie: &[u8]) -> Vec<u8> {
    let port = mapped.port() ^ u16::from_be_bytes([MAGIC_COOKIE[0], MAGIC_COOKIE[1]]);
    let (family, address) = match mapped.ip() {
        IpAddr::V4(ip) => (1, ip.octets().to_vec()),
        IpAddr::V6(ip) => (2, ip.octets().to_vec()),
    };
    let mut value = vec![0, family];
    value.extend(port.to_be_bytes());
    value.extend(address.iter().zip(cookie).map(|(byte, key)| byte ^ key));
    value
}

#[cfg(test)]
mod tests {
    use str0m::ice::StunMessage;

    use super::*;

    const PASSWORD: &str = "a-password-of-an-ice-agent";

    fn hmac() -> &'static dyn Sha1HmacProvider {
        str0m::crypto::from_feature_flags().sha1_hmac_provider
    }

    /// What ffmpeg sends: 52 bytes, MESSAGE-INTEGRITY and FINGERPRINT.
    fn bare_response() -> Vec<u8> {
        let mut message = vec![1, 1, 0, 32];
        message.extend(MAGIC_COOKIE);
        message.extend(*b"transaction!");
        let tag = integrity(&message, PASSWORD, hmac());
        message.extend([0, 8, 0, 20]);
        message.extend(tag);
        message.extend([0x80, 0x28, 0, 4, 1, 2, 3, 4]);
        message
    }

    #[test]
    fn a_response_without_a_mapped_address_gets_the_one_we_sent_from() {
        let response = bare_response();
        assert_eq!(response.len(), 52);
        assert!(lacks_mapped_address(&response));
        for mapped in ["192.0.2.7:7882", "[2001:db8::1]:7882"] {
            let mapped: SocketAddr = mapped.parse().unwrap();
            let completed = with_mapped_address(&response, mapped, PASSWORD, hmac()).unwrap();
            assert!(!lacks_mapped_address(&completed));
            let message = StunMessage::parse(&completed).unwrap();
            assert!(message.is_successful_binding_response());
            assert_eq!(message.mapped_address(), Some(mapped));
            assert!(message.verify(PASSWORD.as_bytes(), |key, payloads| hmac().sha1_hmac(key, payloads)));
        }
    }

    #[test]
    fn a_forged_response_is_not_completed() {
        let mapped = "192.0.2.7:7882".parse().unwrap();
        assert!(with_mapped_address(&bare_response(), mapped, "another password", hmac()).is_none());
        let mut changed = bare_response();
        changed[10] ^= 1;
        assert!(with_mapped_address(&changed, mapped, PASSWORD, hmac()).is_none());
    }

    #[test]
    fn a_response_cut_anywhere_is_survived() {
        let response = bare_response();
        let mapped = "192.0.2.7:7882".parse().unwrap();
        for length in 0..response.len() {
            let cut = &response[..length];
            if lacks_mapped_address(cut) {
                let completed = with_mapped_address(cut, mapped, PASSWORD, hmac());
                assert_eq!(completed.is_some(), length >= HEADER + INTEGRITY_LENGTH, "{length} bytes");
            }
        }
    }
}
