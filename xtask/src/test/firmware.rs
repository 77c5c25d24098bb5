//! Firmware.

use anyhow::Result;
use clap::ValueEnum;

use super::tally::Tally;
use crate::firmware::INTERRUPTS;
use crate::toolchain::Toolchain;
use crate::{board, project};

/// The tests that run firmware in QEMU are `cargo test` targets; each builds what it runs.
pub fn in_qemu(tally: &mut Tally) -> Result<()> {
    let mut command = project::cargo("test");
    command.args(["--package", "larder", "--all-features", "--no-fail-fast", "--test", "qemu*"]);
    tally.cargo_test("firmware in QEMU, tests/qemu", &mut command)
}

pub fn lints(tally: &mut Tally) -> Result<()> {
    for name in board::Name::value_variants() {
        let board = name.board();
        lint(tally, board.triple, &[board.package, "larder-programs", "larder-suite"])?;
        if board.is_cortex_m() {
            lint(tally, board.triple, &[INTERRUPTS])?;
        }
    }
    Ok(())
}

fn lint(tally: &mut Tally, triple: &str, packages: &[&str]) -> Result<()> {
    let title = format!("lints of {} for {triple}", packages[0]);
    match Toolchain::for_target(triple)?.clippy() {
        Err(reason) => {
            tally.skip(&title, &format!("{reason:#}"));
            Ok(())
        }
        Ok(mut command) => {
            command.arg("--release").args(packages.iter().flat_map(|package| ["--package", package]));
            command.arg("--manifest-path").arg(project::root().join("targets/Cargo.toml"));
            tally.check(&title, command.args(["--", "-D", "warnings"]))
        }
    }
}
