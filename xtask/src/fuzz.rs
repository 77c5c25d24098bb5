//! Fuzzing the heap: calls that a fuzzer chooses, against the shadow model of the differential test.
//!
//! What a fuzzer needs is a nightly compiler, for its sanitizer, and `cargo-fuzz`. Inputs that found something new stay in `fuzz/corpus`, where
//! the next run begins; one that found a mistake is in `fuzz/artifacts`.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Result, bail};
use clap::{Args, ValueEnum};

use crate::{nightly, output, packages, project, step};

#[derive(Args)]
pub struct Options {
    /// How long each fuzzer runs
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..))]
    seconds: u32,
    /// This fuzzer only
    #[arg(long, value_enum)]
    only: Option<Fuzzer>,
}

/// A binary of `fuzz/`: the large tier that it is about, or the heap that has none.
#[derive(Clone, Copy, PartialEq, ValueEnum)]
pub enum Fuzzer {
    Segregated,
    LinkedList,
    Small,
}

impl Fuzzer {
    pub fn name(self) -> &'static str {
        match self {
            Self::Segregated => "segregated",
            Self::LinkedList => "linked-list",
            Self::Small => "small",
        }
    }
}

/// The compiler and the tool, as rustup knows them.
pub struct Tools {
    cargo_fuzz: PathBuf,
}

pub fn run(options: &Options) -> Result<bool> {
    nightly::get("fuzzing")?;
    let tools = Tools::get()?;
    let fuzzers = Fuzzer::value_variants().iter().filter(|&&fuzzer| options.only.is_none_or(|only| only == fuzzer));
    let mut succeeded = true;
    for fuzzer in fuzzers {
        tools.build(*fuzzer)?;
        let title = format!("fuzz {} for {} s", fuzzer.name(), options.seconds);
        let outcome = step::run(&title, &mut tools.fuzz(*fuzzer, options.seconds))?;
        match outcome.success {
            true => result_line!("{}: {}, nothing found", fuzzer.name(), runs(&outcome.output)),
            false => output::note(format_args!("{}", step::quote(&outcome.output))),
        }
        succeeded &= outcome.success;
    }
    Ok(succeeded)
}

impl Tools {
    /// Why there can be no fuzzing as things are, without installing a compiler; or the tools.
    pub fn get_with_nightly_present() -> Result<Self> {
        if !nightly::is_there() {
            bail!("there is no nightly compiler; `cargo xtask fuzz` gets one where rustup can");
        }
        Self::get()
    }

    fn get() -> Result<Self> {
        packages::require_program("c++", "g++")?;
        if packages::program_exists("cargo-fuzz") {
            return Ok(Self { cargo_fuzz: "cargo-fuzz".into() });
        }
        let root = project::root().join("target/tools");
        let cargo_fuzz = root.join("bin/cargo-fuzz");
        if !cargo_fuzz.exists() {
            let mut command = project::cargo("install");
            command.args(["cargo-fuzz", "--version", "^0.13", "--root"]).arg(root);
            step::require("install cargo-fuzz", &mut command)?;
        }
        Ok(Self { cargo_fuzz })
    }

    pub fn build(&self, fuzzer: Fuzzer) -> Result<()> {
        let mut command = self.command("build", fuzzer);
        step::require(&format!("build the fuzzer {}", fuzzer.name()), &mut command).map(drop)
    }

    /// Runs a fuzzer for so long, or until it finds something.
    pub fn fuzz(&self, fuzzer: Fuzzer, seconds: u32) -> Command {
        let mut command = self.command("run", fuzzer);
        command.arg("--").arg(format!("-max_total_time={seconds}"));
        command
    }

    fn command(&self, subcommand: &str, fuzzer: Fuzzer) -> Command {
        let mut command = Command::new(&self.cargo_fuzz);
        command.arg(subcommand).current_dir(project::root());
        command.args(["--fuzz-dir", "fuzz", "--target-dir", "target/fuzz", fuzzer.name()]);
        // This command's own cargo and compiler are not the nightly ones.
        command.env("RUSTUP_TOOLCHAIN", "nightly").env_remove("CARGO").env_remove("RUSTC");
        command
    }
}

/// In `Done 1000 runs in 10 second(s)`: `1000 runs, 100 a second`.
fn runs(output: &str) -> String {
    let done = output.lines().rev().find_map(|line| line.strip_prefix("Done "));
    let numbers = done.and_then(|line| {
        let mut numbers = line.split(' ').filter_map(|word| word.parse::<u64>().ok());
        numbers.next().zip(numbers.next())
    });
    match numbers {
        Some((runs, seconds)) => format!("{runs} runs, {} a second", runs / seconds.max(1)),
        None => "an unknown number of runs".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_says_how_many_runs() {
        assert_eq!(runs("#5 NEW\nDone 662751 runs in 421 second(s)\n"), "662751 runs, 1574 a second");
        assert_eq!(runs("killed"), "an unknown number of runs");
    }
}
