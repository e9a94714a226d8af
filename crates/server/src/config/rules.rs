//! Which configurations a server refuses to start with, and why.

use std::net::{IpAddr, SocketAddr};

use super::{Auth, Config, ConfigError, Flags};

/// How careful to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mode {
    /// Dev mode: conveniences for someone at this machine, such as SIGINT ending at once.
    pub dev: bool,
    /// No keys: everybody may do everything.
    pub open: bool,
}

impl Mode {
    /// Dev mode is asked for, or follows from having neither a file nor keys. Keys enforce tokens, dev
    /// or not; without keys it takes dev mode, and on other than loopback addresses an explicit `--dev`.
    pub fn of(config: &Config, flags: &Flags) -> Result<Self, ConfigError> {
        let open = config.auth.is_open();
        let dev = flags.dev || (flags.file.is_none() && open);
        if open && !dev {
            return Err(ConfigError::new(
                "no auth.keys and no auth.stream_keys: anybody could publish and watch; set keys, or pass \
                 --dev to run open"
                    .to_owned(),
            ));
        }
        let reachable = [("http.bind", config.http.bind), ("media.bind", config.media.bind)]
            .into_iter()
            .find(|(_, address)| !address.is_loopback());
        match reachable {
            Some((key, address)) if open && !flags.dev => Err(ConfigError::new(format!(
                "{key} = {address} is reachable from elsewhere and there are no auth.keys: anybody could \
                 publish and watch; set keys, or pass --dev to run open"
            ))),
            _ => Ok(Self { dev, open }),
        }
    }
}

impl Config {
    /// Refuses what cannot work whatever the machine: overlapping or overflowing ports, unusable
    /// addresses and keys. `cores` decides how many shards `"auto"` is.
    pub fn check(&self, cores: usize) -> Result<(), ConfigError> {
        let shards = self.media.shards.count(cores);
        let error = |text: String| Err(ConfigError::new(text));
        if let Some(text) = port_overflow("media.port", self.media.port, shards) {
            return error(text);
        }
        for address in &self.media.advertise {
            if address.port() == 0 {
                return error(format!("media.advertise: {address} needs a port"));
            }
            if let Some(text) = port_overflow("media.advertise", address.port(), shards) {
                return error(text);
            }
        }
        let advertised = self.media.advertise.iter().map(SocketAddr::ip);
        if let Some(ip) = advertised.chain(self.media.external_ip.iter().copied()).find(is_unusable) {
            return error(format!(
                "{ip} cannot be reached by anybody: media.external_ip and media.advertise \
                                  take addresses of single hosts"
            ));
        }
        match self.overlap(shards) {
            Some(text) => error(text),
            None => self.auth.check(),
        }
    }

    /// Two listeners on one port. Media takes its ports over TCP as well.
    fn overlap(&self, shards: u16) -> Option<String> {
        let one = |name, bind, port: u16| (name, bind, u32::from(port), u32::from(port));
        let first = u32::from(self.media.port);
        let listeners = [
            one("http.port", self.http.bind, self.http.port),
            one("admin.port", self.admin.bind, self.admin.port),
            ("media.port", self.media.bind, first, first + u32::from(shards) - 1),
        ];
        let pairs = [(0, 1), (0, 2), (1, 2)].map(|(a, b)| (listeners[a], listeners[b]));
        pairs.into_iter().find_map(|((a, a_ip, a_low, a_high), (b, b_ip, b_low, b_high))| {
            let chosen_by_us = a_low != 0 && b_low != 0;
            let same_port = a_low.max(b_low) <= a_high.min(b_high);
            (chosen_by_us && same_port && same_interface(a_ip, b_ip)).then(|| {
                let range = |low, high| if low == high { format!("{low}") } else { format!("{low}-{high}") };
                format!("{a} {} overlaps {b} {}", range(a_low, a_high), range(b_low, b_high))
            })
        })
    }
}

impl Auth {
    fn check(&self) -> Result<(), ConfigError> {
        crate::auth::keyring(self).map(|_| ()).map_err(|error| ConfigError::new(format!("auth: {error}")))
    }
}

fn port_overflow(key: &str, port: u16, shards: u16) -> Option<String> {
    (u32::from(port) + u32::from(shards) - 1 > u32::from(u16::MAX))
        .then(|| format!("{key} = {port} leaves no room for {shards} shards below port 65536"))
}

fn is_unusable(ip: &IpAddr) -> bool {
    ip.is_unspecified() || ip.is_multicast()
}

fn same_interface(a: IpAddr, b: IpAddr) -> bool {
    a == b || a.is_unspecified() || b.is_unspecified()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Shards, load};

    fn config(edit: impl FnOnce(&mut Config)) -> Config {
        let mut config = Config::default();
        edit(&mut config);
        config
    }

    fn with_key() -> Auth {
        let secret = "PLENUM_AUTH__KEYS__devkey".to_owned();
        let value = "a-secret-of-at-least-32-characters".to_owned();
        load(&Flags::default(), [(secret, value)]).unwrap().auth
    }

    fn anywhere(config: &mut Config) {
        config.http.bind = "0.0.0.0".parse().unwrap();
    }

    fn file() -> Flags {
        Flags { file: Some("plenum.toml".into()), ..Flags::default() }
    }

    fn dev() -> Flags {
        Flags { dev: true, ..Flags::default() }
    }

    #[test]
    fn a_bare_start_is_open_dev_mode_on_loopback() {
        assert_eq!(Mode::of(&Config::default(), &Flags::default()).unwrap(), Mode { dev: true, open: true });
    }

    #[test]
    fn a_file_without_keys_refuses_to_start_unless_dev_is_asked_for() {
        assert!(Mode::of(&Config::default(), &file()).unwrap_err().to_string().contains("auth.keys"));
        let asked = Flags { dev: true, ..file() };
        assert_eq!(Mode::of(&Config::default(), &asked).unwrap(), Mode { dev: true, open: true });
    }

    #[test]
    fn open_to_the_network_takes_an_explicit_dev() {
        let open = config(anywhere);
        assert!(Mode::of(&open, &Flags::default()).unwrap_err().to_string().contains("0.0.0.0"));
        assert_eq!(Mode::of(&open, &dev()).unwrap(), Mode { dev: true, open: true });
        let media = config(|c| c.media.bind = "192.0.2.1".parse().unwrap());
        assert!(Mode::of(&media, &Flags::default()).unwrap_err().to_string().contains("media.bind"));
    }

    #[test]
    fn keys_enforce_tokens_dev_or_not() {
        let keyed = config(|c| {
            anywhere(c);
            c.auth = with_key();
        });
        assert_eq!(Mode::of(&keyed, &Flags::default()).unwrap(), Mode { dev: false, open: false });
        assert_eq!(Mode::of(&keyed, &file()).unwrap(), Mode { dev: false, open: false });
        assert_eq!(Mode::of(&keyed, &dev()).unwrap(), Mode { dev: true, open: false });
    }

    #[test]
    fn overlapping_ports_are_refused_where_the_addresses_meet() {
        let refused = |edit: fn(&mut Config)| config(edit).check(2).map_err(|error| error.to_string());
        assert_eq!(refused(|c| c.admin.port = 7880).unwrap_err(), "http.port 7880 overlaps admin.port 7880");
        let media = refused(|c| {
            c.media.port = 7879;
            c.media.shards = Shards::Fixed(4);
        });
        assert_eq!(media.unwrap_err(), "http.port 7880 overlaps media.port 7879-7882");
        let wildcard = refused(|c| {
            c.admin.port = 7880;
            c.admin.bind = "0.0.0.0".parse().unwrap();
        });
        assert!(wildcard.is_err());
        let elsewhere = refused(|c| {
            c.admin.port = 7880;
            c.admin.bind = "127.0.0.2".parse().unwrap();
        });
        assert_eq!(elsewhere, Ok(()));
        let chosen_by_the_system = refused(|c| {
            (c.http.port, c.admin.port, c.media.port) = (0, 0, 0);
            c.media.shards = Shards::Fixed(8);
        });
        assert_eq!(chosen_by_the_system, Ok(()));
        assert_eq!(refused(|_| ()), Ok(()));
    }

    #[test]
    fn ports_beyond_65535_and_unusable_addresses_are_refused() {
        let check = |edit: fn(&mut Config)| config(edit).check(2);
        let overflow = |c: &mut Config| {
            c.media.port = 65_535;
            c.media.shards = Shards::Fixed(2);
        };
        assert!(check(overflow).is_err());
        assert!(check(|c| c.media.port = 65_535).is_ok());
        assert!(check(|c| c.media.advertise = vec!["198.51.100.7:0".parse().unwrap()]).is_err());
        assert!(check(|c| c.media.external_ip = vec!["0.0.0.0".parse().unwrap()]).is_err());
    }

    #[test]
    fn auto_is_half_the_cores_and_never_none() {
        assert_eq!([1, 2, 3, 8, 10_000].map(|cores| Shards::Auto.count(cores)), [1, 1, 1, 4, Shards::MAX]);
    }
}
