//! Records the traces of `benches/traces` again.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;
use clap::Args;

use crate::toolchain::{Library, Toolchain};
use crate::{packages, project, step};

const MANIFEST: &str = "benches/traces/Cargo.toml";

/// Some crates ask for random numbers; the programs have a source of their own, which is always the same.
const ENTROPY: &str = r#"target."cfg(target_arch = \"wasm32\")".rustflags=["--cfg","getrandom_backend=\"custom\""]"#;

#[derive(Args)]
pub struct Options {
    /// Only these programs
    names: Vec<String>,
}

pub fn run(options: &Options) -> Result<bool> {
    packages::require_program("node", "nodejs")?;
    let module = build()?;
    let records = project::root().join("target/records");
    if records.exists() {
        fs::remove_dir_all(&records)?;
    }
    fs::create_dir_all(&records)?;
    let traces = project::root().join("benches/traces");
    let mut run = Command::new("node");
    run.arg(traces.join("record.mjs")).arg(module).arg(&records).args(&options.names);
    step::require("run the programs", &mut run)?;
    let mut files: Vec<PathBuf> = fs::read_dir(&records)?.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
    files.sort();
    let mut pack = project::cargo("run");
    pack.args(["--quiet", "--release", "--manifest-path", MANIFEST, "-p", "larder-trace", "--example", "pack", "--"]);
    print!("{}", step::require("pack the traces", pack.arg(traces).args(files))?);
    Ok(true)
}

/// The module of all programs.
fn build() -> Result<PathBuf> {
    let toolchain = Toolchain::with_library("wasm32-unknown-unknown", Library::Std)?;
    let mut build = toolchain.cargo("build");
    build.args(["--release", "--manifest-path", MANIFEST, "-p", "trace-programs", "--config", ENTROPY]);
    // Hash keys that a crate chooses while it is compiled.
    build.env("CONST_RANDOM_SEED", "larder");
    step::require("build the programs for wasm", &mut build)?;
    Ok(toolchain.release_binary("trace_programs.wasm"))
}
