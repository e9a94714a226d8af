//! A random walk: people come, talk, get lost and are thrown out in any order, and after every step each of them knows
//! exactly what the conference would tell a newcomer. A failing walk is repeated from its seed.

mod ear;
mod step;

use fastrand::Rng;

use super::super::*;
use super::stage::Stage;
use step::Walk;

const WALKS: u64 = 150;
const STEPS: usize = 300;

#[test]
fn wherever_a_walk_leads_everybody_knows_what_is_so_and_nothing_is_left_at_the_end() {
    let seed = seed();
    let mut told = 0;
    for round in 0..WALKS {
        let mut rng = Rng::with_seed(seed.wrapping_add(round));
        let settings =
            Settings { max_participants: rng.u32(3..9), lobby: rng.u8(..) < 80, ..Settings::default() };
        let mut walk =
            Walk::new(Stage::new(settings), rng, format!("PLENUM_SEED={}", seed.wrapping_add(round)));
        for _ in 0..STEPS {
            walk.step();
            walk.check();
        }
        told += walk.go_home();
    }
    // A walk on which nothing happens would test nothing.
    assert!(told > WALKS as usize * STEPS, "{told} messages");
}

fn seed() -> u64 {
    #[expect(clippy::disallowed_methods, reason = "a failing run is repeated from its seed")]
    let seed = std::env::var("PLENUM_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = seed.unwrap_or(0x9_1e4_0b5);
    println!("PLENUM_SEED={seed}");
    seed
}
