//! The lobby: who waits to be let in. They are not members: they see nobody but themselves, can do nothing but leave, and
//! do not count.

use plenum_model::Identity;
use plenum_model::limits::LOBBY;

use super::allowance::Allowance;
use super::{Arrival, Entrant, SocketId};
use crate::room::Waiting;
use crate::{Problem, Slug};

/// Somebody who waits.
pub(super) struct Visitor {
    pub(super) entrant: Entrant,
    pub(super) arrival: Arrival,
    pub(super) secret: [u8; 16],
    pub(super) allowance: Allowance,
}

impl Visitor {
    pub(super) fn view(&self) -> Waiting {
        Waiting {
            identity: self.entrant.identity.to_string(),
            name: self.entrant.name.value.as_str().to_owned(),
        }
    }
}

/// Everybody who waits, in the order of coming.
#[derive(Default)]
pub(super) struct Lobby(Vec<Visitor>);

impl Lobby {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// 503 when so many wait that nobody could look through them.
    pub(super) fn check_space(&self) -> Result<(), Problem> {
        match self.0.len() < LOBBY {
            true => Ok(()),
            false => {
                Err(Problem::new(Slug::Overloaded, format!("{LOBBY} people wait already"))
                    .with_retry_after(10))
            }
        }
    }

    pub(super) fn push(&mut self, visitor: Visitor) {
        self.0.push(visitor);
    }

    pub(super) fn take(&mut self, identity: &Identity) -> Option<Visitor> {
        let index = self.0.iter().position(|visitor| visitor.entrant.identity == *identity)?;
        Some(self.0.remove(index))
    }

    pub(super) fn take_socket(&mut self, socket: SocketId) -> Option<Visitor> {
        let index = self.0.iter().position(|visitor| visitor.arrival.socket == socket)?;
        Some(self.0.remove(index))
    }

    pub(super) fn take_all(&mut self) -> Vec<Visitor> {
        std::mem::take(&mut self.0)
    }

    pub(super) fn on_socket(&mut self, socket: SocketId) -> Option<&mut Visitor> {
        self.0.iter_mut().find(|visitor| visitor.arrival.socket == socket)
    }

    pub(super) fn get(&self, identity: &Identity) -> Option<&Visitor> {
        self.0.iter().find(|visitor| visitor.entrant.identity == *identity)
    }

    pub(super) fn contains(&self, identity: &Identity) -> bool {
        self.get(identity).is_some()
    }

    pub(super) fn sockets(&self) -> impl Iterator<Item = SocketId> {
        self.0.iter().map(|visitor| visitor.arrival.socket)
    }

    pub(super) fn views(&self) -> Vec<Waiting> {
        self.0.iter().map(Visitor::view).collect()
    }
}
