//! Allocation traces replayed on wasm32 under Node, which has the pointers of a microcontroller: the smallest arena for
//! each, and the traces themselves (`record`).

pub mod figures;
pub mod record;
pub mod replayer;
mod tables;

use anyhow::Result;
use clap::Args;

use self::figures::Figures;
use self::replayer::Replayer;
use super::commit::Source;
use super::pages::{self, Page};
use super::plot::{Axis, Plot, Row};

pub use self::tables::memory_summary as summary;

/// It looks at every block in turn.
pub const SLOW: &str = "emballoc";

/// What holds for the real programs alone.
const SYNTHETIC: &str = "synthetic";

const JSON: &str = "memory.json";

#[derive(Args)]
pub struct Options {
    /// Without the slowest peer; the results in the repository stay as they are
    #[arg(long)]
    quick: bool,
}

pub fn run(options: &Options) -> Result<bool> {
    let source = Source::whole();
    let replayer = Replayer::build()?;
    let figures = replayer.search(!options.quick)?;
    let faults: Vec<String> = figures.faults().collect();
    faults.iter().for_each(|fault| note_line!("FAIL {fault}"));
    result_line!("{}", summary(&figures));
    if !options.quick && faults.is_empty() {
        pages::save(JSON, &figures.without_files(), &source, &["name", "trace"])?;
    }
    Ok(faults.is_empty())
}

/// The page and the plot, from what was measured last.
pub fn pages() -> Result<Vec<Page>> {
    let Some(figures) = load()? else { return Ok(Vec::new()) };
    Ok(vec![Page::new("memory.md", tables::memory_page(&figures)), Page::new("memory.svg", plot(&figures)?)])
}

pub fn load() -> Result<Option<Figures>> {
    pages::load(JSON)
}

fn plot(figures: &Figures) -> Result<String> {
    let real = || figures.traces.iter().filter(|trace| trace.is_real());
    let mut rows: Vec<(f64, Row)> = figures
        .allocators()
        .into_iter()
        .filter_map(|name| {
            let mean = figures.smallest_mean(name)?;
            let dots = real().filter_map(|trace| figures.smallest(trace, name)).collect();
            Some((mean, Row { name: name.to_owned(), figures: vec![Some(mean)], dots }))
        })
        .collect();
    rows.sort_by(|a, b| a.0.total_cmp(&b.0));
    let plot = Plot {
        title: "Smallest arena over the peak of live bytes, traces of real programs (less is better)",
        bars: &["mean"],
        note: "bar: geometric mean; dots: the traces, at the edge those beyond it",
        axis: Axis::Linear(1.0, 2.0, 0.1),
        rows: rows.into_iter().map(|(_, row)| row).collect(),
    };
    plot.svg()
}
