//! A whole evening made up from a seed: rooms, publishers, viewers that come and go over all kinds of paths, and
//! whatever else may happen to a server of one shard or several. Then everything heals, and whoever is still there must see and hear.

use std::time::{Duration, Instant};

use plenum_model::limits;

use crate::network::Link;
use crate::publisher::Media;
use crate::rings::RingTerms;
use crate::world::{ClientId, Spread, Wire, World};

/// How long everything has to be well again before viewers are asked what they see.
const HEALING: Duration = Duration::from_secs(12);
/// A viewer that sees something has decoded a frame within this time, and heard something.
const FRESH: Duration = Duration::from_secs(4);
/// The longest time until a session whose client fell silent is over: consent, noticed with the next statistics.
const CONSENT_END: Duration = Duration::from_secs(34);

/// What came of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outcome {
    /// The fingerprint of everything observable.
    pub hash: u64,
    /// How much virtual time it took.
    pub virtual_time: Duration,
    /// Packets that were forwarded to viewers.
    pub forwarded: u64,
    /// Packets that were lost between shards.
    pub lost_in_rings: u64,
    /// Viewers that were there at the end and had to see something.
    pub watching: usize,
}

/// Something that happens to a room or to someone in it.
#[derive(Debug, Clone, Copy)]
enum Act {
    Publish { identity: usize },
    Watch { of: Option<usize> },
    Leave,
    Crash,
    Rebind,
    RestartIce,
    Panic { shard: u16 },
    Stall { shard: u16, duration: Duration },
    Close,
}

#[derive(Debug)]
struct Planned {
    at: Duration,
    room: u16,
    act: Act,
}

/// Who is in the play.
struct Actor {
    id: ClientId,
    room: u16,
    role: Role,
    wire: Wire,
    crashed: bool,
}

impl Actor {
    /// A DTLS flight is sent five times: at high loss a handshake may fail for good, though rarely.
    fn may_fail_to_connect(&self) -> bool {
        self.wire.up.loss.max(self.wire.down.loss) >= 0.2
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Publisher(usize),
    Viewer(Option<usize>),
}

/// Plays the scenario of a seed on so many shards.
///
/// # Panics
/// If anything is not as it must be; the seed is printed then.
pub fn play(seed: u64, shards: u16) -> Outcome {
    let mut random = fastrand::Rng::with_seed(seed);
    let spread = if random.u8(..) < 220 { Spread::RoundRobin } else { Spread::AtHome };
    let mut world = World::with_shards(seed, shards, spread);
    world.set_rings(rings(&mut random));
    let mut actors = Vec::new();
    for planned in plan(world.random(), shards) {
        let wait = planned.at.saturating_sub(world.elapsed());
        world.run_for(wait);
        act(&mut world, &mut actors, &planned);
    }
    heal(&mut world, &actors);
    world.run_for(HEALING);
    if world.random().u8(..) < 64 {
        world.run_for(CONSENT_END);
        assert_silence_has_ended(&world, &actors);
    }
    let watching = assert_everyone_sees(&world, &actors);
    let forwarded = world.engines().map(|engine| engine.counters().packets_forwarded).sum();
    let (virtual_time, lost_in_rings) = (world.elapsed(), world.lost_in_rings());
    Outcome { hash: world.finish(), virtual_time, forwarded, lost_in_rings, watching }
}

/// Rings that are at times too small for a shard that gets no time, though never for a keyframe.
fn rings(random: &mut fastrand::Rng) -> RingTerms {
    let delay = Duration::from_micros([0, 100, 500][random.usize(..3)]);
    let capacity = [64, limits::RELAY_RING][random.usize(..2)];
    RingTerms { delay, capacity }
}

fn plan(random: &mut fastrand::Rng, shards: u16) -> Vec<Planned> {
    let length_ms = random.u64(10_000..25_000);
    let mut planned = Vec::new();
    for room in 0..random.u16(1..=4) {
        let mut add = |at_ms, act| planned.push(Planned { at: Duration::from_millis(at_ms), room, act });
        let publishers = random.usize(1..=2);
        for identity in 0..publishers {
            add(random.u64(..5_000), Act::Publish { identity });
            if random.u8(..) < 64 {
                add(random.u64(5_000..length_ms), Act::Publish { identity });
            }
        }
        for _ in 0..random.usize(..=10) {
            let of = (random.u8(..) < 80).then(|| random.usize(..publishers));
            add(random.u64(..length_ms), Act::Watch { of });
        }
        for _ in 0..random.usize(..6) {
            add(random.u64(3_000..length_ms), mishap(random, shards));
        }
    }
    planned.sort_by_key(|planned| planned.at);
    planned
}

fn mishap(random: &mut fastrand::Rng, shards: u16) -> Act {
    match random.u8(..24) {
        0..6 => Act::Leave,
        6..9 => Act::Crash,
        9..14 => Act::Rebind,
        14..19 => Act::RestartIce,
        19..21 => Act::Panic { shard: random.u16(..shards) },
        21..23 => {
            let duration = Duration::from_millis(random.u64(1..1_000));
            Act::Stall { shard: random.u16(..shards), duration }
        }
        _ => Act::Close,
    }
}

fn act(world: &mut World, actors: &mut Vec<Actor>, planned: &Planned) {
    let room = planned.room;
    match planned.act {
        Act::Publish { identity } => {
            let (media, wire) = (media(world.random()), wire(world.random()));
            let id = world.publish(room, NAMES[identity], media, wire);
            actors.push(Actor { id, room, role: Role::Publisher(identity), wire, crashed: false });
        }
        Act::Watch { of } => {
            let wire = wire(world.random());
            let id = world.watch(room, of.map(|identity| NAMES[identity]), wire);
            actors.push(Actor { id, room, role: Role::Viewer(of), wire, crashed: false });
        }
        Act::Panic { shard } => {
            world.panic_room_on(shard, room);
        }
        Act::Stall { shard, duration } => {
            world.stall(shard, duration);
            world.run_for(duration);
        }
        Act::Close => {
            world.close_room_on(world.home(room), room);
        }
        Act::Leave | Act::Crash | Act::Rebind | Act::RestartIce => {
            let mut present: Vec<&mut Actor> = actors
                .iter_mut()
                .filter(|a| a.room == room && !a.crashed && world.end_of(a.id).is_none())
                .filter(|a| world.is_connected(a.id) && world.is_settled(a.id))
                .collect();
            if !present.is_empty() {
                let index = world.random().usize(..present.len());
                befall(world, present[index], planned.act);
            }
        }
    }
}

const NAMES: [&str; 2] = ["alice", "bob"];

fn befall(world: &mut World, actor: &mut Actor, act: Act) {
    match act {
        Act::Crash => {
            actor.crashed = true;
            world.crash(actor.id);
        }
        Act::Rebind => world.rebind(actor.id),
        Act::RestartIce => assert!(world.restart_ice(actor.id), "a restart was refused"),
        _ => world.close(actor.id),
    }
}

fn media(random: &mut fastrand::Rng) -> Media {
    let frames_per_s = random.u32(8..=25);
    let obeys_requests = random.u8(..) < 220;
    Media {
        audio: true,
        frames_per_s,
        packets_per_frame: random.u16(1..=3),
        packet_bytes: random.usize(100..1_100),
        rids: if random.u8(..) < 50 { vec!["q", "h", "f"] } else { Vec::new() },
        rtx: random.u8(..) < 210,
        obeys_requests,
        keyframe_every: (!obeys_requests).then_some(2 * u64::from(frames_per_s)),
    }
}

fn wire(random: &mut fastrand::Rng) -> Wire {
    Wire { up: link(random), down: link(random), announced: random.u8(..) < 180 }
}

fn link(random: &mut fastrand::Rng) -> Link {
    Link {
        delay: Duration::from_millis(random.u64(..=200)),
        jitter: Duration::from_millis(random.u64(..=30)),
        loss: [0.0, 0.0, 0.05, 0.20][random.usize(..4)],
        reorder: [0.0, 0.02][random.usize(..2)],
        duplicate: [0.0, 0.01][random.usize(..2)],
    }
}

fn heal(world: &mut World, actors: &[Actor]) {
    for actor in actors {
        world.rewire(actor.id, Wire::of(Link::delayed(20)));
    }
}

fn assert_silence_has_ended(world: &World, actors: &[Actor]) {
    for actor in actors.iter().filter(|actor| actor.crashed) {
        assert!(world.end_of(actor.id).is_some(), "{:?} is silent but its session is not over", actor.id);
    }
}

/// Asserts that whoever has someone to watch sees and hears. Returns how many those are.
fn assert_everyone_sees(world: &World, actors: &[Actor]) -> usize {
    let mut watching = 0;
    for actor in actors {
        let Role::Viewer(of) = actor.role else { continue };
        let has_failed = |a: &Actor| a.crashed || a.may_fail_to_connect() && !world.is_connected(a.id);
        let is_there = !has_failed(actor) && world.end_of(actor.id).is_none();
        let publisher = target(world, actors, actor.room, of).filter(|publisher| !has_failed(publisher));
        let Some(publisher) = publisher.filter(|_| is_there) else { continue };
        watching += 1;
        let viewer = world.viewer(actor.id);
        let is_fresh = |at: Option<Instant>| at.is_some_and(|at| world.now().duration_since(at) < FRESH);
        assert!(
            is_fresh(viewer.last_decoded()) && is_fresh(viewer.last_audio()),
            "someone sees or hears nothing: {}\nthough there is {}",
            world.describe(actor.id),
            world.describe(publisher.id),
        );
    }
    watching
}

/// The publisher that a viewer watches: the named one, or the first that came and is still there.
fn target<'a>(world: &World, actors: &'a [Actor], room: u16, of: Option<usize>) -> Option<&'a Actor> {
    actors.iter().find(|actor| {
        let is_wanted = match actor.role {
            Role::Publisher(identity) => of.is_none_or(|of| of == identity),
            Role::Viewer(_) => false,
        };
        is_wanted && actor.room == room && world.end_of(actor.id).is_none()
    })
}
