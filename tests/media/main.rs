//! Media through the release binary, with native clients: nothing lost without loss, next to nothing with
//! it, nothing left behind, nothing disturbed by garbage; rooms whose slots hold what they are said to.
//!
//! Tests that measure take the machine for themselves ([`alone`]); the others share it ([`together`]).

mod accounting;
mod churn;
mod forwarding;
mod garbage;
mod load;
mod loss;
mod reaping;
mod rooms;

use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

static MACHINE: RwLock<()> = RwLock::new(());

/// For a test that measures.
fn alone() -> RwLockWriteGuard<'static, ()> {
    MACHINE.write().unwrap_or_else(PoisonError::into_inner)
}

/// For a test that mostly waits.
fn together() -> RwLockReadGuard<'static, ()> {
    MACHINE.read().unwrap_or_else(PoisonError::into_inner)
}
