//! Allocators side by side on a Cortex-M3: `benches/mcu` built once for each, run in QEMU, and made into tables.
//!
//! Two builds for each allocator: one with the critical section of `cortex-m`, whose calls are counted, and one that measures how
//! long the critical sections last, which would disturb the counts.

pub mod firmware;
mod plots;
pub mod results;
pub mod size;
pub mod tables;

use anyhow::{Context, Result};
use clap::Args;

use crate::bench::commit::Source;
use crate::bench::mcu::firmware::{Bench, Kind, Level};
use crate::bench::mcu::results::{Allocator, Measured, Results};
use crate::bench::names;
use crate::bench::pages::{self, Page};

const JSON: &str = "mcu.json";
/// Whoever would take a minute, and tells nothing new.
const SLOW: &str = "emballoc";
/// What collections are compared with, so it is never left out.
const FLOOR: &str = "bump";

#[derive(Args)]
pub struct Options {
    /// Only these allocators, by feature of benches/mcu; the table is completed from the results in the repository, which stay as
    /// they are
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// Opt-level "s" only, without the slowest peer; the results in the repository stay as they are
    #[arg(long)]
    quick: bool,
}

impl Options {
    fn wants(&self, feature: &str) -> bool {
        if feature == FLOOR {
            return true;
        }
        if self.only.is_empty() {
            return !(self.quick && feature == SLOW);
        }
        self.only.iter().any(|wanted| wanted == feature)
    }

    fn levels(&self) -> &'static [Level] {
        if self.quick { &[Level::Size] } else { &[Level::Size, Level::Speed] }
    }

    /// Whether everything is measured in this run.
    fn is_complete(&self) -> bool {
        self.only.is_empty() && !self.quick
    }
}

pub fn run(options: &Options) -> Result<bool> {
    let source = Source::whole();
    let bench = Bench::new()?;
    let (mut results, failed) = measure_all(&bench, options)?;
    if options.is_complete() {
        pages::save(JSON, &results, &source, &["workload"])?;
    } else if let Some(stored) = load()? {
        results.complete_from(stored, &bench.allocators);
    }
    result_line!("{}", tables::summaries(&results));
    if !failed.is_empty() {
        result_line!("Failed: {}", failed.join(", "));
    }
    Ok(failed.is_empty())
}

/// The page and the plots, from what was measured last.
pub fn pages() -> Result<Vec<Page>> {
    let Some(results) = load()? else { return Ok(Vec::new()) };
    let page = Page::new("mcu.md", tables::page(&results));
    Ok(std::iter::once(page).chain(plots::pages(&results)?).collect())
}

pub fn load() -> Result<Option<Results>> {
    pages::load(JSON)
}

/// Everything that is wanted, and which allocators failed.
fn measure_all(bench: &Bench, options: &Options) -> Result<(Results, Vec<String>)> {
    names::check("allocator", &options.only, bench.allocators.iter().map(|allocator| allocator.feature.as_str()))?;
    let mut results = Results::new(size::compiler(bench)?);
    let mut failed = Vec::new();
    for allocator in bench.allocators.iter().filter(|allocator| options.wants(&allocator.feature)) {
        match measure(bench, allocator, options.levels()) {
            Ok(measured) => results.allocators.push(measured),
            Err(error) => {
                note_line!("FAIL {}: {error:#}", allocator.title);
                failed.push(allocator.title.clone());
            }
        }
    }
    Ok((results, failed))
}

fn measure(bench: &Bench, allocator: &Allocator, levels: &[Level]) -> Result<Allocator> {
    let mut allocator = allocator.clone();
    for &level in levels {
        let measured = measure_level(bench, &mut allocator, level).with_context(|| format!("at {level}"))?;
        allocator.levels.insert(level.to_string(), measured);
    }
    Ok(allocator)
}

fn measure_level(bench: &Bench, allocator: &mut Allocator, level: Level) -> Result<Measured> {
    let feature = allocator.feature.clone();
    let mut output = bench.run(&feature, level, Kind::Plain)?;
    if results::is_for_interrupts(&output.header.lock) {
        let masked = bench.run(&feature, level, Kind::Masked)?;
        output.take_masking_from(&masked)?;
    }
    let footprint = size::footprint(bench, &feature, level)?;
    allocator.lock = output.header.lock;
    Ok(Measured { footprint, workloads: output.workloads })
}
