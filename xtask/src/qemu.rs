//! Running firmware in QEMU.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Args;

use crate::board::{Board, Clock};
use crate::firmware::Firmware;
use crate::toolchain::Toolchain;
use crate::{packages, step};

#[derive(Args)]
pub struct Options {
    #[command(flatten)]
    firmware: Firmware,
    /// Stop the firmware after that many seconds
    #[arg(long, default_value_t = 300)]
    limit: u64,
    /// Write what the firmware sends to this file, byte for byte, instead of showing it
    #[arg(long)]
    stream: Option<PathBuf>,
}

pub fn run_command(options: &Options) -> Result<bool> {
    let elf = options.firmware.build()?;
    let stream = options.stream.as_deref().map(|path| File::create(path).with_context(|| path.display().to_string()));
    let limit = Duration::from_secs(options.limit);
    let outcome = run_streaming(options.firmware.board.board(), &elf, limit, USUAL_SHIFT, stream.transpose()?)?;
    print!("{}", outcome.output);
    Ok(outcome.success)
}

/// Gets whatever is missing to build for a board and to emulate it; an error says why it can't be had.
pub fn prepare(board: &Board) -> Result<()> {
    packages::require_program(board.emulator, board.emulator_package)?;
    Toolchain::for_target(board.triple)?;
    Ok(())
}

/// An instruction takes 128 ns of the emulator's time: what the programs' timers expect.
const USUAL_SHIFT: u32 = 7;

/// Runs an ELF file until it says through semihosting how it went, or until the limit.
pub fn run(board: &Board, elf: &Path, limit: Duration) -> Result<step::Outcome> {
    run_at(board, elf, limit, USUAL_SHIFT)
}

/// Like [`run`], with 2 to the power of `shift` ns for an instruction if the board's clock counts them.
pub fn run_at(board: &Board, elf: &Path, limit: Duration, shift: u32) -> Result<step::Outcome> {
    run_streaming(board, elf, limit, shift, None)
}

fn run_streaming(
    board: &Board,
    elf: &Path,
    limit: Duration,
    shift: u32,
    stream: Option<File>,
) -> Result<step::Outcome> {
    packages::require_program(board.emulator, board.emulator_package)?;
    let mut command = Command::new(board.emulator);
    command.args(["-machine", board.machine]).args(board.arguments);
    match board.clock {
        Clock::Instructions => command.args(["-icount", &format!("shift={shift},align=off,sleep=off")]),
        Clock::Host => command.args(["-accel", "tcg,thread=multi"]),
    };
    command.args(["-nographic", "-monitor", "none", "-serial", "none"]);
    command.args(["-semihosting-config", "enable=on,target=native", "-kernel"]).arg(elf);
    let name = elf.file_name().unwrap_or_default().to_string_lossy();
    let title = format!("run {name} on {}", board.machine);
    let mut outcome = step::run_streaming(&title, &mut command, Some(limit), stream)?;
    outcome.output = without_noise(&outcome.output);
    Ok(outcome)
}

/// What the firmware said, without what QEMU says about a timer that nobody has set yet.
fn without_noise(output: &str) -> String {
    output.lines().filter(|line| !line.contains("Timer with period zero")).map(|line| format!("{line}\n")).collect()
}
