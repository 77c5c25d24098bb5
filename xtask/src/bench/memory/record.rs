//! Records the traces of `benches/traces` again.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;
use clap::Args;

use crate::bench::names;
use crate::output;
use crate::toolchain::{Library, Toolchain};
use crate::{packages, project, step};

const MANIFEST: &str = "benches/traces/Cargo.toml";

/// Where the table of all programs is.
const PROGRAMS: &str = "benches/traces/programs/src/lib.rs";

/// Some crates ask for random numbers; the programs have a source of their own, which is always the same.
const ENTROPY: &str = r#"target."cfg(target_arch = \"wasm32\")".rustflags=["--cfg","getrandom_backend=\"custom\""]"#;

#[derive(Args)]
pub struct Options {
    /// Only these programs, by the names of their traces
    names: Vec<String>,
}

pub fn run(options: &Options) -> Result<bool> {
    let source = fs::read_to_string(project::root().join(PROGRAMS))?;
    names::check("program", &options.names, programs(&source))?;
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
    let packed = step::require("pack the traces", pack.arg(traces).args(files))?;
    output::result(format_args!("{packed}"))?;
    Ok(true)
}

/// The names in the table `PROGRAMS`, whose rows are `("json", documents::json),`.
///
/// They are read from its source: the module that has them takes minutes to build.
fn programs(source: &str) -> impl Iterator<Item = &str> {
    let (_, table) = source.split_once("const PROGRAMS:").unwrap_or_default();
    let rows = table.lines().take_while(|line| !line.starts_with("];"));
    rows.filter_map(|row| Some(row.trim().strip_prefix("(\"")?.split_once('"')?.0))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_recorded_trace_is_of_a_program_in_the_table() {
        let source = fs::read_to_string(project::root().join(PROGRAMS)).unwrap();
        let mut names: Vec<&str> = programs(&source).collect();
        names.sort();
        let files = fs::read_dir(project::root().join("benches/traces")).unwrap().map(|entry| entry.unwrap().path());
        let traces = files.filter(|path| path.extension().is_some_and(|extension| extension == "trace"));
        let mut stems: Vec<String> =
            traces.map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect();
        stems.sort();
        assert_eq!(names, stems);
    }
}
