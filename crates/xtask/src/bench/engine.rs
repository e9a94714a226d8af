//! The engine alone: `benches/forward.rs`, timed and under callgrind.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::{Options, json};
use crate::steps::root;

/// How the benchmark is built; its path is in what cargo prints.
const BUILD: &[&str] =
    &["build", "--release", "--workspace", "--bench", "forward", "--message-format=json-render-diagnostics"];
/// A virtual second at 31 frames of 8 packets: every viewer gets one sender report in it, wherever it begins.
pub const COUNTED_PACKETS: usize = 248;
/// callgrind counts each byte of a `rep movsb` as an instruction, which no processor does, and glibc takes it for
/// copies from some size on, which differs from processor to processor: so it shall not.
pub const TUNABLES: (&str, &str) = ("GLIBC_TUNABLES", "glibc.cpu.x86_rep_movsb_threshold=1000000000");

/// What a forwarded packet costs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cost {
    /// Viewers of the one publisher.
    pub viewers: usize,
    /// Packets taken in per flush.
    pub batch: usize,
    /// Nanoseconds, of the best round and of the median one.
    pub ns: Option<(f64, f64)>,
    /// Instructions.
    pub instructions: Option<f64>,
}

/// Builds the benchmark and returns its path.
pub fn build() -> Result<PathBuf, String> {
    let output = Command::new("cargo")
        .args(BUILD)
        .current_dir(root())
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| format!("cargo: {error}"))?;
    if !output.status.success() {
        return Err("the benchmark does not build".into());
    }
    let messages = String::from_utf8_lossy(&output.stdout);
    let path = messages.lines().filter_map(|line| json::text(line, "executable")).next_back();
    path.map(PathBuf::from).ok_or_else(|| "cargo does not say where the benchmark is".into())
}

/// Times and counts. What is missing is noted.
pub fn measure(options: &Options, forward: &Path, notes: &mut Vec<String>) -> Result<Vec<Cost>, String> {
    let cases = [1, 10, 100, 500].into_iter().flat_map(|viewers| [1, 8].map(|batch| (viewers, batch)));
    let mut costs: Vec<Cost> =
        cases.map(|(viewers, batch)| Cost { viewers, batch, ns: None, instructions: None }).collect();
    if options.wants("engine") {
        let rounds = if options.quick { "3" } else { "15" };
        println!("== engine: forward --rounds {rounds}");
        let table = run(Command::new(forward).args(["--rounds", rounds]))?;
        for cost in &mut costs {
            cost.ns = timed(&table, cost.viewers, cost.batch);
        }
    }
    if options.wants("instructions") && !has_callgrind() {
        notes.push("valgrind is not installed: no instructions were counted.".into());
    } else if options.wants("instructions") {
        for cost in costs.iter_mut().filter(|cost| !options.quick || cost.viewers <= 100) {
            println!("== instructions: {} viewers, batches of {}", cost.viewers, cost.batch);
            cost.instructions = Some(count(forward, cost.viewers, cost.batch)?);
        }
    }
    Ok(costs)
}

/// Whether instructions can be counted here.
pub fn has_callgrind() -> bool {
    let found =
        Command::new("valgrind").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    found.is_ok_and(|status| status.success())
}

/// Instructions per forwarded packet.
pub fn count(forward: &Path, viewers: usize, batch: usize) -> Result<f64, String> {
    let mut command = Command::new("valgrind");
    command
        .env(TUNABLES.0, TUNABLES.1)
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null", "--toggle-collect=*Stage::forward*"])
        .arg(forward)
        .arg("--once")
        .args([viewers, batch, COUNTED_PACKETS].map(|number| number.to_string()));
    let output = run(&mut command)?;
    let last_number = |prefix: &str| -> Option<f64> {
        let line = output.lines().find_map(|line| line.split_once(prefix).map(|(_, rest)| rest))?;
        line.trim().replace(',', "").parse().ok()
    };
    let (instructions, packets) = (last_number("Collected :"), last_number("forwarded "));
    let (Some(instructions), Some(packets)) = (instructions, packets) else {
        return Err(format!("callgrind's output is not understood:\n{output}"));
    };
    Ok(instructions / packets)
}

/// Best and median of a line of `forward`'s table.
fn timed(table: &str, viewers: usize, batch: usize) -> Option<(f64, f64)> {
    table.lines().find_map(|line| {
        let numbers: Vec<f64> = line.split_whitespace().map_while(|word| word.parse().ok()).collect();
        match numbers[..] {
            [v, b, best, median] if v == viewers as f64 && b == batch as f64 => Some((best, median)),
            _ => None,
        }
    })
}

/// Everything that a program prints, to either stream.
fn run(command: &mut Command) -> Result<String, String> {
    let output = command.output().map_err(|error| format!("{command:?}: {error}"))?;
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text).into_owned();
    if output.status.success() { Ok(text) } else { Err(format!("{command:?}: {}\n{text}", output.status)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_the_table_is_found_by_viewers_and_batch() {
        let table = "viewers  batch  best ns  median ns\n     10      1   1500   1600\n    100      1    1400   1450\n";
        assert_eq!(timed(table, 100, 1), Some((1400.0, 1450.0)));
        assert_eq!(timed(table, 100, 8), None);
    }
}
