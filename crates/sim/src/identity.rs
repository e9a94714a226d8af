//! DTLS for runs that replay: one certificate for ever, and handshakes whose randomness comes from the seed.
//!
//! Key exchange and signatures stay random: they change the bytes of DTLS records and sometimes their length,
//! never their number or order, so [`crate::World::hash`] takes a record's time only.

use std::sync::Arc;
use std::time::Instant;

use plenum_engine::DtlsIdentity;
use str0m::config::{CryptoProvider, DtlsCert, DtlsVersion};
use str0m::crypto::CryptoError;
use str0m::crypto::dtls::{DtlsImplError, DtlsInstance, DtlsOutput, DtlsProvider, ProtocolVersion};

/// Made once for simulations; it protects nothing.
fn certificate() -> DtlsCert {
    DtlsCert {
        certificate: include_bytes!("identity/certificate.der").to_vec(),
        private_key: include_bytes!("identity/key.der").to_vec(),
    }
}

/// The shard's identity.
pub(crate) fn of_shard() -> DtlsIdentity {
    DtlsIdentity::new(provider(), certificate())
}

/// What a client is built with; its certificate is the same one.
pub(crate) fn of_client() -> (Arc<CryptoProvider>, DtlsCert) {
    (Arc::new(provider()), certificate())
}

fn provider() -> CryptoProvider {
    static DTLS: SeededDtls = SeededDtls;
    CryptoProvider { dtls_provider: &DTLS, ..str0m::crypto::from_feature_flags() }
}

/// The default DTLS implementation, seeded from the thread's generator, which [`crate::World::new`] seeds.
#[derive(Debug)]
struct SeededDtls;

impl DtlsProvider for SeededDtls {
    fn generate_certificate(&self) -> Option<DtlsCert> {
        Some(certificate())
    }

    fn new_dtls(
        &self,
        cert: &DtlsCert,
        now: Instant,
        version: DtlsVersion,
        mtu: Option<usize>,
    ) -> Result<Box<dyn DtlsInstance>, CryptoError> {
        let seed = fastrand::u64(..);
        let mut config = dimpl::Config::builder().use_server_cookie(false).dangerously_set_rng_seed(seed);
        if let Some(mtu) = mtu {
            config = config.mtu(mtu);
        }
        let config = config.build().map_err(|error| CryptoError::Other(error.to_string()))?;
        let (config, cert) = (Arc::new(config), cert.clone());
        Ok(Box::new(Seeded(match version {
            DtlsVersion::Dtls12 => dimpl::Dtls::new_12(config, cert, now),
            DtlsVersion::Dtls13 => dimpl::Dtls::new_13(config, cert, now),
            _ => dimpl::Dtls::new_auto(config, cert, now),
        })))
    }
}

struct Seeded(dimpl::Dtls);

impl std::fmt::Debug for Seeded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Seeded(..)")
    }
}

impl DtlsInstance for Seeded {
    fn set_active(&mut self, active: bool) {
        self.0.set_active(active);
    }

    fn handle_packet(&mut self, packet: &[u8]) -> Result<(), DtlsImplError> {
        self.0.handle_packet(packet)
    }

    fn poll_output<'a>(&mut self, buf: &'a mut [u8]) -> DtlsOutput<'a> {
        self.0.poll_output(buf)
    }

    fn handle_timeout(&mut self, now: Instant) -> Result<(), DtlsImplError> {
        self.0.handle_timeout(now)
    }

    fn send_application_data(&mut self, bytes: &[u8]) -> Result<usize, DtlsImplError> {
        self.0.send_application_data(bytes)
    }

    fn is_active(&self) -> bool {
        self.0.is_active()
    }

    fn protocol_version(&self) -> Option<ProtocolVersion> {
        self.0.protocol_version()
    }

    fn is_closing(&self) -> bool {
        self.0.is_closing()
    }

    fn is_closed(&self) -> bool {
        self.0.is_closed()
    }

    fn close(&mut self) -> Result<(), DtlsImplError> {
        self.0.close()
    }
}
