//! `larder-tools`: see `docs/tools.md`.

use std::process::ExitCode;

use clap::Parser;
use larder_tools::commands::Command;
use larder_tools::output::{self, Closed};

fn main() -> ExitCode {
    match Command::parse().run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.is::<Closed>() => ExitCode::SUCCESS,
        Err(error) => {
            // One line, whatever the message holds.
            let text: String = format!("{error:#}").chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
            output::note(format_args!("larder-tools: {text}"));
            ExitCode::FAILURE
        }
    }
}
