//! Tests that run on the host.

use std::process::Command;

use anyhow::Result;
use cargo_metadata::{Package, TargetKind};

use super::tally::Tally;
use crate::{project, step};

/// The integration tests that have parts of their own.
const ELSEWHERE: [&str; 2] = ["loom", "qemu"];

/// Unit and integration tests, with all features.
pub fn tests(tally: &mut Tally, library: &Package) -> Result<()> {
    let mut command = project::cargo("test");
    command.args(["--workspace", "--lib", "--bins", "--all-features", "--no-fail-fast"]);
    tally.cargo_test("unit tests", &mut command)?;
    let mut command = project::cargo("test");
    command.args(["--package", "xtask", "--test", "*", "--no-fail-fast"]);
    tally.cargo_test("xtask/tests", &mut command)?;
    let names = targets(library, TargetKind::Test).filter(|name| !ELSEWHERE.iter().any(|part| name.starts_with(part)));
    let names: Vec<&str> = names.collect();
    // All at once, for both cores' sake. One that can't be built fails below.
    step::run("build the integration tests", integration_tests(&names).arg("--no-run"))?;
    for name in names {
        tally.cargo_test(&format!("tests/{name}"), &mut integration_tests(&[name]))?;
    }
    Ok(())
}

fn integration_tests(names: &[&str]) -> Command {
    let mut command = project::cargo("test");
    command.args(["--package", "larder", "--all-features"]).args(names.iter().flat_map(|name| ["--test", name]));
    command
}

pub fn documentation_tests(tally: &mut Tally) -> Result<()> {
    let mut command = project::cargo("test");
    command.args(["--package", "larder", "--doc", "--all-features"]);
    tally.cargo_test("documentation tests", &mut command)
}

/// The example programs; each has to end well.
pub fn examples(tally: &mut Tally, library: &Package) -> Result<()> {
    for name in targets(library, TargetKind::Example) {
        let mut command = project::cargo("run");
        command.args(["--package", "larder", "--all-features", "--example", name]);
        tally.check(&format!("examples/{name}"), &mut command)?;
    }
    Ok(())
}

/// The models, in a target directory of their own: they are built with other flags.
pub fn loom_models(tally: &mut Tally, library: &Package) -> Result<()> {
    for name in targets(library, TargetKind::Test).filter(|name| name.starts_with("loom")) {
        tally.cargo_test(&format!("loom models, tests/{name}"), &mut loom(name))?;
    }
    Ok(())
}

/// Those whose names contain one of these words.
pub fn some_loom_models(tally: &mut Tally, words: &[&str]) -> Result<()> {
    let mut command = loom("loom");
    tally.cargo_test("short loom models", command.arg("--").args(words))
}

fn loom(name: &str) -> Command {
    let mut command = project::cargo("test");
    command.args(["--package", "larder", "--release", "--test", name, "--no-fail-fast"]);
    command.arg("--target-dir").arg(project::root().join("target/loom"));
    command.env("RUSTFLAGS", "--cfg loom");
    command
}

fn targets(package: &Package, kind: TargetKind) -> impl Iterator<Item = &str> {
    let targets = package.targets.iter().filter(move |target| target.kind.contains(&kind));
    targets.map(|target| target.name.as_str())
}
