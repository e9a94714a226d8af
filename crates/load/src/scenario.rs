//! The course of a run: publishers join, viewers join, everybody is measured, everybody leaves.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use reqwest::Url;
use str0m::config::DtlsCert;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};

use crate::args::Args;
use crate::broadcast::Broadcast;
use crate::costs::{Costs, Moment};
use crate::endpoint::{Endpoints, local_ip_towards};
use crate::media::{MediaThread, Pace};
use crate::payload::Origin;
use crate::places::{is_sampled, room_name, whep_url, whip_url};
use crate::process::{self, Usage};
use crate::progress::Progress;
use crate::report::Report;
use crate::session::{Offered, Purpose};
use crate::tally::Tally;
use crate::udp;

/// Between looks at what the media threads have done.
const LOOK: Duration = Duration::from_millis(50);
/// Between progress lines.
const PROGRESS: Duration = Duration::from_millis(500);
/// After the measurement, for retransmissions that are under way. Publishers go on meanwhile, because a loss
/// shows only when something follows it.
const GRACE: Duration = Duration::from_secs(2);
/// DELETEs in flight.
const LEAVING_AT_ONCE: usize = 32;

/// Runs the load and returns what it measured; an error means that it could not begin.
pub(crate) async fn run(args: Args) -> Result<Report, String> {
    // A wrong process id is told before anybody joins.
    watched(&args)?;
    udp::raise_file_limit();
    let mut run = Run::new(args)?;
    let (publishers, viewers) = (run.publishers()?, run.viewers()?);
    run.join(publishers).await;
    let costs = if run.is_live().await { run.view(viewers).await } else { Costs::default() };
    let (published, viewed) = run.settle().await;
    run.leave().await;
    run.progress.clear();
    Ok(Report::new(published, viewed, costs, run.failures))
}

fn watched(args: &Args) -> Result<Option<Usage>, String> {
    args.server_pid.map(process::usage).transpose()
}

struct Run {
    args: Args,
    endpoints: Endpoints,
    dtls: DtlsCert,
    /// One per publisher, room by room.
    broadcasts: Vec<Broadcast>,
    publishing: Arc<MediaThread>,
    viewing: Vec<Arc<MediaThread>>,
    sessions: Vec<Url>,
    failures: Vec<String>,
    progress: Progress,
}

/// A session to be opened.
struct Join {
    name: String,
    purpose: Purpose,
    broadcast: Broadcast,
    url: Url,
    thread: Arc<MediaThread>,
}

impl Run {
    fn new(args: Args) -> Result<Self, String> {
        let start = |name: &str, pace| {
            let thread = MediaThread::start(name, pace).map_err(|e| format!("no media thread: {e}"));
            thread.map(Arc::new)
        };
        let crypto = str0m::crypto::from_feature_flags();
        let dtls = crypto.dtls_provider.generate_certificate().ok_or("no DTLS certificate")?;
        let run = fastrand::u32(..);
        let origins = (0..args.rooms)
            .flat_map(|room| (0..args.publishers).map(move |publisher| Origin { run, room, publisher }));
        Ok(Self {
            endpoints: Endpoints::new(args.token.clone())?,
            dtls,
            broadcasts: origins.map(|origin| Broadcast::new(origin, &args)).collect(),
            publishing: start("load-publish", Pace::Exact)?,
            viewing: (0..args.threads)
                .map(|i| start(&format!("load-view-{i}"), Pace::Relaxed))
                .collect::<Result<_, _>>()?,
            sessions: Vec::new(),
            failures: Vec::new(),
            progress: Progress::new(),
            args,
        })
    }

    fn publishers(&self) -> Result<Vec<Join>, String> {
        let join = |broadcast: &Broadcast| {
            let room = room_name(&self.args, broadcast.origin);
            Ok(Join {
                name: format!("publisher {} of {room}", broadcast.origin.publisher),
                purpose: Purpose::Publish,
                broadcast: broadcast.clone(),
                url: whip_url(&self.args, broadcast.origin)?,
                thread: self.publishing.clone(),
            })
        };
        self.broadcasts.iter().map(join).collect()
    }

    fn viewers(&self) -> Result<Vec<Join>, String> {
        let publishers = usize::from(self.args.publishers);
        let rooms = self.broadcasts.chunks(publishers);
        // Room by room within each round, so that all rooms fill at the same pace.
        let places =
            (0..self.args.viewers as usize).flat_map(|viewer| rooms.clone().map(move |room| (viewer, room)));
        let join = |(i, (viewer, room)): (usize, (usize, &[Broadcast]))| {
            let broadcast = &room[viewer % publishers];
            Ok(Join {
                name: format!("viewer {viewer} of {}", room_name(&self.args, broadcast.origin)),
                purpose: Purpose::View { checked: is_sampled(i, self.args.sample) },
                broadcast: broadcast.clone(),
                url: whep_url(&self.args, broadcast.origin)?,
                thread: self.viewing[i % self.viewing.len()].clone(),
            })
        };
        places.enumerate().map(join).collect()
    }

    /// Whether all publishers send. Viewers of a room without one would only wait.
    async fn is_live(&self) -> bool {
        self.failures.is_empty() && self.publishing.tally().await.failures.is_empty()
    }

    /// Lets the viewers join and measures.
    async fn view(&mut self, viewers: Vec<Join>) -> Costs {
        let before_viewers = watched(&self.args).ok().flatten();
        self.join(viewers).await;
        self.set_silent(self.args.silent);
        let costs = self.measure(before_viewers).await;
        self.set_silent(false);
        costs
    }

    fn set_silent(&self, silent: bool) {
        let feeds = self.broadcasts.iter().flat_map(|broadcast| &broadcast.feeds);
        feeds.for_each(|feed| feed.set_silent(silent));
    }

    /// Opens all sessions at the join rate and waits until each is connected or has failed.
    async fn join(&mut self, joins: Vec<Join>) {
        let Some(first) = joins.first() else { return };
        let local_ip = match local_ip_towards(&first.url).await {
            Ok(ip) => ip,
            Err(why) => return self.failures.push(why),
        };
        let total = joins.len();
        let mut ramp = interval(Duration::from_secs_f64(1.0 / self.args.join_rate));
        ramp.set_missed_tick_behavior(MissedTickBehavior::Burst);
        let mut opening = JoinSet::new();
        for (started, join) in joins.into_iter().enumerate() {
            ramp.tick().await;
            opening.spawn(open(join, self.endpoints.clone(), self.dtls.clone(), local_ip));
            self.progress.show(|| format!("joining {} of {total}", started + 1));
        }
        while let Some(opened) = opening.join_next().await {
            match opened.expect("a join neither panics nor is aborted") {
                Ok(session_url) => self.sessions.push(session_url),
                Err(why) => self.failures.push(why),
            }
        }
        while self.connecting().await > 0 {
            sleep(LOOK).await;
        }
    }

    async fn connecting(&self) -> usize {
        self.publishing.tally().await.connecting + self.viewed().await.connecting
    }

    async fn viewed(&self) -> Tally {
        let mut all = Tally::new();
        for thread in &self.viewing {
            all.merge(thread.tally().await);
        }
        all
    }

    /// Lets time pass and returns what it cost. Ctrl-C ends it early.
    async fn measure(&mut self, before_viewers: Option<Usage>) -> Costs {
        let before = Moment::now(&self.args, &self.viewed().await);
        let end = Instant::now() + self.args.duration;
        let interrupted = tokio::signal::ctrl_c();
        tokio::pin!(interrupted);
        while Instant::now() < end {
            let next = (Instant::now() + PROGRESS).min(end);
            tokio::select! {
                () = tokio::time::sleep_until(next) => {}
                _ = &mut interrupted => break,
            }
            if self.progress.is_shown() {
                let viewed = self.viewed().await;
                let left = end.saturating_duration_since(Instant::now());
                self.progress.show(|| {
                    let (viewers, received) = (viewed.connected, viewed.received);
                    format!("{viewers} viewers, {received} packets received, {} s left", left.as_secs())
                });
            }
        }
        let viewed = self.viewed().await;
        let after = Moment::now(&self.args, &viewed);
        before.costs_until(&after, before_viewers, viewed.connected)
    }

    /// Ends counting and waits for what is under way.
    async fn settle(&mut self) -> (Tally, Tally) {
        self.publishing.end_counting();
        let end = Instant::now() + GRACE;
        loop {
            let publishers = self.publishing.tally().await;
            let viewers = self.viewed().await;
            if viewers.received >= viewers.expected || Instant::now() >= end {
                return (publishers, viewers);
            }
            sleep(LOOK).await;
        }
    }

    /// DELETEs every session, unless asked not to.
    async fn leave(&mut self) {
        if self.args.no_delete {
            return;
        }
        let mut leaving = JoinSet::new();
        // Viewers first: a viewer whose publisher leaves is not what is measured here.
        while let Some(session_url) = self.sessions.pop() {
            if leaving.len() == LEAVING_AT_ONCE {
                self.left(leaving.join_next().await);
            }
            let endpoints = self.endpoints.clone();
            leaving.spawn(async move { endpoints.close(session_url).await });
        }
        while let Some(left) = leaving.join_next().await {
            self.left(Some(left));
        }
    }

    fn left(&mut self, left: Option<Result<Result<(), String>, tokio::task::JoinError>>) {
        if let Some(Ok(Err(why))) = left {
            self.failures.push(format!("leaving: {why}"));
        }
    }
}

/// Opens one session and hands it to its thread.
async fn open(join: Join, endpoints: Endpoints, dtls: DtlsCert, local_ip: IpAddr) -> Result<Url, String> {
    let Join { name, purpose, broadcast, url, thread } = join;
    let named = |why: String| format!("{name}: {why}");
    let offered = Offered::new(name.clone(), purpose, broadcast, &dtls, local_ip).map_err(named)?;
    let posted = std::time::Instant::now();
    let opened = endpoints.open(&url, &offered.sdp).await.map_err(named)?;
    match offered.accept(&opened.answer, posted) {
        Ok(session) => thread.add(session),
        Err(why) => {
            // The server holds a session that nobody will use; that it is told matters more than how.
            let _ = endpoints.close(opened.session_url).await;
            return Err(named(why));
        }
    }
    Ok(opened.session_url)
}
