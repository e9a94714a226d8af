//! `cargo xtask bench`: what forwarding costs, measured anew, beside what it may cost.
//!
//! Three instruments: the engine alone in nanoseconds (`benches/forward.rs`), the same counted in instructions
//! (callgrind), and the release binary under `plenum load` over loopback. A complete run writes
//! `benches/RESULTS.md` and `benches/cost.svg`; a shortened or partial one writes them below `target/bench`, so that
//! it never passes for the real thing. Measuring itself is `forward`'s and `plenum load`'s; here is only what to
//! run, how often, and how to show it.

mod budget;
mod engine;
mod json;
mod load;
mod machine;
mod plot;
mod report;
mod scenarios;
mod server;
mod targets;

use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

use crate::prerequisites::target_directory;
use crate::steps::{root, run_command};

pub use budget::check as check_budget;

/// With fewer, a median says little, and nothing is written where results are kept.
const FEWEST_RUNS: usize = 3;

/// The parts, for `--only`.
pub const PARTS: [&str; 3] = ["engine", "instructions", "load"];

/// What to measure, and how thoroughly.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Once, and shorter: to see whether everything works.
    pub quick: bool,
    /// Names of parts or of scenarios; empty means all.
    pub only: Vec<String>,
    /// How often each scenario is run; the median counts.
    pub runs: Option<usize>,
}

impl Options {
    fn wants(&self, part: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|name| name == part)
    }

    /// Whether a scenario is to be run: by its own name, or because the whole part is.
    fn wants_scenario(&self, name: &str) -> bool {
        self.wants("load") || self.only.iter().any(|only| only == name)
    }

    fn runs(&self) -> usize {
        self.runs.unwrap_or(if self.quick { 1 } else { 5 })
    }

    fn is_complete(&self) -> bool {
        !self.quick && self.only.is_empty() && self.runs() >= FEWEST_RUNS
    }

    fn directory(&self) -> PathBuf {
        if self.is_complete() { root().join("benches") } else { target_directory().join("bench") }
    }

    /// The command line that asks for this.
    fn command(&self) -> String {
        let mut line = "cargo xtask bench".to_owned();
        if self.quick {
            line += " --quick";
        }
        if !self.only.is_empty() {
            line += &format!(" --only {}", self.only.join(","));
        }
        if let Some(runs) = self.runs {
            line += &format!(" --runs {runs}");
        }
        line
    }
}

/// Everything that was measured.
pub struct Results {
    engine: Vec<engine::Cost>,
    loads: Vec<load::Outcome>,
    notes: Vec<String>,
}

/// Whether `name` can be asked for with `--only`.
pub fn is_known(name: &str) -> bool {
    PARTS.contains(&name) || scenarios::ALL.iter().any(|scenario| scenario.name == name)
}

/// Measures, prints and writes.
pub fn run(options: &Options) -> Result<(), String> {
    let started = Instant::now();
    let mut results = Results { engine: Vec::new(), loads: Vec::new(), notes: Vec::new() };
    if options.wants("engine") || options.wants("instructions") {
        let forward = engine::build()?;
        results.engine = engine::measure(options, &forward, &mut results.notes)?;
    }
    if scenarios::ALL.iter().any(|scenario| options.wants_scenario(scenario.name)) {
        build_server()?;
        results.loads = load::measure(options, &mut results.notes);
    }
    let machine = machine::describe();
    print!("\n{}", report::table(&results));
    let directory = options.directory();
    let write = |name: &str, text: String| {
        let path = directory.join(name);
        std::fs::create_dir_all(&directory)
            .and_then(|()| std::fs::write(&path, text))
            .map_err(|error| format!("{}: {error}", path.display()))
    };
    write("RESULTS.md", report::page(&results, &machine, options, started.elapsed()))?;
    write("cost.svg", plot::draw(&results))?;
    println!("\n{} and cost.svg are written.", directory.join("RESULTS.md").display());
    Ok(())
}

fn build_server() -> Result<(), String> {
    let mut command = Command::new("cargo");
    run_command(command.args(load::BUILD).current_dir(root()))
}
