//! The demo: a real program on an emulated board, on larder.

use std::time::Duration;

use anyhow::{Result, bail};
use clap::Args;

use crate::board;
use crate::firmware::{Firmware, Policy};
use crate::qemu;
use crate::step;

const LIMIT: Duration = Duration::from_secs(120);

#[derive(Args)]
pub struct Options {
    #[arg(long, value_enum, default_value = "cortex-m3")]
    board: board::Name,
    #[arg(long, value_enum, default_value = "critical-section")]
    policy: Policy,
}

impl Default for Options {
    fn default() -> Self {
        Self { board: board::Name::CortexM3, policy: Policy::CriticalSection }
    }
}

pub fn run(options: &Options) -> Result<bool> {
    println!("{}", capture(options)?);
    Ok(true)
}

/// What the demo says.
pub fn capture(options: &Options) -> Result<String> {
    let firmware = Firmware { binary: "demo".to_owned(), board: options.board, policy: options.policy };
    let elf = firmware.build()?;
    let outcome = qemu::run(options.board.board(), &elf, LIMIT)?;
    if !outcome.success {
        bail!("the demo failed; it said:\n{}", step::quote(&outcome.output));
    }
    Ok(outcome.output)
}
