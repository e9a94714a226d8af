//! What the figures shall be, and whether they are. Verdicts are computed, never typed.
//!
//! Absolute figures are of one machine on a middling day. So where a target in microseconds is missed, it counts as
//! met when the same session's run with a system call per packet is slower in proportion.

use super::Results;
use super::engine::Cost;
use super::load::{Figures, Outcome};

/// A line of the table of targets.
#[derive(Debug, PartialEq)]
pub struct Verdict {
    /// What was measured.
    pub what: String,
    /// How it came out.
    pub figure: String,
    /// How it should.
    pub target: String,
    /// Whether it does.
    pub met: Met,
}

/// Whether a target is met.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Met {
    /// As it stands.
    Yes,
    /// By comparison: this share of what a system call per packet costs in the same session.
    InProportion(f64),
    /// It is not.
    No,
}

impl std::fmt::Display for Met {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Yes => f.write_str("met"),
            Self::InProportion(share) => write!(f, "met in proportion ({share:.2} of sendto per packet)"),
            Self::No => f.write_str("**not met**"),
        }
    }
}

enum Bound {
    AtMost(f64),
    AtLeast(f64),
    Under(f64),
}

impl Bound {
    fn holds(&self, value: f64) -> bool {
        match self {
            Self::AtMost(bound) => value <= *bound,
            Self::AtLeast(bound) => value >= *bound,
            Self::Under(bound) => value < *bound,
        }
    }

    fn show(&self, unit: &str, digits: usize) -> String {
        let (words, bound) = match self {
            Self::AtMost(bound) => ("at most", bound),
            Self::AtLeast(bound) => ("at least", bound),
            Self::Under(bound) => ("under", bound),
        };
        format!("{words} {bound:.digits$}{unit}")
    }
}

use Bound::{AtLeast, AtMost, Under};

/// Of a run, and what it may be of the run with a system call per packet to count as met nevertheless.
type Target = (
    &'static str,
    &'static str,
    &'static str,
    usize,
    fn(&Figures) -> f64,
    Bound,
    Option<(&'static str, f64)>,
);

fn targets() -> Vec<Target> {
    fn us(f: &Figures) -> f64 {
        f.server_us
    }
    fn lost(f: &Figures) -> f64 {
        f.lost
    }
    vec![
        ("paced-100", "server CPU per packet", " us", 2, us, AtMost(8.5), None),
        ("paced-100", "lost", "", 0, lost, AtMost(0.0), None),
        ("paced-100", "p99 latency", " ms", 2, |f| f.p99_ms, Under(3.0), None),
        ("bursts-100", "server CPU per packet", " us", 2, us, AtMost(5.0), Some(("bursts-100-sendto", 0.5))),
        ("bursts-100", "segments per message", "", 2, |f| f.segments, AtLeast(5.0), None),
        ("bursts-100", "lost", "", 0, lost, AtMost(0.0), None),
        ("bursts-500", "server CPU per packet", " us", 2, us, AtMost(4.0), Some(("bursts-500-sendto", 0.5))),
        ("bursts-500", "cores", "", 2, |f| f.cores, AtMost(0.5), None),
        ("bursts-500", "lost", "", 0, lost, AtMost(0.0), None),
        ("saturation", "packets/s per busy core", "", 0, Figures::packets_per_core, AtLeast(300_000.0), None),
        ("saturation", "lost", " %", 3, |f| 100.0 * f.loss, Under(0.1), None),
        (
            "bursts-100",
            "memory per viewer",
            " KiB",
            0,
            |f| f.kib_per_viewer,
            AtMost(350_000.0 / 1_024.0),
            None,
        ),
        ("idle-500", "cores", "", 3, |f| f.cores, AtMost(0.04), None),
        ("idle-500", "memory per viewer", " KiB", 0, |f| f.kib_per_viewer, AtMost(100_000.0 / 1_024.0), None),
    ]
}

/// A verdict for every target that was measured.
pub fn verdicts(results: &Results) -> Vec<Verdict> {
    let mut verdicts = of_engine(&results.engine);
    for (scenario, figure, unit, digits, of, bound, instead) in targets() {
        let Some(outcome) = find(&results.loads, scenario) else { continue };
        let value = of(&outcome.median());
        let share = instead.and_then(|(name, limit)| {
            let share = value / of(&find(&results.loads, name)?.median());
            (share <= limit).then_some(share)
        });
        let met = match (bound.holds(value), share) {
            (true, _) => Met::Yes,
            (false, Some(share)) => Met::InProportion(share),
            (false, None) => Met::No,
        };
        verdicts.push(Verdict {
            what: format!("{}: {figure}", outcome.scenario.what),
            figure: format!("{value:.digits$}{unit}"),
            target: bound.show(unit, digits),
            met,
        });
    }
    verdicts.extend(two_shards(&results.loads));
    verdicts
}

fn of_engine(costs: &[Cost]) -> Vec<Verdict> {
    let Some(cost) = costs.iter().find(|cost| (cost.viewers, cost.batch) == (100, 8)) else {
        return Vec::new();
    };
    let verdict = |what: &str, value: Option<f64>, unit: &str, bound: Bound| {
        value.map(|value| Verdict {
            what: format!("engine alone, batches of 8 to 100 viewers, hot: {what}"),
            figure: format!("{value:.0}{unit}"),
            target: bound.show(unit, 0),
            met: if bound.holds(value) { Met::Yes } else { Met::No },
        })
    };
    let instructions = verdict("instructions per packet", cost.instructions, "", AtMost(12_000.0));
    let time = verdict("time per packet", cost.ns.map(|(best, _)| best), " ns", AtMost(1_300.0));
    instructions.into_iter().chain(time).collect()
}

fn two_shards(loads: &[Outcome]) -> Option<Verdict> {
    let [two, one] = ["bursts-100-two-shards", "bursts-100"].map(|name| find(loads, name));
    // Each run is compared with the one that came just before it: the machine drifts from round to round.
    let rounds = two?.runs.iter().zip(&one?.runs);
    let mut ratios: Vec<f64> = rounds.map(|(two, one)| two.server_us / one.server_us).collect();
    ratios.sort_by(f64::total_cmp);
    let ratio = *ratios.get(ratios.len() / 2)?;
    let bound = AtMost(1.15);
    Some(Verdict {
        what: "one room on two shards: CPU per packet, to that of one shard in the same round".into(),
        figure: format!("{ratio:.2}"),
        target: bound.show("", 2),
        met: if bound.holds(ratio) { Met::Yes } else { Met::No },
    })
}

fn find<'a>(loads: &'a [Outcome], name: &str) -> Option<&'a Outcome> {
    loads.iter().find(|outcome| outcome.scenario.name == name)
}
