//! Who speaks: the publisher that a viewer of the room's main stream should see.
//!
//! Every audio packet that carries a level (RFC 6464) moves its publisher's score towards 1 if somebody speaks
//! and towards 0 if not, by half a second's memory. The floor changes hands when one publisher has clearly been
//! speaking, while whoever has the floor has clearly been silent, for [`PATIENCE`]: a cough, a short answer or
//! two who talk at once change nothing. A publisher that sends no levels never takes the floor.

use std::time::{Duration, Instant};

/// Louder than this, in -dBov (0 is the loudest, 127 silence), is speech rather than a room.
const SPEECH_LEVEL: u8 = 50;
/// How far back a score remembers.
const MEMORY: Duration = Duration::from_millis(500);
/// How long one must lead before the floor is given over.
const PATIENCE: Duration = Duration::from_millis(700);
/// A score from which one speaks, and one up to which one is silent.
const SPEAKING: f32 = 0.6;
const SILENT: f32 = 0.3;

#[derive(Debug)]
struct Voice<Id> {
    id: Id,
    score: f32,
    heard_at: Instant,
}

impl<Id> Voice<Id> {
    /// The score at `now`: who sends nothing any more says nothing any more.
    fn score_at(&self, now: Instant) -> f32 {
        self.score * (1.0 - share_of_memory(now.saturating_duration_since(self.heard_at)))
    }
}

/// The scores of everyone heard, and who is about to take the floor.
#[derive(Debug)]
pub(crate) struct Speakers<Id> {
    voices: Vec<Voice<Id>>,
    leader: Option<(Id, Instant)>,
}

impl<Id> Default for Speakers<Id> {
    fn default() -> Self {
        Self { voices: Vec::new(), leader: None }
    }
}

impl<Id: Copy + PartialEq> Speakers<Id> {
    /// Takes in a packet's level. Returns who takes the floor from `floor` now, if anybody does.
    pub fn hear(&mut self, now: Instant, id: Id, level: u8, floor: Option<Id>) -> Option<Id> {
        self.update(now, id, level);
        let floor_score =
            self.voices.iter().find(|voice| Some(voice.id) == floor).map_or(0.0, |v| v.score_at(now));
        let challengers = self.voices.iter().filter(|voice| Some(voice.id) != floor);
        let challenger = challengers.max_by(|a, b| a.score_at(now).total_cmp(&b.score_at(now)));
        let leads = |voice: &&Voice<Id>| voice.score_at(now) >= SPEAKING && floor_score <= SILENT;
        let Some(leading) = challenger.filter(leads).map(|voice| voice.id) else {
            self.leader = None;
            return None;
        };
        match self.leader {
            Some((id, since)) if id == leading => {
                let takes = now.saturating_duration_since(since) >= PATIENCE;
                takes.then(|| self.leader.take())?.map(|(id, _)| id)
            }
            _ => {
                self.leader = Some((leading, now));
                None
            }
        }
    }

    /// Forgets a publisher that has left.
    pub fn forget(&mut self, id: Id) {
        self.voices.retain(|voice| voice.id != id);
        self.leader = self.leader.filter(|(leader, _)| *leader != id);
    }

    fn update(&mut self, now: Instant, id: Id, level: u8) {
        let speaks = if level < SPEECH_LEVEL { 1.0 } else { 0.0 };
        match self.voices.iter_mut().find(|voice| voice.id == id) {
            Some(voice) => {
                let weight = share_of_memory(now.saturating_duration_since(voice.heard_at));
                voice.score += (speaks - voice.score) * weight;
                voice.heard_at = now;
            }
            None => self.voices.push(Voice { id, score: 0.0, heard_at: now }),
        }
    }
}

fn share_of_memory(elapsed: Duration) -> f32 {
    (elapsed.as_secs_f32() / MEMORY.as_secs_f32()).min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOUD: u8 = 20;
    const QUIET: u8 = 90;

    /// Plays 20 ms packets of two people from `from_ms` to `to_ms`; returns when the floor changed, and to whom.
    fn play(
        speakers: &mut Speakers<char>,
        start: Instant,
        ms: std::ops::Range<u64>,
        levels: [(char, u8); 2],
        floor: &mut char,
    ) -> Vec<(u64, char)> {
        let mut changes = Vec::new();
        for at in ms.step_by(20) {
            for (id, level) in levels {
                if let Some(next) = speakers.hear(start + Duration::from_millis(at), id, level, Some(*floor))
                {
                    *floor = next;
                    changes.push((at, next));
                }
            }
        }
        changes
    }

    #[test]
    fn whoever_speaks_takes_the_floor_from_the_silent_within_two_seconds_and_keeps_it() {
        let (mut speakers, start, mut floor) = (Speakers::default(), Instant::now(), 'a');
        let changes = play(&mut speakers, start, 0..10_000, [('a', QUIET), ('b', LOUD)], &mut floor);
        assert_eq!(changes.len(), 1, "{changes:?}");
        assert!((700..2_000).contains(&changes[0].0), "{changes:?}");
        assert!(
            play(&mut speakers, start, 10_000..20_000, [('a', QUIET), ('b', QUIET)], &mut floor).is_empty()
        );
    }

    #[test]
    fn two_who_talk_at_once_do_not_take_it_from_each_other() {
        let (mut speakers, start, mut floor) = (Speakers::default(), Instant::now(), 'a');
        assert!(play(&mut speakers, start, 0..10_000, [('a', LOUD), ('b', LOUD)], &mut floor).is_empty());
    }

    #[test]
    fn a_cough_changes_nothing() {
        let (mut speakers, start, mut floor) = (Speakers::default(), Instant::now(), 'a');
        play(&mut speakers, start, 0..2_000, [('a', QUIET), ('b', QUIET)], &mut floor);
        assert!(play(&mut speakers, start, 2_000..2_400, [('a', QUIET), ('b', LOUD)], &mut floor).is_empty());
        assert!(
            play(&mut speakers, start, 2_400..9_000, [('a', QUIET), ('b', QUIET)], &mut floor).is_empty()
        );
    }

    #[test]
    fn who_sends_nothing_any_more_loses_the_floor_and_who_has_left_cannot_take_it() {
        let (mut speakers, start, mut floor) = (Speakers::default(), Instant::now(), 'a');
        play(&mut speakers, start, 0..3_000, [('a', LOUD), ('b', LOUD)], &mut floor);
        let changes = play(&mut speakers, start, 3_000..6_000, [('b', LOUD), ('b', LOUD)], &mut floor);
        assert_eq!(changes.iter().map(|c| c.1).collect::<Vec<_>>(), ['b']);
        speakers.forget('b');
        assert_eq!(speakers.leader, None);
    }
}
