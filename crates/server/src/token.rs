//! `plenum token`: a JWT on stdout.

use std::time::SystemTime;

use plenum_signal::token::Issue;

use crate::cli::TokenArgs;
use crate::config::{Auth, ConfigError, Flags, load};

/// Makes the token, or says in one line why not.
pub fn make(
    args: &TokenArgs,
    environment: impl IntoIterator<Item = (String, String)>,
    now: SystemTime,
) -> Result<String, String> {
    let flags = Flags { file: args.config.clone(), ..Flags::default() };
    let config = load(&flags, environment).map_err(|error: ConfigError| error.to_string())?;
    let key = choose_key(&config.auth, args.key.as_deref())?;
    let keyring = crate::auth::keyring(&config.auth).map_err(|error| format!("auth: {error}"))?;
    let issue = Issue {
        key,
        identity: &args.identity,
        room: &args.room,
        publish: args.publish,
        subscribe: args.subscribe || !(args.publish || args.admin),
        admin: args.admin,
        ttl: args.ttl,
    };
    keyring.issue(now, &issue).ok_or_else(|| format!("there is no key {key:?} in auth.keys"))
}

fn choose_key<'a>(auth: &'a Auth, wanted: Option<&'a str>) -> Result<&'a str, String> {
    let mut names = auth.keys.keys();
    match (wanted, names.next(), names.next()) {
        (Some(name), ..) => Ok(name),
        (None, Some(only), None) => Ok(only),
        (None, None, _) => Err("there are no auth.keys to sign with: pass --config FILE, or set \
                                PLENUM_AUTH__KEYS=name=secret"
            .to_owned()),
        (None, Some(_), Some(_)) => {
            let names: Vec<&str> = auth.keys.keys().map(String::as_str).collect();
            Err(format!("auth.keys has several: choose one with --key ({})", names.join(", ")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{Cli, Task};
    use clap::Parser;
    use plenum_model::RoomName;
    use plenum_signal::Access;

    fn args(line: &str) -> TokenArgs {
        match Cli::try_parse_from(line.split(' ')).unwrap().command {
            Some(Task::Token(args)) => args,
            other => panic!("{other:?}"),
        }
    }

    fn keys(text: &str) -> [(String, String); 1] {
        [("PLENUM_AUTH__KEYS".to_owned(), text.to_owned())]
    }

    const ONE: &str = "devkey=a-secret-of-at-least-32-characters";

    #[test]
    fn a_token_grants_what_was_asked_for_and_no_more() {
        let now = SystemTime::now();
        let token = make(&args("plenum token --room demo --identity ada --publish"), keys(ONE), now).unwrap();
        let auth = load(&Flags::default(), keys(ONE)).unwrap().auth;
        let ring = crate::auth::keyring(&auth).unwrap();
        let demo = RoomName::parse("demo").unwrap();
        let grant = ring.authorize(now, Some(&token), Access::Publish(&demo)).unwrap();
        assert_eq!(grant.identity.unwrap().as_str(), "ada");
        assert!(ring.authorize(now, Some(&token), Access::Subscribe(&demo)).is_err());
        assert!(ring.authorize(now, Some(&token), Access::Publish(&RoomName::parse("x").unwrap())).is_err());
    }

    #[test]
    fn without_a_choice_of_key_it_says_what_to_do() {
        let make = |line: &str, environment: &[(String, String)]| {
            make(&args(line), environment.iter().cloned(), SystemTime::now())
        };
        let line = "plenum token --room demo --identity ada";
        assert!(make(line, &[]).unwrap_err().contains("--config"));
        let two = keys(&format!("{ONE},other=another-secret-of-at-least-32-characters"));
        assert!(make(line, &two).unwrap_err().contains("devkey, other"));
        assert!(make(&format!("{line} --key nobody"), &two).unwrap_err().contains("nobody"));
        assert!(make(&format!("{line} --key other"), &two).is_ok());
    }
}
