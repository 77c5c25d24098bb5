//! Allocation traces replayed on wasm32 under Node, which has the pointers of a microcontroller: the smallest arena for
//! each (`memory`), the time a call takes (`wasm`), and the traces themselves (`record`).

mod figures;
mod plots;
pub mod record;
mod replayer;
mod tables;
pub mod wasm;

use std::fs;
use std::path::PathBuf;

use anyhow::Result;
use clap::Args;

use figures::Figures;
use replayer::Replayer;

use crate::{project, step};

/// Allocators of one speed and those that look at every block in turn.
const SLOW: &str = "emballoc";

/// What holds for the real programs alone.
const SYNTHETIC: &str = "synthetic";

#[derive(Args)]
pub struct Options {
    /// Without the slowest peer; the results in the repository stay as they are
    #[arg(long)]
    quick: bool,
}

pub fn run(options: &Options) -> Result<bool> {
    let replayer = Replayer::build()?;
    let figures = replayer.search(!options.quick)?;
    let faults: Vec<String> = figures.faults().collect();
    faults.iter().for_each(|fault| eprintln!("FAIL {fault}"));
    println!("{}", tables::memory_summary(&figures));
    if !options.quick && faults.is_empty() {
        save(&figures)?;
    }
    Ok(faults.is_empty())
}

fn save(figures: &Figures) -> Result<()> {
    let directory = directory();
    fs::create_dir_all(&directory)?;
    fs::write(directory.join("memory.json"), figures.to_json()?)?;
    fs::write(directory.join("memory.md"), tables::memory_page(figures))?;
    plots::memory(figures, &directory.join("memory.svg"))?;
    step::note("results are in benches/results");
    Ok(())
}

/// Where results are kept.
fn directory() -> PathBuf {
    project::root().join("benches/results")
}
