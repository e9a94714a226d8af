//! Where the configuration comes from: flags over environment over file over defaults.
//!
//! A variable is ours when its name holds a section, as in `PLENUM_HTTP__PORT`; of the others only
//! `PLENUM_DRAIN_TIMEOUT` is. Container platforms put variables like `PLENUM_PORT` or
//! `PLENUM_SERVICE_HOST` into every environment, and those must not stop a server.

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use ::config::{File, FileFormat, Map, Source, Value, ValueKind};

use super::{Config, Shards};

/// What the command line can set.
#[derive(Debug, Clone, Default)]
pub struct Flags {
    /// `--config`.
    pub file: Option<PathBuf>,
    /// `--dev`.
    pub dev: bool,
    /// `--bind`: HTTP and media.
    pub bind: Option<IpAddr>,
    /// `--http-port`.
    pub http_port: Option<u16>,
    /// `--admin-port`.
    pub admin_port: Option<u16>,
    /// `--media-port`.
    pub media_port: Option<u16>,
    /// `--shards`.
    pub shards: Option<Shards>,
    /// `--external-ip`.
    pub external_ip: Vec<IpAddr>,
}

/// Why there is no configuration: one line for the person who wrote it.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ConfigError(String);

impl ConfigError {
    /// With this line.
    pub fn new(line: String) -> Self {
        Self(line)
    }
}

/// Puts the configuration together. `environment` is usually [`std::env::vars`].
pub fn load(
    flags: &Flags,
    environment: impl IntoIterator<Item = (String, String)>,
) -> Result<Config, ConfigError> {
    let mut builder = ::config::Config::builder();
    if let Some(path) = &flags.file {
        builder = builder.add_source(File::from(path.as_path()).format(format_of(path)?));
    }
    let merged = builder
        .add_source(read_environment(environment)?)
        .build()
        .map_err(|error| ConfigError(one_line(&error)))?;
    let mut config: Config = merged.try_deserialize().map_err(|error| ConfigError(one_line(&error)))?;
    apply_flags(flags, &mut config);
    Ok(config)
}

fn format_of(path: &Path) -> Result<FileFormat, ConfigError> {
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("toml") => Ok(FileFormat::Toml),
        Some("yaml" | "yml") => Ok(FileFormat::Yaml),
        _ => Err(ConfigError(format!("{}: expected a file named *.toml, *.yaml or *.yml", path.display()))),
    }
}

/// Parsers point at the place in the text over several lines.
fn one_line(error: &::config::ConfigError) -> String {
    error.to_string().lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ")
}

fn apply_flags(flags: &Flags, config: &mut Config) {
    fn set<T: Clone>(target: &mut T, value: &Option<T>) {
        if let Some(value) = value {
            *target = value.clone();
        }
    }
    set(&mut config.http.bind, &flags.bind);
    set(&mut config.media.bind, &flags.bind);
    set(&mut config.http.port, &flags.http_port);
    set(&mut config.admin.port, &flags.admin_port);
    set(&mut config.media.port, &flags.media_port);
    set(&mut config.media.shards, &flags.shards);
    if !flags.external_ip.is_empty() {
        config.media.external_ip.clone_from(&flags.external_ip);
    }
}

/// The environment as a layer of the configuration.
#[derive(Debug, Clone, Default)]
struct Environment(Map<String, Value>);

impl Source for Environment {
    fn clone_into_box(&self) -> Box<dyn Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<Map<String, Value>, ::config::ConfigError> {
        Ok(self.0.clone())
    }
}

fn read_environment(
    variables: impl IntoIterator<Item = (String, String)>,
) -> Result<Environment, ConfigError> {
    let mut layer = Environment::default();
    for (name, text) in variables {
        let Some(path) = name.strip_prefix("PLENUM_") else { continue };
        let segments: Vec<&str> = path.split("__").collect();
        if segments.len() == 1 && path != "DRAIN_TIMEOUT" {
            continue;
        }
        let keys: Vec<String> = segments.iter().map(|segment| key_of(segment)).collect();
        let value = read_variable(&name, &keys, &text)?;
        insert(&mut layer.0, &keys, value)
            .ok_or_else(|| ConfigError(format!("{name} contradicts another variable")))?;
    }
    Ok(layer)
}

/// Variables are upper-case by custom and keys lower-case; a name in mixed case (of an API key, of a
/// room) is kept as it is.
fn key_of(segment: &str) -> String {
    match segment.chars().any(|c| c.is_ascii_lowercase()) {
        true => segment.to_owned(),
        false => segment.to_ascii_lowercase(),
    }
}

/// Texts stay texts, so that a stream key of digits keeps its zeros; numbers are read by their field.
fn read_variable(name: &str, keys: &[String], text: &str) -> Result<Value, ConfigError> {
    let origin = name.to_owned();
    let value = |text: &str| Value::new(Some(&origin), ValueKind::String(text.trim().to_owned()));
    let items = || text.split(',').map(str::trim).filter(|item| !item.is_empty());
    Ok(match keys.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["http", "trusted_proxies" | "allowed_origins"] | ["media", "external_ip" | "advertise"] => {
            Value::new(Some(&origin), ValueKind::Array(items().map(value).collect()))
        }
        ["auth", "keys" | "stream_keys"] => {
            let pairs = items().map(|item| {
                let (key, secret) = item.split_once('=').ok_or_else(|| {
                    // Without the item: it may be the secret.
                    ConfigError(format!("{name}: expected name=secret pairs separated by commas"))
                })?;
                Ok((key.trim().to_owned(), value(secret)))
            });
            Value::new(Some(&origin), ValueKind::Table(pairs.collect::<Result<_, ConfigError>>()?))
        }
        _ => value(text),
    })
}

/// Puts `value` at the end of the path. `None` where a value is in the way of a table.
fn insert(table: &mut Map<String, Value>, keys: &[String], value: Value) -> Option<()> {
    let (first, rest) = keys.split_first()?;
    if rest.is_empty() {
        return match (table.get_mut(first), value.kind) {
            (Some(Value { kind: ValueKind::Table(there), .. }), ValueKind::Table(more)) => {
                there.extend(more);
                Some(())
            }
            (Some(_), _) => None,
            (None, kind) => {
                table.insert(first.clone(), Value::new(None, kind));
                Some(())
            }
        };
    }
    let inner = table.entry(first.clone()).or_insert_with(|| Value::new(None, ValueKind::Table(Map::new())));
    match &mut inner.kind {
        ValueKind::Table(inner) => insert(inner, rest, value),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
