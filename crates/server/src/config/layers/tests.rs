use std::io::Write;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use super::*;
use crate::config::LogFormat;

/// A configuration file that is gone at the end of the test.
struct TempFile(PathBuf);

impl TempFile {
    fn new(name: &str, text: &str) -> Self {
        let path = std::env::temp_dir().join(format!("plenum-config-{}-{name}", std::process::id()));
        std::fs::File::create(&path).unwrap().write_all(text.as_bytes()).unwrap();
        Self(path)
    }

    fn flags(&self) -> Flags {
        Flags { file: Some(self.0.clone()), ..Flags::default() }
    }
}

impl Drop for TempFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn env(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
}

fn error_of(result: Result<Config, ConfigError>) -> String {
    let text = result.unwrap_err().to_string();
    assert_eq!(text.lines().count(), 1, "not one line: {text}");
    text
}

#[test]
fn flags_win_over_environment_over_file_over_defaults() {
    let file = TempFile::new("order.toml", "[http]\nport = 1\n[admin]\nport = 2\n[media]\nport = 3\n");
    let environment = env(&[("PLENUM_ADMIN__PORT", "20"), ("PLENUM_MEDIA__PORT", "30")]);
    let flags = Flags { media_port: Some(300), ..file.flags() };
    let config = load(&flags, environment).unwrap();
    assert_eq!((config.http.port, config.admin.port, config.media.port), (1, 20, 300));
    assert_eq!(config.http.bind, IpAddr::from(Ipv4Addr::LOCALHOST));
}

#[test]
fn bind_moves_http_and_media_but_never_the_admin_listener() {
    let everywhere = IpAddr::from(Ipv4Addr::UNSPECIFIED);
    let config = load(&Flags { bind: Some(everywhere), ..Flags::default() }, []).unwrap();
    assert_eq!((config.http.bind, config.media.bind), (everywhere, everywhere));
    assert_eq!(config.admin.bind, IpAddr::from(Ipv4Addr::LOCALHOST));
}

#[test]
fn toml_and_yaml_say_the_same() {
    let toml = TempFile::new(
        "same.toml",
        "drain_timeout = \"2m\"\n[http]\ntrusted_proxies = [\"10.0.0.0/8\", \"192.0.2.1\"]\n\
         [media]\nshards = 3\nexternal_ip = [\"198.51.100.7\"]\nadvertise = [\"198.51.100.7:9000\"]\n\
         [auth]\nkeys = { DevKey = \"a-secret-of-at-least-32-characters\" }\n\
         stream_keys = { \"Room.1\" = \"key-for-obs\" }\n[log]\nformat = \"json\"\n",
    );
    let yaml = TempFile::new(
        "same.yaml",
        "drain_timeout: 2m\nhttp:\n  trusted_proxies: [10.0.0.0/8, 192.0.2.1]\n\
         media:\n  shards: 3\n  external_ip: [198.51.100.7]\n  advertise: [\"198.51.100.7:9000\"]\n\
         auth:\n  keys: {DevKey: a-secret-of-at-least-32-characters}\n\
         \x20 stream_keys: {Room.1: key-for-obs}\nlog: {format: json}\n",
    );
    let config = load(&toml.flags(), []).unwrap();
    assert_eq!(config, load(&yaml.flags(), []).unwrap());
    assert_eq!(config.drain_timeout, Duration::from_secs(120));
    assert_eq!(config.media.shards, Shards::Fixed(3));
    assert_eq!(config.http.trusted_proxies.len(), 2);
    assert_eq!(config.auth.keys["DevKey"].reveal(), "a-secret-of-at-least-32-characters");
    assert_eq!(config.auth.stream_keys["Room.1"].reveal(), "key-for-obs");
    assert_eq!(config.log.format, LogFormat::Json);
}

#[test]
fn an_unknown_key_is_an_error_that_names_it() {
    for (name, text, key) in [
        ("top.toml", "dran_timeout = \"1s\"\n", "dran_timeout"),
        ("deep.toml", "[http]\nprot = 1\n", "prot"),
        ("section.yaml", "htpp:\n  port: 1\n", "htpp"),
    ] {
        let file = TempFile::new(name, text);
        let error = error_of(load(&file.flags(), []));
        assert!(error.contains(key), "{error}");
    }
    for variable in ["PLENUM_HTTP__PROT", "PLENUM_HTPP__PORT", "PLENUM_HTTP__PORT__X"] {
        let error = error_of(load(&Flags::default(), env(&[(variable, "1")])));
        assert!(!error.is_empty());
    }
}

#[test]
fn a_bad_value_is_an_error_that_names_its_key() {
    for (variable, value, key) in [
        ("PLENUM_HTTP__PORT", "eighty", "http.port"),
        ("PLENUM_HTTP__PORT", "70000", "http.port"),
        ("PLENUM_HTTP__BIND", "localhost", "http.bind"),
        ("PLENUM_MEDIA__SHARDS", "0", "media.shards"),
        ("PLENUM_MEDIA__SHARDS", "many", "media.shards"),
        ("PLENUM_DRAIN_TIMEOUT", "soon", "drain_timeout"),
        ("PLENUM_HTTP__TRUSTED_PROXIES", "10.0.0.0/99", "http.trusted_proxies"),
        ("PLENUM_HTTP__ALLOWED_ORIGINS", "https://a/b", "http.allowed_origins"),
        ("PLENUM_ROOMS__MAX_PARTICIPANTS", "-1", "rooms.max_participants"),
        ("PLENUM_ROOMS__LOBBY", "perhaps", "rooms.lobby"),
        ("PLENUM_ROOMS__EMPTY_TIMEOUT", "soon", "rooms.empty_timeout"),
        ("PLENUM_LOG__FORMAT", "xml", "log.format"),
    ] {
        let error = error_of(load(&Flags::default(), env(&[(variable, value)])));
        assert!(error.contains(key), "{variable}={value}: {error}");
    }
}

#[test]
fn environment_lists_are_separated_by_commas() {
    let environment = env(&[
        ("PLENUM_MEDIA__EXTERNAL_IP", "198.51.100.7, 2001:db8::7"),
        ("PLENUM_HTTP__TRUSTED_PROXIES", "10.0.0.0/8"),
        ("PLENUM_HTTP__ALLOWED_ORIGINS", "https://a.example, http://127.0.0.1:3000"),
        ("PLENUM_AUTH__STREAM_KEYS", "demo=0012,Other.Room=b=c"),
        ("PLENUM_AUTH__STREAM_KEYS__THIRD", "00"),
        ("PLENUM_AUTH__KEYS__MixedCase", "a-secret-of-at-least-32-characters"),
    ]);
    let config = load(&Flags::default(), environment).unwrap();
    assert_eq!(config.media.external_ip.len(), 2);
    assert_eq!(config.http.trusted_proxies.len(), 1);
    assert_eq!(config.http.allowed_origins.len(), 2);
    assert_eq!(config.auth.stream_keys["demo"].reveal(), "0012");
    assert_eq!(config.auth.stream_keys["Other.Room"].reveal(), "b=c");
    assert_eq!(config.auth.stream_keys["third"].reveal(), "00");
    assert!(config.auth.keys.contains_key("MixedCase"));
}

#[test]
fn rooms_can_be_set_by_file_and_environment() {
    let file = TempFile::new("rooms.toml", "[rooms]\nlobby = true\nempty_timeout = \"1m\"\n");
    let environment =
        env(&[("PLENUM_ROOMS__MAX_PARTICIPANTS", "50"), ("PLENUM_ROOMS__AUTO_CREATE", "false")]);
    let rooms = load(&file.flags(), environment).unwrap().rooms;
    assert!(rooms.lobby && !rooms.auto_create);
    assert_eq!((rooms.max_participants, rooms.empty_timeout.as_secs()), (50, 60));
    assert_eq!(rooms.departure_timeout, Duration::from_secs(30));
    let later = TempFile::new("later.toml", "[rooms]\nplayout_delay = \"off\"\n");
    assert!(error_of(load(&later.flags(), [])).contains("playout_delay"), "it does nothing yet");
}

#[test]
fn variables_that_platforms_inject_are_left_alone() {
    let environment = env(&[
        ("PLENUM_PORT", "tcp://10.0.0.1:7880"),
        ("PLENUM_SERVICE_HOST", "10.0.0.1"),
        ("PLENUM_PORT_7880_TCP_ADDR", "10.0.0.1"),
        ("PLENUM_SEED", "7"),
        ("PATH", "/bin"),
    ]);
    assert_eq!(load(&Flags::default(), environment).unwrap(), Config::default());
}

#[test]
fn a_missing_or_oddly_named_file_is_one_line() {
    let missing = Flags { file: Some("/nonexistent/plenum.toml".into()), ..Flags::default() };
    assert!(error_of(load(&missing, [])).contains("plenum.toml"));
    let odd = Flags { file: Some("/etc/plenum.conf".into()), ..Flags::default() };
    assert!(error_of(load(&odd, [])).contains("plenum.conf"));
    let broken = TempFile::new("broken.toml", "[http\nport = 1\n");
    error_of(load(&broken.flags(), []));
}

#[test]
fn an_error_about_keys_does_not_repeat_the_secret() {
    let error = error_of(load(&Flags::default(), env(&[("PLENUM_AUTH__KEYS", "topsecretvalue")])));
    assert!(!error.contains("topsecretvalue"), "{error}");
}
