//! Who is kept out: for the room's life, or for a while after a kick. By identity: where there are no tokens, people
//! choose theirs, and a ban is no more than a hint.

use std::collections::BTreeMap;
use std::time::Instant;

use plenum_model::Identity;
use plenum_model::limits::{BANS, KICKED_FOR};

use crate::{Problem, Slug};

/// Until when somebody stays out.
#[derive(Debug, Clone, Copy)]
enum Until {
    TheEnd,
    Time(Instant),
}

/// The identities that are kept out.
#[derive(Debug, Default)]
pub(super) struct Bans(BTreeMap<Identity, Until>);

impl Bans {
    /// 403 for those who are kept out.
    pub(super) fn check(&self, now: Instant, identity: &Identity) -> Result<(), Problem> {
        match self.0.get(identity) {
            Some(Until::TheEnd) => Err(Problem::new(
                Slug::Banned,
                format!("{identity} was banned from this room by a moderator"),
            )),
            Some(Until::Time(until)) if *until > now => {
                let seconds = until.duration_since(now).as_secs() + 1;
                let detail =
                    format!("{identity} was removed by a moderator and may come back in {seconds} seconds");
                let seconds = u32::try_from(seconds).unwrap_or(u32::MAX);
                Err(Problem::new(Slug::Banned, detail).with_retry_after(seconds))
            }
            _ => Ok(()),
        }
    }

    /// For the room's life.
    pub(super) fn ban(&mut self, now: Instant, identity: &Identity) -> Result<(), Problem> {
        self.forget_expired(now);
        if self.0.len() >= BANS && !self.0.contains_key(identity) {
            return Err(Problem::new(Slug::Overloaded, format!("this room has banned {BANS} already")));
        }
        self.0.insert(identity.clone(), Until::TheEnd);
        Ok(())
    }

    /// For [`KICKED_FOR`]. When there is no room for it, the kick itself has to do.
    pub(super) fn keep_out(&mut self, now: Instant, identity: &Identity) {
        self.forget_expired(now);
        let banned = matches!(self.0.get(identity), Some(Until::TheEnd));
        if !banned && self.0.len() < BANS {
            self.0.insert(identity.clone(), Until::Time(now + KICKED_FOR));
        }
    }

    /// Lets somebody come again. Whether they were kept out.
    pub(super) fn lift(&mut self, identity: &Identity) -> bool {
        self.0.remove(identity).is_some()
    }

    fn forget_expired(&mut self, now: Instant) {
        self.0.retain(|_, until| !matches!(until, Until::Time(time) if *time <= now));
    }
}
