//! The keys, and the check of a bearer token against them.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use plenum_model::{Identity, RoomName};
use serde::Deserialize;
use subtle::ConstantTimeEq;

use super::claims::{Claims, VideoGrant};
use super::{Access, Grant, KeyringError};
use crate::{Problem, Slug};

/// Shortest secret, in characters: HS256 wants as many bits as its hash has (RFC 7518, section 3.2).
const SECRET_LENGTH: usize = 32;

/// The keys that tokens are signed with, and the stream keys. Without any key it is open: everybody
/// may do everything (dev mode), and `Authorization` is ignored.
#[derive(Clone, Default)]
pub struct Keyring {
    /// Secret by key name, which tokens carry as `iss`.
    keys: BTreeMap<String, String>,
    stream_keys: BTreeMap<RoomName, String>,
}

impl std::fmt::Debug for Keyring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Keyring({} keys, {} stream keys)", self.keys.len(), self.stream_keys.len())
    }
}

/// What [`Keyring::issue`] writes into a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issue<'a> {
    /// The key to sign with.
    pub key: &'a str,
    /// For whom.
    pub identity: &'a Identity,
    /// For which room.
    pub room: &'a RoomName,
    /// May send media and data.
    pub publish: bool,
    /// May receive media.
    pub subscribe: bool,
    /// May moderate the room, and make and list rooms.
    pub admin: bool,
    /// How long it can be used for admission.
    pub ttl: Duration,
}

/// Which stream key a bearer token is.
enum StreamKey {
    OfThisRoom,
    OfAnotherRoom,
    None,
}

impl Keyring {
    /// From `auth.keys` (name to secret) and `auth.stream_keys` (room to key) of the configuration.
    pub fn new<K, S>(keys: K, stream_keys: S) -> Result<Self, KeyringError>
    where
        K: IntoIterator<Item = (String, String)>,
        S: IntoIterator<Item = (String, String)>,
    {
        let mut ring = Self::default();
        for (name, secret) in keys {
            if name.is_empty() {
                return Err(KeyringError::NamelessKey);
            }
            if secret.chars().count() < SECRET_LENGTH {
                return Err(KeyringError::ShortSecret(name));
            }
            ring.keys.insert(name, secret);
        }
        for (name, key) in stream_keys {
            let room = match RoomName::parse(&name) {
                Ok(room) => room,
                Err(error) => return Err(KeyringError::StreamKeyRoom(name, error)),
            };
            if key.is_empty() || !key.bytes().all(|b| b.is_ascii_graphic()) {
                return Err(KeyringError::BadStreamKey(name));
            }
            ring.stream_keys.insert(room, key);
        }
        Ok(ring)
    }

    /// Whether there are no keys at all, so that everybody may do everything.
    pub fn is_open(&self) -> bool {
        self.keys.is_empty() && self.stream_keys.is_empty()
    }

    /// Checks a bearer token for `access` at `now`: 401 if it is missing, cannot be verified or is not
    /// valid now, 403 if it is for another room or lacks the grant.
    pub fn authorize(
        &self,
        now: SystemTime,
        bearer: Option<&str>,
        access: Access<'_>,
    ) -> Result<Grant, Problem> {
        if self.is_open() {
            return Ok(Grant::everything());
        }
        let Some(bearer) = bearer else {
            return Err(Problem::unauthorized_missing("this needs a bearer token"));
        };
        match (self.stream_key(bearer, access.room()), access) {
            (StreamKey::OfThisRoom, Access::Publish(room)) => return Ok(Grant::publish_only(room)),
            (StreamKey::OfThisRoom, _) => return Err(forbidden("a stream key is for publishing only")),
            (StreamKey::OfAnotherRoom, _) => return Err(forbidden("the stream key is for another room")),
            (StreamKey::None, _) => {}
        }
        let claims = self.verify(bearer)?;
        claims.check_time(now).map_err(Problem::unauthorized_invalid)?;
        if access.room().is_some_and(|room| !claims.video.is_for(room)) {
            return Err(forbidden("the token is for another room"));
        }
        if !claims.video.allows(access) {
            return Err(forbidden(&format!("the token does not grant {}", access.grant_name())));
        }
        claims.into_grant().map_err(Problem::unauthorized_invalid)
    }

    /// Checks a token sent along with a session URL, which is a capability of its own: none is fine,
    /// expiry does not matter any more, but one for another room is refused (403), and so is one that
    /// cannot be verified (401).
    pub fn authorize_session(&self, bearer: Option<&str>, room: &RoomName) -> Result<(), Problem> {
        let Some(bearer) = bearer.filter(|_| !self.is_open()) else { return Ok(()) };
        match self.stream_key(bearer, Some(room)) {
            StreamKey::OfThisRoom => return Ok(()),
            StreamKey::OfAnotherRoom => return Err(forbidden("the stream key is for another room")),
            StreamKey::None => {}
        }
        match self.verify(bearer)?.video.is_for(room) {
            true => Ok(()),
            false => Err(forbidden("the token is for another room")),
        }
    }

    /// Compares with every stream key, each in constant time: how long it takes says nothing about
    /// which one is close.
    fn stream_key(&self, bearer: &str, room: Option<&RoomName>) -> StreamKey {
        let mut found = StreamKey::None;
        for (owner, key) in &self.stream_keys {
            if bool::from(key.as_bytes().ct_eq(bearer.as_bytes())) {
                match Some(owner) == room {
                    true => found = StreamKey::OfThisRoom,
                    // Two rooms may share a key.
                    false if !matches!(found, StreamKey::OfThisRoom) => found = StreamKey::OfAnotherRoom,
                    false => {}
                }
            }
        }
        found
    }

    /// The claims of a token whose signature is right. Which part is wrong is not told.
    fn verify(&self, token: &str) -> Result<Claims, Problem> {
        let invalid = || Problem::unauthorized_invalid("the token cannot be verified");
        let secret = issuer(token).and_then(|issuer| self.keys.get(&issuer)).ok_or_else(invalid)?;
        let key = DecodingKey::from_secret(secret.as_bytes());
        jsonwebtoken::decode(token, &key, &validation()).map(|data| data.claims).map_err(|_| invalid())
    }

    /// Makes a token that is valid from `now` on. `None` if there is no such key.
    pub fn issue(&self, now: SystemTime, issue: &Issue<'_>) -> Option<String> {
        let secret = self.keys.get(issue.key)?;
        let now = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let claims = Claims {
            exp: now.saturating_add(issue.ttl.as_secs()).into(),
            nbf: Some(now.into()),
            iss: Some(issue.key.to_owned()),
            sub: Some(issue.identity.as_str().to_owned()),
            name: None,
            metadata: None,
            video: VideoGrant {
                room: Some(issue.room.as_str().to_owned()),
                room_join: true,
                room_create: issue.admin,
                room_list: issue.admin,
                room_admin: issue.admin,
                can_publish: Some(issue.publish),
                can_subscribe: Some(issue.subscribe),
                can_publish_data: Some(issue.publish),
                hidden: false,
            },
        };
        let key = EncodingKey::from_secret(secret.as_bytes());
        Some(jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &key).expect("HMAC of JSON"))
    }
}

/// HS256 and nothing else. Times are checked by [`Claims::check_time`], since `now` is an argument here.
fn validation() -> Validation {
    let mut validation = Validation::new(Algorithm::HS256);
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.validate_nbf = false;
    validation.validate_aud = false;
    validation
}

/// The `iss` of a token that is not verified yet: only good for choosing the key to verify it with.
fn issuer(token: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Issuer {
        iss: String,
    }
    jsonwebtoken::dangerous::insecure_decode::<Issuer>(token).ok().map(|data| data.claims.iss)
}

/// 403, as RFC 6750, section 3.1 has it.
fn forbidden(detail: &str) -> Problem {
    Problem::new(Slug::Forbidden, detail)
        .with_header(http::header::WWW_AUTHENTICATE, "Bearer error=\"insufficient_scope\"")
}
