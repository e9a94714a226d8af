//! What waits to be sent on one WebSocket: bounded, and filled without waiting, so that a peer that does not read
//! holds up nobody but itself. The task that writes to the socket empties it.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, watch};

/// Messages that may wait.
const MESSAGES: usize = 256;
/// Bytes that may wait behind the first one, which may be as long as it has to: a `welcome` to a large room.
const BYTES: usize = 1024 * 1024;

/// Bytes that wait in all outboxes together, and those on their way to a socket. Clones are the same.
#[derive(Debug, Clone, Default)]
pub struct Total(Arc<AtomicUsize>);

impl Total {
    /// How many.
    pub fn bytes(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    fn add(&self, bytes: usize) {
        self.0.fetch_add(bytes, Ordering::Relaxed);
    }

    fn subtract(&self, bytes: usize) {
        self.0.fetch_sub(bytes, Ordering::Relaxed);
    }
}

/// The sender's end; clones are the same outbox.
#[derive(Debug, Clone)]
pub struct Outbox(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    queue: Mutex<Queue>,
    total: Total,
    filled: Notify,
    taken: Notify,
    /// Turns true when it is over: whoever waits for a slow peer need not any longer.
    hung_up: watch::Sender<bool>,
}

#[derive(Debug, Default)]
struct Queue {
    texts: VecDeque<Arc<str>>,
    bytes: usize,
    /// Of the message that was taken last. The socket has it until the next one is asked for.
    in_flight: usize,
    hang_up: Option<u16>,
}

impl Queue {
    /// Bytes behind the message that is next to have left.
    fn behind(&self) -> usize {
        match self.in_flight {
            0 => self.bytes - self.texts.front().map_or(0, |first| first.len()),
            _ => self.bytes,
        }
    }

    fn is_first(&self) -> bool {
        self.in_flight == 0 && self.texts.is_empty()
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        let queue = self.queue.get_mut().unwrap_or_else(PoisonError::into_inner);
        self.total.subtract(queue.bytes + queue.in_flight);
    }
}

/// What is to be written next.
#[derive(Debug, PartialEq, Eq)]
pub enum Outgoing {
    /// A message.
    Text(Arc<str>),
    /// Nothing more: the close frame with this code.
    Close(u16),
}

/// The peer does not read fast enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Full;

impl Outbox {
    /// Empty; what comes to wait in it is part of `total`.
    pub fn new(total: Total) -> Self {
        let hung_up = watch::Sender::new(false);
        Self(Arc::new(Shared {
            queue: Mutex::default(),
            total,
            filled: Notify::new(),
            taken: Notify::new(),
            hung_up,
        }))
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.0.queue.lock().unwrap()
    }

    /// Puts a message in. After [`Self::hang_up`] it goes nowhere, which is no error.
    pub fn push(&self, text: Arc<str>) -> Result<(), Full> {
        let mut queue = self.queue();
        if queue.hang_up.is_some() {
            return Ok(());
        }
        let fits = queue.texts.len() < MESSAGES && queue.behind() + text.len() <= BYTES;
        if !fits && !queue.is_first() {
            return Err(Full);
        }
        queue.bytes += text.len();
        self.0.total.add(text.len());
        queue.texts.push_back(text);
        self.0.filled.notify_one();
        Ok(())
    }

    /// Closes with this code, after what waits has been written. Only the first call counts.
    pub fn hang_up(&self, code: u16) {
        let mut queue = self.queue();
        if queue.hang_up.is_none() {
            queue.hang_up = Some(code);
            self.0.filled.notify_one();
            self.0.hung_up.send_replace(true);
        }
    }

    /// Closes with this code and last word, dropping what waits.
    pub fn cut_off(&self, last: Arc<str>, code: u16) {
        let mut queue = self.queue();
        if queue.hang_up.is_none() {
            queue.texts.clear();
            self.0.total.subtract(queue.bytes);
            self.0.total.add(last.len());
            queue.bytes = last.len();
            queue.texts.push_back(last);
        }
        drop(queue);
        self.hang_up(code);
    }

    /// What is to be written next; waits for it. What it gave before has been written. After [`Outgoing::Close`] there
    /// is no more.
    pub async fn next(&self) -> Outgoing {
        self.written();
        loop {
            if let Some(next) = self.take() {
                return next;
            }
            self.0.filled.notified().await;
        }
    }

    fn written(&self) {
        let written = std::mem::take(&mut self.queue().in_flight);
        self.0.total.subtract(written);
        if written > 0 {
            self.0.taken.notify_waiters();
        }
    }

    fn take(&self) -> Option<Outgoing> {
        let mut queue = self.queue();
        match queue.texts.pop_front() {
            Some(text) => {
                queue.bytes -= text.len();
                queue.in_flight = text.len();
                self.0.taken.notify_waiters();
                Some(Outgoing::Text(text))
            }
            None => queue.hang_up.map(Outgoing::Close),
        }
    }

    /// Waits until there is room for replies: whoever asks for more than it reads is not listened to meanwhile.
    pub async fn calm(&self) {
        loop {
            let mut taken = std::pin::pin!(self.0.taken.notified());
            taken.as_mut().enable();
            if self.is_calm() {
                return;
            }
            taken.await;
        }
    }

    fn is_calm(&self) -> bool {
        let queue = self.queue();
        queue.texts.len() <= MESSAGES / 2 && queue.bytes + queue.in_flight <= BYTES / 2
    }

    /// Waits until somebody hangs up.
    pub async fn hung_up(&self) {
        let mut hung_up = self.0.hung_up.subscribe();
        // The sender lives as long as `self`.
        let _ = hung_up.wait_for(|hung_up| *hung_up).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn empty() -> Outbox {
        Outbox::new(Total::default())
    }

    fn text(bytes: usize) -> Arc<str> {
        "x".repeat(bytes).into()
    }

    fn fill(outbox: &Outbox, bytes: usize) -> usize {
        (0..10_000).take_while(|_| outbox.push(text(bytes)).is_ok()).count()
    }

    #[tokio::test]
    async fn messages_come_out_in_order_and_the_close_last() {
        let outbox = empty();
        outbox.push("a".into()).unwrap();
        outbox.push("b".into()).unwrap();
        outbox.hang_up(1000);
        outbox.hang_up(1008);
        outbox.push("too late".into()).unwrap();
        let expected = [Outgoing::Text("a".into()), Outgoing::Text("b".into()), Outgoing::Close(1000)];
        for outgoing in expected {
            assert_eq!(outbox.next().await, outgoing);
        }
    }

    #[tokio::test]
    async fn it_is_full_by_messages_or_by_bytes() {
        assert_eq!(fill(&empty(), 10), MESSAGES);
        let behind_the_first = BYTES / 100_000;
        let outbox = empty();
        assert_eq!(fill(&outbox, 100_000), 1 + behind_the_first);
        outbox.next().await;
        assert_eq!(fill(&outbox, 100_000), 0, "what was taken is still being written");
        outbox.next().await;
        assert_eq!(fill(&outbox, 100_000), 1, "what was written counts no more");
        let outbox = empty();
        assert!(outbox.push(text(2 * BYTES)).is_ok(), "the first may be as long as it has to");
        assert_eq!(fill(&outbox, 100_000), behind_the_first);
    }

    #[tokio::test]
    async fn what_waits_or_is_being_written_counts_into_the_total_until_it_is_over() {
        let total = Total::default();
        let (one, other) = (Outbox::new(total.clone()), Outbox::new(total.clone()));
        one.push(text(2 * BYTES)).unwrap();
        one.push(text(10)).unwrap();
        other.push(text(5)).unwrap();
        one.next().await;
        assert_eq!(total.bytes(), 2 * BYTES + 15, "the socket has not taken it yet");
        assert_eq!(fill(&one, 500_000), BYTES / 500_000, "and it is the first still");
        one.next().await;
        assert_eq!(total.bytes(), 15 + 500_000 * (BYTES / 500_000));
        one.cut_off(text(7), 1008);
        assert_eq!(total.bytes(), 10 + 7 + 5);
        drop((one, other));
        assert_eq!(total.bytes(), 0);
    }

    #[tokio::test]
    async fn who_is_cut_off_gets_the_last_word_only() {
        let outbox = empty();
        fill(&outbox, 10);
        outbox.cut_off("last".into(), 1008);
        outbox.hung_up().await;
        assert_eq!(outbox.next().await, Outgoing::Text("last".into()));
        assert_eq!(outbox.next().await, Outgoing::Close(1008));
    }

    #[tokio::test]
    async fn it_is_calm_again_when_half_of_it_was_taken() {
        let outbox = empty();
        outbox.calm().await;
        fill(&outbox, 10);
        let calm = tokio::spawn({
            let outbox = outbox.clone();
            async move { outbox.calm().await }
        });
        for _ in 0..MESSAGES / 2 {
            tokio::task::yield_now().await;
            assert!(!calm.is_finished());
            outbox.next().await;
        }
        calm.await.unwrap();
    }

    #[tokio::test]
    async fn who_waits_is_woken() {
        let outbox = empty();
        let waiting = tokio::spawn({
            let outbox = outbox.clone();
            async move { outbox.next().await }
        });
        tokio::task::yield_now().await;
        outbox.push("x".into()).unwrap();
        assert_eq!(waiting.await.unwrap(), Outgoing::Text("x".into()));
    }
}
