//! Tests that run on the host.

use anyhow::Result;
use cargo_metadata::{Package, TargetKind};

use super::tally::Tally;
use crate::project;

/// The integration tests that have parts of their own.
const ELSEWHERE: [&str; 2] = ["loom", "qemu"];

/// Unit, documentation and integration tests, with all features.
pub fn tests(tally: &mut Tally, library: &Package) -> Result<()> {
    let mut command = project::cargo("test");
    command.args(["--workspace", "--lib", "--bins", "--all-features", "--no-fail-fast"]);
    tally.cargo_test("unit tests", &mut command)?;
    let mut command = project::cargo("test");
    command.args(["--package", "larder", "--doc", "--all-features"]);
    tally.cargo_test("documentation tests", &mut command)?;
    let names = targets(library, TargetKind::Test);
    for name in names.filter(|name| !ELSEWHERE.iter().any(|part| name.starts_with(part))) {
        let mut command = project::cargo("test");
        command.args(["--package", "larder", "--all-features", "--test", name]);
        tally.cargo_test(&format!("tests/{name}"), &mut command)?;
    }
    Ok(())
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
        let mut command = project::cargo("test");
        command.args(["--package", "larder", "--release", "--test", name, "--no-fail-fast"]);
        command.arg("--target-dir").arg(project::root().join("target/loom"));
        command.env("RUSTFLAGS", "--cfg loom");
        tally.cargo_test(&format!("loom models, tests/{name}"), &mut command)?;
    }
    Ok(())
}

fn targets(package: &Package, kind: TargetKind) -> impl Iterator<Item = &str> {
    let targets = package.targets.iter().filter(move |target| target.kind.contains(&kind));
    targets.map(|target| target.name.as_str())
}
