//! The effective configuration as a file that could be read again, but for its masked secrets.

use super::Config;

impl Config {
    /// TOML, secrets masked.
    pub fn show(&self) -> String {
        toml::to_string(self).expect("every key can be written as TOML")
    }
}

#[cfg(test)]
mod tests {
    use crate::config::{Config, Flags, load};

    #[test]
    fn what_is_shown_masks_secrets_and_can_be_read_again() {
        let secret = "a-secret-of-at-least-32-characters";
        let environment = [
            ("PLENUM_AUTH__KEYS__devkey".to_owned(), secret.to_owned()),
            ("PLENUM_AUTH__STREAM_KEYS__demo".to_owned(), "key-for-obs".to_owned()),
            ("PLENUM_HTTP__TRUSTED_PROXIES".to_owned(), "10.0.0.0/8".to_owned()),
        ];
        let shown = load(&Flags::default(), environment).unwrap().show();
        assert!(!shown.contains(secret) && !shown.contains("key-for-obs"), "{shown}");
        let again: Config = toml::from_str(&shown).unwrap();
        assert_eq!(again.auth.keys["devkey"].reveal(), "********");
        assert_eq!(again.drain_timeout, Config::default().drain_timeout);
    }
}
