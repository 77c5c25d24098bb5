//! Tests under Miri, an interpreter that finds undefined behaviour where it happens: accesses out of bounds or of nobody's memory, races,
//! uninitialised values, pointers that were made of numbers.
//!
//! It runs one of the orders that threads can have, and of the values that weak memory lets them see, chosen by a seed.

use std::process::Command;

use anyhow::Result;
use clap::Args;

use crate::{nightly, project, step};

/// Leaks are what tests of refusals and of statics do on purpose.
const FLAGS: &str = "-Zmiri-strict-provenance -Zmiri-ignore-leaks";

/// Tests of one thread, which expect that what can fail for no reason does not.
const ALONE: [&str; 2] = ["held", "wrong_frees"];
const NO_WHIMS: &str = "-Zmiri-compare-exchange-weak-failure-rate=0";

/// Of the library's own: the code that moves tables.
const GROWING: &str = "growing::tests::a_heap_grows_below_live_blocks";

/// Those of several.
const TOGETHER: &str = "threads";

#[derive(Args)]
pub struct Options {
    /// How many orders of the threads are tried; each takes a minute or two
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..))]
    seeds: u32,
}

pub fn run(options: &Options) -> Result<bool> {
    nightly::get("Miri")?;
    let mut command = Command::new("rustup");
    command.args(["component", "add", "miri", "rust-src", "--toolchain", "nightly"]);
    step::require("rustup component add miri", &mut command)?;
    step::require("prepare Miri", &mut miri("setup", FLAGS))?;
    let mut succeeded = true;
    for test in ALONE {
        succeeded &= interpret(&["--test", test], &format!("interpret tests/{test}"), &format!("{FLAGS} {NO_WHIMS}"))?;
    }
    succeeded &= interpret(&["--lib", GROWING], "interpret a heap that grows", &format!("{FLAGS} {NO_WHIMS}"))?;
    for seed in 0..options.seeds {
        let title = format!("interpret tests/{TOGETHER}, order {} of {}", seed + 1, options.seeds);
        succeeded &= interpret(&["--test", TOGETHER], &title, &format!("{FLAGS} -Zmiri-seed={seed}"))?;
    }
    Ok(succeeded)
}

fn interpret(tests: &[&str], title: &str, flags: &str) -> Result<bool> {
    let mut command = miri("test", flags);
    command.args(["--features", "linked-list"]).args(tests);
    let outcome = step::run(title, &mut command)?;
    if !outcome.success {
        eprint!("{}", step::quote(&outcome.output));
    }
    Ok(outcome.success)
}

fn miri(subcommand: &str, flags: &str) -> Command {
    let mut command = Command::new("cargo");
    command.args(["miri", subcommand, "--target-dir", "target/miri"]).current_dir(project::root());
    // This command's own cargo and compiler are not the nightly ones.
    command.env("RUSTUP_TOOLCHAIN", "nightly").env_remove("CARGO").env_remove("RUSTC").env("MIRIFLAGS", flags);
    command
}
