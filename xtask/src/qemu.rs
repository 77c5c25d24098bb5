//! Running firmware in QEMU.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::Result;
use clap::Args;

use crate::board::Board;
use crate::firmware::Firmware;
use crate::{packages, step};

#[derive(Args)]
pub struct Options {
    #[command(flatten)]
    firmware: Firmware,
    /// Stop the firmware after that many seconds
    #[arg(long, default_value_t = 300)]
    limit: u64,
}

pub fn run_command(options: &Options) -> Result<bool> {
    let elf = options.firmware.build()?;
    let outcome = run(options.firmware.board.board(), &elf, Duration::from_secs(options.limit))?;
    print!("{}", outcome.output);
    Ok(outcome.success)
}

/// Runs an ELF file until it says through semihosting how it went, or until the limit.
pub fn run(board: &Board, elf: &Path, limit: Duration) -> Result<step::Outcome> {
    packages::require_program(board.emulator, board.emulator_package)?;
    let mut command = Command::new(board.emulator);
    command.args(["-machine", board.machine]).args(board.arguments);
    command.args(["-nographic", "-monitor", "none", "-serial", "none"]);
    command.args(["-semihosting-config", "enable=on,target=native", "-kernel"]).arg(elf);
    let name = elf.file_name().unwrap_or_default().to_string_lossy();
    let mut outcome = step::run_limited(&format!("run {name} on {}", board.machine), &mut command, Some(limit))?;
    outcome.output = without_noise(&outcome.output);
    Ok(outcome)
}

/// What the firmware said, without what QEMU says about a timer that nobody has set yet.
fn without_noise(output: &str) -> String {
    output.lines().filter(|line| !line.contains("Timer with period zero")).map(|line| format!("{line}\n")).collect()
}
