//! Tests under Miri, an interpreter that finds undefined behaviour where it happens: accesses out of bounds or of nobody's memory, races,
//! uninitialised values, pointers that were made of numbers.
//!
//! It runs one of the orders that threads can have, and of the values that weak memory lets them see, chosen by a seed.

use std::process::Command;

use anyhow::{Result, bail};
use clap::Args;

use crate::{nightly, output, packages, project, step};

/// Leaks are what tests of refusals and of statics do on purpose.
const FLAGS: &str = "-Zmiri-strict-provenance -Zmiri-ignore-leaks";

/// For tests of one thread, which expect that what can fail for no reason does not.
const NO_WHIMS: &str = "-Zmiri-compare-exchange-weak-failure-rate=0";

/// Tests of one thread: how they are called, and what `cargo test` is told.
const ALONE: [(&str, &[&str]); 5] = [
    ("tests/moved", &["--test", "moved"]),
    // Of the library's own: the code that moves tables.
    ("a heap that grows", &["--lib", "memories::tests::a_heap_grows_below_live_blocks"]),
    ("a region that is extended", &["--test", "extend"]),
    ("tests/held", &["--test", "held"]),
    ("tests/wrong_frees", &["--test", "wrong_frees"]),
];

/// How many of them are interpreted by `cargo xtask test`; the others take minutes.
const ALONE_BRIEFLY: usize = 4;

/// Tests of several threads.
const TOGETHER: (&str, &[&str]) = ("tests/threads", &["--test", "threads"]);

/// Those of them that `cargo xtask test` has interpreted: a heap whose pages go from class to class, and one without tiers.
const TOGETHER_BRIEFLY: (&str, &[&str]) =
    ("some of tests/threads", &["--test", "threads", "--", "--exact", "try_restless", "small_in_one_kib"]);

#[derive(Args)]
pub struct Options {
    /// How many orders of the threads are tried; each takes a minute or two
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..))]
    seeds: u32,
}

pub fn run(options: &Options) -> Result<bool> {
    get()?;
    let mut succeeded = true;
    for (name, tests) in ALONE {
        succeeded &= interpret(&format!("interpret {name}"), &mut alone(tests))?;
    }
    let (name, tests) = TOGETHER;
    for seed in 0..options.seeds {
        let title = format!("interpret {name}, order {} of {}", seed + 1, options.seeds);
        succeeded &= interpret(&title, &mut together(tests, seed))?;
    }
    Ok(succeeded)
}

/// What `cargo xtask test` has interpreted: titles, and the commands that do it.
pub fn brief() -> impl Iterator<Item = (String, Command)> {
    let alone = ALONE[..ALONE_BRIEFLY].iter().map(|&(name, tests)| (name, alone(tests)));
    let (name, tests) = TOGETHER_BRIEFLY;
    alone.chain([(name, together(tests, 0))]).map(|(name, command)| (format!("interpret {name}"), command))
}

/// Gets the interpreter, where it is missing and rustup can get it.
pub fn get() -> Result<()> {
    nightly::get("Miri")?;
    let mut command = Command::new("rustup");
    command.args(["component", "add", "miri", "rust-src", "--toolchain", "nightly"]);
    let is_there = {
        let _alone = packages::installing();
        packages::program_exists("rustup") && step::run("rustup component add miri", &mut command)?.success
    };
    if !is_there {
        bail!("rustup can't get Miri for the nightly compiler here");
    }
    step::require("prepare Miri", &mut miri("setup", FLAGS))?;
    Ok(())
}

fn interpret(title: &str, command: &mut Command) -> Result<bool> {
    let outcome = step::run(title, command)?;
    if !outcome.success {
        output::note(format_args!("{}", step::quote(&outcome.output)));
    }
    Ok(outcome.success)
}

fn alone(tests: &[&str]) -> Command {
    test(tests, &format!("{FLAGS} {NO_WHIMS}"))
}

fn together(tests: &[&str], seed: u32) -> Command {
    test(tests, &format!("{FLAGS} -Zmiri-seed={seed}"))
}

fn test(tests: &[&str], flags: &str) -> Command {
    let mut command = miri("test", flags);
    command.args(["--features", "linked-list"]).args(tests);
    command
}

fn miri(subcommand: &str, flags: &str) -> Command {
    let mut command = Command::new("cargo");
    command.args(["miri", subcommand, "--target-dir", "target/miri"]).current_dir(project::root());
    // This command's own cargo and compiler are not the nightly ones.
    command.env("RUSTUP_TOOLCHAIN", "nightly").env_remove("CARGO").env_remove("RUSTC").env("MIRIFLAGS", flags);
    command
}
