//! What a conference wants done: messages to sockets, orders to the media plane. Nothing happens in here but
//! queueing; the server carries it out, in this order.

use std::collections::VecDeque;
use std::sync::Arc;

use plenum_model::{Allowed, CloseReason, Identity, Place, RemoteCandidate, SlotDemand};

use crate::room::{ClosedReason, ServerMessage};

/// The server's number of a WebSocket. Never used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SocketId(pub u64);

/// WebSocket close code (RFC 6455, section 7.4.1) after `closed`: nothing went wrong.
pub const NORMAL_CLOSURE: u16 = 1000;
/// WebSocket close code after an `error` that refuses a join.
pub const POLICY_VIOLATION: u16 = 1008;

/// One thing to do. Tracks are the engine's numbers here. Places may be gone already: then there is nothing to do.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Send a text message.
    Send {
        /// To whom.
        socket: SocketId,
        /// One JSON object; the same text is shared by everybody who is sent it.
        text: Arc<str>,
    },
    /// Close a WebSocket once it has taken what it was sent. The conference does not know it any more:
    /// [`super::Conference::socket_lost`] is not needed, and does nothing.
    HangUp {
        /// Which.
        socket: SocketId,
        /// The close code.
        code: u16,
    },
    /// End a media session.
    EndMedia {
        /// Whose.
        place: Place,
        /// Why.
        reason: CloseReason,
    },
    /// End the WHEP sessions of an identity, which are nobody's here. It may have none.
    EndViewers {
        /// Of its token.
        identity: Identity,
    },
    /// Forward nothing of a track, or go on to do so.
    Mute {
        /// Whose.
        place: Place,
        /// Which.
        track: u32,
        /// Or unmuted.
        muted: bool,
    },
    /// Show a track in a slot, or leave the slot to the room.
    Pin {
        /// Whose slot.
        place: Place,
        /// Which, by its line.
        mid: String,
        /// Which track.
        track: Option<u32>,
    },
    /// What a slot is good for.
    Demand {
        /// Whose slot.
        place: Place,
        /// Which, by its line.
        mid: String,
        /// How large it is shown.
        demand: SlotDemand,
    },
    /// What a participant may do from now on.
    Allow {
        /// Who.
        place: Place,
        /// What.
        allowed: Allowed,
    },
    /// Candidates that were found after the offer. Whether they may be checked is for the server to decide.
    AddCandidates {
        /// Whose.
        place: Place,
        /// Where it may be reached.
        candidates: Vec<RemoteCandidate>,
    },
    /// The conference is over: the last effect. Whoever comes now needs a new one.
    Closed,
}

/// What waits to be carried out. It is emptied after every call, so its bound is what one call can cause: a few
/// messages per member.
#[derive(Debug, Default)]
pub(super) struct Outbox(VecDeque<Effect>);

impl Outbox {
    pub(super) fn push(&mut self, effect: Effect) {
        self.0.push_back(effect);
    }

    pub(super) fn pop(&mut self) -> Option<Effect> {
        self.0.pop_front()
    }

    pub(super) fn send(&mut self, socket: SocketId, message: &ServerMessage) {
        self.push(Effect::Send { socket, text: message.to_text() });
    }

    /// The same to many: written once.
    pub(super) fn send_to_all(&mut self, sockets: impl Iterator<Item = SocketId>, message: &ServerMessage) {
        let mut text = None;
        for socket in sockets {
            let text = text.get_or_insert_with(|| message.to_text()).clone();
            self.push(Effect::Send { socket, text });
        }
    }

    /// The last that a socket gets.
    pub(super) fn close(&mut self, socket: SocketId, reason: ClosedReason) {
        self.send(socket, &ServerMessage::Closed { reason });
        self.push(Effect::HangUp { socket, code: NORMAL_CLOSURE });
    }
}
