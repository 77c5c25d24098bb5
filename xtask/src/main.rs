//! larder's own commands, run as `cargo xtask COMMAND`.
//!
//! Each command does its own set-up, shows on standard error what it is doing and for how long, quotes a tool that
//! fails, and keeps standard output for its result.

#[macro_use]
mod output;

mod bench;
mod board;
mod demo;
mod firmware;
mod fuzz;
mod miri;
mod mutants;
mod nightly;
mod packages;
mod project;
mod qemu;
mod readme;
mod sections;
mod step;
mod test;
mod toolchain;
mod web;

use std::ffi::OsString;
use std::process::ExitCode;

use anyhow::{Result, anyhow};
use clap::error::ErrorKind;
use clap::{CommandFactory, Parser, Subcommand};

/// The commands of the larder repository.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Measure the heap beside its peers
    Bench(bench::Options),
    /// Build the demo firmware, run it in QEMU, show its report and the heap's statistics; or serve the browser demo
    Demo(demo::Options),
    /// Run every test there is; the last line is `N passed, N failed`
    Test(test::Options),
    /// Throw calls that a fuzzer chooses at the heap, and compare it with the shadow model
    Fuzz(fuzz::Options),
    /// Run tests in an interpreter that finds undefined behaviour
    Miri(miri::Options),
    /// Make the library wrong in one place, again and again, and see that a test notices
    Mutants(mutants::Options),
    /// Write the figures of benches/results into README.md and docs/benchmarks.md
    Readme(readme::Options),
    /// Build one firmware binary and run it in QEMU; the firmware's verdict is the exit status
    Qemu(qemu::Options),
    /// Build one firmware binary and print where its ELF file is
    Firmware(firmware::Options),
    /// Build one firmware binary and print how large its sections are
    Sections(sections::Options),
}

fn main() -> ExitCode {
    let words: Vec<OsString> = std::env::args_os().collect();
    let arguments = match Arguments::try_parse_from(&words) {
        Ok(arguments) => arguments,
        Err(error) if !error.use_stderr() => {
            return exit_code(output::result(format_args!("{}", error.render())).map(|()| true));
        }
        // Help is all that can be said.
        Err(error) if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => error.exit(),
        Err(error) => return exit_code(Err(anyhow!(in_a_line(&error, &words)))),
    };
    let outcome = match arguments.command {
        Command::Bench(options) => bench::run(&options),
        Command::Demo(options) => demo::run(&options),
        Command::Test(options) => test::run(&options),
        Command::Fuzz(options) => fuzz::run(&options),
        Command::Miri(options) => miri::run(&options),
        Command::Mutants(options) => mutants::run(&options),
        Command::Readme(options) => readme::run(&options),
        Command::Qemu(options) => qemu::run_command(&options),
        Command::Firmware(options) => firmware::run_command(&options),
        Command::Sections(options) => sections::run_command(&options),
    };
    exit_code(outcome)
}

/// What clap says of wrong arguments, without its hints; of a command that there is none of, also which there are.
fn in_a_line(error: &clap::Error, words: &[OsString]) -> String {
    let message = error.to_string();
    let said = message.lines().map(str::trim).take_while(|line| !line.is_empty()).collect::<Vec<_>>().join(" ");
    let said = said.trim_start_matches("error: ");
    match error.kind() {
        ErrorKind::InvalidSubcommand => format!("{said}; there are {}", commands(words).join(", ")),
        _ => said.to_owned(),
    }
}

/// The commands of the last command that was named.
fn commands(words: &[OsString]) -> Vec<String> {
    let all = Arguments::command();
    let named = words.iter().fold(&all, |command, word| command.find_subcommand(word).unwrap_or(command));
    named.get_subcommands().map(|command| command.get_name().to_owned()).collect()
}

/// `true` is success; `false` a failure that was already shown; an error is shown here, unless it is that nobody reads.
fn exit_code(outcome: Result<bool>) -> ExitCode {
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) if error.is::<output::Closed>() => ExitCode::SUCCESS,
        Err(error) => {
            note_line!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(words: &[&str]) -> String {
        let words: Vec<OsString> = words.iter().map(OsString::from).collect();
        in_a_line(&Arguments::try_parse_from(&words).err().unwrap(), &words)
    }

    #[test]
    fn wrong_arguments_are_one_line() {
        let line = said(&["xtask", "demo", "--board", "nonsense"]);
        assert!(line.starts_with("invalid value 'nonsense'") && line.contains("riscv-imac"), "{line}");
        assert_eq!(line.lines().count(), 1, "{line}");
    }

    #[test]
    fn of_a_wrong_command_those_that_there_are_are_named() {
        let line = said(&["xtask", "nonsense"]);
        assert!(line.contains("'nonsense'; there are bench, demo, test"), "{line}");
        let line = said(&["xtask", "bench", "nonsense"]);
        assert!(line.contains("'nonsense'; there are mcu, memory, wasm"), "{line}");
    }

    /// clap shows the help then, and a script must not take that for success.
    #[test]
    fn no_command_is_an_error() {
        for words in [["xtask"].as_slice(), &["xtask", "bench"]] {
            let error = Arguments::try_parse_from(words).err().unwrap();
            assert_eq!(error.kind(), ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand);
            assert_ne!(error.exit_code(), 0);
        }
    }
}
