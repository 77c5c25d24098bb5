//! The demo: a real program on an emulated board, on larder; or the browser's.

use std::time::Duration;

use anyhow::{Result, bail};
use clap::Args;

use crate::board;
use crate::firmware::{Firmware, Policy};
use crate::qemu;
use crate::step;
use crate::web;

const LIMIT: Duration = Duration::from_secs(120);

#[derive(Args)]
pub struct Options {
    #[arg(long, value_enum, default_value = "cortex-m3")]
    board: board::Name,
    #[arg(long, value_enum, default_value = "critical-section")]
    policy: Policy,
    /// Build the browser demo, serve it on localhost and open it in a browser instead
    #[arg(long, conflicts_with_all = ["board", "policy"])]
    web: bool,
    /// The port to serve it on; 0 for any
    #[arg(long, default_value_t = 8000, requires = "web")]
    port: u16,
    /// Open no browser
    #[arg(long, requires = "web")]
    no_open: bool,
    /// Take the browser demo's screenshots again, instead of serving it
    #[arg(long, requires = "web", conflicts_with_all = ["port", "no_open"])]
    shots: bool,
}

impl Default for Options {
    fn default() -> Self {
        let (board, policy) = (board::Name::CortexM3, Policy::CriticalSection);
        Self { board, policy, web: false, port: 0, no_open: false, shots: false }
    }
}

pub fn run(options: &Options) -> Result<bool> {
    if options.shots {
        return web::shots();
    }
    if options.web {
        return web::serve(options.port, !options.no_open);
    }
    result_line!("{}", capture(options)?);
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
