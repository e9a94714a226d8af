//! Guests: participants that come and go while the others are measured.

use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep};

use super::stay::{Entrant, enter};

/// How long a guest stays once it is in: long enough to be given slots and to be judged by them.
const STAY: Duration = Duration::from_secs(4);

/// What came of them.
#[derive(Debug, Default)]
pub(crate) struct Guestbook {
    /// Those who came and left.
    pub churned: u64,
    /// Those who could not.
    pub failures: Vec<String>,
}

/// Lets `per_s` guests come per second until `is_over`, and waits until all have left. `invite` makes the
/// n-th of them.
pub(crate) async fn receive(
    per_s: f64,
    invite: impl Fn(u64) -> Result<Entrant, String>,
    mut is_over: watch::Receiver<bool>,
) -> Guestbook {
    let mut book = Guestbook::default();
    let mut bell = interval(Duration::from_secs_f64(1.0 / per_s));
    bell.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut inside = JoinSet::new();
    for number in 0.. {
        tokio::select! {
            _ = bell.tick() => {}
            _ = is_over.wait_for(|over| *over) => break,
        }
        match invite(number) {
            Ok(entrant) => drop(inside.spawn(visit(entrant))),
            Err(why) => book.failures.push(why),
        }
    }
    while let Some(visited) = inside.join_next().await {
        match visited.expect("a visit neither panics nor is aborted") {
            Ok(()) => book.churned += 1,
            Err(why) => book.failures.push(why),
        }
    }
    book
}

async fn visit(entrant: Entrant) -> Result<(), String> {
    let stay = enter(entrant).await?;
    sleep(STAY).await;
    stay.leave().await;
    Ok(())
}
