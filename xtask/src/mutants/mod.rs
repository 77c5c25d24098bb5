//! Mutations: the library with one thing wrong, to see that a test notices.
//!
//! | part | what is changed | by whom it is found |
//! |---|---|---|
//! | protocol | steps and orderings that `tests/mutations.toml` lists, in words | the test that the list names |
//! | general | whatever `cargo-mutants` can change in the files that `.cargo/mutants.toml` names | any test of the host |
//!
//! `cargo-mutants` knows neither orderings nor fences, and no test that runs on the host alone notices most of these: so there are two.

mod copy;
mod general;
mod list;
mod protocol;

use anyhow::Result;
use clap::{Args, ValueEnum};

#[derive(Args)]
pub struct Options {
    /// This part only
    #[arg(long, value_enum)]
    only: Option<Part>,
    /// Mutations whose name, or file, contains this
    #[arg(long)]
    filter: Option<String>,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum Part {
    /// Steps and orderings of the protocols: tests/mutations.toml
    Protocol,
    /// What cargo-mutants can change
    General,
}

pub fn run(options: &Options) -> Result<bool> {
    let wants = |part| options.only.is_none_or(|only| only == part);
    let filter = options.filter.as_deref().unwrap_or_default();
    let mut succeeded = true;
    if wants(Part::Protocol) {
        succeeded &= protocol::run(filter)?;
    }
    if wants(Part::General) {
        succeeded &= general::run(filter)?;
    }
    Ok(succeeded)
}
