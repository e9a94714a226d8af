//! Participants that send and receive: a conference to play with.

mod elsewhere;
mod layers;
mod slots;

use plenum_model::SlotDemand;

use super::*;

const LOUD: u8 = 20;
const QUIET: u8 = 90;

/// A room whose participants send on lines 0 (microphone), 1 (camera), 2 (screen) and 3 (its sound), and receive
/// on the lines from 10 (video) and from 30 (audio) on.
struct Conference {
    room: Room,
    /// Each participant's tracks.
    tracks: Vec<[TrackId; 4]>,
    /// What each was last told of its slots.
    told: BTreeMap<Seat, Vec<(u8, Option<TrackId>)>>,
    start: Instant,
    ms: u64,
    seq: u64,
}

const SOURCES: [Source; 4] = [Source::Microphone, Source::Camera, Source::Screen, Source::ScreenAudio];

impl Conference {
    fn new() -> Self {
        let (room, told) = (room(), BTreeMap::new());
        Self { room, tracks: Vec::new(), told, start: Instant::now(), ms: 0, seq: 0 }
    }

    fn of(participants: u32, video: u8, audio: u8) -> Self {
        let mut conference = Self::new();
        for _ in 0..participants {
            conference.join(video, audio);
        }
        conference
    }

    /// Somebody joins with its camera and microphone on.
    fn join(&mut self, video: u8, audio: u8) -> Seat {
        let seat = self.tracks.len() as Seat;
        let lines = SOURCES.map(|source| PublishedLine {
            muted: source.is_screen(),
            ..published_line(0, source, if source == Source::Camera { 3 } else { 1 })
        });
        let mut lines = lines.to_vec();
        lines.iter_mut().zip(0..).for_each(|(line, index)| line.line = index);
        let tracks = self.room.publish(seat, name(&format!("p{seat}")), &lines);
        self.tracks.push(tracks.try_into().unwrap());
        self.room.watch(seat, Target::Slots, Vec::new());
        let slot = |first: u8, codec| {
            move |ordinal: u8| ViewerLine { ordinal, ..viewer_line(first + ordinal, codec) }
        };
        let lines = (0..video).map(slot(10, Codec::Vp8)).chain((0..audio).map(slot(30, Codec::Opus)));
        self.room.add_lines(seat, lines.collect());
        self.listen();
        seat
    }

    fn listen(&mut self) {
        while let Some((seat, slots)) = self.room.poll_slots() {
            self.told.insert(seat, slots);
        }
    }

    /// Whose tracks a viewer has been told it sees and hears, slot by slot: `c0` is the camera of seat 0.
    fn shown(&mut self, seat: Seat) -> String {
        self.listen();
        let names: Vec<String> = self.told[&seat].iter().map(|(_, track)| self.name_of(*track)).collect();
        names.join(" ")
    }

    fn name_of(&self, track: Option<TrackId>) -> String {
        let Some(track) = track else { return "-".into() };
        let named = (0..).zip(&self.tracks).find_map(|(seat, tracks): (Seat, _)| {
            let source = tracks.iter().position(|id| *id == track)?;
            Some(format!("{}{seat}", ["m", "c", "s", "a"][source]))
        });
        named.unwrap()
    }

    fn track(&self, seat: Seat, source: Source) -> TrackId {
        let index = SOURCES.iter().position(|one| *one == source).unwrap();
        self.tracks[seat as usize][index]
    }

    fn mute(&mut self, seat: Seat, source: Source, muted: bool) -> bool {
        let track = self.track(seat, source);
        self.room.set_muted(track, muted)
    }

    fn now(&self) -> Instant {
        self.start + Duration::from_millis(self.ms)
    }

    /// Everyone's microphone for some time; those named are loud.
    fn speak(&mut self, ms: u64, loud: &[Seat]) {
        for _ in 0..ms / 20 {
            for seat in 0..self.tracks.len() as Seat {
                let level = if loud.contains(&seat) { LOUD } else { QUIET };
                let track = self.track(seat, Source::Microphone);
                self.room.hear(self.now(), track, level);
            }
            self.ms += 20;
        }
    }

    /// A camera sends some time of layers, as (layer, height, bytes per packet), with keyframes where they are asked
    /// for. Returns how many packets of each reached the line of a viewer in the last half second.
    fn film(&mut self, seat: Seat, ms: u64, layers: &[(u8, u16, usize)], viewer: (Seat, u8)) -> [usize; 3] {
        let track = self.track(seat, Source::Camera);
        let (end, mut wished) = (self.ms + ms, LayerMask::NONE);
        let mut arrived = [0; 3];
        while self.ms < end {
            for &(layer, height, payload_len) in layers {
                self.seq += 1;
                let is_key = wished.has(layer);
                let picture_height = is_key.then_some(height).filter(|height| *height > 0);
                let head =
                    PacketHead { layer, payload_len, picture_height, ..head(self.seq, is_key, self.now()) };
                self.room.forward(track, &[head], |forward| {
                    if let Forward::Deliver(delivery) = forward
                        && (delivery.seat, delivery.line) == viewer
                    {
                        arrived[usize::from(layer)] += usize::from(self.ms + 500 >= end);
                    }
                });
            }
            wished = LayerMask::NONE;
            while let Some(wish) = self.room.poll_keyframe(self.now()) {
                wished = if wish.track == track { wished.with(wish.layer) } else { wished };
            }
            self.ms += 20;
        }
        arrived
    }
}

fn height(max_height: u32) -> SlotDemand {
    SlotDemand { max_width: max_height * 16 / 9, max_height, priority: 0 }
}

const HIDDEN: SlotDemand = SlotDemand { max_width: 0, max_height: 0, priority: 0 };
