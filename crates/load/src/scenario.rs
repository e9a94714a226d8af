//! The course of a run: publishers join, participants join, viewers join, everybody is measured, everybody
//! leaves.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use reqwest::Url;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};

use crate::args::Args;
use crate::broadcast::Broadcast;
use crate::company::{Door, Room};
use crate::costs::{Costs, Moment};
use crate::credentials::{self, Credentials};
use crate::endpoint::{Endpoints, OpenSession, local_ip_towards};
use crate::media::{MediaThread, Pace};
use crate::places::{identity, is_sampled, room_url, whep_url, whip_url};
use crate::process::{self, Usage};
use crate::progress::Progress;
use crate::report::Report;
use crate::room::Meeting;
use crate::room::guests::{self, Guestbook};
use crate::room::stay::{Stay, enter};
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
    let costs = if run.is_live().await { run.fill(viewers).await } else { Costs::default() };
    let (publishing, receiving) = run.settle().await;
    run.leave().await;
    run.progress.clear();
    let mut all = publishing;
    all.merge(receiving);
    Ok(Report::new(all, run.meeting(), costs, run.failures))
}

fn watched(args: &Args) -> Result<Option<Usage>, String> {
    args.server_pid.map(process::usage).transpose()
}

struct Run {
    door: Arc<Door>,
    endpoints: Endpoints,
    rooms: Vec<Arc<Room>>,
    publishing: Arc<MediaThread>,
    sessions: Vec<OpenSession>,
    stays: Vec<Stay>,
    churned: u64,
    failures: Vec<String>,
    progress: Progress,
}

/// A WHIP or WHEP session to be opened.
struct Join {
    name: String,
    purpose: Purpose,
    url: Url,
    token: Option<String>,
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
        let threads = (0..args.threads).map(|i| start(&format!("load-view-{i}"), Pace::Relaxed));
        Ok(Self {
            endpoints: Endpoints::new()?,
            rooms: (0..args.rooms).map(|room| Arc::new(Room::new(&args, run, room))).collect(),
            publishing: start("load-publish", Pace::Exact)?,
            sessions: Vec::new(),
            stays: Vec::new(),
            churned: 0,
            failures: Vec::new(),
            progress: Progress::new(),
            door: Arc::new(Door {
                credentials: Credentials::new(&args)?,
                dtls,
                threads: threads.collect::<Result<_, _>>()?,
                exchanged: Arc::new(AtomicU64::new(0)),
                args,
            }),
        })
    }

    fn args(&self) -> &Args {
        &self.door.args
    }

    fn publishers(&self) -> Result<Vec<Join>, String> {
        let join = |(room, broadcast): (&Arc<Room>, &Broadcast)| {
            let identity = identity(self.args(), broadcast.origin);
            let publish = credentials::Purpose::Publish;
            Ok(Join {
                name: format!("publisher {} of {}", broadcast.origin.publisher, room.name),
                purpose: Purpose::Publish(broadcast.clone()),
                url: whip_url(self.args(), broadcast.origin)?,
                token: self.door.credentials.token(&room.name, &identity, publish)?,
                thread: self.publishing.clone(),
            })
        };
        let all = self.rooms.iter().flat_map(|room| room.publishers.iter().map(move |one| (room, one)));
        all.map(join).collect()
    }

    fn viewers(&self) -> Result<Vec<Join>, String> {
        let threads = &self.door.threads;
        // Room by room within each round, so that all rooms fill at the same pace.
        let places = (0..self.args().viewers() as usize)
            .flat_map(|viewer| self.rooms.iter().map(move |room| (viewer, room)));
        let join = |(i, (viewer, room)): (usize, (usize, &Arc<Room>))| {
            let watched = room.watched();
            let broadcast = watched[viewer % watched.len()];
            let watch = credentials::Purpose::Watch;
            let checked = is_sampled(i, self.args().sample);
            Ok(Join {
                name: format!("viewer {viewer} of {}", room.name),
                purpose: Purpose::View { broadcast: broadcast.clone(), checked },
                url: whep_url(self.args(), broadcast.origin)?,
                token: self.door.credentials.token(&room.name, &format!("viewer-{viewer}"), watch)?,
                thread: threads[i % threads.len()].clone(),
            })
        };
        places.enumerate().map(join).collect()
    }

    /// Whether all publishers send. Viewers of a room without one would only wait.
    async fn is_live(&self) -> bool {
        self.failures.is_empty() && self.publishing.tally().await.failures.is_empty()
    }

    /// Lets participants and viewers join and measures.
    async fn fill(&mut self, viewers: Vec<Join>) -> Costs {
        let before = watched(self.args()).ok().flatten();
        self.enter().await;
        self.join(viewers).await;
        self.set_silent(self.args().silent);
        let (over, guests) = self.receive_guests().await;
        let costs = self.measure(before).await;
        let _ = over.send(true);
        for book in guests {
            let book = book.await.expect("guests neither panic nor are aborted");
            self.churned += book.churned;
            self.failures.extend(book.failures);
        }
        self.set_silent(false);
        costs
    }

    fn set_silent(&self, silent: bool) {
        let broadcasts = self.rooms.iter().flat_map(|room| room.broadcasts());
        broadcasts.flat_map(|broadcast| &broadcast.feeds).for_each(|feed| feed.set_silent(silent));
    }

    /// Opens all WHIP or WHEP sessions.
    async fn join(&mut self, joins: Vec<Join>) {
        let Some(first) = joins.first() else { return };
        let Some(local_ip) = self.local_ip(&first.url).await else { return };
        let (endpoints, door) = (self.endpoints.clone(), self.door.clone());
        let opening = joins.into_iter().map(|join| open(join, endpoints.clone(), door.clone(), local_ip));
        let opened = self.ramp(opening.collect()).await;
        self.sessions.extend(opened);
    }

    /// Lets all participants enter.
    async fn enter(&mut self) {
        let Some(first) = self.rooms.first().and_then(|room| room.members.first()) else { return };
        let url = match room_url(self.args(), first.origin) {
            Ok(url) => url,
            Err(why) => return self.failures.push(why),
        };
        let Some(local_ip) = self.local_ip(&url).await else { return };
        let members = usize::from(self.args().participants);
        let places = (0..members).flat_map(|seat| self.rooms.iter().map(move |room| (seat, room)));
        let entrants = places.map(|(seat, room)| self.door.member(room, seat, local_ip));
        match entrants.collect::<Result<Vec<_>, _>>() {
            Ok(entrants) => {
                let entered = self.ramp(entrants.into_iter().map(enter).collect()).await;
                self.stays.extend(entered);
            }
            Err(why) => self.failures.push(why),
        }
    }

    async fn local_ip(&mut self, towards: &Url) -> Option<IpAddr> {
        local_ip_towards(towards).await.map_err(|why| self.failures.push(why)).ok()
    }

    /// Begins `openings` at the join rate and waits until each session is connected or has failed.
    async fn ramp<T: Send + 'static>(
        &mut self,
        openings: Vec<impl Future<Output = Result<T, String>> + Send + 'static>,
    ) -> Vec<T> {
        let total = openings.len();
        let mut ramp = interval(Duration::from_secs_f64(1.0 / self.args().join_rate));
        ramp.set_missed_tick_behavior(MissedTickBehavior::Burst);
        let (mut under_way, mut opened) = (JoinSet::new(), Vec::new());
        for (started, opening) in openings.into_iter().enumerate() {
            ramp.tick().await;
            under_way.spawn(opening);
            self.progress.show(|| format!("joining {} of {total}", started + 1));
        }
        while let Some(outcome) = under_way.join_next().await {
            match outcome.expect("a join neither panics nor is aborted") {
                Ok(session) => opened.push(session),
                Err(why) => self.failures.push(why),
            }
        }
        while self.connecting().await > 0 {
            sleep(LOOK).await;
        }
        opened
    }

    /// Opens every room to guests until told otherwise.
    async fn receive_guests(&mut self) -> (watch::Sender<bool>, Vec<JoinHandle<Guestbook>>) {
        let (over, is_over) = watch::channel(false);
        let per_s = self.args().churn;
        let first = self.rooms.first().and_then(|room| room.members.first()).filter(|_| per_s > 0.0);
        let url = first.and_then(|first| room_url(self.args(), first.origin).ok());
        let Some(url) = url else { return (over, Vec::new()) };
        let Some(local_ip) = self.local_ip(&url).await else { return (over, Vec::new()) };
        let rooms = self.rooms.iter().cloned();
        let receive = |room: Arc<Room>| {
            let door = self.door.clone();
            let invite = move |number| door.guest(&room, number, local_ip);
            tokio::spawn(guests::receive(per_s, invite, is_over.clone()))
        };
        let books = rooms.map(receive).collect();
        (over, books)
    }

    async fn connecting(&self) -> usize {
        self.publishing.tally().await.connecting + self.received().await.connecting
    }

    async fn received(&self) -> Tally {
        let mut all = Tally::new();
        for thread in &self.door.threads {
            all.merge(thread.tally().await);
        }
        all
    }

    /// Lets time pass and returns what it cost. Ctrl-C ends it early.
    async fn measure(&mut self, before_joins: Option<Usage>) -> Costs {
        let before = Moment::now(self.args(), &self.received().await);
        let end = Instant::now() + self.args().duration;
        let interrupted = tokio::signal::ctrl_c();
        tokio::pin!(interrupted);
        while Instant::now() < end {
            let next = (Instant::now() + PROGRESS).min(end);
            tokio::select! {
                () = tokio::time::sleep_until(next) => {}
                _ = &mut interrupted => break,
            }
            if self.progress.is_shown() {
                let tally = self.received().await;
                let left = end.saturating_duration_since(Instant::now());
                self.progress.show(|| {
                    let (people, received) = (tally.receiving(), tally.received);
                    format!("{people} receive, {received} packets so far, {} s left", left.as_secs())
                });
            }
        }
        let tally = self.received().await;
        let after = Moment::now(self.args(), &tally);
        before.costs_until(&after, before_joins, tally.receiving())
    }

    /// Ends counting and waits for what is under way.
    async fn settle(&mut self) -> (Tally, Tally) {
        self.publishing.end_counting();
        self.door.threads.iter().for_each(|thread| thread.end_counting());
        let end = Instant::now() + GRACE;
        loop {
            let publishing = self.publishing.tally().await;
            let receiving = self.received().await;
            if receiving.received >= receiving.expected || Instant::now() >= end {
                return (publishing, receiving);
            }
            sleep(LOOK).await;
        }
    }

    /// Ends every session as clients should, unless asked not to.
    async fn leave(&mut self) {
        let stays = std::mem::take(&mut self.stays);
        if self.args().no_delete {
            return stays.into_iter().for_each(Stay::abandon);
        }
        let mut good_byes: JoinSet<()> = stays.into_iter().map(Stay::leave).collect();
        while good_byes.join_next().await.is_some() {}
        let mut leaving = JoinSet::new();
        // Viewers first: a viewer whose publisher leaves is not what is measured here.
        while let Some(session) = self.sessions.pop() {
            if leaving.len() == LEAVING_AT_ONCE {
                self.left(leaving.join_next().await);
            }
            let endpoints = self.endpoints.clone();
            leaving.spawn(async move { endpoints.close(session).await });
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

    fn meeting(&self) -> Meeting {
        Meeting {
            took_place: self.args().participants > 0,
            sdp_exchanged: self.door.exchanged.load(Ordering::Relaxed),
            churned: self.churned,
        }
    }
}

/// Opens one session and hands it to its thread.
async fn open(
    join: Join,
    endpoints: Endpoints,
    door: Arc<Door>,
    local_ip: IpAddr,
) -> Result<OpenSession, String> {
    let Join { name, purpose, url, token, thread } = join;
    let named = |why: String| format!("{name}: {why}");
    let offered = Offered::new(name.clone(), purpose, &door.dtls, local_ip).map_err(named)?;
    let posted = std::time::Instant::now();
    let opened = endpoints.open(&url, token, &offered.sdp).await.map_err(named)?;
    match offered.accept(&opened.answer, posted) {
        Ok(session) => drop(thread.add(session)),
        Err(why) => {
            // The server holds a session that nobody will use; that it is told matters more than how.
            let _ = endpoints.close(opened.session).await;
            return Err(named(why));
        }
    }
    Ok(opened.session)
}
