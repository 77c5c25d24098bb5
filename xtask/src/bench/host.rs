//! larder and its peers between threads of this machine (`threads`), and their instructions under callgrind (`counts`):
//! `benches/host`, run and made into tables.

mod counts;
mod tables;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};
use serde::{Deserialize, Serialize};

use self::counts::Count;
use super::commit::Source;
use super::memory::figures::geometric_mean;
use super::names;
use super::pages::{self, Page};
use super::peers::{self, Versions};
use super::plot::{Axis, Plot, Row};
use crate::{project, step};

use self::tables::summary;

const JSON: &str = "host.json";
const PLOT: &str = "host.svg";
const PLOT_OWN: &str = "host-own.svg";
const MANIFEST: &str = "benches/host/Cargo.toml";

/// The workloads that are no traces: each thread frees what it allocated, or an eighth of the releases are exchanged.
pub const POOLED_OWN: &str = "actions-pooled-own";
pub const MIXED_OWN: &str = "actions-mixed-own";
pub const POOLED: &str = "actions-pooled";
pub const MIXED: &str = "actions-mixed";

/// What two threads are faster than one where nothing is shared.
pub const FLOOR: &str = "bump";

#[derive(Args)]
pub struct Options {
    /// How often everything is measured; the median counts
    #[arg(long, default_value_t = 15, value_parser = clap::value_parser!(u32).range(1..))]
    repetitions: u32,
    /// Few repetitions, even on a busy machine, and no traces; the results in the repository stay as they are
    #[arg(long)]
    quick: bool,
    /// Measure this part only; the other comes from the results in the repository
    #[arg(long, value_enum)]
    part: Option<Part>,
    /// Only these allocators; the results in the repository stay as they are
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum Part {
    /// Throughput with 1, 2 and 4 threads
    Threads,
    /// Instructions under callgrind
    Counts,
}

impl Options {
    fn wants(&self, part: Part) -> bool {
        self.part.is_none_or(|wanted| wanted == part)
    }
}

/// What `benches/results/host.json` has.
#[derive(Default, Serialize, Deserialize)]
pub struct Results {
    pub versions: Versions,
    pub processor: String,
    pub cores: usize,
    pub repetitions: u32,
    pub figures: Vec<Figure>,
    pub counts: Vec<Count>,
}

/// What one allocator did with one workload, as `benches/host` prints it.
#[derive(Serialize, Deserialize)]
pub struct Figure {
    pub workload: String,
    pub allocator: String,
    pub threads: u32,
    /// Of all threads together.
    pub calls_per_microsecond: f64,
    /// The same over that of one thread.
    pub over_one: f64,
}

impl Results {
    pub fn figure(&self, workload: &str, allocator: &str, threads: u32) -> Option<&Figure> {
        let same = |figure: &&Figure| figure.workload == workload && figure.allocator == allocator;
        self.figures.iter().filter(same).find(|figure| figure.threads == threads)
    }

    /// Traces of real programs.
    pub fn traces(&self) -> Vec<&str> {
        let is_real = |name: &&str| !name.starts_with("actions-") && !name.starts_with("synthetic");
        self.workloads().into_iter().filter(is_real).collect()
    }

    /// In the order in which they were measured.
    pub fn workloads(&self) -> Vec<&str> {
        let measured = self.figures.iter().map(|figure| figure.workload.as_str());
        distinct(measured.chain(self.counts.iter().map(|count| count.trace.as_str())))
    }

    /// As above, without the loop.
    pub fn allocators(&self) -> Vec<&str> {
        let measured = self.figures.iter().map(|figure| figure.allocator.as_str());
        let counted = self.counts.iter().map(|count| count.allocator.as_str());
        distinct(measured.chain(counted.filter(|&name| name != counts::LOOP)))
    }

    /// Over the traces of real programs.
    pub fn traces_over_one(&self, allocator: &str, threads: u32) -> Option<f64> {
        let ratio = |trace: &str| Some(self.figure(trace, allocator, threads)?.over_one);
        geometric_mean(self.traces().into_iter().map(ratio))
    }
}

pub fn run(options: &Options) -> Result<bool> {
    let known: Vec<String> = names::allocators(&project::root().join(MANIFEST))?;
    names::check("allocator", &options.only, known.iter().map(String::as_str))?;
    let source = Source::of_parts(|part| options.wants(part));
    let program = build()?;
    let mut results = load()?.unwrap_or_default();
    results.versions = peers::versions("benches/host")?;
    if options.wants(Part::Threads) {
        results.processor = processor();
        results.cores = thread::available_parallelism().map_or(1, usize::from);
        results.repetitions = if options.quick { 5 } else { options.repetitions };
        results.figures = figures(&program, options, results.repetitions)?;
    }
    if options.wants(Part::Counts) {
        results.counts = counts::measure(&program, &options.only)?;
    }
    result_line!("{}", summary(&results));
    if !options.quick && options.only.is_empty() {
        pages::save(JSON, &results, &source, &["workload", "trace"])?;
    }
    Ok(true)
}

fn figures(program: &Path, options: &Options, repetitions: u32) -> Result<Vec<Figure>> {
    let mut command = Command::new(program);
    command.args(["threads", "--repetitions", &repetitions.to_string()]);
    if options.quick {
        command.args(["--actions", "--busy"]);
    }
    if !options.only.is_empty() {
        command.arg("--only").arg(options.only.join(","));
    }
    let said = step::require("throughput with 1, 2 and 4 threads", &mut command)?;
    let figures = said.lines().filter(|line| line.starts_with('{')).map(serde_json::from_str::<Figure>);
    Ok(figures.collect::<Result<_, _>>()?)
}

fn distinct<'a>(names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut kept: Vec<&str> = Vec::new();
    for name in names {
        if !kept.contains(&name) {
            kept.push(name);
        }
    }
    kept
}

/// The page and the plots, from what was measured last.
pub fn pages() -> Result<Vec<Page>> {
    let Some(results) = load()? else { return Ok(Vec::new()) };
    let mut pages = vec![Page::new("host.md", tables::page(&results))];
    if !results.figures.is_empty() {
        pages.push(Page::new(PLOT_OWN, plot(&results, "own releases", POOLED_OWN, MIXED_OWN)?));
        pages.push(Page::new(PLOT, plot(&results, "an eighth of the releases exchanged", POOLED, MIXED)?));
    }
    Ok(pages)
}

/// What docs/benchmarks.md shows, which finds the plots in `directory`.
pub fn block(directory: &str) -> Result<Option<String>> {
    let Some(results) = load()? else { return Ok(None) };
    let plots = [("own releases", PLOT_OWN), ("exchanged releases", PLOT)];
    let shown = plots.iter().filter(|_| !results.figures.is_empty());
    let shown = shown.map(|(name, file)| format!("\n![host, {name}]({directory}/{file})"));
    Ok(Some(summary(&results) + &shown.collect::<String>()))
}

fn load() -> Result<Option<Results>> {
    pages::load(JSON)
}

fn plot(results: &Results, releases: &str, pooled: &str, mixed: &str) -> Result<String> {
    let ratio = |workload, allocator| Some(results.figure(workload, allocator, 2)?.over_one);
    let rows = results.allocators().into_iter().map(|allocator| Row {
        name: tables::title(allocator).to_owned(),
        figures: vec![ratio(pooled, allocator), ratio(mixed, allocator)],
        dots: Vec::new(),
    });
    let plot = Plot {
        title: &format!("Throughput of two threads over that of one, random actions, {releases} (more is better)"),
        bars: &["8 to 64 bytes", "up to 4 KiB"],
        note: "",
        axis: Axis::Linear(0.0, 2.0, 0.5),
        rows: rows.collect(),
    };
    plot.svg()
}

fn build() -> Result<PathBuf> {
    let mut build = project::cargo("build");
    let target = project::root().join("target/bench-host");
    build.args(["--release", "--manifest-path", MANIFEST, "--target-dir"]).arg(&target);
    step::require("build the host benchmark", &mut build)?;
    let program = target.join("release/larder-bench-host");
    if !program.exists() {
        bail!("{} is missing", program.display());
    }
    Ok(program)
}

/// As Linux names it.
fn processor() -> String {
    let named = std::fs::read_to_string("/proc/cpuinfo").context("no /proc/cpuinfo").ok().and_then(|text| {
        let line = text.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "))?;
        Some(line.1.trim().to_owned())
    });
    named.unwrap_or_else(|| std::env::consts::ARCH.to_owned())
}
