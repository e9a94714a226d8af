//! Who talks, speaks and has the floor, for voices that are loud or quiet at given times.

use super::*;

const LOUD: u8 = 20;
const QUIET: u8 = 90;

fn id(number: u32) -> TrackId {
    TrackId(number)
}

/// A room in which every publisher has one microphone, and packets come every 20 ms.
struct Stage {
    voices: Voices,
    start: Instant,
    ms: u64,
    floor: Option<TrackId>,
    /// When the floor was taken, and by whom.
    floors: Vec<(u64, u32)>,
    /// How often the order of voices changed.
    reorders: usize,
}

impl Stage {
    fn new() -> Self {
        Self {
            voices: Voices::default(),
            start: Instant::now(),
            ms: 0,
            floor: Some(id(0)),
            floors: Vec::new(),
            reorders: 0,
        }
    }

    fn now(&self) -> Instant {
        self.start + Duration::from_millis(self.ms)
    }

    /// Plays some time of everyone's levels.
    fn play(&mut self, ms: u64, levels: &[u8]) {
        for _ in 0..ms / 20 {
            for (track, level) in (0..).zip(levels) {
                self.hear(track, *level);
            }
            self.ms += 20;
        }
    }

    fn hear(&mut self, track: u32, level: u8) {
        let (now, before) = (self.now(), self.order());
        let mut turn = Turn { ranking: self.voices.hear(now, id(track), id(track), level), floor: None };
        if self.voices.wants_look(now) {
            let looked = self.voices.look(now, self.floor);
            turn = Turn { ranking: turn.ranking || looked.ranking, ..looked };
        }
        if let Some(next) = turn.floor {
            self.floor = Some(next);
            self.floors.push((self.ms, next.0));
        }
        let is_reordered = before != self.order();
        assert!(turn.ranking || !is_reordered, "who has to know is not told");
        self.reorders += usize::from(is_reordered);
    }

    fn order(&self) -> Vec<u32> {
        self.voices.order().iter().map(|track| track.0).collect()
    }

    fn recent(&self) -> Vec<u32> {
        self.voices.recent().iter().map(|track| track.0).collect()
    }

    fn speakers(&mut self) -> Option<Vec<u32>> {
        Some(self.voices.poll_speakers()?.into_iter().map(|track| track.0).collect())
    }
}

#[test]
fn whoever_speaks_takes_the_floor_from_the_silent_within_two_seconds_and_keeps_it() {
    let mut stage = Stage::new();
    stage.play(10_000, &[QUIET, LOUD]);
    assert_eq!(stage.floors.len(), 1, "{:?}", stage.floors);
    assert!((700..2_000).contains(&stage.floors[0].0), "{:?}", stage.floors);
    stage.play(10_000, &[QUIET, QUIET]);
    assert_eq!(stage.floors.len(), 1);
}

#[test]
fn two_who_talk_at_once_do_not_take_the_floor_from_each_other() {
    let mut stage = Stage::new();
    stage.play(10_000, &[LOUD, LOUD]);
    assert_eq!(stage.floors, []);
}

#[test]
fn a_cough_changes_neither_the_floor_nor_who_has_spoken() {
    let mut stage = Stage::new();
    stage.play(2_000, &[QUIET, QUIET]);
    stage.play(400, &[QUIET, LOUD]);
    stage.play(8_000, &[QUIET, QUIET]);
    assert_eq!((stage.floors.len(), stage.recent()), (0, vec![]));
}

#[test]
fn who_sends_nothing_any_more_loses_the_floor_and_who_has_left_cannot_take_it() {
    let mut stage = Stage::new();
    stage.play(3_000, &[LOUD, LOUD]);
    for _ in 0..150 {
        stage.hear(1, LOUD);
        stage.ms += 20;
    }
    assert_eq!(stage.floors.iter().map(|(_, who)| *who).collect::<Vec<_>>(), [1]);
    stage.floor = Some(id(0));
    stage.hear(1, LOUD);
    stage.play(200, &[QUIET, LOUD]);
    assert!(stage.voices.leader.is_some());
    stage.voices.forget(id(1));
    stage.voices.forget_publisher(id(1));
    assert_eq!((stage.voices.leader, stage.recent()), (None, vec![0]));
}

#[test]
fn a_voice_is_in_front_of_the_silent_with_its_second_loud_packet() {
    let mut stage = Stage::new();
    stage.play(1_000, &[LOUD, LOUD, LOUD, QUIET, QUIET]);
    assert_eq!(stage.order(), [0, 1, 2]);
    stage.play(1_000, &[LOUD, QUIET, QUIET, QUIET, QUIET]);
    stage.hear(4, LOUD);
    assert_eq!(stage.order(), [0, 1, 2], "a click");
    stage.ms += 20;
    stage.hear(4, LOUD);
    assert_eq!(stage.order(), [0, 4, 1, 2]);
}

#[test]
fn a_single_loud_packet_now_and_then_is_no_voice() {
    let mut stage = Stage::new();
    for _ in 0..100 {
        stage.play(20, &[LOUD]);
        stage.play(40, &[QUIET]);
    }
    assert!(stage.order().is_empty());
}

#[test]
fn pauses_between_words_cost_nobody_their_place() {
    let mut stage = Stage::new();
    stage.play(1_000, &[LOUD, LOUD, QUIET]);
    stage.reorders = 0;
    for _ in 0..10 {
        stage.play(600, &[QUIET, LOUD, QUIET]);
        stage.play(400, &[LOUD, LOUD, QUIET]);
    }
    assert_eq!((stage.order(), stage.reorders), (vec![0, 1], 0));
    stage.play(2_000, &[QUIET, LOUD, QUIET]);
    assert_eq!(stage.order(), [1, 0], "silent for long enough");
}

#[test]
fn those_who_fall_silent_together_are_behind_whoever_goes_on() {
    let mut stage = Stage::new();
    stage.play(1_000, &[LOUD, LOUD, LOUD]);
    stage.play(1_000, &[QUIET, QUIET, LOUD]);
    assert_eq!(stage.order(), [2, 0, 1]);
}

#[test]
fn a_pause_lets_nobody_pass() {
    let mut stage = Stage::new();
    stage.play(1_000, &[LOUD, LOUD, LOUD, LOUD]);
    stage.reorders = 0;
    stage.play(700, &[LOUD, LOUD, QUIET, LOUD]);
    stage.play(700, &[LOUD, LOUD, LOUD, LOUD]);
    assert_eq!((stage.order(), stage.reorders), (vec![0, 1, 2, 3], 0));
}

#[test]
fn a_clearly_louder_voice_passes_a_noise_and_two_alike_do_not_swap() {
    let mut stage = Stage::new();
    stage.play(1_000, &[45, 45, QUIET]);
    stage.play(1_000, &[45, 45, LOUD]);
    assert_eq!(stage.order(), [2, 0, 1]);
    stage.reorders = 0;
    for _ in 0..20 {
        stage.play(300, &[45, 40, LOUD]);
        stage.play(300, &[40, 45, 25]);
    }
    assert_eq!(stage.reorders, 0);
}

#[test]
fn recent_speakers_are_in_the_order_in_which_they_last_began() {
    let mut stage = Stage::new();
    stage.play(2_000, &[LOUD, QUIET, QUIET]);
    stage.play(2_000, &[QUIET, LOUD, QUIET]);
    assert_eq!(stage.recent(), [1, 0]);
    stage.play(2_000, &[LOUD, QUIET, QUIET]);
    assert_eq!(stage.recent(), [0, 1]);
}

#[test]
fn who_speaks_is_told_when_it_changes_the_loudest_first() {
    let mut stage = Stage::new();
    assert_eq!(stage.speakers(), None);
    stage.play(400, &[30, LOUD, QUIET]);
    assert_eq!(stage.speakers(), Some(vec![1, 0]));
    stage.play(1_000, &[LOUD, 30, QUIET]);
    assert_eq!(stage.speakers(), None, "the same people");
    stage.play(1_500, &[LOUD, QUIET, QUIET]);
    assert_eq!(stage.speakers(), Some(vec![0]));
    stage.voices.forget(id(0));
    assert_eq!(stage.speakers(), Some(vec![]), "muted, at once");
    assert_eq!(stage.speakers(), None);
}

#[test]
fn speaking_ends_with_a_look_though_no_packet_comes() {
    let mut stage = Stage::new();
    assert_eq!(stage.voices.next_look_at(), None);
    stage.play(1_000, &[LOUD]);
    assert_eq!(stage.speakers(), Some(vec![0]));
    let at = stage.voices.next_look_at().unwrap();
    assert!((stage.now()..stage.now() + Duration::from_secs(1)).contains(&at));
    stage.voices.look(at, None);
    assert_eq!((stage.speakers(), stage.voices.next_look_at()), (Some(vec![]), None));
}
