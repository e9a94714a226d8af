//! The chat so far, for those who come later. It is bounded in messages and in bytes; the oldest go.

use std::collections::VecDeque;

use plenum_model::limits::{CHAT_BYTES, CHAT_ENTRIES};

use crate::room::ChatEntry;

/// The last messages.
#[derive(Debug, Default)]
pub(super) struct History {
    entries: VecDeque<ChatEntry>,
    /// Of all payloads.
    bytes: usize,
}

impl History {
    pub(super) fn push(&mut self, entry: ChatEntry) {
        self.bytes += size(&entry);
        self.entries.push_back(entry);
        while self.entries.len() > CHAT_ENTRIES || self.bytes > CHAT_BYTES {
            let Some(oldest) = self.entries.pop_front() else { break };
            self.bytes -= size(&oldest);
        }
    }

    /// The oldest first.
    pub(super) fn entries(&self) -> Vec<ChatEntry> {
        self.entries.iter().cloned().collect()
    }
}

fn size(entry: &ChatEntry) -> usize {
    entry.payload.get().len()
}
