//! One participant's stay in a room: it joins, offers once, and listens until it leaves.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use reqwest::Url;
use str0m::config::DtlsCert;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use super::message::{Notice, Request};
use super::participant::Part;
use super::socket::{Refused, Socket};
use super::tracks::Tracks;
use crate::cast::Cast;
use crate::media::{MediaThread, SessionKey};
use crate::session::{Offered, Purpose};

/// For each reply of the server.
const REPLY_TIMEOUT: Duration = Duration::from_secs(15);
/// How often a busy server is asked, and how long the pause is.
const ATTEMPTS: u32 = 20;
const PAUSE: Duration = Duration::from_secs(1);

/// Somebody who is about to join.
pub(crate) struct Entrant {
    /// For messages.
    pub name: String,
    /// Who it is.
    pub identity: String,
    /// What lets it in.
    pub token: Option<String>,
    /// `ws://.../v1/rooms/{room}/connect`
    pub url: Url,
    /// What it comes with.
    pub part: Part,
    /// Who drives its media.
    pub thread: Arc<MediaThread>,
    /// What all sessions share.
    pub dtls: DtlsCert,
    /// Where its packets leave from.
    pub local_ip: IpAddr,
    /// Offers and answers beyond the first, of everybody.
    pub exchanged: Arc<AtomicU64>,
}

/// A participant that is there.
pub(crate) struct Stay {
    leave: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Stay {
    /// Leaves, and waits until that is said.
    pub(crate) async fn leave(self) {
        // A stay that has ended by itself has told its media thread why.
        let _ = self.leave.send(());
        let _ = self.task.await;
    }

    /// Goes without a word.
    pub(crate) fn abandon(self) {
        self.task.abort();
    }
}

/// Joins, again while the server is busy.
pub(crate) async fn enter(entrant: Entrant) -> Result<Stay, String> {
    for _ in 1..ATTEMPTS {
        match entrant.enter_once().await {
            Ok(stay) => return Ok(stay),
            Err(Refused::Busy(_)) => sleep(PAUSE).await,
            Err(Refused::Finally(why)) => return Err(format!("{}: {why}", entrant.name)),
        }
    }
    let failed = |(Refused::Busy(why) | Refused::Finally(why))| format!("{}: {why}", entrant.name);
    entrant.enter_once().await.map_err(failed)
}

impl Entrant {
    async fn enter_once(&self) -> Result<Stay, Refused> {
        let began = Instant::now();
        let mut tracks = Tracks::default();
        let mut socket = within(Socket::connect(&self.url)).await?;
        let join = Request::Join {
            protocol: 1,
            token: self.token.as_deref(),
            identity: &self.identity,
            name: &self.identity,
        };
        socket.send(&join).await.map_err(Refused::Finally)?;
        let is_welcome = |notice: &Notice| matches!(notice, Notice::Welcome { .. });
        let welcome = within(reply(&mut socket, &mut tracks, is_welcome)).await?;
        tracks.note(welcome);
        let key = self.open_media(began, &mut socket, &mut tracks).await?;
        Ok(self.attend(socket, tracks, key))
    }

    async fn open_media(
        &self,
        began: Instant,
        socket: &mut Socket,
        tracks: &mut Tracks,
    ) -> Result<SessionKey, Refused> {
        let purpose = Purpose::TakePart(Box::new(self.part.clone()));
        let offered = Offered::new(self.name.clone(), purpose, &self.dtls, self.local_ip);
        let offered = offered.map_err(Refused::Finally)?;
        let offer = Request::Offer { sdp: &offered.sdp, tracks: offered.describe() };
        socket.send(&offer).await.map_err(Refused::Finally)?;
        let is_answer = |notice: &Notice| matches!(notice, Notice::Answer { .. });
        let Notice::Answer { sdp } = within(reply(socket, tracks, is_answer)).await? else {
            return Err(Refused::Finally("no answer".into()));
        };
        Ok(self.thread.add(offered.accept(&sdp, began).map_err(Refused::Finally)?))
    }

    fn attend(&self, socket: Socket, tracks: Tracks, key: SessionKey) -> Stay {
        let (leave, left) = oneshot::channel();
        let attendance = Attendance {
            socket,
            tracks,
            cast: self.part.cast.clone(),
            thread: self.thread.clone(),
            key,
            exchanged: self.exchanged.clone(),
        };
        Stay { leave, task: tokio::spawn(attendance.run(left)) }
    }
}

/// Reads until the awaited message. What others do meanwhile is noted.
async fn reply(
    socket: &mut Socket,
    tracks: &mut Tracks,
    is_awaited: impl Fn(&Notice) -> bool,
) -> Result<Notice, Refused> {
    loop {
        match socket.next().await.map_err(Refused::Finally)? {
            notice if is_awaited(&notice) => return Ok(notice),
            Notice::Error { title, detail, status } => {
                return Err(Refused::new(status, format!("{title}: {detail}")));
            }
            Notice::Closed { reason } => return Err(Refused::Finally(format!("closed: {reason}"))),
            notice => {
                tracks.note(notice);
            }
        }
    }
}

async fn within<T>(step: impl Future<Output = Result<T, Refused>>) -> Result<T, Refused> {
    let late = |_| Refused::Finally(format!("no reply within {} s", REPLY_TIMEOUT.as_secs()));
    timeout(REPLY_TIMEOUT, step).await.map_err(late)?
}

/// What listens while the participant is there.
struct Attendance {
    socket: Socket,
    tracks: Tracks,
    cast: Arc<Cast>,
    thread: Arc<MediaThread>,
    key: SessionKey,
    exchanged: Arc<AtomicU64>,
}

impl Attendance {
    async fn run(mut self, mut left: oneshot::Receiver<()>) {
        self.tell_slots();
        loop {
            tokio::select! {
                _ = &mut left => {
                    self.thread.remove(self.key).await;
                    return self.socket.leave().await;
                }
                notice = self.socket.next() => match notice {
                    Ok(Notice::Closed { reason }) => return self.end(format!("closed: {reason}")),
                    Ok(notice) => self.hear(notice),
                    Err(why) => return self.end(why),
                }
            }
        }
    }

    fn hear(&mut self, notice: Notice) {
        if matches!(notice, Notice::Answer { .. } | Notice::Offer) {
            self.exchanged.fetch_add(1, Ordering::Relaxed);
        }
        if self.tracks.note(notice) {
            self.tell_slots();
        }
    }

    fn tell_slots(&self) {
        self.thread.assign(self.key, Instant::now(), self.tracks.occupants(&self.cast));
    }

    fn end(&self, why: String) {
        self.thread.end(self.key, why);
    }
}
