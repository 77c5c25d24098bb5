//! The nightly compiler: what some tools are made for, and nothing that is built with it ships.

use std::process::Command;

use anyhow::{Result, bail};

use crate::{packages, step};

/// Gets it, where it is missing and rustup can get it, for what can't be done without it.
pub fn get(purpose: &str) -> Result<()> {
    if is_there() {
        return Ok(());
    }
    let _alone = packages::installing();
    let mut command = Command::new("rustup");
    command.args(["toolchain", "install", "nightly", "--profile", "minimal", "--no-self-update"]);
    let is_installed =
        packages::program_exists("rustup") && step::run("rustup toolchain install nightly", &mut command)?.success;
    if !is_installed || !is_there() {
        bail!(
            "{purpose} needs a nightly compiler: install rustup (https://rustup.rs) and run `rustup toolchain install nightly`"
        );
    }
    Ok(())
}

pub fn is_there() -> bool {
    let mut probe = Command::new("rustup");
    probe.args(["run", "nightly", "rustc", "--version"]).output().is_ok_and(|run| run.status.success())
}
