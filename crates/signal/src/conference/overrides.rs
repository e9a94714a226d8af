//! What moderators have changed of people's permissions. It outlives a membership: who has lost a permission does not
//! have it back by joining again with the same token.

use std::collections::BTreeMap;

use plenum_model::Identity;
use plenum_model::limits::OVERRIDES;

use super::PermissionsChange;
use crate::room::Permissions;
use crate::{Problem, Slug};

/// The changes so far, each identity's in one.
#[derive(Debug, Default)]
pub(super) struct Overrides(BTreeMap<Identity, PermissionsChange>);

impl Overrides {
    /// Remembers a change, on top of earlier ones; 503 when there are too many.
    pub(super) fn note(&mut self, identity: &Identity, change: PermissionsChange) -> Result<(), Problem> {
        if self.0.len() >= OVERRIDES && !self.0.contains_key(identity) {
            let detail = format!("this room has changed the permissions of {OVERRIDES} already");
            return Err(Problem::new(Slug::Overloaded, detail));
        }
        let noted = self.0.entry(identity.clone()).or_default();
        *noted = noted.then(change);
        Ok(())
    }

    /// What comes of the permissions that somebody has by a token.
    pub(super) fn applied(&self, identity: &Identity, mut granted: Permissions) -> Permissions {
        if let Some(change) = self.0.get(identity) {
            change.apply(&mut granted);
        }
        granted
    }
}
