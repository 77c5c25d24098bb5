//! Allocators in wasm modules: how long a call takes in an arena (`times`), random actions and memory grown where the
//! module grows (`growth`), and code bytes (`code`).

pub mod code;
pub mod growth;
pub mod module;
mod tables;
pub mod times;

use std::process::Command;

use anyhow::{Context, Result};
use clap::Args;
use serde::{Deserialize, Serialize};

use self::code::Code;
use self::growth::Growth;
use self::module::Modules;
pub use self::tables::summary;
use self::times::Times;
use super::commit::Source;
use super::memory::replayer::Replayer;
use super::pages::{self, Page};
use super::peers::{self, Versions};
use super::plot::{Axis, Plot, Row};

const JSON: &str = "wasm.json";

#[derive(Args)]
pub struct Options {
    /// Replays of each trace with each allocator, of which the median is taken
    #[arg(long, default_value_t = 101, value_parser = clap::value_parser!(u32).range(1..))]
    repetitions: u32,
    /// Few replays; the results in the repository stay as they are
    #[arg(long)]
    quick: bool,
    /// Measure these parts only; the rest comes from the results in the repository
    #[arg(long, value_enum, value_delimiter = ',')]
    part: Vec<Part>,
}

#[derive(Clone, Copy, PartialEq, clap::ValueEnum)]
enum Part {
    /// Nanoseconds a call on the traces
    Times,
    /// Random actions and memory grown
    Growth,
    /// Code bytes
    Code,
}

impl Options {
    fn wants(&self, part: Part) -> bool {
        self.part.is_empty() || self.part.contains(&part)
    }
}

/// What `benches/results/wasm.json` has.
#[derive(Serialize, Deserialize)]
pub struct Results {
    #[serde(default)]
    pub versions: Versions,
    pub times: Times,
    #[serde(default)]
    pub growth: Growth,
    #[serde(default)]
    pub code: Vec<Code>,
}

pub fn run(options: &Options) -> Result<bool> {
    let source = Source::of_parts(|part| options.wants(part));
    let repetitions = if options.quick { 15 } else { options.repetitions };
    let replayer = Replayer::build()?;
    let modules = Modules::new()?;
    let stored: Option<Results> = pages::load(JSON)?;
    let (mut times, mut growth, mut code) = match stored {
        Some(stored) => (Some(stored.times), stored.growth, stored.code),
        None => (None, Growth::default(), Vec::new()),
    };
    if options.wants(Part::Code) {
        code = code::measure(&modules)?;
    }
    if options.wants(Part::Growth) {
        growth = growth::measure(&modules, &replayer, repetitions)?;
    }
    if options.wants(Part::Times) {
        times = Some(times::measure(&replayer, repetitions, &node_version()?)?);
    }
    let times = times.context("the times were never measured: run without --part")?;
    let results = Results { versions: versions()?, times, growth, code };
    result_line!("{}", summary(&results));
    let faults: Vec<String> = results.growth.faults().collect();
    faults.iter().for_each(|fault| note_line!("FAIL {fault}"));
    if !options.quick && faults.is_empty() {
        pages::save(JSON, &results, &source, &["name", "trace", "feature"])?;
    }
    Ok(faults.is_empty())
}

/// The page and the plot, from what was measured last.
pub fn pages() -> Result<Vec<Page>> {
    let Some(results) = load()? else { return Ok(Vec::new()) };
    Ok(vec![Page::new("wasm.md", tables::page(&results)), Page::new("wasm.svg", plot(&results.times)?)])
}

pub fn load() -> Result<Option<Results>> {
    pages::load(JSON)
}

/// Both packages' peers.
fn versions() -> Result<Versions> {
    let mut versions = peers::versions("benches/wasm")?;
    versions.extend(peers::versions("benches/memory")?);
    Ok(versions)
}

fn plot(times: &Times) -> Result<String> {
    let real = || times.traces.iter().filter(|trace| trace.is_real());
    let rows = times.allocators().into_iter().filter(|&name| name != times::LOOP && name != times::FLOOR);
    let mut rows: Vec<(f64, Row)> = rows
        .filter_map(|name| {
            let (mean, dots) = (times.mean(name)?, real().filter_map(|trace| times.net(trace, name)).collect());
            Some((mean, Row { name: name.to_owned(), figures: vec![Some(mean)], dots }))
        })
        .collect();
    rows.sort_by(|a, b| a.0.total_cmp(&b.0));
    let plot = Plot {
        title: "Nanoseconds a call on wasm above the replay loop, traces of real programs (less is better)",
        bars: &["mean"],
        note: "bar: geometric mean; dots: the traces, at the edge those beyond it",
        axis: Axis::Linear(0.0, 80.0, 10.0),
        rows: rows.into_iter().map(|(_, row)| row).collect(),
    };
    plot.svg()
}

fn node_version() -> Result<String> {
    let output = Command::new("node").arg("--version").output().context("node can't be run")?;
    Ok(String::from_utf8_lossy(output.stdout.trim_ascii()).into_owned())
}
