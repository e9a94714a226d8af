//! A participant of a room, with media and data channels, that a test drives.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::account::Account;
use super::media::{LOUD, Order, Prepared, QUIET, Shared};
use super::socket::{Heard, Socket};
use super::view::View;
use crate::peer::Media;
use crate::{Plenum, wait_for, wait_until};

const CONNECT_DEADLINE: Duration = Duration::from_secs(10);
/// Between looks at what a test wants to have sent.
const LISTEN: Duration = Duration::from_millis(5);

/// How a member joins.
#[derive(Debug, Clone)]
pub struct Joining {
    /// Who it is, if no token says so.
    pub identity: String,
    /// What lets it in.
    pub token: Option<String>,
    /// Whether it sends video.
    pub camera: bool,
    /// Whether it sends audio.
    pub microphone: bool,
    /// What it sends.
    pub media: Media,
    /// Slots for video and audio.
    pub slots: (usize, usize),
    /// The topics that it opens.
    pub topics: Vec<String>,
}

impl Joining {
    /// With a microphone, 9 + 3 slots and the topic `chat`.
    pub fn named(identity: &str) -> Self {
        Self {
            identity: identity.to_owned(),
            token: None,
            camera: false,
            microphone: true,
            media: Media { video_rate: 30, video_bytes: 700, audio_rate: 50 },
            slots: (9, 3),
            topics: vec!["chat".to_owned()],
        }
    }

    /// With a camera.
    pub fn camera(self) -> Self {
        Self { camera: true, ..self }
    }

    /// Without a microphone.
    pub fn silent(self) -> Self {
        Self { microphone: false, ..self }
    }

    /// With this token.
    pub fn token(self, token: &str) -> Self {
        Self { token: Some(token.to_owned()), ..self }
    }

    /// With one more topic.
    pub fn topic(mut self, topic: &str) -> Self {
        self.topics.push(topic.to_owned());
        self
    }

    /// With these slots for video and audio.
    pub fn slots(self, video: usize, audio: usize) -> Self {
        Self { slots: (video, audio), ..self }
    }

    /// The `join` message.
    pub fn request(&self) -> Value {
        let mut join =
            json!({"type": "join", "protocol": 1, "name": self.identity, "identity": self.identity});
        if let Some(token) = &self.token {
            join["token"] = json!(token);
        }
        join
    }
}

/// A member that is there. Dropping it is a crash: nothing is said to the server.
#[derive(Debug)]
pub struct Member {
    /// Who it is.
    pub identity: String,
    /// What marks the payloads that it sends.
    pub marker: u32,
    /// When it began to join.
    pub began: Instant,
    /// Ids of its own tracks by source.
    own: BTreeMap<String, String>,
    view: Arc<Mutex<View>>,
    shared: Arc<Shared>,
    orders: Sender<Order>,
    outbox: Sender<Value>,
    last_id: AtomicU64,
    threads: Vec<JoinHandle<()>>,
}

impl Member {
    /// Joins `room`, offers its lines and waits for the connection.
    #[track_caller]
    pub fn join(server: &Plenum, room: &str, joining: Joining) -> Self {
        let identity = joining.identity.clone();
        let member = Self::try_join(server, room, joining);
        let member = member.unwrap_or_else(|error| panic!("{identity} was refused: {error}"));
        member.wait_until_connected();
        member
    }

    /// Joins `room` and offers its lines, or returns the error that was the answer.
    #[track_caller]
    pub fn try_join(server: &Plenum, room: &str, joining: Joining) -> Result<Self, Value> {
        let began = Instant::now();
        let mut socket = Socket::connect(server, room);
        let welcome = accepted(socket.request(joining.request()))?;
        let identity = welcome["participant"]["identity"].as_str().expect("an identity").to_owned();
        let prepared = Prepared::new(&joining);
        let offer = json!({"type": "offer", "sdp": prepared.offer, "tracks": prepared.tracks});
        let answer = accepted(socket.request(offer))?;
        let shared = Arc::new(Shared::default());
        shared.level.store(QUIET, Ordering::Relaxed);
        let (orders, inbox) = channel();
        let marker = fastrand::u32(..);
        let own = own_tracks(&prepared.tracks, &answer["tracks"]);
        let sdp = answer["sdp"].as_str().expect("an answer holds SDP").to_owned();
        let media = prepared.start(&sdp, &joining, marker, inbox, Arc::clone(&shared));
        let mut view = View { offers: 1, ..View::default() };
        view.note(welcome);
        view.note(answer);
        let view = Arc::new(Mutex::new(view));
        let (outbox, requests) = channel();
        let listener = Listener { socket, requests, view: Arc::clone(&view), shared: Arc::clone(&shared) };
        let threads = vec![media, std::thread::spawn(move || listener.run())];
        // Far from the ids that the joining used.
        let last_id = AtomicU64::new(1_000);
        Ok(Self { identity, marker, began, own, view, shared, orders, outbox, last_id, threads })
    }

    /// Waits for ICE and DTLS.
    #[track_caller]
    pub fn wait_until_connected(&self) {
        let what = format!("{} connects", self.identity);
        wait_until(&what, CONNECT_DEADLINE, || self.look(|account| account.connected));
    }

    /// What it has been told so far.
    pub fn view(&self) -> View {
        self.view.lock().unwrap().clone()
    }

    /// What has arrived so far.
    pub fn account(&self) -> Account {
        self.look(Account::clone)
    }

    /// Looks at what has arrived so far, without copying it.
    pub fn look<T>(&self, look: impl FnOnce(&Account) -> T) -> T {
        look(&self.shared.account.lock().unwrap())
    }

    /// Forgets which packets have arrived, to begin a new account.
    pub fn forget(&self) {
        for slot in self.shared.account.lock().unwrap().slots.values_mut() {
            *slot = super::SlotAccount { is_video: slot.is_video, ..Default::default() };
        }
    }

    /// Sends a message that has no reply.
    pub fn tell(&self, message: Value) {
        let _ = self.outbox.send(message);
    }

    /// Sends a request and waits for the reply, which may be an error.
    #[track_caller]
    pub fn request(&self, mut message: Value) -> Value {
        let id = self.last_id.fetch_add(1, Ordering::Relaxed);
        message["id"] = json!(id);
        let what = format!("the reply to {message}");
        self.tell(message);
        wait_for(&what, CONNECT_DEADLINE, || self.message(|reply| reply["id"] == id))
    }

    /// The first message since the welcome that fits.
    pub fn message(&self, fits: impl Fn(&Value) -> bool) -> Option<Value> {
        self.view.lock().unwrap().messages.iter().find(|message| fits(message)).cloned()
    }

    /// Speaks, or is quiet again.
    pub fn speak(&self, speaks: bool) {
        self.shared.level.store(if speaks { LOUD } else { QUIET }, Ordering::Relaxed);
    }

    /// Mutes or unmutes one of its own tracks, and goes on sending.
    #[track_caller]
    pub fn mute(&self, source: &str, muted: bool) {
        let track = self.own_track(source);
        let reply = self.request(json!({"type": "mute", "track": track, "muted": muted}));
        assert_eq!(reply["type"], "ok", "{reply}");
    }

    /// The id of one of its own tracks.
    #[track_caller]
    pub fn own_track(&self, source: &str) -> String {
        self.own.get(source).unwrap_or_else(|| panic!("no {source} in {:?}", self.own)).clone()
    }

    /// Waits until a topic is open.
    #[track_caller]
    pub fn wait_for_topic(&self, topic: &str) {
        let what = format!("{} opens {topic}", self.identity);
        let is_open = |account: &Account| account.topics.get(topic).is_some_and(|topic| topic.open);
        wait_until(&what, CONNECT_DEADLINE, || self.look(is_open));
    }

    /// Says `payload` on a topic, to all or to those named.
    pub fn say(&self, topic: &str, payload: Value, to: Option<&[&str]>) {
        let mut message = json!({"payload": payload});
        if let Some(to) = to {
            message["to"] = json!(to);
        }
        self.say_bytes(topic, false, message.to_string().into_bytes());
    }

    /// Says `payload` as a binary message to all.
    pub fn say_binary(&self, topic: &str, payload: &[u8]) {
        self.say_bytes(topic, true, [&[0, 2], &b"{}"[..], payload].concat());
    }

    /// Sends these bytes, whatever they are.
    pub fn say_bytes(&self, topic: &str, is_binary: bool, message: Vec<u8>) {
        let _ = self.orders.send(Order::Say { topic: topic.to_owned(), is_binary, message });
    }

    /// Reads its data channels no more, while media goes on.
    pub fn stall(&self) {
        let _ = self.orders.send(Order::Stall);
    }

    /// Closes its media and stays a member.
    pub fn close_media(&self) {
        let _ = self.orders.send(Order::Close);
    }

    /// Says good-bye.
    #[track_caller]
    pub fn leave(self) {
        self.tell(json!({"type": "leave"}));
        wait_until("the server lets go", CONNECT_DEADLINE, || self.view().closed.is_some());
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

fn accepted(reply: Value) -> Result<Value, Value> {
    if reply["type"] == "error" { Err(reply) } else { Ok(reply) }
}

/// From what was said about the offer's lines and what the answer calls them.
fn own_tracks(offered: &Value, answered: &Value) -> BTreeMap<String, String> {
    let offered = offered.as_object().into_iter().flatten();
    let text = |value: &Value| value.as_str().map(str::to_owned);
    offered.filter_map(|(mid, line)| Some((text(&line["source"])?, text(&answered[mid])?))).collect()
}

/// The thread that holds the WebSocket.
struct Listener {
    socket: Socket,
    requests: std::sync::mpsc::Receiver<Value>,
    view: Arc<Mutex<View>>,
    shared: Arc<Shared>,
}

impl Listener {
    fn run(mut self) {
        while !self.shared.stop.load(Ordering::Relaxed) {
            while let Ok(request) = self.requests.try_recv() {
                self.socket.send(&request);
            }
            match self.socket.next(LISTEN) {
                Heard::Message(message) => self.view.lock().unwrap().note(message),
                Heard::Nothing => {}
                Heard::Closed(_) => {
                    self.view.lock().unwrap().closed.get_or_insert_default();
                    return;
                }
            }
        }
    }
}
