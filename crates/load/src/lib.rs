//! `plenum load`: native WHIP publishers, WHEP viewers and participants of rooms that measure a server; the
//! first two ours or any other.
//!
//! Publishers send packets that say who sent them, which one they are, and when ([`payload`]); viewers
//! count what arrives ([`ledger`]) and how long it took. Participants do both, and judge whether every slot
//! holds what the server says ([`room`]). All clients share a few threads ([`media`]) so that the generator
//! costs less than the server it measures; HTTP and WebSockets run on a small tokio runtime ([`endpoint`],
//! [`scenario`]).
//!
//! Entry points: [`run`] is the subcommand, [`measure`] the same without printing. Neither may be called
//! from inside an async runtime.
//!
//! Deliberately not here: encoders and decoders (payloads are filler behind a valid codec header), and what
//! people do in rooms besides being there: chat, data channels, moderation.

mod args;
mod broadcast;
mod cast;
mod clock;
mod company;
mod costs;
mod credentials;
mod endpoint;
mod ledger;
mod media;
mod meters;
mod payload;
mod places;
mod process;
mod progress;
mod publisher;
mod report;
mod room;
mod scenario;
mod session;
mod tally;
mod udp;
mod viewer;

use std::process::ExitCode;

pub use args::{Args, Key, Rate, SlotCounts};
pub use meters::Quantiles;
pub use report::{Report, SlotReport};

/// Runs the load that `args` describes and prints the outcome. Fails when anything failed.
pub fn run(args: Args) -> ExitCode {
    let json = args.json;
    let report = match measure(args) {
        Ok(report) => report,
        Err(why) => {
            eprintln!("plenum load: {why}");
            return ExitCode::FAILURE;
        }
    };
    if json {
        println!("{}", serde_json::to_string(&report).expect("a report has only string keys"));
    } else {
        println!("{report}");
    }
    if report.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Runs the load that `args` describes. An error means that it could not begin; what fails later is in the report.
pub fn measure(args: Args) -> Result<Report, String> {
    let args = args.checked()?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|e| format!("no runtime: {e}"))?;
    runtime.block_on(scenario::run(args))
}
