//! One walk: the steps, an engine that does what it is told with delay, and what must hold after each step.

use std::collections::{BTreeMap, BTreeSet};

use fastrand::Rng;
use plenum_model::{MediaKind, Place};
use serde_json::{Value, json};

use super::super::super::*;
use super::super::stage::{Stage, admin, entrant, grant, hidden, identity, offer_with_screen, tracks};
use super::ear::Ear;
use crate::Grant;
use crate::whip::Publisher;

const NAMES: [&str; 7] = ["ada", "eve", "bob", "boss", "chef", "spy", "obs"];

/// The conference, everybody's ears, and the engine's sessions.
pub(super) struct Walk {
    stage: Stage,
    rng: Rng,
    seed: String,
    ears: BTreeMap<SocketId, Ear>,
    /// Sockets that the conference has not been told to be lost.
    open: BTreeSet<SocketId>,
    tickets: Vec<Ticket>,
    /// Sessions that the engine has, and the tracks on their lines.
    sessions: BTreeMap<Place, Vec<u32>>,
    /// Sessions whose end is still to be reported.
    ended: Vec<Place>,
    engine_tracks: u32,
    told: usize,
}

fn grant_of(name: &str) -> Grant {
    match name {
        "boss" | "chef" => admin(name),
        "spy" => Grant { admin: true, ..hidden(name) },
        _ => grant(name),
    }
}

impl Walk {
    pub(super) fn new(stage: Stage, rng: Rng, seed: String) -> Self {
        Self {
            stage,
            rng,
            seed,
            ears: BTreeMap::new(),
            open: BTreeSet::new(),
            tickets: Vec::new(),
            sessions: BTreeMap::new(),
            ended: Vec::new(),
            engine_tracks: 0,
            told: 0,
        }
    }

    pub(super) fn step(&mut self) {
        match self.rng.u8(..24) {
            0..4 => self.join(),
            4 => self.resume(),
            5 => self.lose(),
            6 => self.stage.wait(self.rng.u64(0..40)),
            7..10 => self.offer(),
            10..13 => self.negotiated(),
            13 => self.publisher(),
            14 => self.report(),
            15 => self.end_session(),
            16 => self.operate(),
            _ => self.say(),
        }
        self.listen();
    }

    fn name(&mut self) -> &'static str {
        NAMES[self.rng.usize(..NAMES.len())]
    }

    fn socket(&mut self) -> Option<SocketId> {
        let open: Vec<_> = self.open.iter().copied().collect();
        (!open.is_empty()).then(|| open[self.rng.usize(..open.len())])
    }

    fn place(&mut self) -> Option<Place> {
        let places: Vec<_> = self.sessions.keys().copied().collect();
        (!places.is_empty()).then(|| places[self.rng.usize(..places.len())])
    }

    fn join(&mut self) {
        let grant = grant_of(self.name());
        if let Ok(socket) = self.stage.try_join(entrant(grant)) {
            self.open.insert(socket);
        }
    }

    fn resume(&mut self) {
        let ears: Vec<_> = self.ears.iter().filter(|(_, ear)| ear.resume.is_some()).collect();
        if ears.is_empty() {
            return;
        }
        let (former, ear) = ears[self.rng.usize(..ears.len())];
        let (former, token, own) = (*former, ear.resume.clone().unwrap(), ear.own.clone());
        if let Some(socket) = self.stage.resume(&token) {
            self.open.remove(&former);
            self.ears.insert(socket, Ear { own, ..Ear::default() });
            self.open.insert(socket);
        }
    }

    fn lose(&mut self) {
        if let Some(socket) = self.socket() {
            self.open.remove(&socket);
            self.stage.lose(socket);
        }
    }

    fn offer(&mut self) {
        let Some(socket) = self.socket() else { return };
        let muted = [self.rng.bool(), self.rng.bool(), self.rng.bool()];
        let request =
            tracks(&[("0", "microphone", muted[0]), ("1", "camera", muted[1]), ("5", "screen", muted[2])]);
        let mut offer = offer_with_screen(&self.rng.u8(..2).to_string());
        if self.rng.bool() {
            offer.lines.retain(|line| !line.direction.sends() || line.kind.is_none());
        }
        self.tickets.extend(self.stage.offer(socket, &offer, &request));
    }

    /// The engine has an answer for one of the offers, in any order.
    fn negotiated(&mut self) {
        if self.tickets.is_empty() {
            return;
        }
        let ticket = self.tickets.remove(self.rng.usize(..self.tickets.len()));
        if self.rng.u8(..) < 30 {
            let problem = crate::Problem::new(crate::Slug::Overloaded, "full");
            self.stage.conference.media_refused(ticket, &problem);
            return self.stage.settle();
        }
        if let Goes::On(place) = ticket.goes
            && !self.sessions.contains_key(&place)
        {
            return;
        }
        let first = self.engine_tracks;
        self.engine_tracks += 3;
        let lines = ticket.terms.len() as u32;
        let place = self.stage.admit(ticket, first);
        self.sessions.entry(place).or_default().extend(first..first + lines);
    }

    fn publisher(&mut self) {
        let name = identity(["obs", "ada"][self.rng.usize(..2)]);
        let place = self.stage.new_place();
        let first = self.engine_tracks;
        self.engine_tracks += 3;
        self.sessions.insert(place, vec![first, first + 1]);
        let tracks =
            [("0".to_owned(), first, MediaKind::Audio), ("1".to_owned(), first + 1, MediaKind::Video)];
        let publisher = Publisher { grant: grant(name.as_str()), identity: name, name: None };
        // A refusal is an effect, too: the session ends.
        let _refused = self.stage.conference.publisher_came(self.stage.now, publisher, place, &tracks);
        self.stage.settle();
    }

    /// The engine tells something, perhaps of tracks that are gone or muted.
    fn report(&mut self) {
        let Some(place) = self.place() else { return };
        let track = (self.engine_tracks > 0).then(|| self.rng.u32(..self.engine_tracks));
        let conference = &mut self.stage.conference;
        match self.rng.u8(..7) {
            0..3 => conference.media_slots(place, &[("2".into(), track), ("3".into(), None)]),
            3 => conference.media_speakers(&track.into_iter().collect::<Vec<_>>()),
            4 => conference.media_interrupted(place),
            5 => conference.media_resumed(place),
            _ => conference.media_chat(self.stage.now, place, "{}"),
        }
        self.stage.settle();
    }

    /// A session ends by itself, or the end of one is reported that was ordered.
    fn end_session(&mut self) {
        let place = match self.ended.pop() {
            Some(place) => place,
            None => match self.place() {
                Some(place) => place,
                None => return,
            },
        };
        self.sessions.remove(&place);
        self.stage.conference.media_ended(self.stage.now, place);
        self.stage.settle();
    }

    /// Something over the HTTP API.
    fn operate(&mut self) {
        let name = identity(self.name());
        let flag = Some(self.rng.bool());
        let now = self.stage.now;
        let conference = &mut self.stage.conference;
        // Refusals are fine: the one who is meant may not be here.
        let _refused = match self.rng.u8(..6) {
            0 if name.as_str() != "spy" => conference
                .set_permissions(&name, PermissionsChange { hidden: flag, ..PermissionsChange::default() }),
            1 => conference.set_permissions(
                &name,
                PermissionsChange { can_publish: flag, ..PermissionsChange::default() },
            ),
            2 => conference.change_settings(now, SettingsChange { lobby: flag, ..SettingsChange::default() }),
            3 => conference.unban(&name),
            4 => conference.admit(now, &name),
            _ => {
                conference.set_locked(flag == Some(true) && self.rng.bool());
                Ok(())
            }
        };
        self.stage.settle();
    }

    fn say(&mut self) {
        let Some(socket) = self.socket() else { return };
        let name = self.name();
        let own = self.ears.get(&socket).map(|ear| ear.own.clone()).unwrap_or_default();
        let track = match own.is_empty() {
            true => "TR_1".to_owned(),
            false => own[self.rng.usize(..own.len())].clone(),
        };
        let message = match self.rng.u8(..20) {
            0..8 => json!({ "type": "mute", "track": track, "muted": self.rng.bool() }),
            8 => json!({ "type": "kick", "participant": name }),
            9 if self.rng.u8(..) < 40 => json!({ "type": "ban", "participant": name }),
            10 => json!({ "type": "admit", "participant": name }),
            11 => json!({ "type": "reject", "participant": name }),
            12 => json!({ "type": "mute_participant", "participant": name }),
            13 => json!({ "type": "request_unmute", "participant": name }),
            14 => json!({ "type": "update_metadata", "metadata": self.rng.u8(..).to_string() }),
            15 => json!({ "type": "leave" }),
            16 => json!({ "type": "pin", "slot": "2", "track": track }),
            _ => json!({ "type": "signal", "to": name, "payload": 1 }),
        };
        self.stage.say(socket, message);
    }

    /// Everybody takes in what they were told, and the engine what it was ordered.
    fn listen(&mut self) {
        for socket in (1..=self.stage.sockets()).map(SocketId) {
            let heard = self.stage.heard(socket);
            self.told += heard.len();
            for message in heard {
                self.check_secrecy(socket, &message);
                let ear = self.ears.entry(socket).or_default();
                ear.hear(&message)
                    .unwrap_or_else(|what| panic!("{}: {socket:?}: {message}: {what}", self.seed));
            }
        }
        self.open.retain(|socket| !self.stage.hung_up.contains_key(socket));
        for order in std::mem::take(&mut self.stage.orders) {
            if let Effect::EndMedia { place, .. } = order
                && self.sessions.remove(&place).is_some()
            {
                self.ended.push(place);
            }
        }
    }

    /// Nothing about the hidden one to anybody else, but for admins who may let it in, and for those who asked.
    fn check_secrecy(&self, socket: SocketId, message: &Value) {
        let spy = self.ears.get(&socket).is_some_and(|ear| ear.me.as_deref() == Some("spy"))
            || message["participant"]["identity"] == "spy" && message["type"] == "welcome";
        let exempt = ["error", "lobby"].contains(&message["type"].as_str().unwrap());
        let named = message.to_string().contains("\"spy\"");
        assert!(spy || exempt || !named, "{}: {socket:?} learns of the hidden one: {message}", self.seed);
    }

    /// What holds after every step.
    pub(super) fn check(&self) {
        let conference = &self.stage.conference;
        let cap = conference.settings().max_participants as usize;
        assert!(conference.members() <= cap, "{}: {} members", self.seed, conference.members());
        let everybody = conference.participants();
        for (socket, ear) in self.ears.iter().filter(|(socket, _)| self.open.contains(socket)) {
            let Some(me) = &ear.me else { continue };
            let visible = everybody.iter().filter(|view| !view.participant.permissions.hidden);
            let others: BTreeSet<_> = visible
                .clone()
                .map(|view| view.participant.identity.clone())
                .filter(|identity| identity != me)
                .collect();
            assert_eq!(ear.others, others, "{}: what {me} on {socket:?} knows", self.seed);
            let tracks: BTreeSet<_> = everybody
                .iter()
                .filter(|view| !view.participant.permissions.hidden || view.participant.identity == *me)
                .flat_map(|view| view.tracks.iter().map(|track| track.id.clone()))
                .collect();
            assert_eq!(ear.tracks.keys().cloned().collect::<BTreeSet<_>>(), tracks, "{}: {me}", self.seed);
        }
    }

    /// Everybody goes, by and by: then nothing is left. How many messages there were.
    pub(super) fn go_home(mut self) -> usize {
        for ticket in std::mem::take(&mut self.tickets) {
            self.stage.conference.media_refused(ticket, &crate::Problem::new(crate::Slug::Internal, "x"));
        }
        while let Some(socket) = self.socket() {
            match self.rng.bool() {
                true => self.stage.say(socket, json!({ "type": "leave" })),
                false => self.stage.lose(socket),
            }
            self.open.remove(&socket);
            self.listen();
        }
        self.stage.wait(30);
        self.listen();
        for place in self.sessions.keys().copied().collect::<Vec<_>>() {
            self.stage.conference.media_ended(self.stage.now, place);
            self.stage.settle();
        }
        // It may have been over before, when nobody came for long enough.
        let was_over = self.stage.conference.is_closed();
        self.stage.wait(300);
        assert!(was_over || self.stage.orders.last() == Some(&Effect::Closed), "{}", self.seed);
        self.stage.orders.clear();
        self.listen();
        let conference = &self.stage.conference;
        assert!(conference.is_closed() && conference.next_deadline().is_none(), "{}", self.seed);
        assert!(conference.is_bare(), "{}: something is left over", self.seed);
        self.told
    }
}
