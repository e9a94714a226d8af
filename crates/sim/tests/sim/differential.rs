//! Whoever watches cannot tell which shard serves them: the same evening on one shard and on three, and what each
//! viewer saw and heard of it.
//!
//! Two runs cannot be equal to the millisecond: a viewer elsewhere learns of a publisher a ring's delay later, so
//! the keyframe that it starts with may be another one, and when it leaves, what was under way to it may stay
//! behind. So what is compared are the stretches, the runs of consecutive frames of one publisher: in both runs a
//! viewer sees the same ones, and only their ends may be moved, by at most what is said below.

use std::time::Duration;

use plenum_model::CloseReason;
use plenum_sim::{ClientId, Link, Media, Spread, Wire, World};

use crate::{WIRE, ms, s};

/// Pictures need a keyframe to begin with: a request that comes just too late for one is repeated after 350 ms, and
/// there are 40 ms to the frame. One may be under way when somebody leaves.
const PICTURES: Moved = Moved { first: 9, last: 1 };
/// Voices need nothing.
const VOICES: Moved = Moved { first: 1, last: 1 };
const LENGTH_MS: u64 = 30_000;
const NAMES: [&str; 2] = ["alice", "bob"];
const ROOMS: u16 = 3;

/// What somebody does, or what is done to them; numbers are those of clients.
#[derive(Debug, Clone, Copy)]
enum Act {
    Publish { room: u16, identity: usize },
    Watch { room: u16, of: Option<usize> },
    Leave { client: u32 },
    Pause { client: u32, paused: bool },
    Close { room: u16 },
    Panic { room: u16 },
}

/// An evening as a list of what happens when.
fn plan(random: &mut fastrand::Rng) -> Vec<(Duration, Act)> {
    let mut coming: Vec<(u64, Act)> = Vec::new();
    for room in 0..ROOMS {
        coming.push((random.u64(..3_000), Act::Publish { room, identity: 0 }));
        for _ in 0..random.usize(..3) {
            let identity = random.usize(..NAMES.len());
            coming.push((random.u64(3_000..LENGTH_MS - 5_000), Act::Publish { room, identity }));
        }
        for _ in 0..random.usize(3..9) {
            let of = (random.u8(..) < 80).then(|| random.usize(..NAMES.len()));
            coming.push((random.u64(..LENGTH_MS - 5_000), Act::Watch { room, of }));
        }
    }
    coming.sort_by_key(|(at, _)| *at);
    let mut acts = coming.clone();
    for (client, (at, act)) in coming.iter().enumerate() {
        let client = client as u32;
        let mut later = |from: u64| random.u64(at + from..at + from + LENGTH_MS / 2);
        match act {
            _ if client.is_multiple_of(3) => acts.push((later(2_000), Act::Leave { client })),
            Act::Publish { .. } if client.is_multiple_of(2) => {
                let from = later(2_000);
                acts.push((from, Act::Pause { client, paused: true }));
                acts.push((from + 3_000, Act::Pause { client, paused: false }));
            }
            _ => {}
        }
    }
    if random.bool() {
        acts.push((random.u64(10_000..LENGTH_MS), Act::Close { room: random.u16(..ROOMS) }));
    }
    if random.bool() {
        acts.push((random.u64(10_000..LENGTH_MS), Act::Panic { room: random.u16(..ROOMS) }));
    }
    acts.retain(|(at, _)| *at < LENGTH_MS);
    acts.sort_by_key(|(at, _)| *at);
    acts.into_iter().map(|(at, act)| (Duration::from_millis(at), act)).collect()
}

/// What became of everyone.
#[derive(Debug)]
struct Served {
    ends: Vec<Option<CloseReason>>,
    pictures: Vec<Vec<Stretch>>,
    voices: Vec<Vec<Stretch>>,
    /// Of each publisher, the most keyframe requests for a layer within a second.
    requests: Vec<usize>,
}

/// Consecutive frames of one publisher.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stretch {
    publisher: u32,
    first: u64,
    last: u64,
}

impl Stretch {
    fn frames(&self) -> u64 {
        self.last - self.first + 1
    }
}

/// Frames of the same number in a row are one: a viewer that goes over to another layer may see it twice.
fn stretches(frames: impl Iterator<Item = (u32, u64)>) -> Vec<Stretch> {
    let mut stretches: Vec<Stretch> = Vec::new();
    for (publisher, frame) in frames {
        match stretches.last_mut() {
            Some(last) if last.publisher == publisher && (last.last..=last.last + 1).contains(&frame) => {
                last.last = frame;
            }
            _ => stretches.push(Stretch { publisher, first: frame, last: frame }),
        }
    }
    stretches
}

fn media(number: usize) -> Media {
    let rids = if number % 3 == 1 { vec!["q", "h"] } else { Vec::new() };
    Media { packets_per_frame: 2, rids, ..Media::camera() }
}

fn play(seed: u64, shards: u16, wire: Wire) -> Served {
    let mut world = World::with_shards(seed, shards, Spread::RoundRobin);
    let (mut publishers, mut viewers) = (Vec::new(), Vec::new());
    for (at, act) in plan(&mut fastrand::Rng::with_seed(seed)) {
        let wait = at - world.elapsed();
        world.run_for(wait);
        match act {
            Act::Publish { room, identity } => {
                publishers.push(world.publish(room, NAMES[identity], media(publishers.len()), WIRE));
            }
            Act::Watch { room, of } => viewers.push(world.watch(room, of.map(|of| NAMES[of]), wire)),
            Act::Leave { client } => world.close(ClientId(client)),
            Act::Pause { client, paused } => world.pause(ClientId(client), paused),
            Act::Close { room } => _ = world.close_room_on(world.home(room), room),
            Act::Panic { room } => _ = world.panic_room(room),
        }
    }
    let rest = ms(LENGTH_MS) - world.elapsed();
    world.run_for(rest + s(2));
    let relayed: u64 = world.engines().map(|engine| engine.counters().packets_relayed).sum();
    assert_eq!(relayed > 0, shards > 1, "who sits elsewhere is served by relay");
    let of_viewers =
        |frames: &dyn Fn(ClientId) -> Vec<Stretch>| viewers.iter().map(|id| frames(*id)).collect();
    let served = Served {
        ends: (0..(publishers.len() + viewers.len()) as u32).map(|id| world.end_of(ClientId(id))).collect(),
        pictures: of_viewers(&|id| stretches(world.viewer(id).frames().iter().copied())),
        voices: of_viewers(&|id| stretches(world.viewer(id).voices())),
        requests: publishers.iter().map(|id| world.most_keyframe_requests_in_a_second(*id)).collect(),
    };
    world.finish();
    served
}

/// By how many frames the ends of stretches were moved, at most.
#[derive(Debug, Clone, Copy, Default)]
struct Moved {
    first: u64,
    last: u64,
}

/// Whether `seen` has no hole that `other` has not, and where its stretches are longer, no more than `allowed`.
fn compare(seen: &[Stretch], other: &[Stretch], allowed: Moved) -> Result<Moved, String> {
    let mut most = Moved::default();
    for stretch in seen {
        let overlap = |o: &&Stretch| {
            o.publisher == stretch.publisher && o.first <= stretch.last && stretch.first <= o.last
        };
        let moved = match other.iter().filter(overlap).collect::<Vec<_>>()[..] {
            [] if stretch.frames() <= allowed.first + allowed.last => continue,
            [] => return Err(format!("{stretch:?} is missing")),
            [o] => Moved {
                first: o.first.saturating_sub(stretch.first),
                last: stretch.last.saturating_sub(o.last),
            },
            [..] => return Err(format!("{stretch:?} has holes")),
        };
        if moved.first > allowed.first || moved.last > allowed.last {
            return Err(format!("{stretch:?} by {moved:?}"));
        }
        most = Moved { first: most.first.max(moved.first), last: most.last.max(moved.last) };
    }
    Ok(most)
}

fn assert_same(one: &[Vec<Stretch>], three: &[Vec<Stretch>], allowed: Moved) -> Moved {
    let both_ways = one.iter().zip(three).chain(three.iter().zip(one));
    let moved = both_ways.enumerate().map(|(index, (seen, other))| {
        compare(seen, other, allowed)
            .unwrap_or_else(|what| panic!("viewer {}: {what}\nof {seen:?}\nin {other:?}", index % one.len()))
    });
    moved.fold(Moved::default(), |a, b| Moved { first: a.first.max(b.first), last: a.last.max(b.last) })
}

fn frames<'a>(stretches: impl IntoIterator<Item = &'a Vec<Stretch>>) -> u64 {
    stretches.into_iter().flatten().map(Stretch::frames).sum()
}

const SEEDS: u64 = 12;

#[test]
fn on_three_shards_everyone_sees_and_hears_what_they_would_on_one() {
    let first = plenum_sim::seed(0);
    for seed in first..first + plenum_sim::seeds(SEEDS) {
        let (one, three) = (play(seed, 1, WIRE), play(seed, 3, WIRE));
        assert_eq!(one.ends, three.ends, "seed {seed}");
        let pictures = assert_same(&one.pictures, &three.pictures, PICTURES);
        let voices = assert_same(&one.voices, &three.voices, VOICES);
        let most = |served: &Served| served.requests.iter().copied().max().unwrap_or(0);
        println!(
            "seed {seed}: {} frames, ends apart by {pictures:?}, voices {voices:?}, requests {} {}",
            frames(&one.pictures),
            most(&one),
            most(&three)
        );
        assert!(most(&one) <= 3 && most(&three) <= 3, "seed {seed}: {:?} {:?}", one.requests, three.requests);
    }
}

/// Frames that a viewer may get more or less than in the other run, where other datagrams were lost: one time that
/// a decoder waits in vain for a packet (200 ms), asks, and is answered, and one that a viewer begins later.
const LOSS_PER_VIEWER: u64 = 20;
/// For all together it evens out.
const LOSS_PER_CENT: u64 = 2;

#[test]
fn with_loss_on_their_way_viewers_on_three_shards_get_as_much_as_on_one() {
    let lossy = Wire { down: Link::delayed(25).with_loss(0.05), ..WIRE };
    let first = plenum_sim::seed(0);
    for seed in first..first + plenum_sim::seeds(SEEDS) / 2 {
        let (whole, one, three) = (play(seed, 1, WIRE), play(seed, 1, lossy), play(seed, 3, lossy));
        assert_eq!((&whole.ends, &whole.ends), (&one.ends, &three.ends), "seed {seed}");
        for (viewer, pair) in one.pictures.iter().zip(&three.pictures).enumerate() {
            let frames = (frames([pair.0]), frames([pair.1]));
            assert!(frames.0.abs_diff(frames.1) <= LOSS_PER_VIEWER, "viewer {viewer}: {frames:?} {pair:?}");
        }
        let all = |served: &Served| [frames(&served.pictures), frames(&served.voices)];
        println!("seed {seed}: {:?} without loss, {:?} and {:?} with", all(&whole), all(&one), all(&three));
        for kind in [0, 1] {
            let [whole, one, three] = [&whole, &one, &three].map(|served| all(served)[kind]);
            assert!(one.abs_diff(three) * 100 <= whole * LOSS_PER_CENT, "seed {seed}: {one} {three}");
            assert!(one.min(three) * 100 >= whole * (100 - LOSS_PER_CENT - 5), "seed {seed}: {whole}");
        }
    }
}
