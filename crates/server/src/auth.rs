//! From the configured keys to the keyring that checks and makes tokens.

use plenum_signal::{Keyring, token::KeyringError};

use crate::config::Auth;

/// The keyring of a configuration.
pub fn keyring(auth: &Auth) -> Result<Keyring, KeyringError> {
    let pairs = |keys: &std::collections::BTreeMap<String, crate::config::Secret>| {
        keys.iter().map(|(name, secret)| (name.clone(), secret.reveal().to_owned())).collect::<Vec<_>>()
    };
    Keyring::new(pairs(&auth.keys), pairs(&auth.stream_keys))
}
