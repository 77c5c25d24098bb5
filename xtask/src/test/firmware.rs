//! Firmware.

use anyhow::Result;
use clap::ValueEnum;

use super::tally::Tally;
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
        let title = format!("lints of {} for {}", board.package, board.triple);
        match Toolchain::for_target(board.triple)?.clippy() {
            Err(reason) => tally.skip(&title, &format!("{reason:#}")),
            Ok(mut command) => {
                command.args([
                    "--release",
                    "--package",
                    board.package,
                    "--package",
                    "larder-programs",
                    "--package",
                    "larder-suite",
                ]);
                command.arg("--manifest-path").arg(project::root().join("targets/Cargo.toml"));
                tally.check(&title, command.args(["--", "-D", "warnings"]))?;
            }
        }
    }
    Ok(())
}
