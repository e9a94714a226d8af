//! Who wants in: what a token vouches for and what a client says of itself, put together.

use plenum_model::{DisplayName, Identity};

use super::SocketId;
use super::settings::check_metadata;
use crate::room::{Join, Permissions, RequestId};
use crate::{Grant, Problem, Slug};

/// Characters of an identity that come from the display name.
const FROM_NAME: usize = 64;
/// What identities without a name are made from.
const NAMELESS: &str = "guest";

/// Something that its owner may change unless a token says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Claimed<T> {
    pub(super) value: T,
    /// Whether it stands in the token: then whoever issued that answers for it.
    pub(super) vouched: bool,
}

/// Somebody at the door.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entrant {
    pub(super) identity: Identity,
    pub(super) name: Claimed<DisplayName>,
    pub(super) metadata: Claimed<String>,
    pub(super) permissions: Permissions,
    /// Whether a token stands behind it at all.
    pub(super) vouched: bool,
    /// Whether that token says who it is.
    pub(super) named: bool,
}

impl Entrant {
    /// From the `grant` of a token and what `join` says; the token wins. `suffix`, a few random characters,
    /// tells people apart who say nothing of themselves but the same name.
    pub fn new(grant: Grant, join: &Join, suffix: &str) -> Result<Self, Problem> {
        let permissions = permissions(&grant);
        let (vouched, named) = (grant.vouched, grant.identity.is_some());
        let identity = identity(&grant, join, suffix)?;
        let name = claimed(grant.name, join.name.as_ref())
            .unwrap_or_else(|| Claimed { value: name_of(&identity), vouched: false });
        let metadata = claimed(grant.metadata, join.metadata.as_ref())
            .unwrap_or(Claimed { value: String::new(), vouched: false });
        check_metadata(&metadata.value)?;
        Ok(Self { identity, name, metadata, permissions, vouched, named })
    }

    /// Who it is.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }
}

/// The socket that somebody comes on.
#[derive(Debug, Clone, PartialEq)]
pub struct Arrival {
    /// Which.
    pub socket: SocketId,
    /// What the client calls its `join`.
    pub id: Option<RequestId>,
    /// For `welcome`: an array in the form of `RTCConfiguration.iceServers`.
    pub ice_servers: serde_json::Value,
}

/// What people call somebody without a name.
pub(super) fn name_of(identity: &Identity) -> DisplayName {
    DisplayName::parse(identity.as_str()).expect("identities are visible ASCII of the same length")
}

/// What a token allows, before anybody has changed it.
pub(super) fn permissions(grant: &Grant) -> Permissions {
    Permissions {
        can_publish: grant.can_publish,
        can_subscribe: grant.can_subscribe,
        can_publish_data: grant.can_publish_data,
        admin: grant.admin,
        hidden: grant.hidden,
    }
}

fn claimed<T: Clone>(vouched: Option<T>, own: Option<&T>) -> Option<Claimed<T>> {
    match vouched {
        Some(value) => Some(Claimed { value, vouched: true }),
        None => own.map(|value| Claimed { value: value.clone(), vouched: false }),
    }
}

/// Who it is. A token that names nobody is no right to be whom one likes: then what `join` says of it is passed over.
fn identity(grant: &Grant, join: &Join, suffix: &str) -> Result<Identity, Problem> {
    match (&grant.identity, &join.identity) {
        (Some(own), Some(asked)) if own != asked => {
            let detail = format!("the token is for {own}, the message says {asked}");
            Err(Problem::new(Slug::IdentityMismatch, detail))
        }
        (Some(own), _) => Ok(own.clone()),
        (None, Some(asked)) if !grant.vouched => Ok(asked.clone()),
        (None, _) => Ok(identity_from(join.name.as_ref(), suffix)),
    }
}

/// `ada-lovelace-x7k2`: letters and digits of the name that an identity may have, and the suffix.
fn identity_from(name: Option<&DisplayName>, suffix: &str) -> Identity {
    let mut text = String::new();
    for letter in name.map_or("", DisplayName::as_str).chars() {
        match letter {
            _ if text.len() >= FROM_NAME => break,
            'a'..='z' | 'A'..='Z' | '0'..='9' => text.push(letter.to_ascii_lowercase()),
            _ if !text.is_empty() && !text.ends_with('-') => text.push('-'),
            _ => {}
        }
    }
    let stem = match text.trim_end_matches('-') {
        "" => NAMELESS,
        stem => stem,
    };
    Identity::parse(&format!("{stem}-{suffix}"))
        .unwrap_or_else(|_| Identity::parse(NAMELESS).expect("a valid identity"))
}
