//! The `plenum` binary: command line, configuration, HTTP, the directory of rooms and sessions, metrics
//! and drain, around the media shards of `plenum-net`.
//!
//! This is the control plane. It may wait, lock and allocate; no packet of media passes through it.

mod admin;
mod app;
mod auth;
mod cli;
mod conference;
mod config;
mod directory;
mod drain;
mod events;
mod http;
mod join;
mod logging;
mod media;
mod metrics;
mod serve;
mod token;
mod welcome;

use std::process::ExitCode;
use std::time::SystemTime;

use clap::Parser;

use cli::{Cli, Task};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = Cli::parse();
    match cli.command.unwrap_or(Task::Serve(cli.serve)) {
        Task::Serve(args) => conclude(serve::run(&args.flags()).map(|()| None)),
        Task::Load(args) => plenum_load::run(*args),
        Task::Token(args) => conclude(token::make(&args, std::env::vars(), SystemTime::now()).map(Some)),
        Task::CheckConfig(args) => {
            conclude(serve::check(&args.flags()).map(|checked| Some(checked.config.show())))
        }
    }
}

/// Prints what came of it: the result on stdout, or one line on stderr and exit code 1.
fn conclude<E: std::fmt::Display>(result: Result<Option<String>, E>) -> ExitCode {
    match result {
        Ok(text) => {
            if let Some(text) = text {
                println!("{}", text.trim_end());
            }
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("plenum: {error}");
            ExitCode::FAILURE
        }
    }
}
