//! Random conferences, and after each thing that happens what must be true of every viewer's slots.
//! `PLENUM_SEED` replays one case.

use super::*;

const CASES: u64 = 200;
const EVENTS: usize = 120;

type Seen = BTreeMap<u8, Option<TrackId>>;

/// What is known of a room from outside.
struct Model {
    room: Room,
    now: Instant,
    here: BTreeMap<Seat, Person>,
    next_seat: Seat,
    seq: u64,
}

#[derive(Default)]
struct Person {
    tracks: Vec<(TrackId, Source, bool)>,
    slots: BTreeMap<u8, MediaKind>,
    pins: BTreeMap<u8, TrackId>,
    hidden: BTreeSet<u8>,
    shown: Seen,
}

impl Model {
    fn new() -> Self {
        Self { room: room(), now: Instant::now(), here: BTreeMap::new(), next_seat: 0, seq: 0 }
    }

    fn anybody(&self, random: &mut fastrand::Rng) -> Option<Seat> {
        random.choice(self.here.keys().copied())
    }

    fn happen(&mut self, random: &mut fastrand::Rng) {
        match random.u8(..12) {
            0..2 => self.join(random),
            2 if self.here.len() > 2 => self.leave(random),
            3..5 => self.mute(random),
            5..7 => self.pin(random),
            7 => self.hide(random),
            _ => self.speak(random),
        }
    }

    fn join(&mut self, random: &mut fastrand::Rng) {
        let seat = self.next_seat;
        self.next_seat += 1;
        let sources =
            [Source::Microphone, Source::Camera, Source::Screen, Source::ScreenAudio, Source::Camera];
        let lines: Vec<PublishedLine> = (0..)
            .zip(sources)
            .take(random.usize(..=sources.len()))
            .map(|(line, source)| PublishedLine { muted: random.bool(), ..published_line(line, source, 1) })
            .collect();
        let ids = self.room.publish(seat, name(&format!("p{seat}")), &lines);
        let tracks = ids.into_iter().zip(lines).map(|(id, line)| (id, line.source, line.muted)).collect();
        let slots: BTreeMap<u8, MediaKind> = (10..10 + random.u8(..8))
            .map(|line| (line, random.choice([MediaKind::Audio, MediaKind::Video]).unwrap()))
            .collect();
        self.room.watch(seat, Target::Slots, Vec::new());
        let codec = |kind| if kind == MediaKind::Video { Codec::Vp8 } else { Codec::Opus };
        self.room
            .add_lines(seat, slots.iter().map(|(line, kind)| viewer_line(*line, codec(*kind))).collect());
        self.here.insert(seat, Person { tracks, slots, ..Person::default() });
    }

    fn leave(&mut self, random: &mut fastrand::Rng) {
        let Some(seat) = self.anybody(random) else { return };
        self.room.leave(seat);
        let gone = self.here.remove(&seat).unwrap().tracks;
        for person in self.here.values_mut() {
            person.pins.retain(|_, pin| gone.iter().all(|(id, ..)| id != pin));
        }
    }

    fn mute(&mut self, random: &mut fastrand::Rng) {
        let Some(person) = self.anybody(random).and_then(|seat| self.here.get_mut(&seat)) else { return };
        if let Some((id, _, muted)) = random.choice(person.tracks.iter_mut()) {
            *muted = !*muted;
            assert!(self.room.set_muted(*id, *muted));
        }
    }

    fn pin(&mut self, random: &mut fastrand::Rng) {
        let (Some(seat), Some(other)) = (self.anybody(random), self.anybody(random)) else { return };
        let track = random.choice(self.here[&other].tracks.iter().copied()).filter(|_| random.u8(..4) > 0);
        let person = self.here.get_mut(&seat).unwrap();
        let Some((line, kind)) = random.choice(person.slots.iter().map(|(line, kind)| (*line, *kind))) else {
            return;
        };
        let is_possible = track.is_none_or(|(_, source, _)| source.kind() == kind && seat != other);
        let pinned = self.room.pin(seat, line, track.map(|(id, ..)| id));
        assert_eq!(pinned, if is_possible { Ok(()) } else { Err(Missing::Track) });
        if is_possible {
            person.pins.remove(&line);
            person.pins.retain(|_, pin| track.is_none_or(|(id, ..)| id != *pin));
            person.pins.extend(track.map(|(id, ..)| (line, id)));
        }
    }

    fn hide(&mut self, random: &mut fastrand::Rng) {
        let Some(seat) = self.anybody(random) else { return };
        let Some(line) = random.choice(self.here[&seat].slots.keys().copied()) else { return };
        let max_height = [0, 90, 360, 720][random.usize(..4)];
        let demand = plenum_model::SlotDemand { max_width: max_height, max_height, priority: 0 };
        assert_eq!(self.room.set_demand_of(seat, line, demand), Ok(()));
        let hidden = &mut self.here.get_mut(&seat).unwrap().hidden;
        if max_height == 0 {
            hidden.insert(line)
        } else {
            hidden.remove(&line)
        };
    }

    fn speak(&mut self, random: &mut fastrand::Rng) {
        let voices = self.on().filter(|(_, _, source)| *source == Source::Microphone).map(|(id, ..)| id);
        let Some(voice) = random.choice(voices.collect::<Vec<_>>()) else { return };
        for _ in 0..random.usize(1..60) {
            self.now += Duration::from_millis(20);
            self.room.hear(self.now, voice, random.u8(..60));
            // Each packet is a change of its own.
            self.check_all_slots();
        }
    }

    /// All tracks that are not muted, and who sends them.
    fn on(&self) -> impl Iterator<Item = (TrackId, Seat, Source)> + '_ {
        self.here.iter().flat_map(|(seat, person)| {
            let on = person.tracks.iter().filter(|(_, _, muted)| !muted);
            on.map(|(id, source, _)| (*id, *seat, *source))
        })
    }

    fn check(&mut self) {
        self.check_all_slots();
        self.check_deliveries();
    }

    /// Takes in what viewers are told, and holds it against what they must see.
    fn check_all_slots(&mut self) {
        let before: BTreeMap<Seat, Seen> =
            self.here.iter().map(|(seat, person)| (*seat, person.shown.clone())).collect();
        while let Some((seat, slots)) = self.room.poll_slots() {
            self.here.get_mut(&seat).expect("those who have left are told nothing").shown =
                slots.into_iter().collect();
        }
        for (seat, person) in &self.here {
            for kind in [MediaKind::Audio, MediaKind::Video] {
                self.check_slots(*seat, person, kind, &before[seat]);
            }
        }
    }

    fn check_slots(&self, seat: Seat, person: &Person, kind: MediaKind, before: &Seen) {
        let others = self.on().filter(|(_, sender, source)| *sender != seat && source.kind() == kind);
        let others: BTreeMap<TrackId, Source> = others.map(|(id, _, source)| (id, source)).collect();
        let lines: Vec<u8> =
            person.slots.iter().filter(|(_, of)| **of == kind).map(|(line, _)| *line).collect();
        let shown: Vec<TrackId> = lines.iter().filter_map(|line| person.shown[line]).collect();
        let distinct: BTreeSet<TrackId> = shown.iter().copied().collect();
        assert_eq!(distinct.len(), shown.len(), "a track in two slots of {seat}");
        assert!(
            distinct.iter().all(|id| others.contains_key(id)),
            "{seat} is shown its own, or what is muted or gone"
        );
        assert_eq!(
            shown.len(),
            lines.len().min(others.len()),
            "{seat} has an empty slot for somebody, or the reverse"
        );
        let pins: BTreeMap<u8, TrackId> = person.pins.clone();
        for (line, pin) in pins.iter().filter(|(line, pin)| lines.contains(line) && others.contains_key(pin))
        {
            assert_eq!(person.shown[line], Some(*pin), "a pin of {seat}");
        }
        let is_screen = |id: &TrackId| others[id].is_screen();
        let is_pinned = |id: &TrackId| pins.values().any(|pin| pin == id);
        if others.keys().any(|id| is_screen(id) && !distinct.contains(id)) {
            let all_screens = distinct.iter().all(|id| is_screen(id) || is_pinned(id));
            assert!(all_screens, "{seat} sees a camera instead of a screen");
        }
        for (line, track) in before.iter().filter(|(line, _)| lines.contains(line)) {
            let Some(track) = track.filter(|track| distinct.contains(track)) else { continue };
            let made_room = pins.get(line).is_some_and(|pin| person.shown[line] == Some(*pin));
            let stays = person.shown[line] == Some(track) || made_room || is_pinned(&track);
            assert!(stays, "{seat}: {track:?} has moved from slot {line} though it is still shown");
        }
    }

    /// Each track reaches exactly the slots that show it and are not hidden, and no muted one any.
    fn check_deliveries(&mut self) {
        let Self { room, here, now, seq, .. } = self;
        for (track, source, muted) in here.values().flat_map(|person| &person.tracks) {
            *seq += 1;
            let codec = if source.kind() == MediaKind::Video { Codec::Vp8 } else { Codec::Opus };
            let packet = PacketHead { format: format(codec), ..head(*seq, true, *now) };
            let mut reached = BTreeSet::new();
            room.forward(*track, &[packet], |forward| {
                if let Forward::Deliver(delivery) = forward {
                    assert!(reached.insert((delivery.seat, delivery.line)));
                }
            });
            let showing = here.iter().flat_map(|(seat, person)| {
                let slots = person.shown.iter().filter(|(line, _)| !person.hidden.contains(line));
                slots.filter(|(_, shown)| **shown == Some(*track)).map(|(line, _)| (*seat, *line))
            });
            assert_eq!(reached, showing.collect(), "{track:?}, muted: {muted}");
        }
    }
}

#[test]
fn slots_hold_what_they_must_whatever_happens() {
    let seeds = match std::env::var("PLENUM_SEED") {
        Ok(seed) => vec![seed.parse().unwrap()],
        Err(_) => (0..CASES).collect(),
    };
    for seed in seeds {
        println!("PLENUM_SEED={seed}");
        let mut random = fastrand::Rng::with_seed(seed);
        let mut model = Model::new();
        for _ in 0..EVENTS {
            model.happen(&mut random);
            model.check();
        }
    }
}
