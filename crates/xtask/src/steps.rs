//! The steps of a task, and how they are run and summed up.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use crate::prerequisites::Need;

/// One command line with a name.
#[derive(Debug)]
pub struct Step {
    /// For `--only` and `--skip`.
    pub name: &'static str,
    /// One line for people.
    pub what: &'static str,
    /// What must be installed.
    pub needs: &'static [Need],
    /// The program and its arguments, from the root of the repository.
    command: &'static [&'static str],
    /// For the test binaries, after `--`; `None` if the step has none.
    test_arguments: Option<&'static [&'static str]>,
}

/// `cargo xtask test`, in order: the quick ones first. All of cargo's steps name the whole workspace, so
/// that each dependency is built with one set of features, once.
pub const TEST: &[Step] = &[
    Step {
        name: "fmt",
        what: "the formatting is rustfmt's",
        needs: &[Need::Rustfmt],
        command: &["cargo", "fmt", "--all", "--check"],
        test_arguments: None,
    },
    Step {
        name: "clippy",
        what: "no lint has anything to say",
        needs: &[Need::Clippy],
        command: &[
            "cargo",
            "clippy",
            "--release",
            "--workspace",
            "--all-targets",
            "--quiet",
            "--",
            "-D",
            "warnings",
        ],
        test_arguments: None,
    },
    Step {
        name: "web",
        what: "the modules of the pages and the SDK in node, and the SDK's types",
        needs: &[Need::Node, Need::Npm, Need::NpmPackages],
        command: &["node", "--test", "--test-reporter=spec", "crates/web/test/"],
        test_arguments: None,
    },
    Step {
        name: "cargo",
        what: "unit tests and the http, media and sim suites: everything that cargo alone can run",
        needs: &[],
        command: &["cargo", "test", "--release", "--workspace"],
        test_arguments: Some(&["--skip", "browsers::", "--skip", "foreign::"]),
    },
    Step {
        name: "budget",
        what: "a forwarded packet costs no more instructions than budgeted",
        needs: &[Need::Valgrind],
        command: &["cargo", "xtask", "budget"],
        test_arguments: None,
    },
    Step {
        name: "browser",
        what: "Chromium and Firefox against the release binary",
        needs: &[Need::Node, Need::Npm, Need::Chromium, Need::Firefox, Need::NpmPackages],
        command: &["cargo", "test", "--release", "--workspace", "--test", "browser"],
        test_arguments: Some(&["--test-threads=1"]),
    },
    Step {
        name: "interop",
        what: "ffmpeg, an OBS-like client and aiortc against the release binary",
        needs: &[
            Need::Node,
            Need::Npm,
            Need::Chromium,
            Need::NpmPackages,
            Need::Python,
            Need::PythonPackages,
        ],
        command: &["cargo", "test", "--release", "--workspace", "--test", "interop"],
        test_arguments: Some(&["--test-threads=1"]),
    },
];

/// Runs all of `steps`, also after one failed, and says at the end how each went.
pub fn run(steps: &[&Step], filters: &[String]) -> Result<(), String> {
    let mut outcomes = Vec::new();
    for step in steps {
        println!("\n== {}: {}", step.name, step.what);
        let started = Instant::now();
        let outcome = run_command(&mut step.command(filters));
        let took = started.elapsed();
        println!("== {}: {} in {}", step.name, verdict(&outcome), seconds(took));
        outcomes.push((step.name, outcome, took));
    }
    println!("\n== Summary");
    for (name, outcome, took) in &outcomes {
        println!("   {name:10} {:6} {:>8}", verdict(outcome), seconds(*took));
    }
    let failed: Vec<&str> = outcomes.iter().filter(|(_, o, _)| o.is_err()).map(|(name, ..)| *name).collect();
    println!("== {} steps passed, {} steps failed", outcomes.len() - failed.len(), failed.len());
    if failed.is_empty() { Ok(()) } else { Err(format!("failed: {}", failed.join(", "))) }
}

/// Runs the simulator's suite with `seeds` seeds.
pub fn simulate(seeds: Option<u64>) -> Result<(), String> {
    let mut command = Command::new("cargo");
    command.args(["test", "--release", "--workspace", "--test", "sim", "--", "--nocapture"]);
    if let Some(seeds) = seeds {
        command.env("PLENUM_SIM_SEEDS", seeds.to_string());
    }
    run_command(command.current_dir(root()))
}

/// The root of the repository.
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).expect("crates/xtask lies two levels below the root").to_owned()
}

/// Runs a command to its end with the terminal's output.
pub fn run_command(command: &mut Command) -> Result<(), String> {
    let shown = format!("{command:?}");
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("{shown}: {status}")),
        Err(error) => Err(format!("{shown}: {error}")),
    }
}

impl Step {
    fn command(&self, filters: &[String]) -> Command {
        let mut command = Command::new(self.command[0]);
        // Missing clients are a skipped test for `cargo test`, and a failure here.
        command.args(&self.command[1..]).current_dir(root()).env("PLENUM_TEST_CLIENTS", "required");
        command.env("PLENUM_LOAD_SECONDS", "30");
        if let Some(arguments) = self.test_arguments {
            command.arg("--no-fail-fast").arg("--").args(arguments).args(filters);
        }
        command
    }
}

fn verdict(outcome: &Result<(), String>) -> &'static str {
    if outcome.is_ok() { "passed" } else { "FAILED" }
}

fn seconds(duration: Duration) -> String {
    format!("{:.1} s", duration.as_secs_f64())
}
