//! Firmware.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;
use clap::ValueEnum;

use super::tally::Tally;
use crate::bench::boards;
use crate::board::{Board, Name};
use crate::firmware::{DEFMT, INTERRUPTS};
use crate::toolchain::{self, Toolchain};
use crate::{project, qemu};

/// The tests that run firmware in QEMU are `cargo test` targets; each builds what it runs. Their names begin with the
/// board's, so that those of a board that this machine can't emulate can be left out.
pub fn in_qemu(tally: &mut Tally) -> Result<()> {
    let mut command = project::cargo("test");
    command.args(["--package", "larder", "--all-features", "--no-fail-fast", "--test", "qemu*", "--"]);
    use_this_program(&mut command)?;
    for name in Name::value_variants() {
        if let Err(reason) = qemu::prepare(name.board()) {
            tally.skip(&format!("firmware on {name}"), &toolchain::first_line(&reason));
            command.args(["--skip", &format!("{}_", name.to_string().replace('-', "_"))]);
        }
    }
    tally.cargo_test("firmware in QEMU, tests/qemu", &mut command)?;
    let title = "what firmware sends through defmt, tests/defmt";
    // The board of `cargo xtask qemu` when it is told none.
    if let Err(reason) = qemu::prepare(Name::CortexM3.board()) {
        tally.skip(title, &toolchain::first_line(&reason));
        return Ok(());
    }
    let mut command = project::cargo("test");
    command.args(["--package", "larder-defmt-test", "--no-fail-fast"]);
    use_this_program(&mut command)?;
    tally.cargo_test(title, &mut command)
}

/// The suite, on the board that people have.
pub fn suite(tally: &mut Tally) -> Result<()> {
    let mut command = project::cargo("test");
    command.args(["--package", "larder", "--all-features", "--test", "qemu", "cortex_m3_suite", "--", "--exact"]);
    use_this_program(&mut command)?;
    match qemu::prepare(Name::CortexM3.board()) {
        Err(reason) => tally.skip("the suite on an emulated board", &toolchain::first_line(&reason)),
        Ok(()) => tally.cargo_test("the suite on an emulated board", &mut command)?,
    }
    Ok(())
}

/// Tests that call `cargo xtask` shall call a copy of this program instead: cargo would wait for whatever else is built
/// in its target directory, and other builds may put another file in this one's place.
fn use_this_program(command: &mut Command) -> Result<()> {
    command.env("LARDER_XTASK", this_program());
    Ok(())
}

fn this_program() -> PathBuf {
    project::root().join("target").join("xtask-under-test")
}

/// Copies this program to where the tests call it. Before anything is built.
pub fn keep_this_program() -> Result<()> {
    let (kept, new) = (this_program(), this_program().with_extension("new"));
    // Renamed, not overwritten: a copy of another run may be running.
    fs::copy(std::env::current_exe()?, &new).and_then(|_| fs::rename(&new, &kept))?;
    Ok(())
}

pub fn lints(tally: &mut Tally) -> Result<()> {
    // Boards of one triple have one firmware.
    let all: BTreeMap<_, _> = Name::value_variants().iter().map(|name| (name.board().triple, name.board())).collect();
    for board in all.into_values() {
        lint(tally, board, &[board.package, "larder-programs", "larder-suite"])?;
        lint(tally, board, &[boards::PACKAGE])?;
        if board.is_cortex_m() {
            lint(tally, board, &[INTERRUPTS])?;
            lint(tally, board, &[DEFMT])?;
        }
    }
    Ok(())
}

fn lint(tally: &mut Tally, board: &Board, packages: &[&str]) -> Result<()> {
    let title = format!("lints of {} for {}", packages[0], board.triple);
    match Toolchain::for_target(board.triple).and_then(|toolchain| toolchain.clippy()) {
        Err(reason) => {
            tally.skip(&title, &toolchain::first_line(&reason));
            Ok(())
        }
        Ok(mut command) => {
            command.arg("--release").args(packages.iter().flat_map(|package| board.package_arguments(package)));
            command.arg("--manifest-path").arg(project::root().join("targets/Cargo.toml"));
            tally.check(&title, command.args(["--", "-D", "warnings"]))
        }
    }
}
