//! The command line, by hand: a parser crate would be the only dependency here.

use crate::bench::{self, Options};
use crate::steps;

/// What was asked for.
#[derive(Debug, PartialEq, Eq)]
pub enum Task {
    /// `test`
    Test {
        /// Names of steps to run; empty means all.
        only: Vec<String>,
        /// Names of steps to leave out.
        skip: Vec<String>,
        /// For the test binaries.
        filters: Vec<String>,
    },
    /// `test --list`
    List,
    /// `sim`
    Sim {
        /// How many seeds; the suite's own number if not given.
        seeds: Option<u64>,
    },
    /// `bench`
    Bench(Options),
    /// `budget`
    Budget,
    /// `help`
    Help,
}

/// Reads the arguments after the program's name.
pub fn parse(arguments: impl Iterator<Item = String>) -> Result<Task, String> {
    let mut arguments = arguments;
    match arguments.next().as_deref() {
        Some("test") => parse_test(arguments),
        Some("sim") => parse_sim(arguments),
        Some("bench") => parse_bench(arguments),
        Some("budget") => Ok(Task::Budget),
        None | Some("help" | "--help" | "-h") => Ok(Task::Help),
        Some(other) => Err(format!("no such task: {other}")),
    }
}

fn parse_test(mut arguments: impl Iterator<Item = String>) -> Result<Task, String> {
    let (mut only, mut skip) = (Vec::new(), Vec::new());
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--list" => return Ok(Task::List),
            "--only" => only.extend(step_names(arguments.next())?),
            "--skip" => skip.extend(step_names(arguments.next())?),
            "--help" | "-h" => return Ok(Task::Help),
            "--" => break,
            other => return Err(format!("test: unknown argument {other}")),
        }
    }
    Ok(Task::Test { only, skip, filters: arguments.collect() })
}

fn parse_sim(mut arguments: impl Iterator<Item = String>) -> Result<Task, String> {
    let mut seeds = None;
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--seeds" => {
                let value = arguments.next().ok_or("--seeds wants a number")?;
                seeds = Some(value.parse().map_err(|_| format!("--seeds wants a number, not {value}"))?);
            }
            "--help" | "-h" => return Ok(Task::Help),
            other => return Err(format!("sim: unknown argument {other}")),
        }
    }
    Ok(Task::Sim { seeds })
}

fn parse_bench(mut arguments: impl Iterator<Item = String>) -> Result<Task, String> {
    let mut options = Options { quick: false, only: Vec::new(), runs: None };
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--quick" => options.quick = true,
            "--only" => options.only.extend(part_names(arguments.next())?),
            "--runs" => {
                let value = arguments.next().ok_or("--runs wants a number")?;
                let runs = value.parse().ok().filter(|runs| *runs > 0);
                options.runs = Some(runs.ok_or_else(|| format!("--runs wants a number, not {value}"))?);
            }
            "--help" | "-h" => return Ok(Task::Help),
            other => return Err(format!("bench: unknown argument {other}")),
        }
    }
    Ok(Task::Bench(options))
}

fn part_names(list: Option<String>) -> Result<Vec<String>, String> {
    let list =
        list.ok_or_else(|| format!("--only wants some of {}, or scenarios", bench::PARTS.join(",")))?;
    let names: Vec<String> = list.split(',').map(str::to_owned).collect();
    match names.iter().find(|name| !bench::is_known(name)) {
        Some(unknown) => Err(format!("nothing to measure is called {unknown}")),
        None => Ok(names),
    }
}

fn step_names(list: Option<String>) -> Result<Vec<String>, String> {
    let list = list.ok_or("a comma-separated list of steps is missing (see --list)")?;
    let names: Vec<String> = list.split(',').map(str::to_owned).collect();
    match names.iter().find(|name| steps::TEST.iter().all(|step| step.name != *name)) {
        Some(unknown) => Err(format!("no such step: {unknown} (see --list)")),
        None => Ok(names),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Task, String> {
        parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn steps_are_chosen_by_name() {
        let expected = Task::Test {
            only: vec!["fmt".into(), "browser".into()],
            skip: vec!["fmt".into()],
            filters: vec!["vp9".into()],
        };
        assert_eq!(parsed("test --only fmt,browser --skip fmt -- vp9"), Ok(expected));
    }

    #[test]
    fn a_misspelt_step_is_an_error_instead_of_a_run_of_nothing() {
        assert!(parsed("test --only browsers").unwrap_err().contains("browsers"));
        assert!(parsed("test --only").is_err());
        assert!(parsed("test -only browser").is_err());
        assert!(parsed("tests").is_err());
    }

    #[test]
    fn a_bench_is_of_parts_or_of_single_scenarios() {
        let only = vec!["engine".to_owned(), "bursts-100".to_owned()];
        let expected = Options { quick: true, only, runs: Some(3) };
        assert_eq!(parsed("bench --quick --only engine,bursts-100 --runs 3"), Ok(Task::Bench(expected)));
        assert!(parsed("bench --only engines").is_err());
        assert!(parsed("bench --runs 0").is_err());
    }

    #[test]
    fn seeds_are_a_number() {
        assert_eq!(parsed("sim --seeds 500"), Ok(Task::Sim { seeds: Some(500) }));
        assert_eq!(parsed("sim"), Ok(Task::Sim { seeds: None }));
        assert!(parsed("sim --seeds many").is_err());
    }
}
