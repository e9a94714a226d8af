//! What sessions show to be let in: nothing, one token for all, or a token each, made with the server's key.

use std::time::{Duration, SystemTime};

use plenum_model::{Identity, RoomName};
use plenum_signal::token::{Issue, Keyring};

use crate::args::Args;

/// Admission may come late in a long run; it is what `exp` counts for.
const TTL: Duration = Duration::from_secs(24 * 3_600);

/// How to get in.
#[derive(Clone)]
pub(crate) enum Credentials {
    /// The server asks for none.
    None,
    /// The same for everybody.
    Token(String),
    /// One for each, signed with the key of this name.
    Key(Box<Keyring>, String),
}

/// What a token is asked to allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// WHIP.
    Publish,
    /// WHEP.
    Watch,
    /// The room protocol.
    TakePart,
}

impl Credentials {
    /// As `args` say. An unusable key is an error before anybody joins.
    pub(crate) fn new(args: &Args) -> Result<Self, String> {
        match (&args.token, &args.key) {
            (Some(token), _) => Ok(Self::Token(token.clone())),
            (None, Some(key)) => {
                let keys = [(key.name.clone(), key.secret.clone())];
                let ring = Keyring::new(keys, []).map_err(|e| format!("--key: {e}"))?;
                Ok(Self::Key(Box::new(ring), key.name.clone()))
            }
            (None, None) => Ok(Self::None),
        }
    }

    /// The token for `identity` in `room`.
    pub(crate) fn token(
        &self,
        room: &str,
        identity: &str,
        purpose: Purpose,
    ) -> Result<Option<String>, String> {
        let (ring, key) = match self {
            Self::None => return Ok(None),
            Self::Token(token) => return Ok(Some(token.clone())),
            Self::Key(ring, key) => (ring, key),
        };
        let issue = Issue {
            key,
            identity: &Identity::parse(identity).map_err(|e| format!("{identity}: {e}"))?,
            room: &RoomName::parse(room).map_err(|e| format!("{room}: {e}"))?,
            publish: purpose != Purpose::Watch,
            subscribe: purpose != Purpose::Publish,
            admin: false,
            ttl: TTL,
        };
        Ok(ring.issue(SystemTime::now(), &issue))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;
    use plenum_signal::token::Access;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        args: Args,
    }

    fn credentials(line: &str) -> Result<Credentials, String> {
        Credentials::new(&Cli::parse_from(std::iter::once("load").chain(line.split(' '))).args)
    }

    #[test]
    fn everybody_gets_a_token_of_their_own_that_the_server_takes() {
        let secret = "a-secret-of-at-least-32-characters";
        let credentials = credentials(&format!("--key devkey:{secret}")).unwrap();
        let token = credentials.token("bench", "member-7", Purpose::TakePart).unwrap().unwrap();
        let ring = Keyring::new([("devkey".to_owned(), secret.to_owned())], []).unwrap();
        let room = RoomName::parse("bench").unwrap();
        let grant = ring.authorize(SystemTime::now(), Some(&token), Access::Join(&room)).unwrap();
        assert_eq!(grant.identity.unwrap().as_str(), "member-7");
        assert!(grant.can_publish && grant.can_subscribe && !grant.admin);
    }

    #[test]
    fn a_key_that_cannot_sign_is_told_at_once() {
        assert!(credentials("--key devkey:short").err().unwrap().contains("--key"));
    }
}
