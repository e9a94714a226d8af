//! What a developer or CI runs: `cargo xtask test`, `sim`, `bench`, `budget`, `help`.
//!
//! Every task is a list of [`Step`]s, each one command line that could be typed as well; what is here is
//! only the order, the prerequisites and the summary. The standard library is all it needs, so that it
//! builds in a second on a machine that has nothing yet. No test logic lives here: that is `tests/`.

mod arguments;
mod bench;
mod prerequisites;
mod steps;

use std::process::ExitCode;

use arguments::Task;
use steps::Step;

const HELP: &str = "\
cargo xtask test [--only STEP,...] [--skip STEP,...] [--list] [-- FILTER...]
    Installs what the tests need and runs them all; FILTER goes to the test binaries.
cargo xtask sim [--seeds N]
    Runs the simulator's suite with N seeds.
cargo xtask bench [--quick] [--runs N] [--only engine,instructions,load,SCENARIO,...]
    Measures what forwarding costs, compares it with the targets, and writes benches/RESULTS.md and
    cost.svg; shortened or in part, into target/bench instead.
cargo xtask budget
    Counts the instructions of a forwarded packet and compares them with benches/budget.txt.
cargo xtask help
    Prints this.
";

fn main() -> ExitCode {
    let result = match arguments::parse(std::env::args().skip(1)) {
        Ok(Task::Help) => {
            print!("{HELP}");
            Ok(())
        }
        Ok(Task::List) => {
            for step in steps::TEST {
                println!("{:10} {}", step.name, step.what);
            }
            Ok(())
        }
        Ok(Task::Test { only, skip, filters }) => {
            let chosen: Vec<&Step> = steps::TEST
                .iter()
                .filter(|step| only.is_empty() || only.iter().any(|name| name == step.name))
                .filter(|step| !skip.iter().any(|name| name == step.name))
                .collect();
            prerequisites::install(&chosen).and_then(|()| steps::run(&chosen, &filters))
        }
        Ok(Task::Sim { seeds }) => steps::simulate(seeds),
        Ok(Task::Bench(options)) => prerequisites::offer_callgrind().and_then(|()| bench::run(&options)),
        Ok(Task::Budget) => bench::check_budget(),
        Err(why) => Err(format!("{why}\n\n{HELP}")),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("{why}");
            ExitCode::FAILURE
        }
    }
}
