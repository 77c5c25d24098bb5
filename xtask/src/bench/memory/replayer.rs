//! The replayer of `benches/memory`, built as a wasm module and driven by Node.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::SLOW;
use super::figures::{Figures, Need, Time, TraceInfo};
use crate::bench::peers;
use crate::toolchain::Toolchain;
use crate::{packages, project, step};

const TRIPLE: &str = "wasm32-unknown-unknown";
const MANIFEST: &str = "benches/memory/Cargo.toml";
const PACKAGE: &str = "benches/memory";
const FEATURES: &str = "none,peers,emballoc,larder";

/// Bytes for arenas by trace and allocator.
pub type Arenas = BTreeMap<String, BTreeMap<String, usize>>;

/// What `measure.mjs` is told.
#[derive(Serialize)]
struct Job<'a> {
    mode: &'a str,
    modules: [&'a Path; 1],
    traces: &'a [TraceInfo],
    allocators: Vec<&'a str>,
    repetitions: u32,
    arenas: &'a Arenas,
}

pub struct Replayer {
    module: PathBuf,
    directory: PathBuf,
    pub traces: Vec<TraceInfo>,
}

impl Replayer {
    /// Builds the module and unpacks the traces.
    pub fn build() -> Result<Self> {
        packages::require_program("node", "nodejs")?;
        let toolchain = Toolchain::for_target(TRIPLE)?;
        let mut build = toolchain.cargo("build");
        build.args([
            "--release",
            "--example",
            "module",
            "--manifest-path",
            MANIFEST,
            "--no-default-features",
            "--features",
            FEATURES,
        ]);
        step::require("build the replayer for wasm", &mut build)?;
        let directory = project::root().join("target/traces");
        fs::create_dir_all(&directory)?;
        let mut unpack = project::cargo("run");
        unpack.args(["--release", "--manifest-path", MANIFEST, "--no-default-features", "--", "--ops"]).arg(&directory);
        step::require("unpack the traces", &mut unpack)?;
        let traces = read_json(&directory.join("traces.json"))?;
        Ok(Self { module: toolchain.release_binary("examples/module.wasm"), directory, traces })
    }

    /// The smallest arenas; the slow peers only if `slow`.
    pub fn search(&self, slow: bool) -> Result<Figures> {
        let allocators =
            ["larder", "dlmalloc", "linked", "rlsf", "talc", "buddy"].into_iter().chain(slow.then_some(SLOW));
        let needs: Vec<Need> =
            self.measure("find the smallest arenas", "memory", allocators.collect(), 0, &Arenas::new())?;
        Ok(Figures { versions: peers::versions(PACKAGE)?, traces: self.traces.clone(), needs })
    }

    /// Nanoseconds of replays in the given arenas, medians of so many.
    pub fn times(&self, arenas: &Arenas, repetitions: u32) -> Result<Vec<Time>> {
        self.measure("time the replays", "time", Vec::new(), repetitions, arenas)
    }

    fn measure<T: DeserializeOwned>(
        &self,
        title: &str,
        mode: &str,
        allocators: Vec<&str>,
        repetitions: u32,
        arenas: &Arenas,
    ) -> Result<Vec<T>> {
        let job = Job { mode, modules: [&self.module], traces: &self.traces, allocators, repetitions, arenas };
        let (job_file, result_file) = (self.directory.join("job.json"), self.directory.join("result.json"));
        fs::write(&job_file, serde_json::to_vec(&job)?)?;
        let script = project::root().join("benches/memory/measure.mjs");
        step::require(title, Command::new("node").arg(script).arg(&job_file).arg(&result_file))?;
        read_json(&result_file)
    }
}

pub fn read_json<T: DeserializeOwned>(file: &Path) -> Result<T> {
    serde_json::from_slice(&fs::read(file)?).with_context(|| format!("{} is not what it should be", file.display()))
}
