//! Messages that wait for one receiver on one topic. Whoever takes them in too slowly loses the oldest, and nobody
//! else waits for it.

use std::collections::VecDeque;

use super::Message;
use crate::Seat;

/// A bounded queue that drops its oldest message when it is full.
#[derive(Debug)]
pub struct DataQueue {
    waiting: VecDeque<(Seat, Message)>,
    bytes: usize,
    max_bytes: usize,
    max_messages: usize,
    dropped: u64,
}

impl DataQueue {
    /// An empty queue with its limits.
    pub fn new(max_bytes: usize, max_messages: usize) -> Self {
        Self { waiting: VecDeque::new(), bytes: 0, max_bytes, max_messages, dropped: 0 }
    }

    /// Adds a message. Calls `dropped` with the sender of each one that has to go for it: the oldest, or the new one
    /// if it does not fit at all.
    pub fn push(&mut self, from: Seat, message: Message, mut dropped: impl FnMut(Seat)) {
        self.bytes += message.bytes.len();
        self.waiting.push_back((from, message));
        while self.bytes > self.max_bytes || self.waiting.len() > self.max_messages {
            let Some((from, _)) = self.take() else { break };
            self.dropped += 1;
            dropped(from);
        }
    }

    /// The message to send next.
    pub fn front(&self) -> Option<&Message> {
        self.waiting.front().map(|(_, message)| message)
    }

    /// Takes out the message that [`Self::front`] shows.
    pub fn pop(&mut self) -> Option<Message> {
        self.take().map(|(_, message)| message)
    }

    fn take(&mut self) -> Option<(Seat, Message)> {
        let (from, message) = self.waiting.pop_front()?;
        self.bytes -= message.bytes.len();
        Some((from, message))
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Messages that wait.
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Their bytes.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Messages dropped so far.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(text: &str) -> Message {
        Message { is_binary: false, bytes: text.as_bytes().into() }
    }

    /// What is left after pushing `(sender, text)`, and the senders of what was dropped.
    fn pushed(max_bytes: usize, max_messages: usize, texts: &[(Seat, &str)]) -> (Vec<String>, Vec<Seat>) {
        let (mut queue, mut dropped) = (DataQueue::new(max_bytes, max_messages), Vec::new());
        for (from, text) in texts {
            queue.push(*from, message(text), |seat| dropped.push(seat));
            assert!(queue.bytes() <= max_bytes && queue.len() <= max_messages);
        }
        assert_eq!(queue.dropped(), dropped.len() as u64);
        let left = std::iter::from_fn(|| queue.pop());
        let left = left.map(|m| String::from_utf8(m.bytes.to_vec()).unwrap()).collect();
        assert!((queue.is_empty(), queue.bytes()) == (true, 0));
        (left, dropped)
    }

    #[test]
    fn messages_leave_in_the_order_they_came() {
        assert_eq!(
            pushed(9, 9, &[(1, "a"), (2, "b"), (1, "c")]),
            (vec!["a".into(), "b".into(), "c".into()], vec![])
        );
    }

    #[test]
    fn the_oldest_goes_for_the_newest_and_its_sender_is_known() {
        assert_eq!(pushed(9, 2, &[(1, "a"), (2, "b"), (3, "c")]), (vec!["b".into(), "c".into()], vec![1]));
        assert_eq!(pushed(5, 9, &[(1, "aa"), (2, "bb"), (3, "cccc")]), (vec!["cccc".into()], vec![1, 2]));
    }

    #[test]
    fn what_does_not_fit_at_all_empties_the_queue_and_is_dropped_itself() {
        assert_eq!(pushed(3, 9, &[(1, "aa"), (2, "bbbb"), (3, "c")]), (vec!["c".into()], vec![1, 2]));
    }

    #[test]
    fn a_queue_shows_what_it_gives_next() {
        let mut queue = DataQueue::new(9, 9);
        assert_eq!(queue.front(), None);
        queue.push(1, message("a"), |_| {});
        assert_eq!(queue.front(), Some(&message("a")));
        assert_eq!((queue.pop(), queue.pop()), (Some(message("a")), None));
    }
}
