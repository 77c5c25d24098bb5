//! What `cargo-mutants` changes: see `.cargo/mutants.toml`, which also gives a reason for each survivor that is left out.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;

use crate::{output, packages, project, step};

pub fn run(filter: &str) -> Result<bool> {
    let mut command = Command::new(tool()?);
    command.arg("mutants").current_dir(project::root());
    command.args(["--output", "target/mutants", "--no-shuffle", "--colors", "never"]);
    if !filter.is_empty() {
        command.args(["--re", filter]);
    }
    let outcome = step::run("cargo-mutants", &mut command)?;
    output::result(format_args!("{}", outcome.output))?;
    Ok(outcome.success)
}

/// The tool, which is installed where it is missing.
fn tool() -> Result<PathBuf> {
    if packages::program_exists("cargo-mutants") {
        return Ok("cargo-mutants".into());
    }
    let root = project::root().join("target/tools");
    let tool = root.join("bin/cargo-mutants");
    if !tool.exists() {
        let mut command = project::cargo("install");
        command.args(["cargo-mutants", "--locked", "--root"]).arg(root);
        step::require("install cargo-mutants", &mut command)?;
    }
    Ok(tool)
}
