//! Who speaks: whose voice takes a slot, who is marked as speaking, whom a viewer of the room's main stream sees.
//!
//! Three questions, three speeds, all answered from the levels of audio packets (RFC 6464).
//! - A voice that *talks* comes before all that do not, from its second loud packet on (a click has one), so that its
//!   first words are heard; it stays in front through pauses between words. Those who talk stand in the order in
//!   which they began, and one moves past another only if it is clearly louder: an open window does not keep a voice
//!   out.
//! - Who *speaks* is marked as such, and is among the recent speakers if it goes on: a score moves towards 1 while
//!   somebody is loud and towards 0 while not, by half a second's memory.
//! - The *floor* changes hands when one publisher has clearly been speaking, while whoever has the floor has clearly
//!   been silent, for [`PATIENCE`]: a cough, a short answer or two who talk at once change nothing.
//!
//! A microphone that sends no levels does none of this. A packet touches its own voice only; everyone is looked at
//! every [`LOOK_INTERVAL`].

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::TrackId;

/// Louder than this, in -dBov (0 is the loudest, 127 silence), is speech rather than a room.
const SPEECH_LEVEL: u8 = 50;
/// Loud packets in a row that make a voice talk.
const ONSET: u8 = 2;
/// The longest pause of one who talks.
const PAUSE: Duration = Duration::from_millis(800);
/// By how many dB one who talks must be louder to move past another.
const CLEARLY: f32 = 9.0;
/// How far back a score remembers.
const MEMORY: Duration = Duration::from_millis(500);
/// A score from which one is marked as speaking, and one up to which one is not any more.
const MARKED: (f32, f32) = (0.3, 0.15);
/// A score from which one has clearly been speaking, and one up to which one has clearly been silent.
const CLEAR: (f32, f32) = (0.6, 0.3);
/// How long one must lead before the floor is given over.
const PATIENCE: Duration = Duration::from_millis(700);
/// How often everyone is looked at.
const LOOK_INTERVAL: Duration = Duration::from_millis(100);
/// When to look although nobody was heard: by then nobody speaks any more.
const LOOK_AFTER: Duration = Duration::from_millis(1_000);

/// What has changed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Turn {
    /// The order of voices or of recent speakers.
    pub ranking: bool,
    /// Who has taken the floor: a publisher, by its first track.
    pub floor: Option<TrackId>,
}

#[derive(Debug)]
struct Voice {
    publisher: TrackId,
    heard_at: Instant,
    score: f32,
    /// How loud it is while it is, in dB above [`SPEECH_LEVEL`].
    loudness: f32,
    /// Loud packets in a row, and when the last one came.
    in_row: u8,
    loud_at: Option<Instant>,
    is_talking: bool,
    is_marked: bool,
    is_clear: bool,
}

impl Voice {
    fn new(now: Instant, publisher: TrackId) -> Self {
        Self {
            publisher,
            heard_at: now,
            score: 0.0,
            loudness: 0.0,
            in_row: 0,
            loud_at: None,
            is_talking: false,
            is_marked: false,
            is_clear: false,
        }
    }

    /// Takes in the level of a packet. Returns whether it begins to talk with it.
    fn hear(&mut self, now: Instant, level: u8) -> bool {
        let is_loud = level < SPEECH_LEVEL;
        let weight = share_of_memory(now.saturating_duration_since(self.heard_at));
        self.score += (f32::from(u8::from(is_loud)) - self.score) * weight;
        self.heard_at = now;
        self.in_row = if is_loud { self.in_row.saturating_add(1) } else { 0 };
        if is_loud {
            self.loudness += (f32::from(SPEECH_LEVEL - level) - self.loudness) * weight;
            self.loud_at = Some(now);
        }
        let begins = !self.is_talking && self.in_row >= ONSET;
        self.is_talking |= begins;
        begins
    }

    /// The score at `now`: who sends nothing any more says nothing any more.
    fn score_at(&self, now: Instant) -> f32 {
        self.score * (1.0 - share_of_memory(now.saturating_duration_since(self.heard_at)))
    }

    fn has_paused(&self, now: Instant) -> bool {
        self.loud_at.is_none_or(|at| now.saturating_duration_since(at) >= PAUSE)
    }
}

/// The voices of a room.
#[derive(Debug, Default)]
pub(crate) struct Voices {
    voices: BTreeMap<TrackId, Voice>,
    /// Everyone who has talked: first those who do, then the others, the latest first.
    order: Vec<TrackId>,
    /// The publishers that have spoken, the latest first; each by its first track.
    recent: Vec<TrackId>,
    /// Who is about to take the floor, and since when.
    leader: Option<(TrackId, Instant)>,
    looked_at: Option<Instant>,
    heard_at: Option<Instant>,
    /// Whether the set of those marked as speaking has changed since it was polled.
    marks_changed: bool,
}

impl Voices {
    /// Takes in the level of a packet. Returns whether the order of voices has changed with it.
    pub fn hear(&mut self, now: Instant, track: TrackId, publisher: TrackId, level: u8) -> bool {
        self.heard_at = Some(now);
        let voice = self.voices.entry(track).or_insert_with(|| Voice::new(now, publisher));
        voice.hear(now, level) && self.move_behind_talkers(track)
    }

    /// Whether it is time for [`Self::look`].
    pub fn wants_look(&self, now: Instant) -> bool {
        self.looked_at.is_none_or(|at| now.saturating_duration_since(at) >= LOOK_INTERVAL)
    }

    /// When to look at the latest, if anything could change by then.
    pub fn next_look_at(&self) -> Option<Instant> {
        let is_busy = |voice: &Voice| voice.is_talking || voice.is_marked || voice.is_clear;
        self.heard_at.filter(|_| self.voices.values().any(is_busy)).map(|at| at + LOOK_AFTER)
    }

    /// Looks at everyone. `floor` is who has it.
    pub fn look(&mut self, now: Instant, floor: Option<TrackId>) -> Turn {
        self.looked_at = Some(now);
        let mut have_spoken = Vec::new();
        for voice in self.voices.values_mut() {
            voice.is_talking &= !voice.has_paused(now);
            let score = voice.score_at(now);
            self.marks_changed |= pass(&mut voice.is_marked, score, MARKED);
            if pass(&mut voice.is_clear, score, CLEAR) && voice.is_clear {
                have_spoken.push(voice.publisher);
            }
        }
        let mut ranking = self.put_talkers_first();
        for publisher in have_spoken {
            ranking |= move_to(&mut self.recent, publisher, 0);
        }
        ranking |= self.let_the_louder_pass();
        Turn { ranking, floor: self.give_floor(now, floor) }
    }

    /// Forgets a track that is muted or gone.
    pub fn forget(&mut self, track: TrackId) {
        if let Some(voice) = self.voices.remove(&track) {
            self.marks_changed |= voice.is_marked;
        }
        self.order.retain(|other| *other != track);
    }

    /// Forgets a publisher that has left.
    pub fn forget_publisher(&mut self, publisher: TrackId) {
        self.recent.retain(|other| *other != publisher);
        self.leader = self.leader.filter(|(leader, _)| *leader != publisher);
    }

    /// Those who have talked, those to be heard first first.
    pub fn order(&self) -> &[TrackId] {
        &self.order
    }

    /// The publishers that have spoken, the latest first.
    pub fn recent(&self) -> &[TrackId] {
        &self.recent
    }

    /// Who speaks now, the loudest first, if that has changed.
    pub fn poll_speakers(&mut self) -> Option<Vec<TrackId>> {
        if !std::mem::take(&mut self.marks_changed) {
            return None;
        }
        let marked = self.voices.iter().filter(|(_, voice)| voice.is_marked);
        let mut speaking: Vec<(TrackId, f32)> =
            marked.map(|(track, voice)| (*track, voice.loudness)).collect();
        speaking.sort_by(|(_, a), (_, b)| b.total_cmp(a));
        Some(speaking.into_iter().map(|(track, _)| track).collect())
    }

    /// Puts a voice that begins to talk behind those who do and before those who do not.
    fn move_behind_talkers(&mut self, track: TrackId) -> bool {
        let talks = |other: &&TrackId| **other != track && self.voices[*other].is_talking;
        let talkers = self.order.iter().filter(talks).count();
        move_to(&mut self.order, track, talkers)
    }

    /// Whoever has fallen silent is the latest of those who have.
    fn put_talkers_first(&mut self) -> bool {
        let is_silent = |track: &TrackId| !self.voices[track].is_talking;
        let moves = !self.order.is_sorted_by_key(is_silent);
        self.order.sort_by_key(is_silent);
        moves
    }

    fn let_the_louder_pass(&mut self) -> bool {
        let mut has_passed = false;
        for place in 1..self.order.len() {
            let [ahead, behind] =
                [self.order[place - 1], self.order[place]].map(|track| &self.voices[&track]);
            if ahead.is_talking && behind.is_talking && behind.loudness > ahead.loudness + CLEARLY {
                self.order.swap(place - 1, place);
                has_passed = true;
            }
        }
        has_passed
    }

    /// Who takes the floor from `floor` now, if anybody does.
    fn give_floor(&mut self, now: Instant, floor: Option<TrackId>) -> Option<TrackId> {
        let score_of = |voice: &Voice| voice.score_at(now);
        let holders = self.voices.values().filter(|voice| Some(voice.publisher) == floor);
        let floor_score = holders.map(score_of).fold(0.0, f32::max);
        let challengers = self.voices.values().filter(|voice| Some(voice.publisher) != floor);
        let challenger = challengers.max_by(|a, b| score_of(a).total_cmp(&score_of(b)));
        let leads = |voice: &&Voice| score_of(voice) >= CLEAR.0 && floor_score <= CLEAR.1;
        let Some(leading) = challenger.filter(leads).map(|voice| voice.publisher) else {
            self.leader = None;
            return None;
        };
        match self.leader {
            Some((publisher, since)) if publisher == leading => {
                let takes = now.saturating_duration_since(since) >= PATIENCE;
                takes.then(|| self.leader.take())?.map(|(publisher, _)| publisher)
            }
            _ => {
                self.leader = Some((leading, now));
                None
            }
        }
    }
}

/// Sets or clears a mark when the score passes the upper or the lower threshold. Returns whether it did.
fn pass(mark: &mut bool, score: f32, (upper, lower): (f32, f32)) -> bool {
    let next = if *mark { score > lower } else { score >= upper };
    std::mem::replace(mark, next) != next
}

/// Moves an item to a place, from wherever it is. Returns whether it was elsewhere.
fn move_to(order: &mut Vec<TrackId>, item: TrackId, place: usize) -> bool {
    let former = order.iter().position(|other| *other == item);
    if former == Some(place) {
        return false;
    }
    if let Some(former) = former {
        order.remove(former);
    }
    order.insert(place.min(order.len()), item);
    true
}

fn share_of_memory(elapsed: Duration) -> f32 {
    (elapsed.as_secs_f32() / MEMORY.as_secs_f32()).min(1.0)
}

#[cfg(test)]
mod tests;
