//! What a call costs on a host when several threads share one heap.
//!
//! ```text
//! shared      an allocator that threads share: larder as it is, a peer behind a spin lock, the floor
//! homes       larder's configuration with a home for each thread
//! actions     random allocations and releases
//! replay      a trace, by each thread for itself
//! exchange    blocks that one thread gets and another frees
//! threads     so many threads do that at once: how long it takes
//! samples     all of it in turns, and the medians
//! count       a replay for callgrind
//! ```
//!
//! `cargo xtask bench host` runs it and makes tables of what it prints.

mod actions;
mod count;
mod exchange;
mod homes;
mod replay;
mod samples;
mod shared;
#[cfg(test)]
mod tests;
mod threads;
mod traces;

use std::process::ExitCode;

use clap::Parser;

/// Measures allocators that threads share; prints JSON.
#[derive(Parser)]
enum Command {
    /// Throughput with 1, 2 and 4 threads
    Threads(samples::Options),
    /// Replay traces once, between the marks that callgrind counts
    Count(count::Options),
    /// The allocators' names, one a line
    List,
}

fn main() -> ExitCode {
    let outcome = match Command::parse() {
        Command::Threads(options) => samples::run(&options),
        Command::Count(options) => count::run(&options),
        Command::List => {
            shared::ENTRIES.iter().for_each(|entry| println!("{}", entry.name));
            Ok(())
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("error: {reason}");
            ExitCode::FAILURE
        }
    }
}
