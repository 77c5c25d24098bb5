//! Workers that share one wasm memory and one heap: larder beside peers behind one spin lock (`targets/wasm-threads`).

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

use anyhow::{Context, Result};
use clap::Args;
use serde::{Deserialize, Serialize};

use super::commit::Source;
use super::memory::replayer::read_json;
use super::pages::{self, Page};
use super::peers::{self, Versions};
use super::table::Table;
use crate::toolchain::Toolchain;
use crate::{packages, project, step};

const JSON: &str = "wasm-threads.json";
const PACKAGE: &str = "targets/wasm-threads";

/// Features of the package, larder first.
const ALLOCATORS: [&str; 5] = ["larder", "talc", "dlmalloc", "rlsf", "lol_alloc"];
const WORKERS: [u32; 3] = [1, 2, 4];

/// Calls of each worker in one sample.
const CALLS: u32 = 400_000;

/// What the workers do.
const WORKLOADS: [Workload; 3] = [
    Workload { name: "8 to 64 bytes, each worker its own", shared_percent: 0, large_percent: 0 },
    Workload { name: "8 to 64 bytes, half from worker to worker", shared_percent: 50, large_percent: 0 },
    Workload { name: "up to 8 KiB, half from worker to worker", shared_percent: 50, large_percent: 20 },
];

/// As `quiet.mjs` does it.
const QUIET: &str = "A sample counts only if two workers that share nothing were at least 1.7 times as fast as one right before and \
after it: else other\nprograms were at work. ";

#[derive(Clone, Copy, Serialize)]
struct Workload {
    name: &'static str,
    /// Of a hundred steps, how many put a block where any worker may take it.
    shared_percent: u32,
    /// Of a hundred requests, how many are for more than 64 bytes.
    large_percent: u32,
}

#[derive(Args)]
pub struct Options {
    /// How often everything is measured; the median counts
    #[arg(long, default_value_t = 15, value_parser = clap::value_parser!(u32).range(1..))]
    repetitions: u32,
    /// Few repetitions, even on a busy machine; the results in the repository stay as they are
    #[arg(long)]
    quick: bool,
}

/// What `bench.mjs` is told.
#[derive(Serialize)]
struct Job {
    modules: BTreeMap<&'static str, PathBuf>,
    workers: [u32; 3],
    workloads: [Workload; 3],
    calls: u32,
    repetitions: u32,
    /// Whether to measure even while other programs are at work.
    busy: bool,
}

/// What `benches/results/wasm-threads.json` has.
#[derive(Serialize, Deserialize)]
pub struct Results {
    versions: Versions,
    cores: usize,
    /// How many programs wanted to run when it began, the average of a minute: on more than a few, the figures say little.
    load: f64,
    /// Whether samples that other programs disturbed were taken again.
    #[serde(default)]
    quiet: bool,
    repetitions: u32,
    figures: Vec<Figure>,
}

#[derive(Serialize, Deserialize)]
struct Figure {
    workload: String,
    workers: u32,
    allocator: String,
    /// Of all workers together.
    calls_per_microsecond: f64,
}

impl Results {
    fn figure(&self, workload: &str, workers: u32, allocator: &str) -> f64 {
        let wanted = |figure: &&Figure| {
            figure.workload == workload && figure.workers == workers && figure.allocator == allocator
        };
        self.figures.iter().find(wanted).map_or(f64::NAN, |figure| figure.calls_per_microsecond)
    }

    /// Of the peers, the one that does most.
    fn best_peer(&self, workload: &str, workers: u32) -> f64 {
        ALLOCATORS[1..].iter().map(|peer| self.figure(workload, workers, peer)).fold(0.0, f64::max)
    }
}

pub fn run(options: &Options) -> Result<bool> {
    let source = Source::whole();
    packages::require_program("node", "nodejs")?;
    let toolchain = Toolchain::for_wasm_threads()?;
    let load = load_average()?;
    let modules = ALLOCATORS.map(|allocator| Ok((allocator, build(&toolchain, allocator)?)));
    let job = Job {
        modules: modules.into_iter().collect::<Result<_>>()?,
        workers: WORKERS,
        workloads: WORKLOADS,
        calls: CALLS,
        repetitions: if options.quick { 3 } else { options.repetitions },
        busy: options.quick,
    };
    let results = Results {
        versions: peers::versions(PACKAGE)?,
        cores: thread::available_parallelism().map_or(1, usize::from),
        load,
        quiet: !job.busy,
        repetitions: job.repetitions,
        figures: measure(&job)?,
    };
    result_line!("{}", summary(&results));
    if !options.quick {
        pages::save(JSON, &results, &source, &["workload"])?;
    }
    Ok(true)
}

fn load_average() -> Result<f64> {
    let text = fs::read_to_string("/proc/loadavg").context("no /proc/loadavg")?;
    text.split(' ').next().and_then(|average| average.parse().ok()).context("/proc/loadavg has no average")
}

/// The module with one allocator, kept where the next build does not replace it.
fn build(toolchain: &Toolchain, allocator: &str) -> Result<PathBuf> {
    let mut command = toolchain.cargo("build");
    command.args(["--profile", "speed", "--no-default-features", "--features", allocator, "--manifest-path"]);
    command.arg(project::root().join(PACKAGE).join("Cargo.toml"));
    step::require(&format!("build with {allocator} for wasm with shared memory"), &mut command)?;
    let built = toolchain.binary("speed", "larder_wasm_threads.wasm");
    let kept = directory()?.join(format!("{allocator}.wasm"));
    fs::copy(&built, &kept).with_context(|| format!("{} is missing", built.display()))?;
    Ok(kept)
}

fn measure(job: &Job) -> Result<Vec<Figure>> {
    let (told, found) = (directory()?.join("job.json"), directory()?.join("result.json"));
    fs::write(&told, serde_json::to_vec(job)?)?;
    let script = project::root().join(PACKAGE).join("node/bench.mjs");
    step::require("throughput of 1, 2 and 4 workers", Command::new("node").arg(script).arg(&told).arg(&found))?;
    read_json(&found)
}

fn directory() -> Result<PathBuf> {
    let directory: &Path = &project::cross_target_dir().join("bench-wasm-threads");
    fs::create_dir_all(directory)?;
    Ok(directory.to_owned())
}

/// Calls a microsecond, and larder's over the best peer's.
pub fn summary(results: &Results) -> String {
    let head = [&["calls/µs, all workers", "workers"], ALLOCATORS.as_slice(), &["larder / best peer"]];
    let mut table = Table::new(&head.concat());
    for Workload { name, .. } in WORKLOADS {
        for workers in WORKERS {
            let figures = ALLOCATORS.map(|allocator| results.figure(name, workers, allocator));
            let ratio = figures[0] / results.best_peer(name, workers);
            let cells = figures.map(|figure| format!("{figure:.1}"));
            let row = [vec![name.to_owned(), workers.to_string()], cells.to_vec(), vec![format!("{ratio:.2}")]];
            table.row(row.concat());
        }
    }
    table.to_string()
}

/// The page, from what was measured last.
pub fn pages() -> Result<Vec<Page>> {
    let Some(results) = load()? else { return Ok(Vec::new()) };
    let text = format!(
        "# Workers that share a wasm memory\n\nCalls of the allocator a microsecond, all workers together, in Node's worker threads on {} \
         cores (load average before: {:.1});\nmedians of {} interleaved samples of {CALLS} calls a worker. {}The peers are behind one spin lock, as \
         wasm allocators are where memory is\nshared. Made by `cargo xtask bench wasm-threads`.\n\nVersions: {}.\n\n{}",
        results.cores,
        results.load,
        results.repetitions,
        if results.quiet { QUIET } else { "" },
        peers::sentence(&results.versions),
        summary(&results),
    );
    Ok(vec![Page::new("wasm-threads.md", text)])
}

pub fn load() -> Result<Option<Results>> {
    pages::load(JSON)
}
