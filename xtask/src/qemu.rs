//! Running firmware in QEMU.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::board::{Board, Clock};
use crate::firmware::Firmware;
use crate::toolchain::Toolchain;
use crate::{output, packages, step};

#[derive(Args)]
pub struct Options {
    #[command(flatten)]
    firmware: Firmware,
    /// Stop the firmware after that many seconds
    #[arg(long, default_value_t = 900, value_parser = clap::value_parser!(u64).range(1..))]
    limit: u64,
    /// Write what the firmware sends to this file, byte for byte, instead of showing it
    #[arg(long)]
    stream: Option<PathBuf>,
}

pub fn run_command(options: &Options) -> Result<bool> {
    // What can be missing comes before what takes time.
    let stream = options.stream.as_deref().map(open_stream).transpose()?;
    let board = options.firmware.board.board();
    packages::require_program(board.emulator, board.emulator_package)?;
    let elf = options.firmware.build()?;
    let limit = Duration::from_secs(options.limit);
    let outcome = run_streaming(board, &elf, limit, USUAL_SHIFT, stream)?;
    output::result(format_args!("{}", outcome.output))?;
    if !outcome.success {
        let name = options.firmware.name();
        bail!(
            "{name} on {} failed; the last lines of {}:\n{}",
            options.firmware.board,
            board.emulator,
            last_lines(&outcome.output)
        );
    }
    Ok(true)
}

fn open_stream(path: &Path) -> Result<File> {
    File::create(path).with_context(|| format!("--stream {} can't be written", path.display()))
}

fn last_lines(output: &str) -> String {
    let lines: Vec<&str> = output.lines().collect();
    match lines.len() {
        0 => "  | (it said nothing)".to_owned(),
        count => step::quote(&lines[count.saturating_sub(LAST_LINES)..].join("\n")).trim_end().to_owned(),
    }
}

/// Gets whatever is missing to build for a board and to emulate it; an error says why it can't be had.
pub fn prepare(board: &Board) -> Result<()> {
    packages::require_program(board.emulator, board.emulator_package)?;
    Toolchain::for_target(board.triple)?;
    Ok(())
}

/// How many of a failed run's lines are quoted: what comes before was shown.
const LAST_LINES: usize = 10;

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

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Command {
        #[command(flatten)]
        options: Options,
    }

    fn options(words: &[&str]) -> Result<Options, clap::Error> {
        Command::try_parse_from(["qemu", "suite"].iter().chain(words)).map(|command| command.options)
    }

    #[test]
    fn a_limit_is_a_second_at_least() {
        assert!(options(&["--limit", "0"]).is_err_and(|error| error.to_string().contains("--limit")));
        assert!(options(&["--limit", "1"]).is_ok());
    }

    /// In a moment: nothing was built.
    #[test]
    fn a_stream_that_can_not_be_written_is_refused_before_anything_is_built() {
        let options = options(&["--stream", "/missing/folder/file"]).ok().unwrap();
        let line = format!("{:#}", run_command(&options).unwrap_err());
        assert!(line.starts_with("--stream /missing/folder/file can't be written: "), "{line}");
    }

    #[test]
    fn the_last_lines_of_a_failure_are_quoted() {
        let output: String = (0..30).map(|line| format!("line {line}\n")).collect();
        assert!(last_lines(&output).starts_with("  | line 20\n") && last_lines(&output).ends_with("  | line 29"));
        assert_eq!(last_lines(""), "  | (it said nothing)");
    }
}
