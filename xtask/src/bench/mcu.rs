//! Allocators side by side on a Cortex-M3: `benches/mcu` built once for each, run in QEMU, and made into tables.
//!
//! Two builds for each allocator: one with the critical section of `cortex-m`, whose calls are counted, and one that measures how
//! long the critical sections last, which would disturb the counts.

mod firmware;
mod plots;
pub mod results;
pub mod size;
pub mod tables;

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::bench::mcu::firmware::{Bench, Kind, Level};
use crate::bench::mcu::results::{Allocator, Measured, Results};
use crate::{project, step};

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
    /// Measure nothing: write the tables and plots again from the results in the repository
    #[arg(long, conflicts_with_all = ["only", "quick"])]
    redraw: bool,
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
    if options.redraw {
        write_pages(&Results::load(&directory())?)?;
        return Ok(true);
    }
    let bench = Bench::new()?;
    let (mut results, failed) = measure_all(&bench, options)?;
    if options.is_complete() {
        results.save(&directory())?;
        write_pages(&results)?;
    } else if let Ok(stored) = Results::load(&directory()) {
        results.complete_from(stored, &bench.allocators);
    }
    println!("{}", tables::summaries(&results));
    if !failed.is_empty() {
        println!("Failed: {}", failed.join(", "));
    }
    Ok(failed.is_empty())
}

fn write_pages(results: &Results) -> Result<()> {
    let directory = directory();
    fs::write(directory.join("mcu.md"), tables::page(results))?;
    plots::draw(results, &directory)?;
    step::note("the results are in benches/results");
    Ok(())
}

/// Where results are kept.
fn directory() -> PathBuf {
    project::root().join("benches/results")
}

/// Everything that is wanted, and which allocators failed.
fn measure_all(bench: &Bench, options: &Options) -> Result<(Results, Vec<String>)> {
    check_names(bench, &options.only)?;
    let mut results = Results::new(size::compiler(bench)?);
    let mut failed = Vec::new();
    for allocator in bench.allocators.iter().filter(|allocator| options.wants(&allocator.feature)) {
        match measure(bench, allocator, options.levels()) {
            Ok(measured) => results.allocators.push(measured),
            Err(error) => {
                eprintln!("FAIL {}: {error:#}", allocator.title);
                failed.push(allocator.title.clone());
            }
        }
    }
    Ok((results, failed))
}

fn check_names(bench: &Bench, names: &[String]) -> Result<()> {
    for name in names {
        if !bench.allocators.iter().any(|allocator| allocator.feature == *name) {
            let known: Vec<&str> = bench.allocators.iter().map(|allocator| allocator.feature.as_str()).collect();
            bail!("no allocator is called {name}; there are {}", known.join(", "));
        }
    }
    Ok(())
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
