//! Who comes: the rooms of a run, what each of their people sends, and what all of them share.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Instant;

use str0m::config::DtlsCert;

use crate::args::Args;
use crate::broadcast::Broadcast;
use crate::cast::Cast;
use crate::credentials::{Credentials, Purpose};
use crate::media::MediaThread;
use crate::payload::Origin;
use crate::places::{identity, is_sampled, room_name, room_url};
use crate::room::conversation::{Conversation, Voice};
use crate::room::participant::Part;
use crate::room::stay::Entrant;

/// One room and those who send in it for the whole run.
#[derive(Debug, Clone)]
pub(crate) struct Room {
    /// Its name.
    pub name: String,
    /// WHIP publishers.
    pub publishers: Vec<Broadcast>,
    /// Participants.
    pub members: Vec<Broadcast>,
    cast: Arc<Cast>,
    conversation: Arc<Conversation>,
}

impl Room {
    /// Room `room` of run `run`.
    pub(crate) fn new(args: &Args, run: u32, room: u16) -> Self {
        let name = room_name(args, room);
        let cast = Arc::new(Cast::default());
        let origin = |publisher| Origin { run, room, publisher };
        let publishers = (0..args.publishers()).map(|i| Broadcast::new(origin(i), args)).collect();
        let members = (0..args.participants).map(|seat| member(args, origin(args.publishers() + seat), seat));
        let conversation = Arc::new(Conversation::new(Instant::now(), args.participants.into()));
        let room = Self { name, publishers, members: members.collect(), cast, conversation };
        for broadcast in room.publishers.iter().chain(&room.members) {
            room.cast.add(identity(args, broadcast.origin), broadcast.clone());
        }
        room
    }

    /// All that is sent for the whole run.
    pub(crate) fn broadcasts(&self) -> impl Iterator<Item = &Broadcast> {
        self.publishers.iter().chain(&self.members)
    }

    /// What viewers watch: everything with video, or everything when there is none.
    pub(crate) fn watched(&self) -> Vec<&Broadcast> {
        let with_video: Vec<_> = self.broadcasts().filter(|broadcast| has_video(broadcast)).collect();
        if with_video.is_empty() { self.broadcasts().collect() } else { with_video }
    }
}

/// Those in front send video.
fn member(args: &Args, origin: Origin, seat: u16) -> Broadcast {
    match seat < args.publishing() {
        true => Broadcast::new(origin, args),
        false => Broadcast::audio_only(origin, args),
    }
}

fn has_video(broadcast: &Broadcast) -> bool {
    broadcast.feed(str0m::media::MediaKind::Video).is_some()
}

/// What all who enter a room have in common.
pub(crate) struct Door {
    /// What was asked for.
    pub args: Args,
    /// What lets them in.
    pub credentials: Credentials,
    /// Of all sessions.
    pub dtls: DtlsCert,
    /// Those who drive their media.
    pub threads: Vec<Arc<MediaThread>>,
    /// Offers and answers beyond everybody's first.
    pub exchanged: Arc<AtomicU64>,
}

impl Door {
    /// The member in this seat of `room`.
    pub(crate) fn member(&self, room: &Room, seat: usize, local_ip: IpAddr) -> Result<Entrant, String> {
        self.entrant(room, room.members[seat].clone(), seat, local_ip)
    }

    /// The guest of this number in `room`: sends video if all members do.
    pub(crate) fn guest(&self, room: &Room, number: u64, local_ip: IpAddr) -> Result<Entrant, String> {
        let args = &self.args;
        let seat = room.members.len() + number as usize;
        let Some(Broadcast { origin: Origin { run, room: index, .. }, .. }) = room.members.first() else {
            return Err("nobody to be a guest of".into());
        };
        let origin = Origin { run: *run, room: *index, publisher: args.publishers() + seat as u16 };
        let broadcast = match args.publishing() == args.participants {
            true => Broadcast::new(origin, args),
            false => Broadcast::audio_only(origin, args),
        };
        room.cast.add(identity(args, origin), broadcast.clone());
        self.entrant(room, broadcast, seat, local_ip)
    }

    fn entrant(
        &self,
        room: &Room,
        broadcast: Broadcast,
        seat: usize,
        local_ip: IpAddr,
    ) -> Result<Entrant, String> {
        let args = &self.args;
        let identity = identity(args, broadcast.origin);
        let with_video = room.broadcasts().filter(|other| has_video(other));
        Ok(Entrant {
            name: format!("{identity} of {}", room.name),
            token: self.credentials.token(&room.name, &identity, Purpose::TakePart)?,
            url: room_url(args, broadcast.origin)?,
            part: Part {
                voice: Voice::new(room.conversation.clone(), seat as u64),
                slots: args.slots,
                cast: room.cast.clone(),
                others_with_video: with_video.filter(|other| other.origin != broadcast.origin).count(),
                checked: is_sampled(seat, args.sample),
                broadcast,
            },
            identity,
            thread: self.threads[seat % self.threads.len()].clone(),
            dtls: self.dtls.clone(),
            local_ip,
            exchanged: self.exchanged.clone(),
        })
    }
}
